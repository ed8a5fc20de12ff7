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
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Self

from sqlalchemy import Connection, Engine, Row, and_, event, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from hsm.databases import reading, sqlite_engine, upgrade
from hsm.errors import LedgerBrokenError, LedgerUnavailableError, SubjectInUseError, UnknownUseError
from hsm.events import EVENTS, ROWS_AT_ONCE, LedgerHead, append, find_head, verify_chain
from hsm.keys import KeyPurpose, KeyRef

RESUME_WINDOW = timedelta(minutes=10)
"""How long after its opening a use may be finished: approval and seal were good at that time."""

_OPAQUE_ID = re.compile(r"[\x21-\x7e]{1,200}")  # room for a UUID or a number, not for a name
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


class Ledger:
    """The ledger in the file at `path`. Threads and processes may share it."""

    def __init__(self, path: Path) -> None:
        """Open the ledger that is there.

        Raise `LedgerUnavailableError` if there is none: to begin an empty one because the old one
        is gone would allow everything once more.
        """
        self._path = path
        self._file = self._identify_file()
        self._engine = sqlite_engine(path)
        event.listen(self._engine, "connect", _show_damaged_text)
        self._writer = Lock()  # threads queue here instead of polling SQLite's lock
        self.head()

    @classmethod
    def create(cls, path: Path) -> Self:
        """Open the ledger at `path`, made when there is none, migrated when it is an older one."""
        try:
            engine = sqlite_engine(path)
            upgrade(engine, "ledger")
            engine.dispose()
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise LedgerUnavailableError(type(error).__name__) from error
        return cls(path)

    def close(self) -> None:
        """Give back the file."""
        self._engine.dispose()

    def open(
        self, openings: Sequence[Opening], *, resumed: Collection[int] = (), at: datetime
    ) -> None:
        """Write down that keys are about to work; all of it is on the disk on return.

        `resumed` are the numbers of the uses that the caller found open and is about to finish;
        each must be open since at most `RESUME_WINDOW` for the same key, purpose, digest and
        draft. Raise `SubjectInUseError` for any other use that is open or completed, or for a
        subject named twice, and then write nothing.
        """
        subjects = [opening.subject for opening in openings]
        if len(set(subjects)) < len(subjects):
            raise SubjectInUseError("twice in one list")
        with self._transaction() as connection:
            held = _latest_uses(connection, subjects)
            unfinished = {use.number for use in held.values() if use.state is UseState.OPEN}
            if unfinished != set(resumed):
                raise SubjectInUseError("another one came between")
            events = []
            for opening in openings:
                use = held.get(opening.subject)
                if use is None or use.state is UseState.ABANDONED:
                    events.append(_opened(opening, at))
                else:
                    _verify_resumable(use, opening, at)
                    events.append(_about(use, "resumed", at))
            append(connection, events)

    def complete(self, subjects: Sequence[UseSubject], *, at: datetime) -> None:
        """Write down that what was signed is kept; completed uses stay as they are.

        Raise `UnknownUseError` if one has no open use, and then write nothing.
        """
        with self._transaction() as connection:
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
        with self._transaction() as connection:
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
        with self._snapshot() as connection:
            return _latest_uses(connection, subjects)

    def uses(self, kind: SubjectKind, state: UseState) -> Iterator[KeyUse]:
        """Yield all uses for subjects of this kind that are in this state, in order of opening."""
        closing = None if state is UseState.OPEN else state.value
        query = _USES.where(_OPENING.c.subject_kind == kind, _CLOSING.c.event.is_(closing))
        with self._snapshot() as connection:
            for row in connection.execute(query.execution_options(yield_per=ROWS_AT_ONCE)):
                yield _read_use(row)

    def completed(self, kind: SubjectKind) -> Iterator[KeyUse]:
        """Yield the completed uses for subjects of this kind, in order of opening."""
        return self.uses(kind, UseState.COMPLETED)

    def head(self) -> LedgerHead:
        """Return the last row; of an empty ledger the row before the first."""
        with self._snapshot() as connection:
            return find_head(connection)

    def verify_chain(self) -> None:
        """Raise `LedgerBrokenError`, naming the first bad row, unless every row is as written."""
        with self._snapshot() as connection:
            verify_chain(connection)

    def _identify_file(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except OSError as error:
            raise LedgerUnavailableError(type(error).__name__) from error
        return status.st_dev, status.st_ino

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._writer, self._begin(self._engine) as connection:
            yield connection

    @contextmanager
    def _snapshot(self) -> Iterator[Connection]:
        with self._begin(reading(self._engine)) as connection:
            yield connection

    @contextmanager
    def _begin(self, engine: Engine) -> Iterator[Connection]:
        """Commit on leaving. Whatever SQLite says against it is a `LedgerUnavailableError`."""
        # An open connection goes on writing to a file that was removed or replaced meanwhile.
        if self._identify_file() != self._file:
            raise LedgerUnavailableError("another file has taken the ledger's place")
        try:
            with engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise LedgerUnavailableError(type(error).__name__) from error


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
                approval=ApprovalRecord(row.approval_kind, row.officer, row.approval_sm3),
            ),
            opened_at=datetime.fromisoformat(row.at),
            state=UseState(row.closing) if row.closing else UseState.OPEN,
            closed_at=datetime.fromisoformat(row.closed_at) if row.closed_at else None,
            reason=row.why,
        )
    except (TypeError, ValueError):
        raise LedgerBrokenError(row.number) from None


def _verify_resumable(use: KeyUse, opening: Opening, at: datetime) -> None:
    """Raise `SubjectInUseError` unless `opening` means the open use and comes in time."""
    same = (opening.key, opening.purpose, opening.digest, opening.draft_sm3) == (
        use.opening.key,
        use.opening.purpose,
        use.opening.digest,
        use.opening.draft_sm3,
    )
    in_time = timedelta() <= at - use.opened_at <= RESUME_WINDOW
    if use.state is not UseState.OPEN or not same or not in_time:
        raise SubjectInUseError(opening.subject.kind)


def _opened(opening: Opening, at: datetime) -> dict[str, object]:
    return {
        "event": "opened",
        "at": _write_time(at),
        "subject_kind": opening.subject.kind.value,
        "subject_id": opening.subject.id,
        "key": opening.key.id,
        "purpose": opening.purpose.value,
        "digest": opening.digest,
        "officer": opening.approval.officer,
        "approval_kind": opening.approval.kind,
        "approval_sm3": opening.approval.evidence_sm3,
        "draft_sm3": opening.draft_sm3,
    }


def _about(use: KeyUse, event: str, at: datetime) -> dict[str, object]:
    return {
        "event": event,
        "at": _write_time(at),
        "subject_kind": use.opening.subject.kind.value,
        "subject_id": use.opening.subject.id,
        "opening": use.number,
    }


def _write_time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _show_damaged_text(dbapi_connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Let text that is no UTF-8 through, so that `verify_chain` can name its row."""
    dbapi_connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
