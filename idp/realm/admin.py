"""What our application does in the realm: accounts, credentials, sessions, companies, events.

Every method raises `ProviderUnavailableError` when the realm cannot be asked, `NotInRealmError`
when what it is about is not there, `RealmRefusedError` when the realm's rules refuse it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from idp.errors import NotInRealmError
from idp.realm.connection import AdminConnection, JsonObject
from idp.realm.convergence import MANAGED, Change, client_changes
from idp.realm.records import (
    AdminEvent,
    CompanyRecord,
    Credential,
    NewUser,
    SsoSession,
    User,
    UserEvent,
    milliseconds,
    new_user_body,
    read_admin_event,
    read_company,
    read_credential,
    read_session,
    read_user,
    read_user_event,
)
from idp.realm.signing_keys import thumbprint

EVENTS_AT_A_TIME = 200
_TRUSTED = frozenset({"ACTIVE", "PASSIVE"})


class RealmAdmin:
    """One realm, administered by whoever the connection is for."""

    def __init__(self, connection: AdminConnection, realm: str) -> None:
        """Ask nothing yet."""
        self._connection = connection
        self._realm = realm

    # ---- accounts ----

    def user(self, account: str) -> User:
        """Return the account."""
        return read_user(self._connection.get(self._user(account)))

    def find_user(self, username: str) -> User | None:
        """Return the account with this name, if there is one."""
        found = self._connection.list(
            (self._realm, "users"), username=username, exact="true", briefRepresentation="false"
        )
        return read_user(found[0]) if found else None

    def create_user(self, user: NewUser) -> str:
        """Make the account and return it; raise `AlreadyInRealmError` for a name that is taken."""
        return self._connection.post((self._realm, "users"), new_user_body(user))

    def change_user(self, account: str, **attributes: str) -> None:
        """Change attributes, by their names in the realm; the others stay."""
        # Keycloak forgets what a partial body leaves out: read, change, put the whole.
        user = self._connection.get(self._user(account))
        changed = {name: [value] for name, value in attributes.items()}
        user["attributes"] = {**user.get("attributes", {}), **changed}
        self._connection.put(self._user(account), user)

    def set_enabled(self, account: str, *, enabled: bool) -> None:
        """Open or shut the account; its sessions go on until `sign_out`."""
        user = self._connection.get(self._user(account))
        self._connection.put(self._user(account), {**user, "enabled": enabled})

    def set_password(self, account: str, password: str, *, temporary: bool) -> None:
        """Set the password; a temporary one has to be replaced at the next sign-in."""
        body = {"type": "password", "value": password, "temporary": temporary}
        self._connection.put((*self._user(account), "reset-password"), body)

    def delete_user(self, account: str) -> None:
        """Remove the account; its sessions end first, so that every service hears of it."""
        self.sign_out(account)
        self._connection.delete(self._user(account))

    # ---- credentials ----

    def credentials(self, account: str) -> tuple[Credential, ...]:
        """Return what the account signs in with."""
        return tuple(map(read_credential, self._connection.list(self._credentials(account))))

    def add_credential(self, account: str, credential: Mapping[str, object]) -> None:
        """Put a credential in; raise `AlreadyInRealmError` for a label that is taken."""
        self._connection.put(self._user(account), {"credentials": [dict(credential)]})

    def remove_credential(self, account: str, credential_id: str) -> None:
        """Take a credential away."""
        self._connection.delete((*self._credentials(account), credential_id))

    # ---- sessions ----

    def sessions(self, account: str) -> tuple[SsoSession, ...]:
        """Return the account's sessions, the oldest first."""
        found = self._connection.list((*self._user(account), "sessions"))
        return tuple(sorted(map(read_session, found), key=lambda session: session.started_at))

    def sign_out(self, account: str) -> None:
        """End all sessions of the account; every service is told."""
        self._connection.post((*self._user(account), "logout"), {})

    def end_session(self, session_id: str) -> None:
        """End one session, if there still is one; every service of it is told."""
        try:
            self._connection.delete((self._realm, "sessions", session_id))
        except NotInRealmError:
            return

    # ---- companies ----

    def put_organization(self, alias: str, name: str, uscc: str) -> str:
        """Make the company, or change its name; return its id."""
        body: JsonObject = {
            "alias": alias,
            "name": name,
            "enabled": True,
            "attributes": {"uscc": [uscc]},
        }
        found = self.find_organization(uscc)
        if found is None:
            return self._connection.post(self._organizations(), body)
        if found.name != name or not found.enabled:
            # An alias never changes: it stands in tokens.
            whole = self._connection.get((*self._organizations(), found.id))
            changed = {**whole, "name": name, "enabled": True}
            self._connection.put((*self._organizations(), found.id), changed)
        return found.id

    def find_organization(self, uscc: str) -> CompanyRecord | None:
        """Return the company with this code, if there is one."""
        found = self._connection.list(
            self._organizations(), q=f"uscc:{uscc}", briefRepresentation="false"
        )
        return next((company for company in map(read_company, found) if company.uscc == uscc), None)

    def organizations_of(self, account: str) -> tuple[CompanyRecord, ...]:
        """Return the companies whose member the account is, those out of use too."""
        found = self._connection.list(
            (*self._organizations(), "members", account, "organizations"),
            briefRepresentation="false",
        )
        return tuple(map(read_company, found))

    def add_member(self, organization_id: str, account: str) -> None:
        """Make the account a member; raise `AlreadyInRealmError` if it is one."""
        self._connection.post((*self._organizations(), organization_id, "members"), account)

    def remove_member(self, organization_id: str, account: str) -> None:
        """Take the membership away; the account's sessions go on."""
        self._connection.delete((*self._organizations(), organization_id, "members", account))

    # ---- events ----

    def user_events(
        self, *, since: datetime, at: datetime | None = None, types: Iterable[str] = ()
    ) -> tuple[UserEvent, ...]:
        """Return the events of these types from `since` to `at`, both included, oldest first."""
        found = self._events("events", since, at, type=list(types))
        return tuple(map(read_user_event, found))

    def admin_events(
        self,
        *,
        since: datetime,
        at: datetime | None = None,
        resource_types: Iterable[str] = (),
    ) -> tuple[AdminEvent, ...]:
        """Return the changes from `since` to `at`, both included, oldest first."""
        found = self._events("admin-events", since, at, resourceTypes=list(resource_types))
        return tuple(map(read_admin_event, found))

    def _events(
        self, kind: str, since: datetime, at: datetime | None, **only: Sequence[str]
    ) -> Iterator[JsonObject]:
        until = {} if at is None else {"dateTo": milliseconds(at)}
        first = 0
        while True:
            page = self._connection.list(
                (self._realm, kind),
                dateFrom=milliseconds(since),
                direction="asc",
                first=first,
                max=EVENTS_AT_A_TIME,
                **until,
                **only,
            )
            yield from page
            if len(page) < EVENTS_AT_A_TIME:
                return
            first += len(page)

    # ---- the realm ----

    def signing_key_thumbprints(self) -> tuple[str, ...]:
        """Return the thumbprints (RFC 7638) of the keys that the realm signs tokens with, sorted.

        A key that only verifies what it signed before is among them.
        """
        keys = self._connection.get((self._realm, "keys"))["keys"]
        return tuple(
            sorted(
                thumbprint(key["publicKey"])
                for key in keys
                if key["use"] == "SIG" and key["status"] in _TRUSTED and "publicKey" in key
            )
        )

    def export(self) -> JsonObject:
        """Return the realm as it is, in Keycloak's words, without people and without secrets."""
        return self._connection.ask(
            (self._realm, "partial-export"), exportClients="true", exportGroupsAndRoles="true"
        )

    # ---- clients ----

    def client(self, client_id: str) -> dict[str, Any] | None:
        """Return the client in Keycloak's words, if there is one."""
        found = self._connection.list((self._realm, "clients"), clientId=client_id)
        return found[0] if found else None

    def put_client(self, representation: Mapping[str, object]) -> tuple[Change, ...]:
        """Make the client what `representation` says; return what was changed."""
        made = []
        for change in client_changes(self._connection, self._realm, _managed(representation)):
            if change.make is not None:
                change.make()
                made.append(change)
        return tuple(made)

    def delete_client(self, client_id: str) -> None:
        """Remove a client."""
        found = self.client(client_id)
        if found is None:
            raise NotInRealmError
        self._connection.delete((self._realm, "clients", found["id"]))

    def _user(self, account: str) -> tuple[str, ...]:
        return (self._realm, "users", account)

    def _credentials(self, account: str) -> tuple[str, ...]:
        return (*self._user(account), "credentials")

    def _organizations(self) -> tuple[str, ...]:
        return (self._realm, "organizations")


def _managed(representation: Mapping[str, object]) -> dict[str, object]:
    attributes = representation.get("attributes", {})
    mine = {MANAGED: "portals"}
    return {
        **representation,
        "attributes": {**attributes, **mine} if isinstance(attributes, Mapping) else mine,
    }
