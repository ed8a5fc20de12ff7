"""Check 7: what the register says about the certificate that the file claims to be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from verify.errors import SourceUnavailableError
from verify.report import Check, ReasonCode, Step
from verify.sealed_data import SealedData
from verify.sources import CertificateStatus, RegisteredStatus, StatusSource

_REASONS: Mapping[CertificateStatus, ReasonCode] = {
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
    """What came of asking."""

    check: Check
    entry: RegisteredStatus | None = None
    """The entry for these very octets; None where there is none, or only one for others."""
    as_of: datetime | None = None
    """The moment for which the register answered; None where it was not reached."""


def ask_register(
    source: StatusSource | None, sealed_data: SealedData | None, file_sm3: str, *, at: datetime
) -> RegisterAnswer:
    """Ask for a certificate whose seal is proven; `source` is None under the policy `seal-only`.

    `file_sm3` is of the octets up to the end of the sealed revision: what was issued.
    """
    if source is None:
        return _answer(ReasonCode.STATUS_NOT_ASKED)
    if sealed_data is None:  # sealed by a unit we trust, as nothing that was ever registered
        return _answer(ReasonCode.NOT_IN_REGISTER)
    try:
        entry = source.find(sealed_data.number, sealed_data.authority_uscc, at=at)
    except SourceUnavailableError:
        return _answer(ReasonCode.REGISTER_UNREACHABLE)
    if entry is None:
        return _answer(ReasonCode.NOT_IN_REGISTER, as_of=at)
    if entry.file_sm3 != file_sm3:
        return _answer(ReasonCode.DIFFERS_FROM_REGISTER, as_of=entry.as_of)
    return _answer(_REASONS[entry.status], entry=entry, as_of=entry.as_of)


def _answer(
    code: ReasonCode, *, entry: RegisteredStatus | None = None, as_of: datetime | None = None
) -> RegisterAnswer:
    return RegisterAnswer(Check(Step.REGISTER, code), entry, as_of)
