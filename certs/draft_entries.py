"""Drafts as they are in the program, and as they are in their table."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import RowMapping, select

from certs.errors import CertsError, Fault, InvalidOrderError
from certs.portraits import MOST_OCTETS as MOST_PORTRAIT_OCTETS
from certs.row_cipher import RowCipher
from certs.tables import drafts

LARGEST_BODY = 64 * 1024
"""Octets of a draft without its portrait; a full one takes two thousand."""
LARGEST_PORTRAIT = 2 * MOST_PORTRAIT_OCTETS
"""Octets of a portrait in base64, with room for one that is somewhat too large to be sealed."""
ANY_TEXT: dict[str, str] = {"encoding": "utf-8", "errors": "surrogatepass"}
"""JSON can hold halves of characters: they are a fault to be told, not one to fail on."""


class DraftState(StrEnum):
    """How far a draft has come."""

    DRAFTING = "drafting"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    SEALING = "sealing"
    SEALED = "sealed"
    REFUSED = "refused"


EDITABLE = frozenset((DraftState.DRAFTING, DraftState.RETURNED))


class UnknownDraftError(CertsError):
    """There is no such draft, or it is not for this officer."""

    code = "unknown_draft"


class DraftStateError(CertsError):
    """The draft has come too far for this, or not far enough."""

    code = "draft_state"


class DraftChangedError(CertsError):
    """The draft is no longer what was looked at."""

    code = "draft_changed"


@dataclass(frozen=True, slots=True, repr=False)
class CertificateDraft:
    """A draft as it is kept."""

    id: str
    """Also the id of the order and of the certificate it becomes."""
    authority: str
    """Unified social credit code of the issuing authority."""
    type_code: str
    type_version: int
    drafter: str
    """The account of the officer who writes it."""
    state: DraftState
    revision: int
    """Which of its contents this is: who changes it says from which one he started."""
    created_at: datetime
    changed_at: datetime
    submitted_at: datetime | None
    draft_sm3: str | None
    decided_by: str | None
    reason: str | None
    """Why it was returned."""
    refusal: str | None
    """The code of the error that ended it."""
    request_id: str | None
    typed: Mapping[str, object]
    """An ORDER.json without portrait, as it was typed: unverified; empty once sealed."""
    has_portrait: bool

    def __repr__(self) -> str:
        """Name it by its id: the rest does not belong in logs."""
        return f"CertificateDraft({self.id}, {self.state})"


@dataclass(frozen=True, slots=True, repr=False)
class Typed:
    """What somebody typed, of whatever worth."""

    body: Mapping[str, object]
    """Members of ORDER.json, without the portrait."""
    portrait: str | None = None
    """Base64 as it came; None leaves the one that is kept."""


SELECT_DRAFTS = select(
    *(column for column in drafts.c if column is not drafts.c.portrait),
    drafts.c.portrait.is_not(None).label("has_portrait"),
)
"""All of them without their portraits, which are large."""


def encode_typed(draft_id: str, typed: Typed, cipher: RowCipher) -> dict[str, bytes | None]:
    """Return the columns of what was typed; raise `InvalidOrderError` if it is too large."""
    encrypt = cipher.encrypt
    body = json.dumps(typed.body, ensure_ascii=False).encode(**ANY_TEXT)
    portrait = None if typed.portrait is None else typed.portrait.encode(**ANY_TEXT)
    for octets, pointer, most in (
        (body, "", LARGEST_BODY),
        (portrait, "/portrait", LARGEST_PORTRAIT),
    ):
        if octets is not None and len(octets) > most:
            raise InvalidOrderError([Fault(pointer, "too_large", f"at most {most} octets")])
    return {
        "body": encrypt(body, drafts.c.body, draft_id),
        "portrait": None if portrait is None else encrypt(portrait, drafts.c.portrait, draft_id),
    }


def decode_draft(row: RowMapping, cipher: RowCipher) -> CertificateDraft:
    """Return the draft that a row of `SELECT_DRAFTS` is; raise `DamagedRegisterError`."""
    draft_id, body, reason = row["id"], row["body"], row["reason"]
    decrypt = cipher.decrypt
    return CertificateDraft(
        id=draft_id,
        authority=row["authority"],
        type_code=row["type_code"],
        type_version=row["type_version"],
        drafter=row["drafter"],
        state=DraftState(row["state"]),
        revision=row["revision"],
        created_at=row["created_at"],
        changed_at=row["changed_at"],
        submitted_at=row["submitted_at"],
        draft_sm3=row["draft_sm3"],
        decided_by=row["decided_by"],
        reason=None if reason is None else decrypt(reason, drafts.c.reason, draft_id).decode(),
        refusal=row["refusal"],
        request_id=row["request_id"],
        typed={} if body is None else json.loads(decrypt(body, drafts.c.body, draft_id)),
        has_portrait=row["has_portrait"],
    )
