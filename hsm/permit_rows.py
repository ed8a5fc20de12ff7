"""Approvals and authorisations as rows of the ledger, each within the caller's transaction."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Row, func, insert, select

from hsm.errors import LedgerBrokenError
from hsm.events import APPROVED_DRAFTS, EVENTS, EVIDENCE, append, find_head
from hsm.permits import (
    DraftRef,
    RecordedApproval,
    SealingAuthorisation,
    UnattendedUse,
    china_day,
    nonce_of,
    write_time,
)
from signing.canonical import sm3

APPROVAL, AUTHORISATION = "approval", "authorisation"
"""Kinds of subjects that are no use of a key."""
OF_DEVELOPMENT = "operator_command"
"""How an authorisation says that nobody signed in for it."""

_RECALLED = EVENTS.alias("recalled")
_AUTHORISATIONS = (
    select(EVENTS, _RECALLED.c.number.label("recalled_by"))
    .join_from(
        EVENTS,
        _RECALLED,
        (_RECALLED.c.opening == EVENTS.c.number) & (_RECALLED.c.event == "recalled"),
        isouter=True,
    )
    .where(EVENTS.c.event == "authorised")
)


def insert_approval(
    connection: Connection,
    event: Mapping[str, object],
    drafts: Iterable[DraftRef],
    encrypted_evidence: bytes,
) -> int:
    """Write down an approval, its list and its evidence; return its row."""
    number = _append_permit(connection, {**event, "event": "approved", "subject_kind": APPROVAL})
    rows = [
        {
            "approval": number,
            "draft_id": draft.draft_id,
            "draft_sm3": draft.draft_sm3,
            "drafter": draft.drafter,
        }
        for draft in drafts
    ]
    connection.execute(insert(APPROVED_DRAFTS), rows)
    _insert_evidence(connection, number, encrypted_evidence)
    return number


def insert_authorisation(
    connection: Connection, event: Mapping[str, object], encrypted_evidence: bytes | None
) -> int:
    """Write down an authorisation and its evidence, if there is any; return its row."""
    row = {**event, "event": "authorised", "subject_kind": AUTHORISATION}
    number = _append_permit(connection, row)
    if encrypted_evidence is not None:
        _insert_evidence(connection, number, encrypted_evidence)
    return number


def insert_recall(
    connection: Connection, use: UnattendedUse, *, officer: str, reason: str, at: datetime
) -> None:
    """Write down that an authorisation counts no more."""
    append(
        connection,
        [
            {
                "event": "recalled",
                "at": write_time(at),
                "subject_kind": AUTHORISATION,
                "subject_id": use.authorisation.id,
                "opening": use.number,
                "officer": officer,
                "reason": reason,
            }
        ],
    )


def find_approval(connection: Connection, evidence_sm3: str) -> tuple[RecordedApproval, str] | None:
    """Return the approval that this evidence gave, with the nonce of its list."""
    query = select(EVENTS).where(
        EVENTS.c.event == "approved", EVENTS.c.approval_sm3 == evidence_sm3
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else (_read_approval(row), row.digest)


def approvals_of_drafts(
    connection: Connection, draft_ids: Collection[str]
) -> dict[tuple[str, str], RecordedApproval]:
    """Return the latest approval of each draft in each content, by (draft_id, draft_sm3)."""
    query = (
        select(EVENTS, APPROVED_DRAFTS.c.draft_id.label("of"), APPROVED_DRAFTS.c.draft_sm3)
        .join_from(EVENTS, APPROVED_DRAFTS, APPROVED_DRAFTS.c.approval == EVENTS.c.number)
        .where(APPROVED_DRAFTS.c.draft_id.in_(list(draft_ids)))
        .order_by(EVENTS.c.number)
    )
    rows = connection.execute(query).all()
    return {(row.of, row[-1]): _read_approval(row) for row in rows}


def find_drafts(connection: Connection, number: int) -> set[tuple[str, str]]:
    """Return the list of an approval as (draft_id, draft_sm3)."""
    table = APPROVED_DRAFTS.c
    query = select(table.draft_id, table.draft_sm3).where(table.approval == number)
    return {(row.draft_id, row.draft_sm3) for row in connection.execute(query)}


class Begun(NamedTuple):
    """What a draft was begun for, and how often."""

    subject: tuple[str, str]
    times: int


def find_begun(connection: Connection, number: int) -> dict[str, Begun]:
    """Return what was begun of the drafts on this list, by their ids."""
    columns = EVENTS.c
    query = (
        select(columns.draft_id, columns.subject_kind, columns.subject_id, func.count())
        .join_from(APPROVED_DRAFTS, EVENTS, columns.draft_id == APPROVED_DRAFTS.c.draft_id)
        .where(APPROVED_DRAFTS.c.approval == number, columns.event == "opened")
        .group_by(columns.draft_id, columns.subject_kind, columns.subject_id)
    )
    return {of: Begun((kind, name), times) for of, kind, name, times in connection.execute(query)}


def find_approval_row(connection: Connection, number: int) -> RecordedApproval | None:
    """Return the approval in this row, if it is one."""
    query = select(EVENTS).where(EVENTS.c.number == number, EVENTS.c.event == "approved")
    row = connection.execute(query).one_or_none()
    return None if row is None else _read_approval(row)


def find_authorisations(connection: Connection) -> list[UnattendedUse]:
    """Return all authorisations, in order of their rows."""
    rows = connection.execute(_AUTHORISATIONS.order_by(EVENTS.c.number))
    return [_read_authorisation(row) for row in rows]


def find_authorisations_for(
    connection: Connection, *, authority: str, type_code: str
) -> list[UnattendedUse]:
    """Return those for certificates of this type of this authority, the latest first."""
    query = _AUTHORISATIONS.where(
        EVENTS.c.authority == authority,
        func.json_extract(EVENTS.c.content, "$.type") == type_code,
    )
    rows = connection.execute(query.order_by(EVENTS.c.number.desc()))
    return [_read_authorisation(row) for row in rows]


def find_authorisation_row(connection: Connection, number: int) -> UnattendedUse | None:
    """Return the authorisation in this row, if it is one."""
    row = connection.execute(_AUTHORISATIONS.where(EVENTS.c.number == number)).one_or_none()
    return None if row is None else _read_authorisation(row)


def used_on_day(connection: Connection, number: int, at: datetime) -> int:
    """Return how often the authorisation in this row was used on that day in China."""
    query = select(func.max(EVENTS.c.of_day)).where(
        EVENTS.c.approval == number, EVENTS.c.day == china_day(at).isoformat()
    )
    return connection.execute(query).scalar_one() or 0


def find_lists(connection: Connection) -> Iterator[tuple[int, str, str]]:
    """Yield each approval's row, the nonce it was given with, and the nonce of the list kept."""
    approved = select(EVENTS.c.number, EVENTS.c.digest).where(EVENTS.c.event == "approved")
    table = APPROVED_DRAFTS.c
    for row in connection.execute(approved.order_by(EVENTS.c.number)).all():
        of_this = select(table.draft_id, table.draft_sm3, table.drafter).where(
            table.approval == row.number
        )
        try:
            drafts = [DraftRef(*draft) for draft in connection.execute(of_this)]
        except (TypeError, ValueError):
            raise LedgerBrokenError(row.number) from None
        yield row.number, row.digest, nonce_of(drafts) if drafts else ""


