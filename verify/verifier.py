"""From a file to a report.

    verifier = Verifier(
        policy=OFFICE, anchors=anchors, status_source=register, sandbox=sandbox
    )
    report = verifier.verify(unverified_file, at=at, report_id=report_id)

The sandbox runs checks 1 to 6. What it says is a claim: before anything good is believed, byte
rule, digest and signature are proven again here, on the file itself (`_prove_again`). Then the
register is asked (check 7), and its entry may prove the time (the rest of check 5).
"""

from dataclasses import replace
from datetime import datetime

from signing.errors import SigningError
from signing.pdf.byte_rule import contents_in_gap, verify_byte_rule
from verify.conclusion import conclude
from verify.confinement import Limits
from verify.errors import DocumentTooLargeError, NotADocumentError, SandboxUnavailableError
from verify.findings import Findings, MalformedFindingsError, SignatureFinding
from verify.pdf import examine
from verify.policy import TrustAnchors, VerificationPolicy
from verify.report import ReasonCode, Verdict, VerificationReport
from verify.sandbox import Sandbox
from verify.signature import read_document_signature
from verify.sources import StatusSource

MAX_FILE_OCTETS = 20 * 1000 * 1000
"""A certificate has 0.1 MB, a scanned contract of fifty pages 10 MB."""

_WORKER = "verify.pdf:prepare"
_PDF_MARK, _PDF_MARK_WITHIN = b"%PDF-", 1024  # ISO 32000-1, annex H: where readers look for it
_ZIP_MARK, _OFD_MARK = b"PK\x03\x04", b"OFD.xml"  # GB/T 33190: a ZIP with this entry
_MALFORMED = Findings(file_reasons=(ReasonCode.MALFORMED_DOCUMENT,))


def start_sandbox(limits: Limits | None = None) -> Sandbox:
    """Start the processes that read hostile files; raises `SandboxUnavailableError`."""
    sandbox = Sandbox(_WORKER, limits)
    sandbox.start()
    return sandbox


def try_sandbox(sandbox: Sandbox) -> None:
    """Let a child read a file of nothing; raises `SandboxUnavailableError` or `TooManyError`."""
    if sandbox.examine(b"", configuration=b"", question=b"") is None:
        raise SandboxUnavailableError("a child gave no answer")


class Verifier:
    """Judges files by one policy and one set of anchors. May be used from many threads."""

    def __init__(
        self,
        *,
        policy: VerificationPolicy,
        anchors: TrustAnchors,
        status_source: StatusSource | None,
        sandbox: Sandbox | None,
    ) -> None:
        """Refuse (ValueError) a policy that asks the register without one.

        Without a `sandbox` files are read in this process: only for files of one's own.
        """
        if policy.asks_register and status_source is None:
            raise ValueError("this policy needs a status source")
        self._policy = policy
        self._anchors = anchors
        self._source = status_source if policy.asks_register else None
        self._sandbox = sandbox
        self._configuration = anchors.to_pem().encode()

    def verify(self, unverified_file: bytes, *, at: datetime, report_id: str) -> VerificationReport:
        """Give the report on a file as of `at`.

        Raises `DocumentTooLargeError`, `NotADocumentError`, `TooManyError` and
        `SandboxUnavailableError`: the file was not tried. Whatever else goes wrong with a file is a
        reason in the report.
        """
        findings = self._find(unverified_file)
        conclusions = [
            conclude(finding, unverified_file, policy=self._policy, source=self._source, at=at)
            for finding in findings.signatures
        ]
        report = VerificationReport(
            id=report_id,
            policy=self._policy,
            checked_at=at,
            status_as_of=next((c.status_as_of for c in conclusions if c.status_as_of), None),
            file_reasons=findings.file_reasons,
            signatures=tuple(c.signature for c in conclusions),
            certificate=next((c.certificate for c in conclusions if c.certificate), None),
        )
        if report.verdict is Verdict.INVALID:  # what a forged file says it is, is not repeated
            return replace(report, certificate=None)
        return report

    def _find(self, unverified_file: bytes) -> Findings:
        if len(unverified_file) > MAX_FILE_OCTETS:
            raise DocumentTooLargeError
        if unverified_file.startswith(_ZIP_MARK) and _OFD_MARK in unverified_file:
            return Findings(file_reasons=(ReasonCode.UNSUPPORTED_SIGNATURE,))
        if _PDF_MARK not in unverified_file[:_PDF_MARK_WITHIN]:
            raise NotADocumentError
        if self._sandbox is None:
            try:
                return examine(unverified_file, self._anchors)
            except Exception:  # noqa: BLE001  # the one place where whatever a file causes ends
                return _MALFORMED
        unverified_answer = self._sandbox.examine(
            unverified_file, configuration=self._configuration, question=b""
        )
        try:
            findings = Findings.from_json(unverified_answer or b"")
            for finding in findings.signatures:
                _prove_again(finding, unverified_file)
        except (MalformedFindingsError, SigningError):
            return _MALFORMED
        return findings


def _prove_again(finding: SignatureFinding, unverified_file: bytes) -> None:
    """Repeat checks 1 to 3 where the child says that the signature is a trusted unit's.

    Raises `SigningError` or `MalformedFindingsError` when it did not tell the truth.
    """
    claim = finding.trusted_claim
    if claim is None:
        return
    byte_range = claim.byte_range
    if byte_range.end > len(unverified_file):
        raise MalformedFindingsError
    verify_byte_rule(
        unverified_file,
        byte_range,
        contents_span=byte_range.gap,  # there is no other in the file, or the digest is wrong
        revision_end=byte_range.end,
    )
    contents = contents_in_gap(unverified_file, byte_range)
    signature = read_document_signature(claim.form, contents, claimed_at=claim.signed_at)
    if signature.signer_cert.sm3 != claim.signing_cert_sm3:
        raise MalformedFindingsError
    signature.verify_digest(byte_range.digest(unverified_file))
    signature.verify_value()
