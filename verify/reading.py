"""What stands in a file: all that leaves the process that read it.

A process that a hostile file took over could write anything here. What it says about a signature is
therefore no more than where to look: `verify.judgement` takes digest, signature, seal and
certificates from the file itself. What remains its word is what else stands there: the picture on
the page, the data attached, later revisions.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from signing.pdf.placement import ByteRange, SignatureForm
from verify.report import ReasonCode
from verify.sealed_data import SealedData

_FILE_REASONS = {
    ReasonCode.MALFORMED_DOCUMENT,
    ReasonCode.NO_SIGNATURE,
    ReasonCode.UNSUPPORTED_SIGNATURE,
}
_FAULT_REASONS = {
    ReasonCode.MALFORMED_DOCUMENT,
    ReasonCode.UNSUPPORTED_SIGNATURE,
    ReasonCode.BYTES_NOT_COVERED,
}


_DATA_FAULTS = {
    ReasonCode.MALFORMED_DOCUMENT,
    ReasonCode.UNSUPPORTED_SIGNATURE,
    ReasonCode.CONTENT_SWAPPED,
}


class LaterChanges(StrEnum):
    """The most that the revisions after a signature did to the document."""

    NONE = "none"
    VALIDATION_DATA = "validation_data"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """The seal on the page, drawn exactly as we draw it."""

    sm3: str
    width_mm: int
    height_mm: int


@dataclass(frozen=True, slots=True)
class FoundSignature:
    """A signature that can be judged."""

    field_name: str
    subfilter: str
    form: SignatureForm
    byte_range: ByteRange
    claimed_at: datetime | None
    """/M: what the signer says."""
    doc_mdp: int | None
    later_changes: LaterChanges
    picture: ShownPicture | None

    def __post_init__(self) -> None:
        """Refuse (ValueError) a time without its zone, and a range that is not around one gap."""
        if self.claimed_at is not None and self.claimed_at.tzinfo is None:
            raise ValueError("a time without a zone")
        span = self.byte_range
        if not 0 < span.first_length < span.second_start or span.second_length <= 0:
            raise ValueError("a range that is not around one gap")


@dataclass(frozen=True, slots=True)
class FoundFault:
    """A signature that cannot be judged."""

    field_name: str | None
    reason_code: ReasonCode
    detail: str

    def __post_init__(self) -> None:
        """Refuse (ValueError) a fault that would be none."""
        if self.reason_code not in _FAULT_REASONS:
            raise ValueError("no reason of a fault")


@dataclass(frozen=True, slots=True)
class AttachedData:
    """What is attached to the revision that the first readable signature covers."""

    sealed_data: SealedData | None = None
    """What `certificate.json` says."""
    fault: ReasonCode | None = None
    """Why nobody can say what is attached."""

    def __post_init__(self) -> None:
        """Refuse (ValueError) data that are both read and at fault."""
        if self.fault is not None and (
            self.sealed_data is not None or self.fault not in _DATA_FAULTS
        ):
            raise ValueError("data are either read or at fault")

    @property
    def is_certificate(self) -> bool:
        """Whether the file is a certificate, or poses as one."""
        return self.sealed_data is not None or self.fault is ReasonCode.CONTENT_SWAPPED


@dataclass(frozen=True, slots=True)
class Reading:
    """What stands in one file."""

    reason: ReasonCode | None = None
    """Why there are no signatures to judge."""
    signatures: tuple[FoundSignature | FoundFault, ...] = ()
    attached: AttachedData = AttachedData()

    def __post_init__(self) -> None:
        """Refuse (ValueError) a file with neither signatures nor a reason why not, or both."""
        if (self.reason is None) is not bool(self.signatures):
            raise ValueError("a file has signatures or a reason why not")
        if self.reason is not None and self.reason not in _FILE_REASONS:
            raise ValueError("no reason of a file")

    def to_json(self) -> bytes:
        """Give the reading as JSON."""
        return json.dumps(asdict(self), default=datetime.isoformat).encode()