def find_statements(connection: Connection) -> Iterator[tuple[int, str, str]]:
    """Yield each authorisation's row, the nonce it was given with, and that of its statement."""
    query = select(EVENTS).where(EVENTS.c.event == "authorised").order_by(EVENTS.c.number)
    for row in connection.execute(query).all():
        yield row.number, row.digest, sm3(row.content.encode("utf-8", "replace")).hex()


def find_evidence(connection: Connection) -> list[Row[*tuple[object, ...]]]:
    """Return the rows of all approvals and authorisations, each with its evidence, if any."""
    query = (
        select(EVENTS, EVIDENCE.c.encrypted)
        .join_from(EVENTS, EVIDENCE, EVIDENCE.c.permit == EVENTS.c.number, isouter=True)
        .where(EVENTS.c.event.in_(("approved", "authorised")))
        .order_by(EVENTS.c.number)
    )
    return list(connection.execute(query))


def _append_permit(connection: Connection, event: Mapping[str, object]) -> int:
    append(connection, [event])
    return find_head(connection).number


def _insert_evidence(connection: Connection, number: int, encrypted: bytes) -> None:
    connection.execute(insert(EVIDENCE), [{"permit": number, "encrypted": encrypted}])


def _read_approval(row: Row[*tuple[object, ...]]) -> RecordedApproval:
    try:
        return RecordedApproval(
            number=row.number,
            officer=row.officer,
            authority=row.authority,
            evidence_sm3=row.approval_sm3,
            recorded_at=datetime.fromisoformat(row.at),
        )
    except (TypeError, ValueError):
        raise LedgerBrokenError(row.number) from None


def _read_authorisation(row: Row[*tuple[object, ...]]) -> UnattendedUse:
    try:
        return UnattendedUse(
            number=row.number,
            authorisation=SealingAuthorisation.from_statement(row.content),
            officer=row.officer,
            evidence_sm3=row.approval_sm3,
            of_development=row.approval_kind == OF_DEVELOPMENT,
            recalled=row.recalled_by is not None,
        )
    except (TypeError, ValueError):
        raise LedgerBrokenError(row.number) from None
