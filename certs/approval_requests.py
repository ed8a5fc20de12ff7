"""Requests of sealing officers to approve drafts, from the question to each draft's result.

    open ──approve──► approved ──every draft has its result──► done
      └── nothing for ten minutes: it has expired

A request names its drafts with the digests the officer saw, and the nonce his fresh sign-in has to
bear (decision 9). Asking locks nothing: two officers may ask for one draft, and who signs in first
gets it. Approving is one transaction: the request is approved once, and every draft that is still
what was seen becomes its own (`sealing`); whatever happens next, what was approved can be finished
by `ApprovedSealing` from what is kept here.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from certs.database import Transactions
from certs.draft_entries import CertificateDraft, DraftChangedError, DraftState, DraftStateError
from certs.drafts import Drafts
from certs.errors import CertsError, Fault, InvalidOrderError
from certs.row_cipher import RowCipher
from certs.tables import approval_request_drafts, approval_requests, drafts
from hsm.permits import DraftRef, nonce_of

LONGEST_WAIT = timedelta(minutes=10)
"""A request nobody signed in for is forgotten: what was seen is no longer before the eyes."""
MOST_DRAFTS = 200
"""In one request: some ten seconds of sealing, which one page waits for.

Never more than custody takes on one list (`hsm.permits.MOST_DRAFTS`).
"""
SEALED = "sealed"
"""The result of a draft that became a certificate; the others are codes of errors."""


class RequestState(StrEnum):
    """How far a request has come."""

    OPEN = "open"
    APPROVED = "approved"
    DONE = "done"
    EXPIRED = "expired"


class UnknownApprovalRequestError(CertsError):
    """There is no such request, or it is another officer's."""

    code = "unknown_approval_request"


class ApprovalExpiredError(CertsError):
    """Nobody signed in for the request in time."""

    code = "approval_expired"


class ApprovalUsedError(CertsError):
    """The request was completed before."""

    code = "approval_used"


class ApprovalMismatchError(CertsError):
    """The sign-in is another officer's, was not made for this request, or was not fresh."""

    code = "approval_mismatch"


class OwnDraftError(CertsError):
    """Who wrote a draft may not seal it."""

    code = "own_draft"


@dataclass(frozen=True, slots=True)
class SeenDraft:
    """A draft as an officer saw it."""

    draft_id: str
    draft_sm3: str


@dataclass(frozen=True, slots=True, repr=False)
class FreshSignIn:
    """What a sign-in said of itself, after its token was verified."""

    officer: str
    """The account."""
    nonce: str | None
    authenticated_at: datetime
    id_token: str
    """The evidence."""


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A request as it stands."""

    id: str
    officer: str
    nonce: str
    requested_at: datetime
    state: RequestState
    approved_at: datetime | None
    drafts: tuple[SeenDraft, ...]
    """By their ids."""
    results: Mapping[str, str | None]
    """By draft: "sealed" or the code of an error; None while under way."""

    @property
    def expires_at(self) -> datetime:
        """Until when he may sign in for it."""
        return self.requested_at + LONGEST_WAIT


@dataclass(frozen=True, slots=True, repr=False)
class ApprovedRequest:
    """A request with what proves its approval, for those who finish it."""

    request: ApprovalRequest
    id_token: str
    drafts: tuple[CertificateDraft, ...]
    """All that the officer's word covers, by their ids."""

    @property
    def pending(self) -> tuple[CertificateDraft, ...]:
        """Those that have no result yet: they are the request's own."""
        results = self.request.results
        return tuple(draft for draft in self.drafts if results[draft.id] is None)


