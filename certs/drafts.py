"""Drafts: what one officer writes and another one seals.

    drafting ──submit──► submitted ──claim──► sealing ──► sealed
        ▲                 │     ▲                │ └────► refused, for a reason no other try changes
        └──save── returned ◄────┘ └──────────────┘ given back: it may be approved anew

A draft is kept as it was typed, faults and all: nothing typed is lost. On submission its digest is
fixed (`draft_sm3`, decision 9) together with the day it is dated from; afterwards nothing changes
it but its return. Once it is sealed its content is in the register and no longer here.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, insert, select, update

from certs.authorities import Authorities
from certs.catalogue import Catalogue, CertificateType
from certs.content import draft_sm3
from certs.database import Transactions
from certs.draft_entries import (
    ANY_TEXT,
    EDITABLE,
    SELECT_DRAFTS,
    CertificateDraft,
    DraftChangedError,
    DraftState,
    DraftStateError,
    Typed,
    UnknownDraftError,
    decode_draft,
    encode_typed,
)
from certs.drawing import Drawing, missing_characters
from certs.errors import Fault, InvalidOrderError
from certs.orders import IssuanceOrder, parse_order
from certs.row_cipher import RowCipher
from certs.tables import approval_request_drafts, drafts
from certs.unverified import clean

LONGEST_REASON = 500
"""Characters; a reason is a sentence or three."""


class Drafts:
    """Keeps drafts. Threads and processes may work on them at the same time.

    Every method may raise `RegisterUnavailableError` and `DamagedRegisterError`.
    """

    def __init__(
        self,
        transactions: Transactions,
        cipher: RowCipher,
        *,
        catalogue: Catalogue,
        authorities: Authorities,
        drawing: Drawing,
    ) -> None:
        """Understand drafts by `catalogue` and `authorities`; draw them by `drawing`."""
        self._transactions = transactions
        self._cipher = cipher
        self._catalogue = catalogue
        self._authorities = authorities
        self._drawing = drawing

    def create(  # noqa: PLR0913 - all that a draft begins with
        self,
        draft_id: str,
        *,
        certificate_type: CertificateType,
        authority_uscc: str,
        drafter: str,
        typed: Typed,
        at: datetime,
    ) -> CertificateDraft:
        """Begin a draft under an id of the caller's; again by the same drafter: the same draft.

        Raise `UnknownAuthorityError` and `NotEntitledError` if nobody may issue it, and
        `UnknownDraftError` if the id is somebody else's.
        """
        self._authorities.find(authority_uscc).require_entitled(certificate_type)
        row = {
            "id": draft_id,
            "authority": authority_uscc,
            "type_code": certificate_type.code,
            "type_version": certificate_type.version,
            "drafter": drafter,
            "state": DraftState.DRAFTING,
            "revision": 1,
            "created_at": at,
            "changed_at": at,
            **encode_typed(draft_id, typed, self._cipher),
        }
        with self._transactions() as connection:
            held = connection.execute(select(drafts.c.drafter).where(drafts.c.id == draft_id))
            owner = held.scalar_one_or_none()
            if owner is None:
                connection.execute(insert(drafts), row)
            elif owner != drafter:
                raise UnknownDraftError
            return self._load(connection, draft_id)

    def get(self, draft_id: str) -> CertificateDraft:
        """Return the draft; raise `UnknownDraftError`."""
        with self._transactions.reading() as connection:
            return self._load(connection, draft_id)

    def get_all(self, ids: Iterable[str]) -> dict[str, CertificateDraft]:
        """Return those of the drafts that there are, by id."""
        return {draft.id: draft for draft in self._find(drafts.c.id.in_(list(ids)))}

    def of_drafter(
        self, drafter: str, *, states: Iterable[DraftState], limit: int
    ) -> list[CertificateDraft]:
        """Return what a drafter wrote, last changed first."""
        return self._find(
            (drafts.c.drafter == drafter) & drafts.c.state.in_(list(states)), limit=limit
        )

    def waiting(self, authorities: Iterable[str], *, limit: int) -> list[CertificateDraft]:
        """Return what lies submitted with these authorities, who waits longest first."""
        there = drafts.c.authority.in_(list(authorities))
        submitted = drafts.c.state == DraftState.SUBMITTED
        return self._find(there & submitted, drafts.c.submitted_at, limit=limit)

    def portrait(self, draft: CertificateDraft) -> str | None:
        """Return the portrait as it came: base64, unverified."""
        query = select(drafts.c.portrait).where(drafts.c.id == draft.id)
        with self._transactions.reading() as connection:
            kept = connection.execute(query).scalar_one_or_none()
        if kept is None:
            return None
        return self._cipher.decrypt(kept, drafts.c.portrait, draft.id).decode(**ANY_TEXT)

    def type_of(self, draft: CertificateDraft) -> CertificateType:
        """Return the type in the version the draft was begun in; raise `UnknownTypeError`."""
        return self._catalogue.find(draft.type_code, draft.type_version)

    def order_of(self, draft: CertificateDraft, *, at: datetime) -> IssuanceOrder:
        """Return the order that the draft makes: dated as of its submission, before that as of now.

        Raise `InvalidOrderError` with every fault, characters that the fonts lack included, and
        `UnknownAuthorityError`, `NotEntitledError`, `UnknownTypeError` if nobody can issue it.
        """
        submitted = None if draft.state in EDITABLE else draft.submitted_at
        unverified_order = dict(draft.typed)
        if draft.has_portrait:
            unverified_order["portrait"] = self.portrait(draft)
        order = parse_order(
            unverified_order,
            certificate_type=self.type_of(draft),
            authorities=self._authorities,
            authority_uscc=draft.authority,
            at=submitted or at,
        )
        if faults := missing_characters(order):
            raise InvalidOrderError(faults)
        return order

    def draw(self, order: IssuanceOrder, *, sample: bool, form: Literal["pdf", "svg"]) -> bytes:
        """Return the page marked 草稿; raise `DrawingError` if a text does not fit."""
        return self._drawing.draw_draft(order, sample=sample, form=form)

    def save(
        self, draft_id: str, typed: Typed, *, drafter: str, revision: int, at: datetime
    ) -> CertificateDraft:
        """Keep what was typed and return the draft as it now stands.

        Raise `UnknownDraftError` for the draft of another, `DraftStateError` once it is submitted
        and `DraftChangedError` if it has another revision by now.
        """
        with self._transactions() as connection:
            held = self._own(connection, draft_id, drafter)
            _verify_revision(held, revision)
            changes = encode_typed(draft_id, typed, self._cipher)
            if typed.portrait is None:
                del changes["portrait"]
            self._change(connection, draft_id, changes | {"changed_at": at}, revision + 1)
            return self._load(connection, draft_id)

    def remove_portrait(
        self, draft_id: str, *, drafter: str, revision: int, at: datetime
    ) -> CertificateDraft:
        """Forget the portrait; raise as `save` does."""
        with self._transactions() as connection:
            held = self._own(connection, draft_id, drafter)
            _verify_revision(held, revision)
            changes = {"portrait": None, "changed_at": at}
            self._change(connection, draft_id, changes, revision + 1)
            return self._load(connection, draft_id)

    def submit(
        self, draft_id: str, *, drafter: str, revision: int, sample: bool, at: datetime
    ) -> CertificateDraft:
        """Fix the draft and its digest, and hand it on; submitted already, it is left as it is.

        Raise what `save` and `order_of` raise, and `DrawingError` if a text does not fit.
        """
        draft = self.get(draft_id)
        if draft.drafter != drafter:
            raise UnknownDraftError
        if draft.state is DraftState.SUBMITTED and draft.revision == revision:
            return draft
        _verify_editable(draft)
        _verify_revision(draft, revision)
        order = self.order_of(draft, at=at)
        self.draw(order, sample=sample, form="svg")
        with self._transactions() as connection:
            _verify_revision(self._own(connection, draft_id, drafter), revision)
            changes = {
                "state": DraftState.SUBMITTED,
                "submitted_at": at,
                "changed_at": at,
                "draft_sm3": draft_sm3(order, draft_id),
                "reason": None,
                "decided_by": None,
            }
            self._change(connection, draft_id, changes, revision)
            return self._load(connection, draft_id)

    def return_(
        self, draft_id: str, *, officer: str, reason: str, seen_sm3: str, at: datetime
    ) -> CertificateDraft:
        """Give a submitted draft back to its drafter, who is told why.

        Raise `InvalidOrderError` (pointer "/reason") for a reason that is empty, too long or holds
        hidden characters, `DraftStateError` unless the draft is submitted, and `DraftChangedError`
        if it is not the one whose digest was seen.
        """
        words = _clean_reason(reason)
        with self._transactions() as connection:
            held = self._load(connection, draft_id)
            if held.state is not DraftState.SUBMITTED:
                raise DraftStateError(held.state)
            if held.draft_sm3 != seen_sm3:
                raise DraftChangedError
            changes = {
                "state": DraftState.RETURNED,
                "changed_at": at,
                "draft_sm3": None,
                "submitted_at": None,
                "decided_by": officer,
                "reason": self._cipher.encrypt(words.encode(), drafts.c.reason, draft_id),
            }
            self._change(connection, draft_id, changes, held.revision + 1)
            return self._load(connection, draft_id)

    def discard(self, draft_id: str, *, drafter: str) -> None:
        """Forget a draft that no request for approval ever named; raise as `save` does."""
        named = select(approval_request_drafts.c.draft_id).where(
            approval_request_drafts.c.draft_id == draft_id
        )
        with self._transactions() as connection:
            held = self._own(connection, draft_id, drafter)
            if connection.execute(named.limit(1)).first() is not None:
                raise DraftStateError(held.state)
            connection.execute(delete(drafts).where(drafts.c.id == draft_id))

    def _own(self, connection: Connection, draft_id: str, drafter: str) -> CertificateDraft:
        """Return the drafter's draft if it may be changed."""
        held = self._load(connection, draft_id)
        if held.drafter != drafter:
            raise UnknownDraftError
        _verify_editable(held)
        return held

    def _change(
        self, connection: Connection, draft_id: str, changes: Mapping[str, Any], revision: int
    ) -> None:
        values = {**changes, "revision": revision}
        connection.execute(update(drafts).where(drafts.c.id == draft_id).values(values))

    def _load(self, connection: Connection, draft_id: str) -> CertificateDraft:
        query = SELECT_DRAFTS.where(drafts.c.id == draft_id)
        row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise UnknownDraftError
        return decode_draft(row, self._cipher)

    def _find(
        self,
        condition: ColumnElement[bool],
        order: ColumnElement[Any] | None = None,
        *,
        limit: int | None = None,
    ) -> list[CertificateDraft]:
        """Return drafts in an order, last changed first if none is given."""
        first = drafts.c.changed_at.desc() if order is None else order
        query = SELECT_DRAFTS.where(condition).order_by(first, drafts.c.id)
        with self._transactions.reading() as connection:
            rows: Sequence[RowMapping] = connection.execute(query.limit(limit)).mappings().all()
        return [decode_draft(row, self._cipher) for row in rows]


def _verify_editable(draft: CertificateDraft) -> None:
    if draft.state not in EDITABLE:
        raise DraftStateError(draft.state)


def _verify_revision(draft: CertificateDraft, revision: int) -> None:
    if draft.revision != revision:
        raise DraftChangedError


def _clean_reason(unverified_reason: str) -> str:
    faults: list[Fault] = []
    words = str(clean(" ".join(unverified_reason.split()), faults, pointer="/reason"))
    if not words:
        faults.append(Fault("/reason", "required"))
    if len(words) > LONGEST_REASON:
        faults.append(Fault("/reason", "max_length", str(LONGEST_REASON)))
    if faults:
        raise InvalidOrderError(faults)
    return words
