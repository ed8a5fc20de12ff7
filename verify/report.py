"""The report: what was found out about a file, in the words of people and of machines.

`OUTCOMES` is the one table of outcomes. A reason code names a row; verdict, indication, exit status
and everything shown follow from the codes and are stored nowhere else, so they cannot disagree.

The worst verdict wins and all reasons are listed:
invalid > not_in_force > cannot_confirm > changed_later > genuine > valid.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from verify.policy import VerificationPolicy
from verify.summary import CertificateSummary


class Verdict(StrEnum):
    """What people are told, worst first; the order of the members is the order of severity."""

    INVALID = "invalid"
    NOT_IN_FORCE = "not_in_force"
    CANNOT_CONFIRM = "cannot_confirm"
    CHANGED_LATER = "changed_later"
    GENUINE = "genuine"
    VALID = "valid"

    @property
    def severity(self) -> int:
        """Rank among the verdicts: the lower, the worse."""
        return _SEVERITY[self]

    @property
    def exit_status(self) -> int:
        """Exit status of the command line: 0 passes, 1 proven bad, 2 not proven either way."""
        return _EXIT_STATUS[self]


_SEVERITY: Mapping[Verdict, int] = {verdict: rank for rank, verdict in enumerate(Verdict)}
_EXIT_STATUS: Mapping[Verdict, int] = {
    Verdict.INVALID: 1,
    Verdict.NOT_IN_FORCE: 1,
    Verdict.CANNOT_CONFIRM: 2,
    Verdict.CHANGED_LATER: 2,
    Verdict.GENUINE: 0,
    Verdict.VALID: 0,
}


class Indication(StrEnum):
    """The main status indication of ETSI EN 319 102-1 §5.1.3."""

    TOTAL_PASSED = "TOTAL-PASSED"
    TOTAL_FAILED = "TOTAL-FAILED"
    INDETERMINATE = "INDETERMINATE"


class SubIndication(StrEnum):
    """The sub-indications of ETSI EN 319 102-1 §5.1.3 that this verifier can give."""

    FORMAT_FAILURE = "FORMAT_FAILURE"
    SIGNED_DATA_NOT_FOUND = "SIGNED_DATA_NOT_FOUND"
    HASH_FAILURE = "HASH_FAILURE"
    SIG_CRYPTO_FAILURE = "SIG_CRYPTO_FAILURE"
    CRYPTO_CONSTRAINTS_FAILURE_NO_POE = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"
    SIG_CONSTRAINTS_FAILURE = "SIG_CONSTRAINTS_FAILURE"
    NO_CERTIFICATE_CHAIN_FOUND = "NO_CERTIFICATE_CHAIN_FOUND"
    CHAIN_CONSTRAINTS_FAILURE = "CHAIN_CONSTRAINTS_FAILURE"
    OUT_OF_BOUNDS_NOT_REVOKED = "OUT_OF_BOUNDS_NOT_REVOKED"
    OUT_OF_BOUNDS_NO_POE = "OUT_OF_BOUNDS_NO_POE"
    REVOKED_NO_POE = "REVOKED_NO_POE"
    TRY_LATER = "TRY_LATER"


class ReasonCode(StrEnum):
    """Why; each has a sentence in every language of the pages."""

    OK = "ok"
    MALFORMED_DOCUMENT = "malformed_document"
    NO_SIGNATURE = "no_signature"
    UNSUPPORTED_SIGNATURE = "unsupported_signature"
    BYTES_NOT_COVERED = "bytes_not_covered"
    DOCUMENT_CHANGED = "document_changed"
    SIGNATURE_WRONG = "signature_wrong"
    ALGORITHM_NOT_ALLOWED = "algorithm_not_allowed"
    SEAL_FORGED = "seal_forged"
    SIGNER_NOT_IN_SEAL = "signer_not_in_seal"
    SEAL_NOT_VALID_THEN = "seal_not_valid_then"
    SIGNER_IS_NOT_THE_AUTHORITY = "signer_is_not_the_authority"
    CONTENT_SWAPPED = "content_swapped"
    UNKNOWN_ANCHOR = "unknown_anchor"
    CHAIN_NOT_ALLOWED = "chain_not_allowed"
    CERTIFICATE_NOT_VALID_THEN = "certificate_not_valid_then"
    TIME_NOT_PROVEN = "time_not_proven"
    SIGNER_REVOKED = "signer_revoked"
    REVOCATION_UNKNOWN = "revocation_unknown"
    CHANGED_AFTER_SEALING = "changed_after_sealing"
    CHANGED_LATER = "changed_later"
    NOT_IN_REGISTER = "not_in_register"
    DIFFERS_FROM_REGISTER = "differs_from_register"
    CERTIFICATE_REVOKED = "certificate_revoked"
    CERTIFICATE_SUSPENDED = "certificate_suspended"
    CERTIFICATE_SUPERSEDED = "certificate_superseded"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_CANCELLED = "certificate_cancelled"
    HOLDER_STATE_CHANGED = "holder_state_changed"
    COPY_OUTSIDE_PURPOSE = "copy_outside_purpose"
    REGISTER_UNREACHABLE = "register_unreachable"
    STATUS_NOT_ASKED = "status_not_asked"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of the table of outcomes."""

    check: int
    """Number of the check that gives the reason; 0 where the file as a whole does."""
    indication: Indication
    sub_indication: SubIndication | None
    verdict: Verdict


