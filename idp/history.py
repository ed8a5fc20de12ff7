"""The sign-ins of each person, for himself: when, to which portal, by which means, what it learnt.

The provider tells of every sign-in, some seconds later and without its level; we know our own at
once and exactly. Both meet in one entry. What a page asks silently while somebody is signed in
(companies, a refresh) is no sign-in: of a provider's session each portal has one entry, and one
more for each time that something was proved anew.
"""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, select, update

from idp.database import Transactions
from idp.levels import AuthenticationLevel
from idp.sessions import OpenSession
from idp.tables import sign_ins

KEPT_FOR = timedelta(days=180)
"""Half a year: whoever looks twice a year sees all, and no profile grows older."""
CODE_LIVES = timedelta(seconds=60)
"""From the provider's event to our own record: the code is redeemed in between."""
CLOCKS_DIFFER = timedelta(seconds=5)
FRESH = timedelta(minutes=2)
"""Whoever proved himself longer ago than it takes to come back to us did so somewhere else."""
PAGE = 50


class Means(StrEnum):
    """By what somebody showed who he is."""

    PASSWORD = "password"  # noqa: S105  # a word, no password
    ONE_TIME_CODE = "one_time_code"
    PASSKEY = "passkey"
    OTHER = "other"
    """By something that has been taken off the account since."""
    EXISTING_SESSION = "existing_session"
    """He had signed in before, to another portal."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """One entry."""

    id: str
    account: str
    at: datetime
    client_id: str
    session_id: str
    means: Means
    level: AuthenticationLevel | None
    """None where only the portal itself learnt it."""
    claims: tuple[str, ...]
    """The names of what was passed on, as the portal's grant was then."""


@dataclass(frozen=True, slots=True)
class LoginEvent:
    """What the provider tells of a sign-in."""

    id: str
    at: datetime
    account: str
    client_id: str
    session_id: str
    proof: Means | None
    """What was used besides a password, if anything was."""


