"""The rows of the ledger and the chain that holds them together.

Each row carries the SM3 of its content, and its content includes the SM3 of the row before it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    insert,
    select,
)

from hsm.errors import LedgerBrokenError
from signing.canonical import canonical_sm3
from signing.errors import NotCanonicalError

GENESIS_SM3 = "0" * 64
"""What the first row names as the row before it."""

ROWS_AT_ONCE = 1000
"""Rows fetched together: reading a ledger of any length takes some hundred kB."""

METADATA = MetaData()

EVENTS = Table(
    "events",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("event", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("subject_kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("opening", Integer, ForeignKey("events.number")),
    Column("key", Text),
    Column("purpose", Text),
    Column("digest", Text),
    Column("officer", Text),
    Column("approval_kind", Text),
    Column("approval_sm3", Text),
    Column("draft_sm3", Text),
    Column("reason", Text),
    Column("draft_id", Text),
    Column("authority", Text),
    Column("approval", Integer, ForeignKey("events.number")),  # or authorisation: its row
    Column("content", Text),  # what an authorisation says, as canonical JSON
    Column("day", Text),  # in China, of an unattended use
    Column("of_day", Integer),  # its place among those of the day
    Column("previous_sm3", Text, nullable=False),
    Column("sm3", Text, nullable=False),
    Index("events_of_subject", "subject_id", "subject_kind"),
    Index("events_of_opening", "opening"),
    Index("events_of_draft", "draft_id"),
    Index("events_of_approval", "approval", "day", "of_day"),
)
Index(
    "events_of_permits",
    EVENTS.c.event,
    EVENTS.c.approval_sm3,
    sqlite_where=EVENTS.c.event.in_(("approved", "authorised", "recalled")),
)

APPROVED_DRAFTS = Table(
    "approved_drafts",  # the list of an approval, bound to its row by the nonce in `digest`
    METADATA,
    Column("approval", Integer, ForeignKey("events.number"), primary_key=True),
    Column("draft_id", Text, primary_key=True),
    Column("draft_sm3", Text, nullable=False),
    Column("drafter", Text, nullable=False),
    Index("approved_drafts_of_draft", "draft_id"),
)

EVIDENCE = Table(
    "evidence",  # bound to the row of its approval or authorisation by `approval_sm3`
    METADATA,
    Column("permit", Integer, ForeignKey("events.number"), primary_key=True),
    Column("encrypted", LargeBinary, nullable=False),
)

_COLUMNS = tuple(column.name for column in EVENTS.columns)


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """The last row: who knows it can tell whether rows up to it were changed or removed."""

    number: int
    sm3: str


def find_head(connection: Connection) -> LedgerHead:
    """Return the last row; of an empty ledger, the row before the first."""
    last = select(EVENTS.c.number, EVENTS.c.sm3).order_by(EVENTS.c.number.desc()).limit(1)
    row = connection.execute(last).one_or_none()
    return LedgerHead(row.number, row.sm3) if row else LedgerHead(0, GENESIS_SM3)


def append(connection: Connection, events: Iterable[Mapping[str, object]]) -> None:
    """Chain `events` to the last row, in order, within the caller's transaction."""
    head = find_head(connection)
    number, sm3 = head.number, head.sm3
    empty = dict.fromkeys(_COLUMNS)
    rows = []
    for event in events:
        number += 1
        row = {**empty, **event, "number": number, "previous_sm3": sm3}
        sm3 = _content_sm3(row)
        rows.append(row | {"sm3": sm3})
    if rows:
        connection.execute(insert(EVENTS), rows)


def verify_chain(connection: Connection) -> None:
    """Raise `LedgerBrokenError`, naming the first bad row, unless every row is as written."""
    query = select(EVENTS).order_by(EVENTS.c.number).execution_options(yield_per=ROWS_AT_ONCE)
    sm3 = GENESIS_SM3
    for number, row in enumerate(connection.execute(query).mappings(), start=1):
        if row["number"] != number or row["previous_sm3"] != sm3:
            raise LedgerBrokenError(number)
        try:
            sm3 = _content_sm3({name: row[name] for name in _COLUMNS})
        except NotCanonicalError:
            raise LedgerBrokenError(number) from None
        if row["sm3"] != sm3:
            raise LedgerBrokenError(number)


def _content_sm3(row: Mapping[str, object]) -> str:
    """Return the SM3 of all that is in the row, leaving out empty columns and the SM3 itself.

    So a column added later leaves the rows before it as they are.
    """
    return canonical_sm3({n: v for n, v in row.items() if v is not None and n != "sm3"})