def _table() -> Mapping[ReasonCode, Outcome]:
    code, sub = ReasonCode, SubIndication
    passed, failed, open_ = Indication
    bad, cannot, lapsed = Verdict.INVALID, Verdict.CANNOT_CONFIRM, Verdict.NOT_IN_FORCE
    # fmt: off
    rows: dict[ReasonCode, tuple[int, Indication, SubIndication | None, Verdict]] = {
        code.OK:                          (0, passed, None, Verdict.VALID),
        code.MALFORMED_DOCUMENT:          (0, open_, sub.FORMAT_FAILURE, cannot),
        code.NO_SIGNATURE:                (1, open_, sub.SIGNED_DATA_NOT_FOUND, cannot),
        code.UNSUPPORTED_SIGNATURE:       (1, open_, sub.FORMAT_FAILURE, cannot),
        code.BYTES_NOT_COVERED:           (1, failed, sub.FORMAT_FAILURE, bad),
        code.DOCUMENT_CHANGED:            (2, failed, sub.HASH_FAILURE, bad),
        code.SIGNATURE_WRONG:             (3, failed, sub.SIG_CRYPTO_FAILURE, bad),
        code.ALGORITHM_NOT_ALLOWED:       (3, open_, sub.CRYPTO_CONSTRAINTS_FAILURE_NO_POE, cannot),
        code.SEAL_FORGED:                 (4, failed, sub.SIG_CRYPTO_FAILURE, bad),
        code.SIGNER_NOT_IN_SEAL:          (4, open_, sub.SIG_CONSTRAINTS_FAILURE, bad),
        code.SEAL_NOT_VALID_THEN:         (4, open_, sub.SIG_CONSTRAINTS_FAILURE, bad),
        code.SIGNER_IS_NOT_THE_AUTHORITY: (4, open_, sub.SIG_CONSTRAINTS_FAILURE, bad),
        code.CONTENT_SWAPPED:             (4, failed, sub.FORMAT_FAILURE, bad),
        code.UNKNOWN_ANCHOR:              (5, open_, sub.NO_CERTIFICATE_CHAIN_FOUND, cannot),
        code.CHAIN_NOT_ALLOWED:           (5, open_, sub.CHAIN_CONSTRAINTS_FAILURE, bad),
        code.CERTIFICATE_NOT_VALID_THEN:  (5, open_, sub.OUT_OF_BOUNDS_NOT_REVOKED, bad),
        code.TIME_NOT_PROVEN:             (5, open_, sub.OUT_OF_BOUNDS_NO_POE, cannot),
        code.SIGNER_REVOKED:              (5, open_, sub.REVOKED_NO_POE, bad),
        code.REVOCATION_UNKNOWN:          (5, open_, sub.TRY_LATER, cannot),
        code.CHANGED_AFTER_SEALING:       (6, failed, sub.FORMAT_FAILURE, bad),
        code.CHANGED_LATER:               (6, passed, None, Verdict.CHANGED_LATER),
        code.NOT_IN_REGISTER:             (7, open_, sub.SIG_CONSTRAINTS_FAILURE, bad),
        code.DIFFERS_FROM_REGISTER:       (7, failed, sub.HASH_FAILURE, bad),
        code.CERTIFICATE_REVOKED:         (7, failed, None, lapsed),
        code.CERTIFICATE_SUSPENDED:       (7, failed, None, lapsed),
        code.CERTIFICATE_SUPERSEDED:      (7, failed, None, lapsed),
        code.CERTIFICATE_EXPIRED:         (7, failed, None, lapsed),
        code.CERTIFICATE_NOT_YET_VALID:   (7, failed, None, lapsed),
        code.CERTIFICATE_CANCELLED:       (7, failed, None, lapsed),
        code.HOLDER_STATE_CHANGED:        (7, passed, None, cannot),
        code.COPY_OUTSIDE_PURPOSE:        (7, passed, None, lapsed),
        code.REGISTER_UNREACHABLE:        (7, open_, sub.TRY_LATER, cannot),
        code.STATUS_NOT_ASKED:            (7, passed, None, Verdict.GENUINE),
    }
    # fmt: on
    return MappingProxyType({reason: Outcome(*row) for reason, row in rows.items()})


