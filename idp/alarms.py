"""“This was not me”: whoever says so is out everywhere, and his account is shut.

Of a required action and disabling, disabling is chosen: any action of the provider can be carried
out by whoever knows the password, and that is just who is to be kept out. The account is opened
again at a counter, where the person shows his document. So the alarm of a thief who holds somebody
else's session shuts the account too: that costs the owner a walk, and the thief all he had.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Row, and_, delete, insert, select, update

from idp.database import Transactions
from idp.errors import NotInRealmError, ProviderUnavailableError, RealmRefusedError
from idp.logout import EndsSessions
from idp.tables import account_alarms as alarms

KEPT_FOR = timedelta(days=180)
"""After it was cleared, as long as the sign-in it is about."""


class Realm(Protocol):
    """What is needed of the provider's administration (`idp.realm.admin.RealmAdmin`)."""

    def set_enabled(self, account: str, *, enabled: bool) -> object:
        """Let an account sign in, or not."""
        ...

    def sign_out(self, account: str) -> object:
        """End every session of an account: every client of them is told."""
        ...


@dataclass(frozen=True, slots=True)
class Alarm:
    """One report, open until a clerk clears it."""

    id: str
    account: str
    raised_at: datetime
    sign_in: str | None
    """The entry of the history that he did not know; None: none in particular."""
    is_enforced: bool
    """The provider has shut the account."""
    cleared_at: datetime | None
    cleared_by: str | None
    """The clerk's account."""


@dataclass(frozen=True, slots=True)
class Alarms:
    """The alarms of all accounts."""

    transactions: Transactions
    sessions: EndsSessions

    def report(self, account: str, sign_in: str | None, *, at: datetime) -> None:
        """Write down the alarm and end every session of ours; the provider is told by `enforce`.

        Said again while an alarm is open: nothing more is written.
        """
        row = {"id": secrets.token_hex(12), "account": account, "raised_at": at}
        with self.transactions() as connection:
            if connection.scalar(select(alarms.c.id).where(_is_open(account))) is None:
                connection.execute(insert(alarms).values(row | {"sign_in": sign_in}))
        self.sessions.end_by_account(account)

    def enforce(self, realm: Realm, *, at: datetime) -> int:
        """Shut the accounts of new alarms at the provider; return how many it was told of.

        A provider that is away raises nothing: the rest waits for the next call.
        """
        waiting = select(alarms).where(
            alarms.c.enforced_at.is_(None), alarms.c.cleared_at.is_(None)
        )
        with self.transactions.reading() as connection:
            rows = connection.execute(waiting.order_by(alarms.c.raised_at.desc())).all()
        told = 0
        for row in rows:
            try:
                # Shut first: who signs in between the two would stay.
                realm.set_enabled(row.account, enabled=False)
                realm.sign_out(row.account)
            except ProviderUnavailableError:
                break
            except RealmRefusedError:
                continue
            except NotInRealmError:
                pass  # the account is gone
            self.sessions.end_by_account(row.account)
            noted = update(alarms).where(alarms.c.id == row.id).values(enforced_at=at)
            with self.transactions() as connection:
                connection.execute(noted)
            told += 1
        return told

    def open_alarm(self, account: str) -> Alarm | None:
        """Return the alarm that keeps this account shut, unless there is none."""
        with self.transactions.reading() as connection:
            row = connection.execute(select(alarms).where(_is_open(account))).one_or_none()
        return None if row is None else _alarm(row)

    def all_open(self) -> tuple[Alarm, ...]:
        """Return all that wait for their person at the counter, the oldest first."""
        found = select(alarms).where(alarms.c.cleared_at.is_(None)).order_by(alarms.c.raised_at)
        with self.transactions.reading() as connection:
            return tuple(_alarm(row) for row in connection.execute(found))

    def clear(self, account: str, realm: Realm, *, clerk: str, at: datetime) -> None:
        """Open the account again: a clerk has seen the person and his document.

        Give the account a new password first. Raise `ProviderUnavailableError`: then it stays shut.
        """
        realm.set_enabled(account, enabled=True)
        noted = {"cleared_at": at, "cleared_by": clerk}
        with self.transactions() as connection:
            connection.execute(update(alarms).where(_is_open(account)).values(noted))

    def prune(self, *, at: datetime) -> int:
        """Drop what was cleared long ago; return how many that were."""
        with self.transactions() as connection:
            past = delete(alarms).where(alarms.c.cleared_at < at - KEPT_FOR)
            return connection.execute(past).rowcount


def _is_open(account: str) -> ColumnElement[bool]:
    return and_(alarms.c.account == account, alarms.c.cleared_at.is_(None))


def _alarm(row: Row[Any]) -> Alarm:
    return Alarm(
        id=row.id,
        account=row.account,
        raised_at=row.raised_at,
        sign_in=row.sign_in,
        is_enforced=row.enforced_at is not None,
        cleared_at=row.cleared_at,
        cleared_by=row.cleared_by,
    )
