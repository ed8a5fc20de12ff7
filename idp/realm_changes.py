"""What the identity server still has to be told: kept with the cause, told as soon as it answers.

Who joins or leaves a company, whose sign-in must end, whose identity level changed: each is written
in the transaction that brings it about, and told afterwards. While the identity server is away it
waits here; telling something twice does no harm.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Connection, Row, delete, insert, select, update

from idp.database import Transactions
from idp.errors import (
    AlreadyInRealmError,
    NotInRealmError,
    ProviderUnavailableError,
    RealmRefusedError,
)
from idp.tables import legal_persons, realm_changes

LONGEST_WAIT = timedelta(minutes=1)
"""Between two tries: whoever was recalled should not wait longer once the server is back."""
AT_ONCE = 100
"""Changes told in one go: each takes some ten milliseconds."""
SESSION_LASTS_AT_MOST = timedelta(hours=24)
"""No sign-in lives longer: ending it needs not be tried any more."""


class RealmChange(StrEnum):
    """What there is to tell."""

    JOIN = "join"
    """The account becomes a member of the company."""
    LEAVE = "leave"
    END_SESSION = "end_session"
    LEVEL = "level"
    """The account's identity level."""
    DISABLE = "disable"
    """The person has died: his account opens nothing any more."""


_OPPOSITE = {
    RealmChange.JOIN: (RealmChange.LEAVE, RealmChange.JOIN),
    RealmChange.LEAVE: (RealmChange.JOIN, RealmChange.LEAVE),
    RealmChange.END_SESSION: (RealmChange.END_SESSION,),
}


class Company(Protocol):
    """An organisation in the identity server."""

    @property
    def id(self) -> str:
        """What it goes by there."""
        ...


class Realm(Protocol):
    """What is needed of the identity server's administration (`idp.realm.admin.RealmAdmin`)."""

    def put_organization(self, alias: str, name: str, uscc: str) -> str:
        """Make or change the organisation and return its id."""
        ...

    def find_organization(self, uscc: str) -> Company | None:
        """Return the organisation with this code, if there is one."""
        ...

    def add_member(self, organization_id: str, account: str) -> None:
        """Make the account a member."""
        ...

    def remove_member(self, organization_id: str, account: str) -> None:
        """Take the membership away."""
        ...

    def end_session(self, session_id: str) -> None:
        """End one sign-in everywhere."""
        ...

    def set_enabled(self, account: str, *, enabled: bool) -> None:
        """Let the account sign in, or not."""
        ...

    def sign_out(self, account: str) -> None:
        """End all sign-ins of the account."""
        ...

    def change_user(self, account: str, **attributes: str) -> None:
        """Change attributes of the account."""
        ...


def alias_of(uscc: str) -> str:
    """Return the alias that a company's organisation has in the identity server."""
    return uscc.lower()


def want(
    connection: Connection, change: RealmChange, *, account: str, target: str, at: datetime
) -> None:
    """Keep a change to be told; what it makes pointless is dropped."""
    of_account = (realm_changes.c.account == account, realm_changes.c.kind.in_(_pointless(change)))
    dropped = delete(realm_changes).where(*of_account)
    if change is not RealmChange.LEVEL:
        dropped = dropped.where(realm_changes.c.target == target)
    connection.execute(dropped)
    row = {"account": account, "target": target, "wanted_at": at, "tries": 0, "next_try_at": at}
    connection.execute(insert(realm_changes).values(kind=change.value, **row))


def _pointless(change: RealmChange) -> list[str]:
    return [kind.value for kind in _OPPOSITE.get(change, (change,))]


@dataclass(frozen=True, slots=True)
class RealmChanges:
    """Tells the identity server what it still has to be told."""

    transactions: Transactions

    def waiting(self) -> int:
        """Return how many changes wait."""
        with self.transactions.reading() as connection:
            return len(connection.execute(select(realm_changes.c.id)).all())

    def catch_up(self, realm: Realm, *, at: datetime) -> int:
        """Tell what is due and return how many changes were told.

        An identity server that is away raises nothing: the rest waits.
        """
        due = select(realm_changes).where(realm_changes.c.next_try_at <= at)
        with self.transactions.reading() as connection:
            rows = connection.execute(due.order_by(realm_changes.c.id).limit(AT_ONCE)).all()
        told = 0
        for row in rows:
            try:
                self._tell(realm, row, at)
            except (ProviderUnavailableError, RealmRefusedError) as error:
                self._put_off(row, at)
                if isinstance(error, ProviderUnavailableError):
                    break
            except (NotInRealmError, AlreadyInRealmError):
                self._forget(row)  # the account is gone, or somebody else has told it
            else:
                self._forget(row)
                told += 1
        return told

    def _tell(self, realm: Realm, row: Row[Any], at: datetime) -> None:
        acts: dict[str, Callable[[], object]] = {
            RealmChange.JOIN: lambda: realm.add_member(self._company(realm, row), row.account),
            RealmChange.LEAVE: lambda: _leave(realm, row.target, row.account),
            RealmChange.LEVEL: lambda: realm.change_user(row.account, identityLevel=row.target),
            RealmChange.DISABLE: lambda: _disable(realm, row.account),
        }
        if row.kind in acts:
            acts[row.kind]()
        elif at - row.wanted_at <= SESSION_LASTS_AT_MOST:
            realm.end_session(row.target)

    def _company(self, realm: Realm, row: Row[Any]) -> str:
        name = select(legal_persons.c.name).where(legal_persons.c.uscc == row.target)
        with self.transactions.reading() as connection:
            company = connection.scalar(name)
        return realm.put_organization(alias_of(row.target), company or row.target, row.target)

    def _put_off(self, row: Row[Any], at: datetime) -> None:
        wait = min(timedelta(seconds=2 ** min(row.tries, 10)), LONGEST_WAIT)
        later = update(realm_changes).where(realm_changes.c.id == row.id)
        with self.transactions() as connection:
            connection.execute(later.values(tries=row.tries + 1, next_try_at=at + wait))

    def _forget(self, row: Row[Any]) -> None:
        with self.transactions() as connection:
            connection.execute(delete(realm_changes).where(realm_changes.c.id == row.id))


def _leave(realm: Realm, uscc: str, account: str) -> None:
    company = realm.find_organization(uscc)
    if company is not None:
        realm.remove_member(company.id, account)


def _disable(realm: Realm, account: str) -> None:
    realm.set_enabled(account, enabled=False)
    realm.sign_out(account)
