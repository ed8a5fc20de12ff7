"""Check 7: what the register says about the certificate that the file claims to be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from signing.canonical import sm3
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
    source: StatusSource | None,
    signer_uscc: str | None,
    sealed_data: SealedData | None,
    sealed_octets: bytes,
    *,
    at: datetime,
) -> RegisterAnswer:
    """Ask about a file that this unit is proven to have sealed; `source` None: nobody is asked.

    `sealed_octets` end with the revision under the seal: they are what was issued. Whatever a unit
    seals whose certificates the register keeps must stand in it; files of others are foreign.
    """
    try:
        if source is None or signer_uscc is None or not source.keeps(signer_uscc):
            return _answer(ReasonCode.STATUS_NOT_ASKED)
        entry = None
        if sealed_data is not None:
            entry = source.find(sealed_data.number, signer_uscc, at=at)
    except SourceUnavailableError:
        return _answer(ReasonCode.REGISTER_UNREACHABLE)
    if entry is None:
        return _answer(ReasonCode.NOT_IN_REGISTER, as_of=at)
    if entry.file_sm3 != sm3(sealed_octets).hex():
        return _answer(ReasonCode.DIFFERS_FROM_REGISTER, as_of=entry.as_of)
    return _answer(_REASONS[entry.status], entry=entry, as_of=entry.as_of)


def _answer(
    code: ReasonCode, *, entry: RegisteredStatus | None = None, as_of: datetime | None = None
) -> RegisterAnswer:
    return RegisterAnswer(Check(Step.REGISTER, code), entry, as_of)