@dataclass(frozen=True, slots=True)
class History:
    """The entries of all."""

    transactions: Transactions
    claims_of: Callable[[str], Sequence[str]]
    """What a client is granted now, by the names in its YAML; nothing for one nobody knows."""

    def note_own(self, session: OpenSession, *, at: datetime) -> None:
        """Keep a sign-in that opened or raised this session of ours just now."""
        # Providers other than Keycloak may have no `sid`: then each of our sessions is its own.
        session_id = session.session_id or session.id
        means = _means_of(session.level, is_fresh=at - session.authenticated_at <= FRESH)
        of_session = _of_session(session_id, session.client_id, session.account)
        near = sign_ins.c.at.between(at - CODE_LIVES - CLOCKS_DIFFER, at + CLOCKS_DIFFER)
        partner = select(sign_ins.c.id).where(of_session, sign_ins.c.ours.is_(False), near)
        latest = partner.order_by(sign_ins.c.at.desc()).limit(1)
        proved = session.level > AuthenticationLevel.PASSWORD
        with self.transactions() as connection:
            told = connection.scalar(latest)
            if told is not None:
                values = {"level": session.level, "ours": True}
                connection.execute(update(sign_ins).where(sign_ins.c.id == told).values(values))
            elif proved or not _is_there(connection, of_session):
                row = self._row(session.account, session.client_id, session_id, means, at)
                row |= {"level": session.level, "ours": True}
                connection.execute(insert(sign_ins).values(row))

    def note_event(self, event: LoginEvent) -> None:
        """Keep a sign-in that the provider tells of; told again, nothing changes."""
        of_session = _of_session(event.session_id, event.client_id, event.account)
        near = sign_ins.c.at.between(
            event.at - CLOCKS_DIFFER, event.at + CODE_LIVES + CLOCKS_DIFFER
        )
        partner = select(sign_ins).where(of_session, sign_ins.c.event_id.is_(None), near)
        earliest = partner.order_by(sign_ins.c.at).limit(1)
        with self.transactions() as connection:
            if _is_there(connection, sign_ins.c.event_id == event.id):
                return
            own = connection.execute(earliest).one_or_none()
            earlier = and_(sign_ins.c.session_id == event.session_id, sign_ins.c.at < event.at)
            if own is not None:
                earlier = and_(earlier, sign_ins.c.id != own.id)
            known = Means.EXISTING_SESSION if _is_there(connection, earlier) else None
            if own is not None:
                means = event.proof or known or Means(own.means)
                values = {"event_id": event.id, "means": means.value}
                connection.execute(update(sign_ins).where(sign_ins.c.id == own.id).values(values))
            elif event.proof is not None or not _is_there(connection, of_session):
                means = event.proof or known or Means.PASSWORD
                row = self._row(event.account, event.client_id, event.session_id, means, event.at)
                row |= {"level": None, "ours": False, "event_id": event.id}
                connection.execute(insert(sign_ins).values(row))

    def of_account(
        self, account: str, *, at: datetime, page: int | None = None
    ) -> tuple[SignIn, ...]:
        """Return the account's entries, the newest first; with `page` (from 0) a part of them."""
        found = select(sign_ins).where(_current(account, at))
        found = found.order_by(sign_ins.c.at.desc(), sign_ins.c.id)
        if page is not None:
            # One more than is shown: it tells that there is a next page.
            found = found.limit(PAGE + 1).offset(page * PAGE)
        with self.transactions.reading() as connection:
            return tuple(_sign_in(row) for row in connection.execute(found))

    def find(self, account: str, unverified_id: str, *, at: datetime) -> SignIn | None:
        """Return an entry of this account, unless there is none with this id."""
        found = select(sign_ins).where(_current(account, at), sign_ins.c.id == unverified_id)
        with self.transactions.reading() as connection:
            row = connection.execute(found).one_or_none()
        return None if row is None else _sign_in(row)

    def prune(self, *, at: datetime) -> int:
        """Drop what is past its time; return how many entries that were."""
        with self.transactions() as connection:
            past = delete(sign_ins).where(sign_ins.c.at < at - KEPT_FOR)
            return connection.execute(past).rowcount

    def _row(
        self, account: str, client_id: str, session_id: str, means: Means, at: datetime
    ) -> dict[str, object]:
        return {
            "id": secrets.token_hex(12),
            "account": account,
            "at": at,
            "client_id": client_id,
            "session_id": session_id,
            "means": means.value,
            "claims": json.dumps(list(self.claims_of(client_id))),
        }


def _means_of(level: AuthenticationLevel, *, is_fresh: bool) -> Means:
    if not is_fresh:
        return Means.EXISTING_SESSION
    return {
        AuthenticationLevel.PASSWORD: Means.PASSWORD,
        AuthenticationLevel.ONE_TIME_CODE: Means.ONE_TIME_CODE,
        AuthenticationLevel.PASSKEY: Means.PASSKEY,
    }[level]


def _of_session(session_id: str, client_id: str, account: str) -> ColumnElement[bool]:
    return and_(
        sign_ins.c.session_id == session_id,
        sign_ins.c.client_id == client_id,
        sign_ins.c.account == account,
    )


def _current(account: str, at: datetime) -> ColumnElement[bool]:
    return and_(sign_ins.c.account == account, sign_ins.c.at >= at - KEPT_FOR)


def _is_there(connection: Connection, which: ColumnElement[bool]) -> bool:
    return connection.scalar(select(sign_ins.c.id).where(which).limit(1)) is not None


def _sign_in(row: Row[Any]) -> SignIn:
    return SignIn(
        id=row.id,
        account=row.account,
        at=row.at,
        client_id=row.client_id,
        session_id=row.session_id,
        means=Means(row.means),
        level=None if row.level is None else AuthenticationLevel(row.level),
        claims=tuple(json.loads(row.claims)),
    )
