"""Appointing officers and ending their posts: nothing here is ever forgotten, only ended."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex

from sqlalchemy import Connection, insert, select, update

from idp.database import Transactions
from idp.documents import IdentityDocument
from idp.officers import PostHeld, read_post
from idp.personal_data import PersonalData
from idp.separation import verify_separated
from idp.tables import officers, posts_held


@dataclass(frozen=True, slots=True)
class OfficerRecord:
    """What is kept about an officer besides his posts."""

    account: str
    username: str = field(repr=False)
    name: str = field(repr=False)
    document: IdentityDocument = field(repr=False)


class Appointments:
    """Enters officers and changes their posts."""

    def __init__(self, transactions: Transactions, personal_data: PersonalData) -> None:
        """Write through `transactions`; `personal_data` encrypts names."""
        self._transactions = transactions
        self._personal_data = personal_data

    def appoint(self, officer: OfficerRecord, posts: Iterable[PostHeld], *, at: datetime) -> None:
        """Enter the `officer`, or change him, with exactly these `posts` from `at` on.

        Posts he holds and is not given here end at `at`. Raise `PostsMustNotMeetError` if one
        person may not hold all of them.
        """
        with self._transactions() as connection:
            self.enter(connection, officer, opened_at=at)
            self.set_posts(connection, officer.account, posts, at=at)

    def leave(self, account: str, *, at: datetime) -> None:
        """End all posts of the officer, who leaves."""
        with self._transactions() as connection:
            self.end(connection, account, at=at)

    def end(self, connection: Connection, account: str, *, at: datetime) -> None:
        """Let the officer leave, within a transaction."""
        self.set_posts(connection, account, (), at=at)
        connection.execute(update(officers).where(officers.c.account == account).values(left_at=at))

    def enter(
        self,
        connection: Connection,
        officer: OfficerRecord,
        *,
        opened_at: datetime | None,
        account_made_here: bool = False,
    ) -> None:
        """Enter the `officer`, or change what is kept about him, within a transaction.

        What is told about his account holds for an officer who is new: None as `opened_at` means
        that it waits for its first password.
        """
        values = {
            "document_index": self._personal_data.index_document(officer.document),
            "name": self._encrypt(officer.name, "name", officer.account),
            "username": self._encrypt(officer.username, "username", officer.account),
            "left_at": None,
        }
        known = select(officers.c.account).where(officers.c.account == officer.account)
        if connection.execute(known).first() is None:
            new = {"account_made_here": account_made_here, "opened_at": opened_at}
            connection.execute(insert(officers), {"account": officer.account} | values | new)
        else:
            connection.execute(
                update(officers).where(officers.c.account == officer.account).values(values)
            )

    def set_posts(
        self, connection: Connection, account: str, posts: Iterable[PostHeld], *, at: datetime
    ) -> None:
        """Make `posts` the only ones of the account from `at` on, within a transaction."""
        wanted = set(posts)
        verify_separated(wanted)
        open_posts = select(posts_held).where(
            posts_held.c.account == account, posts_held.c.ended_at.is_(None)
        )
        for row in connection.execute(open_posts).all():
            held = read_post(row)
            if held in wanted:
                wanted.remove(held)
            else:
                connection.execute(
                    update(posts_held).where(posts_held.c.id == row.id).values(ended_at=at)
                )
        for held in sorted(wanted, key=lambda post: (post.since, post.post, post.authority)):
            connection.execute(insert(posts_held), _row(account, held))

    def _encrypt(self, text: str, column: str, account: str) -> bytes:
        return self._personal_data.encrypt(text, officers.c[column], account)


def _row(account: str, held: PostHeld) -> dict[str, object]:
    return {
        "id": token_hex(8),
        "account": account,
        "authority": held.authority,
        "department": held.department,
        "post": held.post.value,
        "since": held.since,
        "until": held.until,
        "stand_in_for": held.stand_in_for,
    }
