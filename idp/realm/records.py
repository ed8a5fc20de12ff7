"""What the realm says of accounts, sessions, credentials, companies and events, as types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from idp.levels import IdentityLevel
from idp.realm.connection import JsonObject

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NewUser:
    """An account to be made."""

    username: str
    full_name: str = field(repr=False)
    document_type: str
    """The code of `idp.documents.DocumentType`."""
    document_number: str = field(repr=False)
    identity_level: IdentityLevel
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class User:
    """An account."""

    account: str
    username: str = field(repr=False)
    full_name: str = field(repr=False)
    document_type: str
    document_number: str = field(repr=False)
    identity_level: IdentityLevel
    enabled: bool
    required_actions: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Credential:
    """Something an account signs in with; nothing secret of it."""

    id: str
    type: str
    """`password`, `otp`, `webauthn-passwordless`."""
    label: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SsoSession:
    """One sign-in, and the clients that were opened by it."""

    id: str
    account: str
    started_at: datetime
    clients: tuple[str, ...]
    """Client ids, sorted."""


@dataclass(frozen=True, slots=True)
class CompanyRecord:
    """A company as the realm keeps it."""

    id: str
    alias: str
    name: str
    uscc: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class UserEvent:
    """Something that somebody did on the realm's pages, or through them."""

    id: str
    time: datetime
    type: str
    client_id: str | None
    account: str | None
    session_id: str | None
    error: str | None
    details: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AdminEvent:
    """Something that was changed through the admin interface or its console."""

    id: str
    time: datetime
    operation_type: str
    resource_type: str
    resource_path: str
    representation: str | None = field(repr=False)
    """The JSON that was sent."""
    details: Mapping[str, str] = field(repr=False)


def milliseconds(at: datetime) -> int:
    """Return a moment as Keycloak counts it."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def moment(count: object) -> datetime:
    """Return the moment that Keycloak counts so; what it does not know is 1970."""
    return _EPOCH + timedelta(milliseconds=count if isinstance(count, int) else 0)


def read_user(found: JsonObject) -> User:
    """Return the account; a level that is missing or unknown is the lowest."""
    attributes = {name: values[0] for name, values in found.get("attributes", {}).items() if values}
    try:
        level = IdentityLevel.parse(attributes.get("identityLevel"))
    except ValueError:
        level = IdentityLevel.REGISTERED
    return User(
        account=found["id"],
        username=found["username"],
        full_name=attributes.get("fullName", ""),
        document_type=attributes.get("documentType", ""),
        document_number=attributes.get("documentNumber", ""),
        identity_level=level,
        enabled=found.get("enabled", False),
        required_actions=tuple(found.get("requiredActions", ())),
        created_at=moment(found.get("createdTimestamp")),
    )


def new_user_body(user: NewUser) -> JsonObject:
    """Return the account in Keycloak's words."""
    return {
        "username": user.username,
        "enabled": user.enabled,
        "attributes": {
            "fullName": [user.full_name],
            "documentType": [user.document_type],
            "documentNumber": [user.document_number],
            "identityLevel": [user.identity_level.claim],
        },
    }


def read_credential(found: JsonObject) -> Credential:
    """Return one credential."""
    return Credential(
        found["id"], found["type"], found.get("userLabel", ""), moment(found.get("createdDate"))
    )


def read_session(found: JsonObject) -> SsoSession:
    """Return one session."""
    return SsoSession(
        id=found["id"],
        account=found["userId"],
        started_at=moment(found.get("start")),
        clients=tuple(sorted(found.get("clients", {}).values())),
    )


def read_company(found: JsonObject) -> CompanyRecord:
    """Return one company."""
    return CompanyRecord(
        id=found["id"],
        alias=found["alias"],
        name=found["name"],
        uscc=next(iter(found.get("attributes", {}).get("uscc", ())), ""),
        enabled=found.get("enabled", False),
    )


def read_user_event(found: JsonObject) -> UserEvent:
    """Return one event."""
    return UserEvent(
        id=found["id"],
        time=moment(found["time"]),
        type=found["type"],
        client_id=found.get("clientId"),
        account=found.get("userId"),
        session_id=found.get("sessionId"),
        error=found.get("error"),
        details=found.get("details") or {},
    )


def read_admin_event(found: JsonObject) -> AdminEvent:
    """Return one event."""
    return AdminEvent(
        id=found["id"],
        time=moment(found["time"]),
        operation_type=found["operationType"],
        resource_type=found.get("resourceType", ""),
        resource_path=found.get("resourcePath", ""),
        representation=found.get("representation"),
        details=found.get("details") or {},
    )
