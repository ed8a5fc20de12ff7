"""A provider's administration that can be away, and tells what it was asked to do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from idp.errors import NotInRealmError, ProviderUnavailableError, RealmRefusedError
from idp.faults import ProviderFault
from idp.realm.records import AdminEvent, Credential, SsoSession, UserEvent


@dataclass
class Realm:
    """One realm: what lies in it, and whether it answers."""

    at: datetime
    is_away: bool = False
    refuses: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    """Accounts that are not there."""
    told: list[tuple[str, ...]] = field(default_factory=list)
    held: dict[str, list[SsoSession]] = field(default_factory=dict)
    secrets: dict[str, list[Credential]] = field(default_factory=dict)
    changes: list[AdminEvent] = field(default_factory=list)
    acts: list[UserEvent] = field(default_factory=list)
    asked_since: list[datetime] = field(default_factory=list)

    def session(self, account: str, session_id: str, *clients: str, started_at: datetime) -> None:
        """Let an account have signed in."""
        one = SsoSession(session_id, account, started_at, clients)
        self.held.setdefault(account, []).append(one)

    def change(  # noqa: PLR0913 - the fields of an event
        self,
        path: str,
        at: datetime,
        *,
        operation: str = "ACTION",
        resource: str = "USER",
        sent: str | None = None,
        event_id: str | None = None,
    ) -> None:
        """Let an administrator have changed something."""
        number = event_id or f"c{len(self.changes)}"
        self.changes.append(AdminEvent(number, at, operation, resource, path, sent, {}))

    def act(  # noqa: PLR0913 - the fields of an event
        self,
        kind: str,
        account: str | None,
        at: datetime,
        *,
        session_id: str | None = "s1",
        client_id: str | None = "portal",
        error: str | None = None,
        used: str | None = None,
        passkey: str | None = None,
    ) -> None:
        """Let somebody have done something, with a credential or with a kind of passkey."""
        details = {} if used is None else {"selected_credential_id": used}
        details |= {} if passkey is None else {"credential_type": passkey}
        number = f"u{len(self.acts)}"
        self.acts.append(
            UserEvent(number, at, kind, client_id, account, session_id, error, details)
        )

    def admin_events(
        self, *, since: datetime, at: datetime | None = None, resource_types: Iterable[str] = ()
    ) -> Sequence[AdminEvent]:
        """Return them in no order."""
        self._answer("admin_events")
        self.asked_since.append(since)
        return [event for event in reversed(self.changes) if event.time >= since]

    def user_events(
        self, *, since: datetime, at: datetime | None = None, types: Iterable[str] = ()
    ) -> Sequence[UserEvent]:
        """Return them in no order."""
        self._answer("user_events")
        return [event for event in reversed(self.acts) if event.time >= since]

    def sessions(self, account: str) -> Sequence[SsoSession]:
        """Return those of an account."""
        self._answer("sessions", account)
        return self.held.get(account, [])

    def credentials(self, account: str) -> Sequence[Credential]:
        """Return those of an account."""
        self._answer("credentials", account)
        return self.secrets.get(account, [])

    def end_session(self, session_id: str) -> None:
        """End one session."""
        self._answer("end_session", session_id)
        self.told.append(("end_session", session_id))
        for account, held in self.held.items():
            self.held[account] = [one for one in held if one.id != session_id]

    def sign_out(self, account: str) -> None:
        """End all sessions of an account."""
        self._answer("sign_out", account)
        self.told.append(("sign_out", account))
        self.held.pop(account, None)

    def set_enabled(self, account: str, *, enabled: bool) -> None:
        """Open or shut an account."""
        self._answer("set_enabled", account)
        self.told.append(("open" if enabled else "shut", account))

    def _answer(self, call: str, whom: str = "") -> None:
        if self.is_away:
            raise ProviderUnavailableError(ProviderFault.UNREACHABLE)
        if call in self.refuses or whom in self.refuses:
            raise RealmRefusedError("no")
        if whom in self.unknown:
            raise NotInRealmError
