"""Every use of a signing key, written down before the key works.

The ledger is a SQLite file of its own with one table that only grows: triggers refuse every UPDATE
and DELETE, a second use of a subject and anything about a use that is closed. A use is *opened*,
perhaps *resumed* (the key works once more for the same digest), then *completed* or *abandoned*.
Each row carries the SM3 of its content, the SM3 of the row before it among it, so that a changed,
removed or inserted row shows. Who can rewrite the whole file can rewrite the chain: compare
`Ledger.head` with a copy kept elsewhere, and the ledger with the register.

The ledger holds no personal data: subjects, officers and reasons are opaque identifiers.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, Row, and_, select

from hsm.errors import (
    ApprovalRejectedError,
    LedgerBrokenError,
    SubjectInUseError,
    UnknownUseError,
)
from hsm.events import EVENTS, ROWS_AT_ONCE, LedgerHead, append, find_head, verify_chain
from hsm.keys import KeyPurpose, KeyRef
from hsm.ledger_file import LedgerFile, create_ledger_file
from hsm.permit_checks import PermitCheck, verify_permits
from hsm.permits import write_time
from hsm.uses import ApprovalRecord, Claim, KeyUse, Opening, SubjectKind, UseState, UseSubject

RESUME_WINDOW = timedelta(minutes=10)
"""How long after its opening a use may be finished: approval and seal were good at that time."""

_REASON = re.compile(r"[a-z][a-z0-9_]{0,63}")

_OPENING = EVENTS.alias("opening")
_CLOSING = EVENTS.alias("closing")
_CLOSED = ("completed", "abandoned")
_USES = (
    select(
        _OPENING,
        _CLOSING.c.event.label("closing"),
        _CLOSING.c.at.label("closed_at"),
        _CLOSING.c.reason.label("why"),
    )
    .join_from(
        _OPENING,
        _CLOSING,
        and_(_CLOSING.c.opening == _OPENING.c.number, _CLOSING.c.event.in_(_CLOSED)),
        isouter=True,
    )
    .where(_OPENING.c.event == "opened")
    .order_by(_OPENING.c.number)
)


class Ledger:
    """The ledger in the file at `path`. Threads and processes may share it."""

    def __init__(self, path: Path) -> None:
        """Open the ledger that is there.

        Raise `LedgerUnavailableError` if there is none: to begin an empty one because the old one
        is gone would allow everything once more.
        """
        self.file = LedgerFile(path)
        with self.file.snapshot() as connection:
            connection.execute(select(EVENTS).limit(1))  # an older one has to be migrated first

    @classmethod
    def create(cls, path: Path) -> Self:
        """Open the ledger at `path`, made when there is none, migrated when it is an older one."""
        create_ledger_file(path)
        return cls(path)

    def close(self) -> None:
        """Give back the file."""
        self.file.close()

    def open(
        self, claims: Sequence[Claim], *, at: datetime, accept_development: bool = False
    ) -> None:
        """Write down that keys are about to work; all of it is on the disk on return.

        A use that is open is resumed if it was opened at most `RESUME_WINDOW` ago for the same key,
        purpose, digest and draft in the same officer's name, and what it rests on was not recalled.
        Every other claim is asked for its approval; one that the ledger keeps (a list of drafts,
        an authorisation) must hold here and now, for nobody else writes meanwhile.

        Raise `SubjectInUseError` for a use that is completed or open otherwise, or for a subject
        named twice, `ApprovalRejectedError`, `DailyCapReachedError`; then nothing is written.
        """
        subjects = [claim.subject for claim in claims]
        if len(set(subjects)) < len(subjects):
            raise SubjectInUseError("twice in one list")
        with self.file.transaction() as connection:
            held = _latest_uses(connection, subjects)
            check = PermitCheck(connection, accept_development=accept_development, at=at)
            events = []
            for claim in claims:
                use = held.get(claim.subject)
                if use is None or use.state is UseState.ABANDONED:
                    events.append(_opened(claim, use, check, at))
                else:
                    _verify_resumable(use, claim, at)
                    check.verify_not_recalled(use.opening.approval)
                    events.append(_about(use, "resumed", at))
            append(connection, events)

    def complete(self, subjects: Sequence[UseSubject], *, at: datetime) -> None:
        """Write down that what was signed is kept; completed uses stay as they are.

        Raise `UnknownUseError` if one has no open use, and then write nothing.
        """
        with self.file.transaction() as connection:
            held = _latest_uses(connection, subjects)
            events = []
            for subject in dict.fromkeys(subjects):
                use = held.get(subject)
                if use is None or use.state is UseState.ABANDONED:
                    raise UnknownUseError(subject.kind)
                if use.state is UseState.OPEN:
                    events.append(_about(use, "completed", at))
            append(connection, events)

    def abandon(
        self, subject: UseSubject, *, reason: str, number: int | None = None, at: datetime
    ) -> None:
        """Write down why nothing comes of the open use; an abandoned one stays as it is.

        `reason` is a code like `digest_changed`. Who decided over the use of a certain `number`
        leaves alone what was opened after it. Raise `SubjectInUseError` if the use is completed,
        `UnknownUseError` if there is none.
        """
        if not _REASON.fullmatch(reason):
            raise ValueError("a reason is a code, not a text")
        with self.file.transaction() as connection:
            use = _latest_uses(connection, [subject]).get(subject)
            if use is None:
                raise UnknownUseError(subject.kind)
            if number is not None and use.number != number:
                return
            if use.state is UseState.COMPLETED:
                raise SubjectInUseError(subject.kind)
            if use.state is UseState.OPEN:
                append(connection, [_about(use, "abandoned", at) | {"reason": reason}])

    def find(self, subject: UseSubject) -> KeyUse | None:
        """Return the latest use of the subject."""
        return self.find_all([subject]).get(subject)

    def find_all(self, subjects: Sequence[UseSubject]) -> dict[UseSubject, KeyUse]:
        """Return the latest use of each subject that has one."""
        with self.file.snapshot() as connection:
            return _latest_uses(connection, subjects)

    def uses(self, kind: SubjectKind, state: UseState) -> Iterator[KeyUse]:
        """Yield all uses for subjects of this kind that are in this state, in order of opening."""
        closing = None if state is UseState.OPEN else state.value
        query = _USES.where(_OPENING.c.subject_kind == kind, _CLOSING.c.event.is_(closing))
        with self.file.snapshot() as connection:
            for row in connection.execute(query.execution_options(yield_per=ROWS_AT_ONCE)):
                yield _read_use(row)

    def completed(self, kind: SubjectKind) -> Iterator[KeyUse]:
        """Yield the completed uses for subjects of this kind, in order of opening."""
        return self.uses(kind, UseState.COMPLETED)

    def head(self) -> LedgerHead:
        """Return the last row; of an empty ledger the row before the first."""
        with self.file.snapshot() as connection:
            return find_head(connection)

    def verify_chain(self) -> None:
        """Raise `LedgerBrokenError`, naming the first bad row, unless every row is as written.

        Each list of approved drafts must be the one its officer signed in for, and each use that
        rests on a list or an authorisation must be one that it allowed.
        """
        with self.file.snapshot() as connection:
            verify_chain(connection)
            verify_permits(connection)


def _latest_uses(
    connection: Connection, subjects: Sequence[UseSubject]
) -> dict[UseSubject, KeyUse]:
    ids = [subject.id for subject in subjects]
    uses = map(_read_use, connection.execute(_USES.where(_OPENING.c.subject_id.in_(ids))))
    latest = {use.opening.subject: use for use in uses}  # in order of opening: the last one stays
    return {subject: latest[subject] for subject in subjects if subject in latest}


def _read_use(row: Row[*tuple[object, ...]]) -> KeyUse:
    """Return the use in a row of `_USES`; raise `LedgerBrokenError` if none was written there."""
    try:
        return KeyUse(
            number=row.number,
            opening=Opening(
                subject=UseSubject(SubjectKind(row.subject_kind), row.subject_id),
                key=KeyRef(row.key),
                purpose=KeyPurpose(row.purpose),
                digest=row.digest,
                draft_sm3=row.draft_sm3,
                approval=ApprovalRecord(
                    row.approval_kind, row.officer, row.approval_sm3, row.approval
                ),
                draft_id=row.draft_id,
                authority=row.authority,
            ),
            opened_at=datetime.fromisoformat(row.at),
            state=UseState(row.closing) if row.closing else UseState.OPEN,
            closed_at=datetime.fromisoformat(row.closed_at) if row.closed_at else None,
            reason=row.why,
        )
    except (TypeError, ValueError):
        raise LedgerBrokenError(row.number) from None


def _verify_resumable(use: KeyUse, claim: Claim, at: datetime) -> None:
    """Raise `SubjectInUseError` unless the claim means the open use and comes in time.

    Raise `ApprovalRejectedError` if it comes in another officer's name.
    """
    opening = use.opening
    same = (claim.key, claim.purpose, claim.digest, claim.draft_sm3, claim.draft_id) == (
        opening.key,
        opening.purpose,
        opening.digest,
        opening.draft_sm3,
        opening.draft_id,
    )
    in_time = timedelta() <= at - use.opened_at <= RESUME_WINDOW
    if use.state is not UseState.OPEN or not same or not in_time:
        raise SubjectInUseError(claim.subject.kind)
    _verify_officer(claim, opening.approval)


def _verify_officer(claim: Claim, approval: ApprovalRecord) -> None:
    if approval.officer != claim.officer:
        raise ApprovalRejectedError("another officer's")


def _opened(
    claim: Claim, abandoned: KeyUse | None, check: PermitCheck, at: datetime
) -> dict[str, object]:
    approval = claim.approve()
    _verify_officer(claim, approval)
    return {
        "event": "opened",
        "at": write_time(at),
        "subject_kind": claim.subject.kind.value,
        "subject_id": claim.subject.id,
        "key": claim.key.id,
        "purpose": claim.purpose.value,
        "digest": claim.digest,
        "officer": approval.officer,
        "approval_kind": approval.kind,
        "approval_sm3": approval.evidence_sm3,
        "draft_sm3": claim.draft_sm3,
        "draft_id": claim.draft_id,
        "authority": claim.authority,
        **check.allow(claim, approval, abandoned),
    }


def _about(use: KeyUse, event: str, at: datetime) -> dict[str, object]:
    return {
        "event": event,
        "at": write_time(at),
        "subject_kind": use.opening.subject.kind.value,
        "subject_id": use.opening.subject.id,
        "opening": use.number,
    }
