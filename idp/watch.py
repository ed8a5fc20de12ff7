"""Sessions end on what Keycloak announces to nobody: it is asked every few seconds instead.

Keycloak calls the portals when a session is ended, and only then. Disabling an account, setting its
password, taking a credential away or deleting the account leave its sessions as they are
(`docs/decisions/0017`). All of that stands in its event log, whoever did it and however; so the
log is read, and Keycloak itself told to sign the account out, whereupon everybody hears of it.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import and_, or_, select

from idp.database import Transactions
from idp.errors import NotInRealmError
from idp.event_streams import EventStream
from idp.history import History, LoginEvent, Means
from idp.logout import EndsSessions
from idp.officers import CHINA_TIME, Officers
from idp.realm.records import AdminEvent, Credential, SsoSession, UserEvent
from idp.sessions import OpenSession
from idp.tables import posts_held

PASSWORD_SET_WITHIN = timedelta(seconds=5)
"""Between a password's date and the event of the change that brought it: measured 6 ms."""
USER_EVENTS = (
    "LOGIN",
    "UPDATE_PASSWORD",
    "UPDATE_CREDENTIAL",
    "REMOVE_CREDENTIAL",
    "RESET_PASSWORD",
    "DELETE_ACCOUNT",
    "USER_DISABLED_BY_PERMANENT_LOCKOUT",
)

_PATH = re.compile(r"users/([0-9A-Za-z-]+)(?:/(reset-password|credentials/[^/]+))?")
_MEANS = {
    "otp": Means.ONE_TIME_CODE,
    "webauthn": Means.PASSKEY,
    "webauthn-passwordless": Means.PASSKEY,
}


class Realm(Protocol):
    """What is needed of the provider's administration (`idp.realm.admin.RealmAdmin`)."""

    def admin_events(
        self, *, since: datetime, at: datetime | None = None, resource_types: Iterable[str] = ()
    ) -> Sequence[AdminEvent]:
        """Return what was changed from `since` on."""
        ...

    def user_events(
        self, *, since: datetime, at: datetime | None = None, types: Iterable[str] = ()
    ) -> Sequence[UserEvent]:
        """Return what people did from `since` on."""
        ...

    def sessions(self, account: str) -> Sequence[SsoSession]:
        """Return the sessions of an account."""
        ...

    def credentials(self, account: str) -> Sequence[Credential]:
        """Return what an account signs in with."""
        ...

    def end_session(self, session_id: str) -> object:
        """End one session everywhere."""
        ...

    def sign_out(self, account: str) -> object:
        """End every session of an account."""
        ...


