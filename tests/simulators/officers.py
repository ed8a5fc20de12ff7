"""An identity database of one's own, and officers in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from certs.database import Transactions, open_engine
from hsm.databases import upgrade
from idp.appointments import Appointments, OfficerRecord
from idp.documents import IdentityDocument, citizen_check_character
from idp.officers import Officers, Post, PostHeld
from idp.personal_data import PersonalData
from signing.envelope import DataKey, IndexKey

BUREAU = "11999901MB10000106"
OTHER_BUREAU = "11999901MB10000293"
PLACE = "999901000000"
APPOINTED = datetime(2026, 11, 2, 1, tzinfo=UTC)


def document(sequence: int = 1) -> IdentityDocument:
    """Return the resident ID of somebody who cannot be: an area that no office has."""
    body = f"11999919000101{sequence:03}"
    return IdentityDocument.parse("111", body + citizen_check_character(body))


def held(
    post: Post,
    authority: str = BUREAU,
    *,
    since: date = date(2026, 1, 1),
    until: date | None = None,
    stand_in_for: str | None = None,
) -> PostHeld:
    """Return a post in the district's own department."""
    return PostHeld(authority, PLACE, post, since, until, stand_in_for)


@dataclass(frozen=True, slots=True)
class Staff:
    """An identity database with those who read and appoint officers."""

    transactions: Transactions
    personal_data: PersonalData
    officers: Officers
    appointments: Appointments

    def appoint(
        self, account: str, *posts: PostHeld, sequence: int = 1, at: datetime = APPOINTED
    ) -> None:
        """Enter an invented officer with these posts."""
        record = OfficerRecord(account, f"user-{account}", "示例员", document(sequence))
        self.appointments.appoint(record, posts, at=at)


def open_staff(transactions: Transactions, personal_data: PersonalData) -> Staff:
    """Return the staff kept in an open identity database."""
    return Staff(
        transactions=transactions,
        personal_data=personal_data,
        officers=Officers(transactions, personal_data),
        appointments=Appointments(transactions, personal_data),
    )


@contextmanager
def new_staff(address: str) -> Iterator[Staff]:
    """Open an empty identity database at an SQLAlchemy `address`."""
    engine = open_engine(address)
    upgrade(engine, "identity")
    transactions = Transactions(engine)
    keys = PersonalData(DataKey.generate("data"), IndexKey.generate("index"))
    yield open_staff(transactions, keys)
    transactions.close()


def sqlite_address(folder: Path) -> str:
    """Return the address of a database in `folder`."""
    return f"sqlite:///{folder / 'identity.db'}"
