"""What is kept of a verification: its id, the file's SM3, the verdict, the moment; for 90 days.

Whoever holds a printed report can ask whether we gave that verdict on that file.
"""

import re
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Table, Text, delete, insert, select

from certs.database import Transactions
from certs.tables import METADATA, Moment

KEPT_FOR = timedelta(days=90)  # longer than the 60 days to object to an administrative decision
ID_OCTETS = 10  # 80 random bits: cannot be guessed, can be read out over the telephone
_ID = re.compile(r"v[0-9a-f]{20}")

verifications = Table(
    "verifications",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("file_sm3", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("reason_code", Text, nullable=False),
    Column("checked_at", Moment, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True)
class RecordedVerification:
    """One verification that was made here."""

    id: str
    file_sm3: str
    policy: str
    verdict: str
    reason_code: str
    checked_at: datetime


def new_verification_id() -> str:
    """Return an id nobody can guess."""
    return "v" + secrets.token_hex(ID_OCTETS)


class VerificationLog:
    """The verifications of the last 90 days, in the register's database."""

    def __init__(self, transactions: Transactions) -> None:
        """Keep the records where `transactions` lead."""
        self._transactions = transactions

    def record(self, verification: RecordedVerification) -> None:
        """Add one record and drop those past their time; raise `RegisterUnavailableError`."""
        past = verifications.c.checked_at < verification.checked_at - KEPT_FOR
        with self._transactions() as connection:
            connection.execute(insert(verifications).values(asdict(verification)))
            connection.execute(delete(verifications).where(past))

    def find(self, unverified_id: str, *, at: datetime) -> RecordedVerification | None:
        """Return the record with this id, unless there is none or its time is over."""
        if not _ID.fullmatch(unverified_id):
            return None
        wanted = (verifications.c.id == unverified_id) & (
            verifications.c.checked_at >= at - KEPT_FOR
        )
        with self._transactions.reading() as connection:
            row = connection.execute(select(verifications).where(wanted)).one_or_none()
        return None if row is None else RecordedVerification(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name
