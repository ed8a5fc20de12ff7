"""What the verifier asks others; they answer without knowing this package."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class CertificateStatus(StrEnum):
    """What a register says about a certificate at a moment."""

    VALID = "valid"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class RegisteredStatus:
    """One entry of a register as it stood at a moment."""

    number: str
    code: str
    """Of the page behind the QR."""
    type_name: str
    authority_name: str
    authority_uscc: str
    status: CertificateStatus
    legal_kind: str | None
    """Why it is not in force, in the law's words."""
    successor: str | None
    """Number of the certificate that replaced it."""
    file_sm3: str
    """Lower-case hex SM3 of the very octets that were issued."""
    registered_at: datetime
    """When the register committed the entry: it proves that the octets existed then."""
    as_of: datetime
    """The moment for which `status` holds."""
    masked: Mapping[str, str]
    """Fields the public may see, already masked."""


class StatusSource(Protocol):
    """A register that can be asked for one certificate."""

    def keeps(self, authority_uscc: str) -> bool:
        """Tell whether the certificates of this authority must stand in this register."""
        ...

    def find(self, number: str, authority_uscc: str, *, at: datetime) -> RegisteredStatus | None:
        """Give the entry with this number of this authority as of `at`; None if there is none.

        Raises `SourceUnavailableError` when the register cannot be asked.
        """
        ...
