"""Uses of keys: for what, under whose approval, how far they have come."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hsm.keys import KeyPurpose, KeyRef

_OPAQUE_ID = re.compile(r"[\x21-\x7e]{1,200}")  # room for a UUID or a number, not for a name


class SubjectKind(StrEnum):
    """What a key is used for."""

    CERTIFICATE = "certificate"
    """One version of an e-certificate."""

    COPY = "copy"
    SEAL = "seal"
    X509 = "x509"
    STATUS = "status"
    RECEIPT_HEAD = "receipt_head"
    MANDATE = "mandate"
    DOCUMENT = "document"


class UseState(StrEnum):
    """How far a use of a key has come."""

    OPEN = "open"
    COMPLETED = "completed"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class UseSubject:
    """The one thing that a key may be used for once: printable ASCII, at most 200 characters."""

    kind: SubjectKind
    id: str

    def __post_init__(self) -> None:
        """Raise `ValueError` for an id that could be a name or a text."""
        if not _OPAQUE_ID.fullmatch(self.id):
            raise ValueError("not the id of a subject")


@dataclass(frozen=True, slots=True)
class ApprovalRecord:
    """An approval that a policy verified, as the ledger keeps it."""

    kind: str
    officer: str

    evidence_sm3: str
    """SM3 of the evidence, in hex."""

    number: int | None = None
    """The row of the ledger that keeps it, where one does."""

    def __post_init__(self) -> None:
        """Raise `ValueError` where the officer is not the id of an account."""
        if not _OPAQUE_ID.fullmatch(self.officer):
            raise ValueError("not the account of an officer")


@dataclass(frozen=True, slots=True)
class Opening:
    """What is written down before a key works."""

    subject: UseSubject
    key: KeyRef
    purpose: KeyPurpose

    digest: str
    """SM3 of what is signed (the prepared file, the seal's or certificate's content), in hex."""

    draft_sm3: str | None
    """What the officer approved, where there was a draft."""

    approval: ApprovalRecord
    draft_id: str | None = None
    authority: str | None = None
    """The unified social credit code of the authority whose key it is, where it seals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is asked of the ledger before a key works."""

    subject: UseSubject
    key: KeyRef
    purpose: KeyPurpose
    digest: str
    officer: str
    draft_sm3: str | None = None
    draft_id: str | None = None
    authority: str | None = None
    type_code: str | None = None

    approve: Callable[[], ApprovalRecord]
    """Asked unless the use is open already; raises `ApprovalRejectedError`."""


@dataclass(frozen=True, slots=True)
class KeyUse:
    """One use of a key, from its opening on."""

    number: int
    """The row of its opening."""

    opening: Opening
    opened_at: datetime
    state: UseState
    closed_at: datetime | None
    reason: str | None
