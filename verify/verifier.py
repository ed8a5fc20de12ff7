"""Verifies a file: the walk in the sandbox, the decisive steps again here, then the register.

1. not a document, too large: no report (`VerifyError`)
2. checks 1 to 6 by `verify.pdf`, in a child that can do nothing but calculate
3. byte rule, digest and signature value once more, on our own octets
4. check 7, if the seal is proven to be the authority's
5. the time: what proves when the signature was made, and whether its certificates were valid then
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from signing.cms import SignedData
from signing.errors import SigningError
from signing.eseal import SealSignature
from signing.eseal_checks import verify_data_digest, verify_signature_value
from signing.pdf.byte_rule import contents_in_gap
from signing.pdf.extract import read_signed_pdf
from signing.pdf.placement import ByteRange
from verify.errors import DocumentTooLargeError, NotADocumentError
from verify.findings import Findings, SignatureFinding, UnusableFindingsError
from verify.pdf import configure, examine
from verify.policy import TrustAnchors, VerificationPolicy
from verify.register_status import RegisterAnswer, ask_register
from verify.report import (
    CertificateSummary,
    Check,
    ReasonCode,
    SignatureConclusion,
    TimeSource,
    VerificationReport,
)
from verify.sandbox import Sandbox
from verify.sealed_data import AmbiguousDataError, find_sealed_data
from verify.sources import StatusSource

LARGEST_FILE = 20 * 1000 * 1000  # a certificate has 100 kB, an office document with scans 10 MB
WORKER = "verify.pdf:prepare"

_PDF = b"%PDF-"
_OFD = b"PK\x03\x04"  # an OFD is a ZIP container (GB/T 33190); not read yet
_TIME_REASONS = {ReasonCode.TIME_NOT_PROVEN, ReasonCode.CERTIFICATE_NOT_VALID_THEN}
# What a certificate that is merely not in force, or changed afterwards, may still be told about.
_AFTER_THE_SEAL = {ReasonCode.CHANGED_AFTER_SEALING, ReasonCode.CHANGED_LATER}


def new_sandbox() -> Sandbox:
    """Return the sandbox for the walk; start it before any thread, key or database."""
    return Sandbox(WORKER)


@dataclass(frozen=True, slots=True)
class Verifier:
    """Verifies files by one policy and one set of anchors."""

    policy: VerificationPolicy
    anchors: TrustAnchors
    status_source: StatusSource | None
    sandbox: Sandbox | None
    """None: the walk runs in this process, for files from a trusted hand and for tests."""

    def __post_init__(self) -> None:
        """Refuse a policy that asks a register where there is none (`ValueError`)."""
        if self.policy.asks_register and self.status_source is None:
            raise ValueError("the policy asks a register, and there is none")

    def verify(self, unverified_file: bytes, *, at: datetime, report_id: str) -> VerificationReport:
        """Return the report on a file as of `at`.

        Raise `NotADocumentError`, `DocumentTooLargeError`, `TooManyError` or
        `SandboxUnavailableError` when it could not be tried; a forged file is a report.
        """
        if len(unverified_file) > LARGEST_FILE:
            raise DocumentTooLargeError(f"more than {LARGEST_FILE} octets")
        if unverified_file.startswith(_OFD):
            findings = Findings(file_reasons=(ReasonCode.UNSUPPORTED_SIGNATURE,))
        elif unverified_file.startswith(_PDF):
            findings = self._examine(unverified_file)
        else:
            raise NotADocumentError
        if not all(_repeats(unverified_file, found) for found in findings.signatures):
            findings = Findings(file_reasons=(ReasonCode.MALFORMED_DOCUMENT,))
        answers = [self._ask(unverified_file, found, findings, at) for found in findings.signatures]
        conclusions = tuple(
            _conclude(found, answer, at + self.policy.clock_tolerance, at)
            for found, answer in zip(findings.signatures, answers, strict=True)
        )
        entry = next((answer.entry for answer in answers if answer and answer.entry), None)
        return VerificationReport(
            id=report_id,
            policy=self.policy,
            checked_at=at,
            status_as_of=entry.as_of if entry else None,
            file_reasons=findings.file_reasons,
            signatures=conclusions,
            certificate=_summarize(findings, answers),
        )

    def _examine(self, unverified_file: bytes) -> Findings:
        if self.sandbox is None:
            return examine(unverified_file, self.anchors)
        answer = self.sandbox.examine(
            unverified_file, configuration=configure(self.anchors), question=b""
        )
        try:
            return Findings.parse(answer or b"")
        except UnusableFindingsError:
            return Findings(file_reasons=(ReasonCode.MALFORMED_DOCUMENT,))

    def _ask(
        self, unverified_file: bytes, found: SignatureFinding, findings: Findings, at: datetime
    ) -> RegisterAnswer | None:
        """Return what check 7 came to, None where it makes no sense: the seal is not proven."""
        if found.reasons() - _TIME_REASONS - _AFTER_THE_SEAL or found.byte_range is None:
            return None
        if not self.policy.asks_register or self.status_source is None:
            return RegisterAnswer(ReasonCode.STATUS_NOT_ASKED)
        return ask_register(self.status_source, unverified_file, found, findings.claimed, at=at)


def extract_sealed_data(verified_file: bytes) -> bytes | None:
    """Return `certificate.json` of a file that passed, None if it has none."""
    try:
        return find_sealed_data(read_signed_pdf(verified_file).attachments)
    except (SigningError, AmbiguousDataError):
        return None


def _repeats(unverified_file: bytes, found: SignatureFinding) -> bool:
    """Whether byte rule, digest and value come out on our octets as the walk says they do.

    A child in the hands of a hostile file may claim anything; it cannot sign.
    """
    if {ReasonCode.DOCUMENT_CHANGED, ReasonCode.SIGNATURE_WRONG} & found.reasons():
        return True  # nobody gains by calling his own file forged
    if found.byte_range is None:
        return not all(check.passed for check in found.checks)
    byte_range = ByteRange(*found.byte_range)
    if byte_range.end > len(unverified_file):
        return False
    try:
        contents = contents_in_gap(unverified_file, byte_range)
        digest = byte_range.digest(unverified_file)
        if found.kind == "ses":
            seal_signature = SealSignature.parse(contents)
            verify_data_digest(seal_signature, digest)
            verify_signature_value(seal_signature)
            signer_cert = seal_signature.signer_cert
        else:
            signed_data = SignedData.parse(contents)
            signed_data.verify_digest(digest)
            signed_data.verify_signature()
            signer_cert = signed_data.signer_cert
    except SigningError:
        return False
    return signer_cert.subject.uscc == found.signer_uscc


def _conclude(
    found: SignatureFinding, answer: RegisterAnswer | None, latest: datetime, at: datetime
) -> SignatureConclusion:
    proven_at = answer.entry.registered_at if answer and answer.entry else None
    checks = list(found.checks)
    if time_reason := _judge_time(found, proven_at, latest, at):
        checks = [c for c in checks if (c.number, c.passed) != (5, True)]
        checks.append(Check(5, "chain", time_reason))
    if answer is not None:
        checks.append(answer.check)
    return SignatureConclusion(
        kind=found.kind,
        signer=found.signer,
        signer_uscc=found.signer_uscc,
        signed_at=found.signed_at,
        time_source=TimeSource.REGISTER if proven_at else TimeSource.SIGNER,
        covers_whole_file=found.covers_whole_file,
        checks=tuple(sorted(checks, key=lambda check: check.number)),
        diagnostic=found.diagnostic,
    )


def _judge_time(
    found: SignatureFinding, proven_at: datetime | None, latest: datetime, at: datetime
) -> ReasonCode | None:
    """Return what speaks against the certificates at the proven time (verdicts: proof of time).

    The signer's word proves nothing: without better proof the certificates must be valid now.
    """
    if found.path_valid is None or _TIME_REASONS & found.reasons():
        return None
    if found.signed_at is None or found.signed_at > latest:
        return ReasonCode.TIME_NOT_PROVEN
    since, until = found.path_valid
    if proven_at is not None:
        return None if since <= proven_at <= until else ReasonCode.CERTIFICATE_NOT_VALID_THEN
    return None if at <= until else ReasonCode.TIME_NOT_PROVEN


def _summarize(
    findings: Findings, answers: Sequence[RegisterAnswer | None]
) -> CertificateSummary | None:
    """Return which certificate the file is: as registered, else as a proven seal says."""
    for answer in answers:
        if answer is not None and answer.entry is not None:
            entry = answer.entry
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
    claim = findings.claimed
    proven = [a.reason_code for a in answers if a is not None]
    told = {ReasonCode.STATUS_NOT_ASKED, ReasonCode.REGISTER_UNREACHABLE}
    if claim is None or not told & set(proven):
        return None
    return CertificateSummary(
        number=claim.number,
        type_name=claim.type_name,
        authority_name=claim.authority_name,
        authority_uscc=claim.authority_uscc,
    )
