"""What follows for one signature, once the register was asked and the time is proven or not."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from signing.pdf.placement import SignatureForm
from verify.chain import check_time
from verify.findings import SignatureClaim, SignatureFinding
from verify.policy import VerificationPolicy
from verify.register_status import RegisterAnswer, ask_register
from verify.report import (
    Check,
    ReasonCode,
    SignatureConclusion,
    TimeSource,
)
from verify.sources import StatusSource
from verify.summary import CertificateSummary

_KINDS = {SignatureForm.SES: "ses", SignatureForm.PADES: "cms"}


@dataclass(frozen=True, slots=True)
class Conclusion:
    """One signature of the report, and what it says about the certificate."""

    signature: SignatureConclusion
    certificate: CertificateSummary | None
    """None unless the seal is proven and the register, if asked, knows these octets."""
    status_as_of: datetime | None


def conclude(
    finding: SignatureFinding,
    unverified_file: bytes,
    *,
    policy: VerificationPolicy,
    source: StatusSource | None,
    at: datetime,
) -> Conclusion:
    """Run check 7 and the last step of check 5 on what was found."""
    claim, checks = finding.claim, list(finding.checks)
    answer = None
    if (trusted := finding.trusted_claim) is not None:
        sealed_octets = memoryview(unverified_file)[: trusted.byte_range.end]
        file_sm3 = hashlib.new("sm3", sealed_octets).hexdigest()
        answer = ask_register(source, trusted.sealed_data, file_sm3, at=at)
        checks.append(answer.check)
    entry = answer.entry if answer else None
    if claim and claim.path_period and ReasonCode.CERTIFICATE_NOT_VALID_THEN not in finding.reasons:
        checks.append(
            check_time(
                claim,
                claim.path_period,
                proven_at=entry.registered_at if entry else None,
                at=at,
                tolerance=policy.clock_tolerance,
            )
        )
    return Conclusion(
        signature=SignatureConclusion(
            kind=_KINDS[claim.form] if claim else None,
            signer=claim.signer if claim else None,
            signer_uscc=claim.signer_uscc if claim else None,
            signed_at=claim.signed_at if claim else None,
            time_source=TimeSource.REGISTER if entry else TimeSource.SIGNER,
            covers_whole_file=claim is not None and claim.byte_range.end == len(unverified_file),
            checks=tuple(sorted(checks, key=_number)),
            diagnostic=finding.diagnostic,
        ),
        certificate=_summarise(claim, answer) if claim and answer else None,
        status_as_of=answer.as_of if answer else None,
    )


def _number(check: Check) -> int:
    return check.number


def _summarise(claim: SignatureClaim, answer: RegisterAnswer) -> CertificateSummary | None:
    entry, sealed_data = answer.entry, claim.sealed_data
    if entry is not None:
        return CertificateSummary(
            number=entry.number,
            type_name=entry.type_name,
            authority_name=entry.authority_name,
            authority_uscc=entry.authority_uscc,
            status=entry.status,
            code=entry.code,
            legal_kind=entry.legal_kind,
            successor=entry.successor,
            masked=entry.masked,
        )
    unasked = {ReasonCode.STATUS_NOT_ASKED, ReasonCode.REGISTER_UNREACHABLE}
    if sealed_data is None or answer.check.reason_code not in unasked:
        return None
    return CertificateSummary(
        number=sealed_data.number,
        type_name=sealed_data.type_name,
        authority_name=claim.signer,  # the name that the certificate proves
        authority_uscc=sealed_data.authority_uscc,
    )