OUTCOMES: Mapping[ReasonCode, Outcome] = _table()
"""The one table of outcomes: every reason code once."""


def rank(reasons: Iterable[ReasonCode]) -> tuple[ReasonCode, ...]:
    """Order reasons: worst verdict first, then the lowest check; each once, `ok` only alone."""
    found = set(reasons) - {ReasonCode.OK}
    order = list(ReasonCode)

    def key(reason: ReasonCode) -> tuple[int, int, int]:
        outcome = OUTCOMES[reason]
        return outcome.verdict.severity, outcome.check, order.index(reason)

    return tuple(sorted(found, key=key)) or (ReasonCode.OK,)


class Depth(StrEnum):
    """How much a report tells; the simple one already holds every failing reason."""

    SIMPLE = "simple"
    DETAILED = "detailed"
    DIAGNOSTIC = "diagnostic"


class TimeSource(StrEnum):
    """What proves when a signature existed."""

    TIMESTAMP = "timestamp"
    REGISTER = "register"
    SIGNER = "signer"
    """Only the signer's word, which proves nothing."""


class Revocation(StrEnum):
    """What was learnt about the revocation of the certificates that lead to an anchor."""

    NOT_ASKED = "not_asked"
    """None of them names a source."""
    UNKNOWN = "unknown"
    """One names a source, and nothing is fetched yet."""


class Step(StrEnum):
    """What is tried of the seven checks, one after the other."""

    FORM = "form"
    BYTE_COVERAGE = "byte_coverage"
    DIGEST = "digest"
    SIGNATURE_VALUE = "signature_value"
    SEAL_MAKER_SIGNATURE = "seal_maker_signature"
    SIGNER_IN_SEAL = "signer_in_seal"
    SEAL_CREATION = "seal_creation"
    SEAL_PERIOD = "seal_period"
    ISSUING_AUTHORITY = "issuing_authority"
    APPEARANCE = "appearance"
    ATTACHED_DATA = "attached_data"
    SIGNER_PATH = "signer_path"
    SIGNER_USAGE = "signer_usage"
    SIGNER_VALIDITY = "signer_validity"
    SIGNER_REVOCATION = "signer_revocation"
    MAKER_PATH = "maker_path"
    MAKER_CERTIFICATE = "maker_certificate"
    MAKER_REVOCATION = "maker_revocation"
    TIME = "time"
    LATER_CHANGES = "later_changes"
    REGISTER = "register"


_STEPS_OF_CHECK = {
    1: (Step.FORM, Step.BYTE_COVERAGE),
    2: (Step.DIGEST,),
    3: (Step.SIGNATURE_VALUE,),
    4: (
        *(Step.SEAL_MAKER_SIGNATURE, Step.SIGNER_IN_SEAL, Step.SEAL_CREATION, Step.SEAL_PERIOD),
        *(Step.ISSUING_AUTHORITY, Step.APPEARANCE, Step.ATTACHED_DATA),
    ),
    5: (
        *(Step.SIGNER_PATH, Step.SIGNER_USAGE, Step.SIGNER_VALIDITY, Step.SIGNER_REVOCATION),
        *(Step.MAKER_PATH, Step.MAKER_CERTIFICATE, Step.MAKER_REVOCATION, Step.TIME),
    ),
    6: (Step.LATER_CHANGES,),
    7: (Step.REGISTER,),
}
_NUMBERS = {step: number for number, steps in _STEPS_OF_CHECK.items() for step in steps}


