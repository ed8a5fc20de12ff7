"""The policies by which a file is judged, and the anchors that are trusted."""

import base64
import binascii
import re
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cached_property
from typing import Self

from signing.canonical import canonical_sm3
from signing.errors import SigningError
from signing.x509 import SM2_WITH_SM3, SigningCert
from verify.errors import InvalidAnchorsError

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\s(.*?)\s?-----END \1-----", re.DOTALL)
_LINE_LENGTH = 64  # RFC 7468, 2


@dataclass(frozen=True)
class VerificationPolicy:
    """The rules of a judgement; a report names them and their digest.

    There are two, `OFFICE` and `SEAL_ONLY`. Whether the register is asked is all they differ in.
    """

    name: str
    asks_register: bool
    signature_algorithms: tuple[str, ...] = (SM2_WITH_SM3,)
    clock_tolerance: timedelta = timedelta(minutes=5)
    """How far the clocks of signers may be ahead of ours."""

    @cached_property
    def sm3(self) -> str:
        """Lower-case hex SM3 of the canonical JSON (RFC 8785) of the rules; times in seconds."""
        seconds = int(self.clock_tolerance.total_seconds())
        algorithms = list(self.signature_algorithms)
        return canonical_sm3(
            asdict(self) | {"clock_tolerance": seconds, "signature_algorithms": algorithms}
        )


OFFICE = VerificationPolicy(name="office", asks_register=True)
"""Ask the register: is it in force, and are these the octets that were issued?"""

SEAL_ONLY = VerificationPolicy(name="seal-only", asks_register=False)
"""Judge the file alone, against anchors that were handed over; the best verdict is `genuine`."""

POLICIES = {policy.name: policy for policy in (OFFICE, SEAL_ONLY)}


@dataclass(frozen=True, slots=True)
class TrustAnchors:
    """Whose certificates are believed without proof; never taken from a file under judgement.

    With none at all, every file ends as `unknown_anchor`.
    """

    seal: tuple[SigningCert, ...]
    """For units' seals and for seal makers."""

    @classmethod
    def from_pem(cls, text: str) -> Self:
        """Read one or more certificates; each becomes an anchor.

        Raises `InvalidAnchorsError` if there is none, or anything else in PEM (RFC 7468).
        """
        blocks = _BLOCK.findall(text)
        if not blocks or text.count("-----BEGIN ") != len(blocks):
            raise InvalidAnchorsError("no certificates in PEM")
        anchors = []
        for label, body in blocks:
            if label != "CERTIFICATE":
                raise InvalidAnchorsError("something that is no certificate")
            try:
                der = base64.b64decode("".join(body.split()), validate=True)
                anchors.append(SigningCert.parse(der))
            except (binascii.Error, SigningError) as error:
                raise InvalidAnchorsError("a certificate that cannot be read") from error
        return cls(tuple(anchors))

    def to_pem(self) -> str:
        """Return the anchors as `from_pem` reads them."""
        lines: list[str] = []
        for anchor in self.seal:
            body = base64.b64encode(anchor.der).decode()
            lines.append("-----BEGIN CERTIFICATE-----")
            lines += [body[i : i + _LINE_LENGTH] for i in range(0, len(body), _LINE_LENGTH)]
            lines.append("-----END CERTIFICATE-----")
        return "".join(f"{line}\n" for line in lines)