class ApprovalRequests:
    """Keeps requests. Threads and processes may work on them at the same time.

    Every method may raise `RegisterUnavailableError` and `DamagedRegisterError`.
    """

    def __init__(self, transactions: Transactions, cipher: RowCipher, kept: Drafts) -> None:
        """Read and write by `transactions`, encrypt by `cipher`; the drafts are `kept`."""
        self._transactions = transactions
        self._cipher = cipher
        self._drafts = kept

    def open(self, seen: Sequence[SeenDraft], *, officer: str, at: datetime) -> ApprovalRequest:
        """Ask for the approval of drafts.

        Raise `InvalidOrderError` (pointer "/drafts") for none, too many, one twice, or those of two
        authorities, for the officer speaks for one at a time; `UnknownDraftError`;
        `DraftStateError` unless all are submitted; `DraftChangedError` if one is not what was
        seen; `OwnDraftError` if the officer wrote one.
        """
        if not 1 <= len(seen) <= MOST_DRAFTS or len({s.draft_id for s in seen}) < len(seen):
            fault = Fault("/drafts", "number_of_drafts", f"1 to {MOST_DRAFTS}, none twice")
            raise InvalidOrderError([fault])
        asked = [self._drafts.get(one.draft_id) for one in seen]
        for draft, one in zip(asked, seen, strict=True):
            _verify_approvable(draft, one, officer)
        if len({draft.authority for draft in asked}) > 1:
            raise InvalidOrderError([Fault("/drafts", "another_authority")])
        refs = [DraftRef(d.id, s.draft_sm3, d.drafter) for d, s in zip(asked, seen, strict=True)]
        request_id = uuid4().hex
        with self._transactions() as connection:
            connection.execute(
                insert(approval_requests).values(
                    id=request_id,
                    officer=officer,
                    nonce=nonce_of(refs),
                    requested_at=at,
                    state=RequestState.OPEN,
                )
            )
            connection.execute(
                insert(approval_request_drafts),
                [
                    {"request_id": request_id, "draft_id": s.draft_id, "draft_sm3": s.draft_sm3}
                    for s in seen
                ],
            )
            return _load(connection, request_id, at)

    def get(self, request_id: str, *, at: datetime) -> ApprovalRequest:
        """Return the request as it stands; raise `UnknownApprovalRequestError`."""
        with self._transactions.reading() as connection:
            return _load(connection, request_id, at)

    def approve(self, request_id: str, sign_in: FreshSignIn, *, at: datetime) -> ApprovalRequest:
        """Take the fresh sign-in for the officer's word, and the drafts for what is to be sealed.

        Drafts that are no longer what he saw, or that another request has, get their result at
        once. Raise `UnknownApprovalRequestError`, `ApprovalMismatchError` if the sign-in is not his
        word for this, `ApprovalExpiredError`, and `ApprovalUsedError` the second time.
        """
        with self._transactions() as connection:
            request = _load(connection, request_id, at)
            _verify_sign_in(request, sign_in)
            if request.state is RequestState.EXPIRED:
                raise ApprovalExpiredError
            if request.state is not RequestState.OPEN:
                raise ApprovalUsedError
            evidence = sign_in.id_token.encode()
            connection.execute(
                update(approval_requests)
                .where(approval_requests.c.id == request_id)
                .values(
                    state=RequestState.APPROVED,
                    approved_at=at,
                    evidence=self._cipher.encrypt(
                        evidence, approval_requests.c.evidence, request_id
                    ),
                )
            )
            for seen in request.drafts:
                if code := _claim(connection, request, seen, at):
                    _record(connection, request_id, seen.draft_id, code)
            _close(connection, request_id)
            return _load(connection, request_id, at)

    def approved(self, request_id: str, *, at: datetime) -> ApprovedRequest | None:
        """Return what is left of an approved request; None if nothing is."""
        with self._transactions.reading() as connection:
            request = _load(connection, request_id, at)
            if request.state is not RequestState.APPROVED:
                return None
            column = approval_requests.c.evidence
            query = select(column).where(approval_requests.c.id == request_id)
            evidence = connection.execute(query).scalar_one()
        named = self._drafts.get_all(request.results)
        return ApprovedRequest(
            request=request,
            id_token=self._cipher.decrypt(evidence, column, request_id).decode(),
            drafts=tuple(named[draft_id] for draft_id in sorted(named)),
        )

    def unfinished(self) -> list[str]:
        """Return the ids of approved requests that are not done."""
        query = select(approval_requests.c.id).where(
            approval_requests.c.state == RequestState.APPROVED
        )
        with self._transactions.reading() as connection:
            return list(connection.execute(query.order_by(approval_requests.c.id)).scalars())

    def settle(
        self,
        request_id: str,
        *,
        sealed: Iterable[str] = (),
        refused: Mapping[str, str] | None = None,
        given_back: Mapping[str, str] | None = None,
        at: datetime,
    ) -> None:
        """Write down results: drafts sealed; refused for good, or given back, with their codes.

        What has a result keeps it. With the last one the evidence is forgotten: the ledger has it.
        """
        results: dict[str, tuple[str, dict[str, object]]] = {}
        for draft_id in sealed:
            emptied: dict[str, object] = {"body": None, "portrait": None}
            results[draft_id] = (SEALED, emptied | {"state": DraftState.SEALED})
        for draft_id, code in (refused or {}).items():
            results[draft_id] = (code, {"state": DraftState.REFUSED, "refusal": code})
        for draft_id, code in (given_back or {}).items():
            results[draft_id] = (code, {"state": DraftState.SUBMITTED, "decided_by": None})
        with self._transactions() as connection:
            for draft_id, (code, values) in results.items():
                _end(connection, request_id, draft_id, values | {"changed_at": at})
                _record(connection, request_id, draft_id, code)
            _close(connection, request_id)


