"""What follows for one signature, once the register was asked and the time is proven or not."""

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
    Revocation,
    SignatureConclusion,
    TimeSource,
)
from verify.sealed_data import SealedData
from verify.signature import DocumentSignature
from verify.sources import StatusSource
from verify.summary import CertificateSummary

_KINDS = {SignatureForm.SES: "ses", SignatureForm.PADES: "cms"}
_NOT_THEN = {ReasonCode.CERTIFICATE_NOT_VALID_THEN, ReasonCode.SEAL_NOT_VALID_THEN}
"""Where the stated time fails already, no proof of it is looked for."""


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
    end, signature = judged.found.byte_range.end, judged.signature
    uscc = signature.signer_cert.subject.uscc
    answer = None
    if judged.proves_signer:
        answer = ask_register(source, uscc, judged.sealed_data, unverified_file[:end], at=at)
        checks.append(answer.check)
    entry = answer.entry if answer else None
    if judged.signer.path and judgement.reasons.isdisjoint(_NOT_THEN):
        checks.append(
            check_time(
                signature,
                (judged.signer.path, judged.maker.path),
                proven_at=entry.registered_at if entry else None,
                at=at,
                tolerance=policy.clock_tolerance,
            )
        )
    return Conclusion(
        signature=SignatureConclusion(
            kind=_KINDS[judged.found.form],
            signer=_name_of(signature),
            signer_uscc=uscc,
            signed_at=signature.signed_at,
            time_source=TimeSource.REGISTER if entry else TimeSource.SIGNER,
            covers_whole_file=end == len(unverified_file),
            checks=tuple(sorted(checks, key=_number)),
            revocation=_worse(judged.signer.revocation, judged.maker.revocation),
            diagnostic=judgement.diagnostic,
        ),
        certificate=_summarise(signature, judged.sealed_data, answer) if answer else None,
        status_as_of=answer.as_of if answer else None,
    )


def _worse(one: Revocation | None, other: Revocation | None) -> Revocation | None:
    return Revocation.UNKNOWN if Revocation.UNKNOWN in (one, other) else one or other


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