class OurSessions(EndsSessions, Protocol):
    """Our own sessions (`idp.sessions.Sessions`)."""

    def of_account(self, account: str, *, at: datetime) -> Sequence[OpenSession]:
        """Return those of an account."""
        ...

    def all(self, *, at: datetime) -> Sequence[OpenSession]:
        """Return all."""
        ...

    def end(self, session: OpenSession) -> object:
        """End one."""
        ...


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks at what happened at the provider, and ends what must end."""

    transactions: Transactions
    sessions: OurSessions
    history: History
    officers: Officers

    def follow_changes(self, realm: Realm, *, at: datetime) -> int:
        """Act on what was changed through the console or the admin interface.

        Return how many events were new. Raise `ProviderUnavailableError`; nothing is lost then.
        """
        stream: EventStream[AdminEvent] = EventStream(self.transactions, "admin")
        return stream.follow(
            lambda since: realm.admin_events(since=since, resource_types=("USER", "REALM")),
            lambda event: self._on_change(realm, event, at),
            at=at,
        )

    def follow_people(self, realm: Realm, *, at: datetime) -> int:
        """Keep sign-ins in the history, and act on what people changed themselves.

        Return how many events were new. Raise `ProviderUnavailableError`; nothing is lost then.
        """
        stream: EventStream[UserEvent] = EventStream(self.transactions, "user")
        return stream.follow(
            lambda since: realm.user_events(since=since, types=USER_EVENTS),
            lambda event: self._on_act(realm, event, at),
            at=at,
        )

    def follow_posts(self, realm: Realm, *, at: datetime) -> int:
        """Sign out whose last post ended since the last look; return how many those are.

        Raise `ProviderUnavailableError`; nobody is forgotten then.
        """
        stream: EventStream[AdminEvent] = EventStream(self.transactions, "posts")
        since = stream.begin(at)
        first, today = (moment.astimezone(CHINA_TIME).date() for moment in (since, at))
        ran_out = and_(posts_held.c.until >= first, posts_held.c.until < today)
        ended = and_(posts_held.c.ended_at >= since, posts_held.c.ended_at <= at)
        which = select(posts_held.c.account).distinct().where(or_(ran_out, ended))
        with self.transactions.reading() as connection:
            accounts = connection.scalars(which).all()
        left = [a for a in accounts if self.officers.of_account(a, at=at) is None]
        for account in left:
            self._sign_out(realm, account)
        if at > since:
            stream.move(at)
        return len(left)

    def _on_change(self, realm: Realm, event: AdminEvent, at: datetime) -> None:
        if (event.operation_type, event.resource_path) == ("ACTION", "logout-all"):
            # The provider ends all sessions and tells nobody.
            self._end_older([*self.sessions.all(at=at)], event.time)
            return
        path = _PATH.fullmatch(event.resource_path)
        if event.resource_type != "USER" or path is None:
            return
        account, part = path[1], path[2]
        if event.operation_type == "DELETE" and part is None:
            self.sessions.end_by_account(account)
        elif event.operation_type == "ACTION" and part is not None:
            self._end_before(realm, account, event.time, at)
        elif event.operation_type == "UPDATE" and part is None:
            self._on_update(realm, account, event, at)

    def _on_update(self, realm: Realm, account: str, event: AdminEvent, at: datetime) -> None:
        sent = _read_representation(event.representation)
        if sent.get("enabled") is False:
            self._sign_out(realm, account)
        elif sent.get("requiredActions"):
            # What has to come before the next sign-in comes to nothing while a session goes on.
            self._end_before(realm, account, event.time, at)
        elif _was_password_set(realm, account, event.time):
            self._end_before(realm, account, event.time, at)

    def _on_act(self, realm: Realm, event: UserEvent, at: datetime) -> None:
        if event.account is None or event.error is not None:
            return
        if event.type == "LOGIN":
            self._keep_sign_in(realm, event)
        elif event.type == "DELETE_ACCOUNT":
            self.sessions.end_by_account(event.account)
        elif event.type == "USER_DISABLED_BY_PERMANENT_LOCKOUT":
            self._sign_out(realm, event.account)
        else:
            # He changed how he signs in: what was opened in the old way elsewhere ends.
            self._end_before(realm, event.account, event.time, at, but=event.session_id)

    def _keep_sign_in(self, realm: Realm, event: UserEvent) -> None:
        if event.account is None or event.client_id is None or event.session_id is None:
            return
        proof = _proof(realm, event.account, event.details)
        self.history.note_event(
            LoginEvent(
                event.id, event.time, event.account, event.client_id, event.session_id, proof
            )
        )

    def _sign_out(self, realm: Realm, account: str) -> None:
        """End every session, wherever it is."""
        self.sessions.end_by_account(account)
        try:
            realm.sign_out(account)
        except NotInRealmError:
            return

    def _end_before(
        self, realm: Realm, account: str, moment: datetime, at: datetime, but: str | None = None
    ) -> None:
        """End what was opened before; who has signed in in the new way since stays."""
        try:
            held = realm.sessions(account)
        except NotInRealmError:
            held = ()
        for session in held:
            if session.started_at <= moment and session.id != but:
                realm.end_session(session.id)
                self.sessions.end_by_session_id(session.id)
        kept = {session.id for session in held if session.started_at > moment} | {but}
        ours = self.sessions.of_account(account, at=at)
        self._end_older([one for one in ours if one.session_id not in kept], moment)

    def _end_older(self, sessions: Iterable[OpenSession], moment: datetime) -> None:
        for session in sessions:
            if session.opened_at <= moment:
                self.sessions.end(session)


def _read_representation(representation: str | None) -> Mapping[str, Any]:
    """Return what was sent; Keycloak leaves credentials out of it."""
    try:
        sent = json.loads(representation or "{}")
    except ValueError:
        return {}
    return sent if isinstance(sent, dict) else {}


def _was_password_set(realm: Realm, account: str, moment: datetime) -> bool:
    """Whether a change of the account brought a password: the event itself does not say so."""
    try:
        held = realm.credentials(account)
    except NotInRealmError:
        return False
    return any(
        one.type == "password" and abs(one.created_at - moment) <= PASSWORD_SET_WITHIN
        for one in held
    )


def _proof(realm: Realm, account: str, details: Mapping[str, str]) -> Means | None:
    """Return what was used besides a password: passkeys are named by kind, codes by credential."""
    kind, credential_id = details.get("credential_type"), details.get("selected_credential_id")
    if kind in _MEANS:
        return _MEANS[kind]
    if credential_id is None:
        return None
    try:
        held = realm.credentials(account)
    except NotInRealmError:
        held = ()
    for one in held:
        if one.id == credential_id:
            return None if one.type == "password" else _MEANS.get(one.type, Means.OTHER)
    return Means.OTHER