def _verify_approvable(draft: CertificateDraft, seen: SeenDraft, officer: str) -> None:
    if draft.drafter == officer:
        raise OwnDraftError
    if draft.state is not DraftState.SUBMITTED:
        raise DraftStateError(draft.state)
    if draft.draft_sm3 != seen.draft_sm3:
        raise DraftChangedError


def _verify_sign_in(request: ApprovalRequest, sign_in: FreshSignIn) -> None:
    if sign_in.officer != request.officer:
        raise ApprovalMismatchError("officer")
    if not hmac.compare_digest((sign_in.nonce or "").encode(), request.nonce.encode()):
        raise ApprovalMismatchError("nonce")
    # Tokens state whole seconds.
    if sign_in.authenticated_at < request.requested_at.replace(microsecond=0):
        raise ApprovalMismatchError("authentication time")


def _claim(
    connection: Connection, request: ApprovalRequest, seen: SeenDraft, at: datetime
) -> str | None:
    """Make a draft this request's own; return the code of what speaks against it."""
    statement = (
        update(drafts)
        .where(
            drafts.c.id == seen.draft_id,
            drafts.c.state == DraftState.SUBMITTED,
            drafts.c.draft_sm3 == seen.draft_sm3,
            drafts.c.drafter != request.officer,
        )
        .values(
            state=DraftState.SEALING,
            request_id=request.id,
            decided_by=request.officer,
            changed_at=at,
        )
    )
    if connection.execute(statement).rowcount == 1:
        return None
    columns = (drafts.c.state, drafts.c.draft_sm3)
    row = connection.execute(select(*columns).where(drafts.c.id == seen.draft_id)).one_or_none()
    unchanged = row is not None and row.draft_sm3 == seen.draft_sm3
    return DraftStateError.code if unchanged else DraftChangedError.code


def _end(
    connection: Connection, request_id: str, draft_id: str, values: Mapping[str, object]
) -> None:
    connection.execute(
        update(drafts)
        .where(
            drafts.c.id == draft_id,
            drafts.c.state == DraftState.SEALING,
            drafts.c.request_id == request_id,
        )
        .values(values)
    )


def _record(connection: Connection, request_id: str, draft_id: str, code: str) -> None:
    columns = approval_request_drafts.c
    connection.execute(
        update(approval_request_drafts)
        .where(
            columns.request_id == request_id,
            columns.draft_id == draft_id,
            columns.result.is_(None),
        )
        .values(result=code)
    )


def _close(connection: Connection, request_id: str) -> None:
    """End a request whose drafts all have their results."""
    columns = approval_request_drafts.c
    pending = select(columns.draft_id).where(
        columns.request_id == request_id, columns.result.is_(None)
    )
    if connection.execute(pending.limit(1)).first() is None:
        connection.execute(
            update(approval_requests)
            .where(
                approval_requests.c.id == request_id,
                approval_requests.c.state == RequestState.APPROVED,
            )
            .values(state=RequestState.DONE, evidence=None)
        )


def _load(connection: Connection, request_id: str, at: datetime) -> ApprovalRequest:
    query = select(approval_requests).where(approval_requests.c.id == request_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise UnknownApprovalRequestError
    of_drafts = connection.execute(
        select(approval_request_drafts)
        .where(approval_request_drafts.c.request_id == request_id)
        .order_by(approval_request_drafts.c.draft_id)
    ).all()
    state = RequestState(row.state)
    if state is RequestState.OPEN and at - row.requested_at > LONGEST_WAIT:
        state = RequestState.EXPIRED
    return ApprovalRequest(
        id=row.id,
        officer=row.officer,
        nonce=row.nonce,
        requested_at=row.requested_at,
        state=state,
        approved_at=row.approved_at,
        drafts=tuple(SeenDraft(d.draft_id, d.draft_sm3) for d in of_drafts),
        results={d.draft_id: d.result for d in of_drafts},
    )
