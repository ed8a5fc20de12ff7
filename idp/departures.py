"""Leaving one service or all: what was open, what was asked, and whether the provider knows.

Leaving all is a promise: it is written down before anybody is told, and the provider is told until
it has understood, even if it is away at that moment. What the portals make of it stands with
`idp.logout_relay`.
"""

import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Row, delete, insert, select, update

from idp.database import Transactions
from idp.errors import CrossSiteError, NotInRealmError, ProviderUnavailableError, RealmRefusedError
from idp.sessions import OpenSession, new_secret
from idp.tables import departures
from signing.canonical import sm3

SHOWN_FOR = timedelta(minutes=10)
"""The page with the results, to the browser that left: longer than any portal is tried."""
PROVIDER_SESSION_LASTS = timedelta(hours=24)
"""No sign-in lives longer: ending it needs not be tried any more."""
LONGEST_SECRET = 100


class Scope(StrEnum):
    """What somebody leaves."""

    THIS = "this"
    """This service; he stays signed in elsewhere."""
    ALL = "all"


class ProviderSession(Protocol):
    """A session at the provider (`idp.realm.admin.SsoSession`)."""

    @property
    def id(self) -> str:
        """Its `sid`."""
        ...

    @property
    def clients(self) -> Iterable[str]:
        """The ids of the clients that take part in it."""
        ...


class Realm(Protocol):
    """What is needed of the provider's administration (`idp.realm.admin.RealmAdmin`)."""

    def sessions(self, account: str) -> Sequence[ProviderSession]:
        """Return the sessions of an account."""
        ...

    def end_session(self, session_id: str) -> None:
        """End one session everywhere: every client of it is told."""
        ...


@dataclass(frozen=True, slots=True)
class Departure:
    """Somebody who has left, or is leaving."""

    account: str
    session_id: str
    """Of the provider."""
    scope: Scope
    services: tuple[str, ...] | None
    """The clients that were open then; None: they could not be learnt."""
    begun_at: datetime
    is_done: bool
    """The provider knows, or needs not know."""


def open_services(realm: Realm, session: OpenSession) -> tuple[str, ...] | None:
    """Return the ids of the clients open in this sign-in.

    None when the provider does not say at present.
    """
    try:
        held = realm.sessions(session.account)
    except NotInRealmError:
        return ()
    except (ProviderUnavailableError, RealmRefusedError):
        return None
    return tuple(sorted({c for one in held if one.id == session.session_id for c in one.clients}))


@dataclass(frozen=True, slots=True)
class Departures:
    """The departures of the last hours."""

    transactions: Transactions

    def begin(
        self, session: OpenSession, scope: Scope, services: Sequence[str] | None, *, at: datetime
    ) -> str:
        """Write down a departure; return the secret by which its browser gets back to it."""
        secret = new_secret()
        row = {
            "state_sm3": _sm3(secret),
            "account": session.account,
            "session_id": session.session_id or "",
            "services": None if services is None else json.dumps(list(services)),
            "scope": scope.value,
            "begun_at": at,
            "done_at": None if scope is Scope.ALL and session.session_id else at,
        }
        with self.transactions() as connection:
            past = departures.c.begun_at <= at - PROVIDER_SESSION_LASTS
            connection.execute(delete(departures).where(past))
            connection.execute(insert(departures).values(row))
        return secret

    def find(self, unverified_secret: str | None, *, at: datetime) -> Departure | None:
        """Return the departure of a browser, unless there is none or it is long past."""
        if unverified_secret is None or len(unverified_secret) > LONGEST_SECRET:
            return None
        which = departures.c.state_sm3 == _sm3(unverified_secret)
        recent = departures.c.begun_at > at - SHOWN_FOR
        with self.transactions.reading() as connection:
            row = connection.execute(select(departures).where(which, recent)).one_or_none()
        return None if row is None else _departure(row)

    def extend(self, secret: str) -> None:
        """Leave the rest as well, where only this service was left."""
        which = departures.c.state_sm3 == _sm3(secret)
        further = which & (departures.c.scope == Scope.THIS) & (departures.c.session_id != "")
        with self.transactions() as connection:
            connection.execute(
                update(departures).where(further).values(scope=Scope.ALL.value, done_at=None)
            )

    def tell(self, realm: Realm, *, at: datetime) -> int:
        """Tell the provider who has left; return how many it was told of.

        A provider that is away raises nothing: the rest waits for the next call.
        """
        waiting = select(departures).where(
            departures.c.done_at.is_(None), departures.c.begun_at > at - PROVIDER_SESSION_LASTS
        )
        with self.transactions.reading() as connection:
            # The latest first: somebody looks on.
            rows = connection.execute(waiting.order_by(departures.c.begun_at.desc())).all()
        told = 0
        for row in rows:
            try:
                realm.end_session(row.session_id)
            except ProviderUnavailableError:
                break
            except RealmRefusedError:
                continue  # it is tried again; the others do not wait for it
            except NotInRealmError:
                pass  # it has ended already
            self._note_done(row.state_sm3, at=at)
            told += 1
        return told

    def confirm(self, secret: str, *, at: datetime) -> None:
        """Note that the provider knows: it sent the browser back."""
        self._note_done(_sm3(secret), at=at)

    def _note_done(self, state_sm3: bytes, *, at: datetime) -> None:
        which = departures.c.state_sm3 == state_sm3
        with self.transactions() as connection:
            connection.execute(update(departures).where(which).values(done_at=at))


def form_secret(secret: str) -> str:
    """Return what the form "leave the rest as well" carries: its page has no session any more."""
    return sm3(b"leave the rest\0" + secret.encode()).hex()


def verify_form(unverified_form_secret: str, secret: str) -> None:
    """Raise `CrossSiteError` unless the page of this departure made the form."""
    expected = form_secret(secret).encode()
    if not hmac.compare_digest(unverified_form_secret.encode("utf-8", "replace"), expected):
        raise CrossSiteError


def _departure(row: Row[Any]) -> Departure:
    return Departure(
        account=row.account,
        session_id=row.session_id,
        scope=Scope(row.scope),
        services=None if row.services is None else tuple(json.loads(row.services)),
        begun_at=row.begun_at,
        is_done=row.done_at is not None,
    )


def _sm3(secret: str) -> bytes:
    return sm3(secret.encode("utf-8", "surrogatepass"))
