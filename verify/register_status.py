"""Check 7: what the register says, and what its entry proves about time.

The register is asked only about files whose seal proves to be the authority's: nobody learns the
status of a number by putting it into a file of his own.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from signing.canonical import sm3
from verify.errors import SourceUnavailableError
from verify.findings import ClaimedCertificate, SignatureFinding
from verify.report import Check, ReasonCode
from verify.sources import CertificateStatus, RegisteredStatus, StatusSource

NUMBER: Final = 7
NAME: Final = "register"

_STATUS_REASONS = {
    CertificateStatus.VALID: ReasonCode.OK,
    CertificateStatus.REVOKED: ReasonCode.CERTIFICATE_REVOKED,
    CertificateStatus.SUSPENDED: ReasonCode.CERTIFICATE_SUSPENDED,
    CertificateStatus.SUPERSEDED: ReasonCode.CERTIFICATE_SUPERSEDED,
    CertificateStatus.EXPIRED: ReasonCode.CERTIFICATE_EXPIRED,
    CertificateStatus.NOT_YET_VALID: ReasonCode.CERTIFICATE_NOT_YET_VALID,
    CertificateStatus.CANCELLED: ReasonCode.CERTIFICATE_CANCELLED,
}


@dataclass(frozen=True, slots=True)
class RegisterAnswer:
    """What check 7 came to."""

    reason_code: ReasonCode
    entry: RegisteredStatus | None = None
    """The register's entry for these very octets."""

    @property
    def check(self) -> Check:
        """The step of the report."""
        return Check(NUMBER, NAME, self.reason_code)


def ask_register(
    source: StatusSource,
    unverified_file: bytes,
    signature: SignatureFinding,
    claim: ClaimedCertificate | None,
    *,
    at: datetime,
) -> RegisterAnswer:
    """Return what the register says of the octets that a proven signature covers."""
    uscc = signature.signer_uscc
    try:
        if uscc is None or not source.keeps(uscc):
            return RegisterAnswer(ReasonCode.STATUS_NOT_ASKED)
        entry = None if claim is None else source.find(claim.number, uscc, at=at)
    except SourceUnavailableError:
        return RegisterAnswer(ReasonCode.REGISTER_UNREACHABLE)
    if entry is None or signature.byte_range is None:
        return RegisterAnswer(ReasonCode.NOT_IN_REGISTER)
    _, second_start, second_length = signature.byte_range
    # What was issued ends where the seal's range ends; validation data may have been added later.
    if sm3(unverified_file[: second_start + second_length]).hex() != entry.file_sm3:
        return RegisterAnswer(ReasonCode.DIFFERS_FROM_REGISTER)
    return RegisterAnswer(_STATUS_REASONS[entry.status], entry)
