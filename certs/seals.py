"""Electronic seals of the authorities: made once by the seal maker, kept as `seals/<esID>.esl`.

`SealBook.load` proves everything about a seal that does not depend on the moment of its use, once
a process: that an allowed maker made it, that its picture is one we draw, and which unit's
certificate it is used with. `UnitSeal.verify_usable` asks the rest each time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Self

from certs.errors import CertsError
from hsm.approvals import Approval
from hsm.custody import Custodian
from hsm.files import write_file
from hsm.keys import KeyRef
from hsm.use_requests import SealMakingRequest
from hsm.uses import SubjectKind, UseSubject
from signing.errors import SigningError
from signing.eseal import ESeal
from signing.eseal_checks import verify_maker_cert, verify_maker_signature, verify_seal_period
from signing.eseal_write import SealDescription
from signing.picture import SealPicture
from signing.x509 import ExtendedKeyUsage, SigningCert
from signing.x509_path import build_path, verify_path_usage, verify_path_validity

UNIT_SEAL = 1
"""The kind of seal: 电子法定名称章, the seal of a unit's legal name."""

_SUFFIX = ".esl"
_VENDOR_ID = "ZZ-TEST"


class SealNotUsableError(CertsError):
    """There is no such seal, or it may not be used: forged, expired, another unit's."""

    code = "seal_not_usable"


@dataclass(frozen=True, slots=True)
class UnitSeal:
    """A seal with the unit's certificate it is used with, and the path to that one's anchor."""

    eseal: ESeal
    picture: SealPicture = field(repr=False)
    signer_path: tuple[SigningCert, ...] = field(repr=False)
    """The unit's certificate … the anchor, signatures and usage verified."""

    @property
    def signer_cert(self) -> SigningCert:
        """The unit's certificate."""
        return self.signer_path[0]

    @property
    def is_test(self) -> bool:
        """Whether the embedded seal maker made it, with 测试 in its picture."""
        return self.eseal.vendor_id == _VENDOR_ID

    @property
    def ca_certs(self) -> tuple[SigningCert, ...]:
        """The CAs between the unit and the anchor: what a CMS sends along."""
        return self.signer_path[1:-1]

    def verify_usable(self, *, uscc: str, at: datetime) -> None:
        """Raise `SealNotUsableError` unless this unit may seal at `at`.

        To seal with stale material would make files that nobody can verify.
        """
        if self.signer_cert.subject.uscc != uscc:
            raise SealNotUsableError("another unit's")
        try:
            verify_seal_period(self.eseal, at)
            verify_path_validity(self.signer_path, at)
        except SigningError as error:
            raise SealNotUsableError(error.code) from error


class SealBook:
    """All seals of an office by their codes (印鉴册)."""

    def __init__(self, seals: Mapping[str, UnitSeal]) -> None:
        """Hold the seals by esID."""
        self._seals = dict(seals)

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        signer_certs: Iterable[SigningCert],
        ca_certs: Sequence[SigningCert],
        anchors: Sequence[SigningCert],
    ) -> Self:
        """Read and verify every seal in `folder`.

        `signer_certs` are the certificates of the units; each seal names one of them. Raise
        `SealNotUsableError` for a seal that is not in order: an office that goes on without one of
        its seals would not notice.
        """
        signers = tuple(signer_certs)
        seals: dict[str, UnitSeal] = {}
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            try:
                unit_seal = _verify(path.read_bytes(), signers, ca_certs, anchors)
            except SigningError as error:
                raise SealNotUsableError(f"{path.name}: {error.code}") from error
            if unit_seal.eseal.seal_id != path.stem:
                raise SealNotUsableError(f"{path.name}: another seal's code")
            seals[path.stem] = unit_seal
        return cls(seals)

    def __iter__(self) -> Iterator[UnitSeal]:
        """Give every seal, by its code."""
        return iter([self._seals[seal_id] for seal_id in sorted(self._seals)])

    def find(self, seal_id: str) -> UnitSeal:
        """Return the seal with this esID; raise `SealNotUsableError`."""
        try:
            return self._seals[seal_id]
        except KeyError:
            raise SealNotUsableError("no such seal") from None


def _verify(
    unverified_der: bytes,
    signer_certs: Sequence[SigningCert],
    ca_certs: Sequence[SigningCert],
    anchors: Sequence[SigningCert],
) -> UnitSeal:
    eseal = ESeal.parse(unverified_der)
    verify_maker_signature(eseal)
    verify_maker_cert(eseal, build_path(eseal.maker_cert, ca_certs, anchors))
    users = [signer_cert for signer_cert in signer_certs if signer_cert.der in eseal.listed_certs]
    if len(users) != 1:
        raise SealNotUsableError("not exactly one unit's certificate in its list")
    signer_path = build_path(users[0], ca_certs, anchors)
    verify_path_usage(signer_path, ExtendedKeyUsage.UNIT_SEALING)
    return UnitSeal(eseal, eseal.picture, signer_path)


@dataclass(frozen=True, slots=True)
class SealApplication:
    """What an authority's seal is made from (制章申请)."""

    seal_id: str
    name: str
    """The authority's name, as it stands on the seal."""
    signer_cert: SigningCert
    """The unit's certificate, valid as long as the seal will be."""


@dataclass(frozen=True, slots=True)
class SealMaker:
    """Makes the seals that are missing, and leaves alone those that are there."""

    folder: Path
    custodian: Custodian
    key: KeyRef
    maker_cert: SigningCert
    ca_certs: tuple[SigningCert, ...]
    """The CAs above maker and units: they go into the seal, for verifiers who hold only roots."""
    draw: Callable[[str], SealPicture]
    """Draws the picture of the seal of this name."""
    approval: Approval

    def make(self, applications: Iterable[SealApplication], *, at: datetime) -> None:
        """Make and keep the seal of each application that has none yet.

        Raise `CustodyError` if a key cannot be used and `DrawingError` if a name cannot be drawn;
        seals made before stay.
        """
        created_at = at.replace(microsecond=0)
        for application in applications:
            path = self.folder / f"{application.seal_id}{_SUFFIX}"
            if path.exists():
                continue
            eseal = self.custodian.make_seal(
                SealMakingRequest(
                    # A new subject each time: a seal that a crash lost is made once more.
                    subject=UseSubject(SubjectKind.SEAL, f"{application.seal_id}.{token_hex(8)}"),
                    key=self.key,
                    officer=self.approval.officer,
                    approval=self.approval,
                    description=SealDescription(
                        seal_id=application.seal_id,
                        vendor_id=_VENDOR_ID,
                        kind=UNIT_SEAL,
                        name=application.name,
                        listed_certs=(application.signer_cert,),
                        created_at=created_at,
                        valid_from=created_at,
                        valid_to=application.signer_cert.not_after,
                        picture=self.draw(application.name),
                        ca_certs=self.ca_certs,
                    ),
                    maker_cert=self.maker_cert,
                )
            )
            self.folder.mkdir(parents=True, exist_ok=True)
            write_file(path, eseal.der, replace=True)
