"""Whom we trust: our own root and the anchors of others, each for a use and a time.

The folder `trust` of the data folder holds one `<SM3>.pem` and one `<SM3>.toml` (use, from, until)
for each anchor that was imported. Anchors come from here and from nowhere else: never from a file
that is being verified.
"""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path

from api.settings import Settings
from certs.pki import Pki
from hsm.files import write_file
from signing.x509 import SigningCert
from verify.errors import InvalidAnchorsError
from verify.policy import TrustAnchors


class AnchorUse(StrEnum):
    """What an anchor is trusted for."""

    SEAL = "seal"
    LOGIN = "login"
    TSA = "tsa"


@dataclass(frozen=True, slots=True)
class ImportedAnchor:
    """An anchor of others and the days (UTC, both included) for which it is trusted."""

    signing_cert: SigningCert
    use: AnchorUse
    trusted_from: date
    trusted_until: date


class TrustStore:
    """The anchors of one data folder."""

    def __init__(self, folder: Path, own_roots: Sequence[SigningCert]) -> None:
        """Read imported anchors from `folder`; `own_roots` are trusted for seals at all times."""
        self._folder = folder
        self._own_roots = tuple(own_roots)

    def anchors(self, *, at: datetime) -> TrustAnchors:
        """Return what is trusted for seals at `at`.

        Raise `InvalidAnchorsError` when the folder holds what `add` did not write.
        """
        today = at.astimezone(UTC).date()
        imported = [
            anchor.signing_cert
            for anchor in self._imported()
            if anchor.use is AnchorUse.SEAL and anchor.trusted_from <= today <= anchor.trusted_until
        ]
        return TrustAnchors((*self._own_roots, *imported))

    def export_roots(self) -> str:
        """Return our own roots as PEM: what others need to check what we issue."""
        return TrustAnchors(self._own_roots).to_pem()

    def add(self, unverified_pem: str, use: AnchorUse, *, since: date, until: date) -> int:
        """Trust every certificate of a PEM text for `use` and return how many there were.

        Raise `InvalidAnchorsError` when the text is not PEM, holds none, or holds something else.
        """
        anchors = TrustAnchors.from_pem(unverified_pem)
        terms = f'use = "{use}"\nfrom = {since.isoformat()}\nuntil = {until.isoformat()}\n'
        for signing_cert in anchors.seal:
            single = TrustAnchors((signing_cert,)).to_pem()
            # The terms first: a certificate without terms is not trusted.
            self._folder.mkdir(parents=True, exist_ok=True)
            write_file(self._folder / f"{signing_cert.sm3}.toml", terms.encode(), replace=True)
            write_file(self._folder / f"{signing_cert.sm3}.pem", single.encode(), replace=True)
        return len(anchors.seal)

    def _imported(self) -> Iterator[ImportedAnchor]:
        for path in sorted(self._folder.glob("*.pem")):
            try:
                (signing_cert,) = TrustAnchors.from_pem(path.read_text(encoding="ascii")).seal
                terms = tomllib.loads(path.with_suffix(".toml").read_text(encoding="utf-8"))
                use, since, until = AnchorUse(terms["use"]), terms["from"], terms["until"]
            except (InvalidAnchorsError, OSError, ValueError, KeyError) as error:
                raise InvalidAnchorsError(path.name) from error
            yield ImportedAnchor(signing_cert, use, since, until)


def open_trust(settings: Settings) -> TrustStore:
    """Open the trust store of the data folder; raise `IncompletePkiError` without our own root."""
    return TrustStore(settings.data / "trust", [Pki.load(settings.data / "pki").root])


def read_anchors(settings: Settings, trust: Path | None, *, at: datetime) -> TrustAnchors:
    """Return the anchors in the file `trust`, without one those of the data folder.

    Raise `InvalidAnchorsError` or `IncompletePkiError`.
    """
    if trust is None:
        return open_trust(settings).anchors(at=at)
    try:
        return TrustAnchors.from_pem(trust.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidAnchorsError("not a readable file of PEM") from error
