"""What follows for one signature, once the register was asked and the time is proven or not."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from signing.pdf.placement import SignatureForm
from verify.chain import check_time
from verify.judgement import Judgement
from verify.policy import VerificationPolicy
from verify.register_status import RegisterAnswer, ask_register
from verify.report import (
    Check,
    ReasonCode,
    SignatureConclusion,
    TimeSource,
)
from verify.sealed_data import SealedData
from verify.signature import DocumentSignature
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
    judgement: Judgement,
    unverified_file: bytes,
    *,
    policy: VerificationPolicy,
    source: StatusSource | None,
    at: datetime,
) -> Conclusion:
    """Run check 7 and the last step of check 5; `source` is None where no register is asked."""
    judged, checks = judgement.judged, list(judgement.checks)
    if judged is None:
        return Conclusion(_unread(judgement), None, None)
    found, signature = judged.found, judged.signature
    answer = None
    if judgement.units_own:
        sealed_octets = memoryview(unverified_file)[: found.byte_range.end]
        file_sm3 = hashlib.new("sm3", sealed_octets).hexdigest()
        answer = ask_register(source, judged.sealed_data, file_sm3, at=at)
        checks.append(answer.check)
    entry = answer.entry if answer else None
    if judged.path_period and ReasonCode.CERTIFICATE_NOT_VALID_THEN not in judgement.reasons:
        checks.append(
            check_time(
                signature,
                judged.path_period,
                proven_at=entry.registered_at if entry else None,
                at=at,
                tolerance=policy.clock_tolerance,
            )
        )
    return Conclusion(
        signature=SignatureConclusion(
            kind=_KINDS[found.form],
            signer=_name_of(signature),
            signer_uscc=signature.signer_cert.subject.uscc,
            signed_at=signature.signed_at,
            time_source=TimeSource.REGISTER if entry else TimeSource.SIGNER,
            covers_whole_file=found.byte_range.end == len(unverified_file),
            checks=tuple(sorted(checks, key=_number)),
            diagnostic=judgement.diagnostic,
        ),
        certificate=_summarise(signature, judged.sealed_data, answer) if answer else None,
        status_as_of=answer.as_of if answer else None,
    )


def _unread(judgement: Judgement) -> SignatureConclusion:
    return SignatureConclusion(
        kind=None,
        signer=None,
        signer_uscc=None,
        signed_at=None,
        time_source=TimeSource.SIGNER,
        covers_whole_file=False,
        checks=judgement.checks,
        diagnostic=judgement.diagnostic,
    )


def _number(check: Check) -> int:
    return check.number


def _name_of(signature: DocumentSignature) -> str:
    """Give the name that the signer's certificate proves."""
    subject = signature.signer_cert.subject
    return subject.organization or subject.common_name


def _summarise(
    signature: DocumentSignature, sealed_data: SealedData | None, answer: RegisterAnswer
) -> CertificateSummary | None:
    entry = answer.entry
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
        authority_name=_name_of(signature),
        authority_uscc=sealed_data.authority_uscc,
    )
