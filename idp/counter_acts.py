"""What was done at a counter: who, for whom, after seeing which document, when. It only grows.

The realm writes no event when a credential is put into it; this is the record there is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Select, insert, select

from idp.database import Transactions
from idp.documents import DocumentType
from idp.tables import counter_acts

OPERATOR = "operator"
"""Who is named in a clerk's place where the operator acted, on the machine itself."""


class CounterAct(StrEnum):
    """One thing done."""

    STARTED = "started"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"
    """Too many wrong codes, or a passkey that was none."""
    BINDING = "binding"
    """The factor was proven and is being put into the realm; one of the next three follows."""
    CODE_BOUND = "code_bound"
    PASSKEY_BOUND = "passkey_bound"
    FAILED = "failed"
    """The realm did not answer, or refused: the factor may or may not be there."""
    OLD_REMOVED = "old_removed"
    LEVEL_RAISED = "level_raised"
    ACCOUNT_MADE = "account_made"
    REOPENED = "reopened"
    """After "this was not me": with a new password."""
    MANDATE_GRANTED = "mandate_granted"
    """To a relative; each of both persons has his row, and the detail is the mandate's id."""
    DOCUMENT_ADDED = "document_added"
    """One more of the person's; it is the one that was seen."""
    DOCUMENT_REPLACED = "document_replaced"
    """By the one that was seen."""
    PASSWORD_RENEWED = "password_renewed"  # noqa: S105  # a word, no password


@dataclass(frozen=True, slots=True)
class CounterCase:
    """What a clerk is at: the person in front of him and the document he saw."""

    id: str
    clerk: str
    """The clerk's account, or `OPERATOR`."""
    authority: str
    account: str
    document_type: DocumentType
    original_seen: bool


@dataclass(frozen=True, slots=True)
class CounterRecord:
    """One act as it was recorded."""

    number: int
    at: datetime
    act: CounterAct
    case: CounterCase
    detail: str
    """A kind of credential or a level; nothing secret, nobody's name."""


def record(
    connection: Connection, case: CounterCase, act: CounterAct, *, at: datetime, detail: str = ""
) -> None:
    """Record an act within a transaction."""
    row = {
        "at": at,
        "act": act.value,
        "clerk": case.clerk,
        "authority": case.authority,
        "account": case.account,
        "enrolment": case.id,
        "document_type": case.document_type.value,
        "original_seen": case.original_seen,
        "detail": detail,
    }
    connection.execute(insert(counter_acts), row)


class CounterRecords:
    """Reads what was recorded."""

    def __init__(self, transactions: Transactions) -> None:
        """Read through `transactions`."""
        self._transactions = transactions

    def of_case(self, case_id: str, *, clerk: str) -> tuple[CounterRecord, ...]:
        """Return what a clerk did in one case, the first act first."""
        query = (
            select(counter_acts)
            .where(counter_acts.c.enrolment == case_id, counter_acts.c.clerk == clerk)
            .order_by(counter_acts.c.id)
        )
        return self._read(query)

    def of_authorities(
        self, authorities: Iterable[str], *, before: int | None = None, most: int
    ) -> tuple[CounterRecord, ...]:
        """Return the newest `most` acts at these authorities' counters, older than `before`."""
        query = (
            select(counter_acts)
            .where(counter_acts.c.authority.in_(list(authorities)))
            .order_by(counter_acts.c.id.desc())
            .limit(most)
        )
        if before is not None:
            query = query.where(counter_acts.c.id < before)
        return self._read(query)

    def _read(self, query: Select[Any]) -> tuple[CounterRecord, ...]:
        with self._transactions.reading() as connection:
            return tuple(
                CounterRecord(
                    number=row.id,
                    at=row.at,
                    act=CounterAct(row.act),
                    case=CounterCase(
                        id=row.enrolment,
                        clerk=row.clerk,
                        authority=row.authority,
                        account=row.account,
                        document_type=DocumentType(row.document_type),
                        original_seen=row.original_seen,
                    ),
                    detail=row.detail,
                )
                for row in connection.execute(query)
            )
