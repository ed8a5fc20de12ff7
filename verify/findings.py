"""What checks 1 to 6 found in a file: all that leaves the process that read it.

A process that a hostile file took over could write anything here. So `Findings.from_json` accepts
nothing but these types, and `verify.verifier` proves the essential again by itself.
"""

from dataclasses import dataclass, field
from typing import Any

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from signing.pdf.placement import ByteRange, SignatureForm
from verify.report import OUTCOMES, Check, ReasonCode
from verify.sealed_data import SealedData

LAST_CHECK = 6
"""What comes after it is not for a process that reads hostile files."""

_FILE_REASONS = frozenset(
    {
        ReasonCode.MALFORMED_DOCUMENT,
        ReasonCode.NO_SIGNATURE,
        ReasonCode.UNSUPPORTED_SIGNATURE,
    }
)
_PASSES = frozenset({ReasonCode.OK, ReasonCode.CHANGED_LATER})
# A seal with these faults is still its unit's own: the register can tell it apart. With any other
# fault the number in the file is the claim of somebody unknown, and asking for it would tell
# strangers which numbers there are.
_UNITS_OWN = _PASSES | {
    ReasonCode.MALFORMED_DOCUMENT,
    ReasonCode.CONTENT_SWAPPED,
    ReasonCode.SEAL_NOT_VALID_THEN,
    ReasonCode.CERTIFICATE_NOT_VALID_THEN,
    ReasonCode.REVOCATION_UNKNOWN,
    ReasonCode.CHANGED_AFTER_SEALING,
}


class MalformedFindingsError(Exception):
    """The octets are no findings."""


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when something was valid."""

    start: AwareDatetime
    end: AwareDatetime


@dataclass(frozen=True, slots=True)
class SignatureClaim:
    """What a signature that could be read says, and where it stands."""

    form: SignatureForm
    byte_range: ByteRange
    signing_cert_sm3: str
    """Of the certificate whose path was judged."""
    signer: str
    signer_uscc: str | None
    signed_at: AwareDatetime
    path_period: Period | None
    """When all certificates of the signer's path are valid; None without a path to an anchor."""
    seal_end: AwareDatetime | None
    """Until when the seal may be used; None where there is none."""
    sealed_data: SealedData | None


@dataclass(frozen=True, slots=True)
class SignatureFinding:
    """What checks 1 to 6 say about one signature."""

    checks: tuple[Check, ...]
    claim: SignatureClaim | None = None
    """None where the signature could not be read."""
    diagnostic: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse (ValueError) what no walk could have found, and what would pass unread."""
        if any(OUTCOMES[reason].check > LAST_CHECK for reason in self.reasons):
            raise ValueError("the register was not asked here")
        if self.claim is None and self.reasons <= _PASSES:
            raise ValueError("a signature that was not read has a reason")
        if self.trusted_claim is not None and self.trusted_claim.path_period is None:
            raise ValueError("a signature is trusted by a path")

    @property
    def reasons(self) -> frozenset[ReasonCode]:
        """All reason codes, that of passing among them."""
        return frozenset(check.reason_code for check in self.checks)

    @property
    def trusted_claim(self) -> SignatureClaim | None:
        """The claim, if the signature is found to be a trusted unit's own, whatever its faults."""
        return self.claim if self.reasons <= _UNITS_OWN else None


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found in one file."""

    file_reasons: tuple[ReasonCode, ...] = ()
    signatures: tuple[SignatureFinding, ...] = ()

    def __post_init__(self) -> None:
        """Refuse (ValueError) findings of nothing, and files that pass without a signature."""
        if not (self.file_reasons or self.signatures) or not _FILE_REASONS.issuperset(
            self.file_reasons
        ):
            raise ValueError("a file has signatures or a reason why not")

    @staticmethod
    def from_json(unverified_json: bytes) -> "Findings":
        """Read what `to_json` wrote; raises `MalformedFindingsError` for anything else."""
        try:
            return _ADAPTER.validate_json(unverified_json)
        except ValidationError as error:
            raise MalformedFindingsError from error

    def to_json(self) -> bytes:
        """Give the findings as JSON."""
        return _ADAPTER.dump_json(self)


_ADAPTER = TypeAdapter(Findings)
