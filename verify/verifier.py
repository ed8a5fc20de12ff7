"""From a file to a report.

    verifier = Verifier(policy=OFFICE, anchors=anchors, status_source=register, sandbox=sandbox)
    report = verifier.verify(unverified_file, at=at, report_id=report_id)

    1 read       `verify.pdf`, in the sandbox: which signatures there are, and what is beside them
    2 judge      `verify.judgement`, here: checks 1 to 6, on the octets of the file itself
    3 conclude   `verify.conclusion`, here: the register is asked (check 7), and its entry may prove
                 the time, which decides the rest of check 5

Whom to trust is never decided by a process that takes hostile files apart: it needs no anchors, and
what it says about a signature is only where to find it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from pydantic import TypeAdapter, ValidationError

from signing.errors import BackendUnavailableError
from verify.conclusion import conclude
from verify.confinement import Limits
from verify.errors import (
    DocumentTooLargeError,
    NotADocumentError,
    VerifyError,
    place_of,
)
from verify.judgement import Judgement, Surroundings, UntrueReadingError, judge
from verify.pdf import read
from verify.policy import TrustAnchors, VerificationPolicy
from verify.reading import AttachedData, FoundFault, FoundSignature, Reading
from verify.report import ReasonCode, Verdict, VerificationReport
from verify.sandbox import Sandbox
from verify.sources import StatusSource

MAX_FILE_OCTETS = 20 * 1000 * 1000
"""A certificate has 0.1 MB, a scanned contract of fifty pages 10 MB."""

MAX_DIGESTED_OCTETS = 10 * MAX_FILE_OCTETS
"""Over all signatures of a file, each of which is over the file: takes half a second."""

_WORKER = "verify.pdf:prepare"
_PDF_MARK, _PDF_MARK_WITHIN = b"%PDF-", 1024  # ISO 32000-1, annex H: where readers look for it
_ZIP_MARK, _OFD_MARK = b"PK\x03\x04", b"OFD.xml"  # GB/T 33190: a ZIP with this entry
_READING = TypeAdapter(Reading)

_log = structlog.get_logger(__name__)


def start_sandbox(limits: Limits | None = None) -> Sandbox:
    """Start the processes that read hostile files; raises `SandboxUnavailableError`."""
    sandbox = Sandbox(_WORKER, limits)
    sandbox.start()
    return sandbox


def try_sandbox(sandbox: Sandbox) -> None:
    """Let a child read a file of nothing; raises `SandboxUnavailableError`."""
    sandbox.try_out()


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

    def verify(self, unverified_file: bytes, *, at: datetime, report_id: str) -> VerificationReport:
        """Give the report on a file as of `at`.

        Raises `DocumentTooLargeError`, `NotADocumentError`, `TooManyError` and
        `SandboxUnavailableError`: the file was not tried. Whatever else goes wrong with a file is a
        reason in the report.
        """
        examined = self._examine(unverified_file)
        conclusions = [
            conclude(judgement, unverified_file, policy=self._policy, source=self._source, at=at)
            for judgement in examined.judgements
        ]
        report = VerificationReport(
            id=report_id,
            policy=self._policy,
            checked_at=at,
            status_as_of=next((c.status_as_of for c in conclusions if c.status_as_of), None),
            file_reasons=() if examined.reason is None else (examined.reason,),
            signatures=tuple(c.signature for c in conclusions),
            certificate=next((c.certificate for c in conclusions if c.certificate), None),
        )
        if report.verdict is Verdict.INVALID:  # what a forged file says it is, is not repeated
            return replace(report, certificate=None)
        return report

    def _examine(self, unverified_file: bytes) -> "_Examined":
        _verify_is_document(unverified_file)
        try:
            reading = self._read(unverified_file)
            judgements = [
                judge(found, surroundings, self._anchors)
                for found, surroundings in _with_surroundings(reading, unverified_file)
            ]
            return _Examined(reading.reason, tuple(judgements))
        except (VerifyError, BackendUnavailableError):
            raise
        except UntrueReadingError as error:
            _log.warning("reading_refused", reason=str(error))
            return _Examined(ReasonCode.MALFORMED_DOCUMENT, ())
        except Exception as error:  # noqa: BLE001  # the one place where whatever a file causes ends
            _log.error("judging_failed", place=place_of(error))
            return _Examined(ReasonCode.MALFORMED_DOCUMENT, ())

    def _read(self, unverified_file: bytes) -> Reading:
        if _is_ofd(unverified_file):
            return Reading(ReasonCode.UNSUPPORTED_SIGNATURE)
        if self._sandbox is None:
            return read(unverified_file)
        unverified_answer = self._sandbox.examine(unverified_file)
        try:
            return _READING.validate_json(unverified_answer or b"")
        except ValidationError:
            return Reading(ReasonCode.MALFORMED_DOCUMENT)


@dataclass(frozen=True, slots=True)
class _Examined:
    """What the file alone can tell: a reason, or a judgement on each signature."""

    reason: ReasonCode | None
    judgements: tuple[Judgement, ...]


def _verify_is_document(unverified_file: bytes) -> None:
    if len(unverified_file) > MAX_FILE_OCTETS:
        raise DocumentTooLargeError(f"more than {MAX_FILE_OCTETS} octets")
    if not (_is_ofd(unverified_file) or _PDF_MARK in unverified_file[:_PDF_MARK_WITHIN]):
        raise NotADocumentError("neither a PDF nor an OFD")


def _is_ofd(unverified_file: bytes) -> bool:
    return unverified_file.startswith(_ZIP_MARK) and _OFD_MARK in unverified_file


def _with_surroundings(
    reading: Reading, unverified_file: bytes
) -> Iterator[tuple[FoundSignature | FoundFault, Surroundings]]:
    """Yield each signature with what it is looked at together with.

    What is attached, only the first readable one covers.
    """
    readable = [found for found in reading.signatures if isinstance(found, FoundSignature)]
    ends = [found.byte_range.end for found in readable]
    if sum(ends) > MAX_DIGESTED_OCTETS:
        raise UntrueReadingError("more than anyone is asked to digest")
    for found in reading.signatures:
        bears_data = bool(readable) and found is readable[0]
        attached = reading.attached if bears_data else AttachedData()
        yield found, Surroundings(unverified_file, attached, len(unverified_file) in ends)