@dataclass(frozen=True, slots=True)
class Check:
    """One step that was tried: it passed (`ok`) or it gives a reason."""

    name: Step
    reason_code: ReasonCode = ReasonCode.OK

    @property
    def number(self) -> int:
        """Number of the check, 1 to 7, that the step belongs to."""
        return _NUMBERS[self.name]

    @property
    def passed(self) -> bool:
        """Tell whether nothing was found that makes the verdict worse than valid."""
        return self.reason_code is ReasonCode.OK

    def as_dict(self) -> dict[str, Any]:
        """Give the JSON object of this step."""
        return {
            "number": self.number,
            "name": self.name,
            "indication": OUTCOMES[self.reason_code].indication,
            "reason_code": self.reason_code,
        }


@dataclass(frozen=True, slots=True)
class SignatureConclusion:
    """What was found out about one signature of the file."""

    kind: str | None
    """`ses` (GB/T 38540), `cms`, or None where the signature could not be read."""
    signer: str | None
    """Organisation in the signing certificate; None where the signature could not be read."""
    signer_uscc: str | None
    signed_at: datetime | None
    """The time the signer wrote into the signed octets."""
    time_source: TimeSource
    covers_whole_file: bool
    checks: tuple[Check, ...]
    """In the order of their numbers."""
    revocation: Revocation | None = None
    """None where no path leads to an anchor."""
    diagnostic: Mapping[str, Any] = field(default_factory=dict)
    """Subjects of X.509 certificates, digests, offsets: for those who look into a case."""

    @property
    def reason_codes(self) -> tuple[ReasonCode, ...]:
        """All reasons of this signature, worst first."""
        return rank(check.reason_code for check in self.checks)

    def as_dict(self, depth: Depth = Depth.DETAILED) -> dict[str, Any]:
        """Give the JSON object; `simple` leaves out the steps that passed."""
        checks = [c for c in self.checks if depth is not Depth.SIMPLE or not c.passed]
        answer: dict[str, Any] = {
            "kind": self.kind,
            "signer": self.signer,
            "signer_uscc": self.signer_uscc,
            "signed_at": _instant(self.signed_at),
            "time_source": self.time_source,
            "covers_whole_file": self.covers_whole_file,
            "revocation": self.revocation,
            "indication": OUTCOMES[self.reason_codes[0]].indication,
            "checks": [check.as_dict() for check in checks],
        }
        if depth is Depth.DIAGNOSTIC:
            answer["diagnostic"] = dict(self.diagnostic)
        return answer


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """The whole answer about one file; everything that is said follows from the reason codes."""

    id: str
    policy: VerificationPolicy
    checked_at: datetime
    status_as_of: datetime | None
    """The moment for which the register answered; None where it was not or could not be asked."""
    file_reasons: tuple[ReasonCode, ...]
    """Reasons that concern the file as a whole: it cannot be parsed, it has no signature."""
    signatures: tuple[SignatureConclusion, ...]
    certificate: CertificateSummary | None

    def __post_init__(self) -> None:
        """Refuse a report about nothing: it would read as valid."""
        if not self.file_reasons and not self.signatures:
            raise ValueError("a report needs a signature or a reason")

    @property
    def reason_codes(self) -> tuple[ReasonCode, ...]:
        """All reasons, of the worst verdict's lowest check first."""
        of_signatures = (c.reason_code for s in self.signatures for c in s.checks)
        return rank((*self.file_reasons, *of_signatures))

    @property
    def reason_code(self) -> ReasonCode:
        """The reason that decides."""
        return self.reason_codes[0]

    @property
    def verdict(self) -> Verdict:
        """What people are told."""
        return OUTCOMES[self.reason_code].verdict

    @property
    def indication(self) -> Indication:
        """What machines are told."""
        return OUTCOMES[self.reason_code].indication

    @property
    def sub_indication(self) -> SubIndication | None:
        """What machines are told in particular."""
        return OUTCOMES[self.reason_code].sub_indication

    @property
    def exit_status(self) -> int:
        """Exit status for this file."""
        return self.verdict.exit_status

    def as_dict(self, depth: Depth = Depth.DETAILED) -> dict[str, Any]:
        """Give the JSON object that `verify --json` and the API answer."""
        return {
            "id": self.id,
            "indication": self.indication,
            "sub_indication": self.sub_indication,
            "reason_code": self.reason_code,
            "reason_codes": list(self.reason_codes),
            "verdict": self.verdict,
            "checked_at": _instant(self.checked_at),
            "status_as_of": _instant(self.status_as_of),
            "policy": self.policy.name,
            "policy_sm3": self.policy.sm3,
            "signatures": [signature.as_dict(depth) for signature in self.signatures],
            "certificate": self.certificate.as_dict() if self.certificate else None,
        }


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
