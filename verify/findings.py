"""What checks 1 to 6 found in a file: all that leaves the process that read it.

A process that a hostile file took over could write anything here. So `Findings.from_json` accepts
nothing but these types, and `verify.verifier` proves the essential again by itself.
"""

from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from signing.pdf.placement import ByteRange, SignatureForm
from verify.report import Check, ReasonCode
from verify.sealed_data import SealedData


class MalformedFindingsError(Exception):
    """The octets are no findings."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed, by his certificate, and when, by his word."""

    signing_cert_sm3: str
    name: str
    uscc: str | None
    signed_at: AwareDatetime


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when something was valid."""

    start: AwareDatetime
    end: AwareDatetime


@dataclass(frozen=True, slots=True)
class SignatureFinding:
    """One signature; `form`, `byte_range` and `signer` are None where it could not be read."""

    checks: tuple[Check, ...]
    form: SignatureForm | None = None
    byte_range: ByteRange | None = None
    signer: Signer | None = None
    path_period: Period | None = None
    """When all certificates of the signer's path are valid; None without a path to an anchor."""
    seal_end: AwareDatetime | None = None
    """Until when the seal may be used; None where there is none."""
    sealed_data: SealedData | None = None
    diagnostic: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found in one file."""

    file_reasons: tuple[ReasonCode, ...] = ()
    signatures: tuple[SignatureFinding, ...] = ()

    @classmethod
    def from_json(cls, unverified_json: bytes) -> Self:
        """Read what `to_json` wrote; raises `MalformedFindingsError` for anything else."""
        try:
            findings = _ADAPTER.validate_json(unverified_json)
        except ValidationError as error:
            raise MalformedFindingsError from error
        if not findings.file_reasons and not findings.signatures:
            raise MalformedFindingsError("nothing was found")
        return cls(findings.file_reasons, findings.signatures)

    def to_json(self) -> bytes:
        """Give the findings as JSON."""
        return _ADAPTER.dump_json(self)


_ADAPTER = TypeAdapter(Findings)
