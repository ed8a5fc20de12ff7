"""The realm that belongs to these settings: planned, reached as its operator, applied."""

from collections.abc import Iterator

from api.settings import Settings
from hsm.pinned_keys import write_pinned_keys
from idp.client_authentication import load_client_key, public_jwks
from idp.realm.admin import RealmAdmin
from idp.realm.connection import (
    SECONDS_TO_MAKE_A_REALM,
    AdminConnection,
    AdministratorPassword,
)
from idp.realm.convergence import Change, changes
from idp.realm.plan import ADMIN, PLATFORM, RealmPlan, Site, plan_realm
from idp.server.first_secrets import admin_password, client_key

MASTER = "master"


class NoRealmError(Exception):
    """The issuer is no realm of a Keycloak: another provider is set up by its own means."""

    code = "no_realm"


def server_url(settings: Settings) -> str:
    """Return where Keycloak is administered; raise `NoRealmError`."""
    if settings.identity.keycloak_url is not None:
        return str(settings.identity.keycloak_url).rstrip("/")
    return _split_issuer(settings)[0]


def realm_name(settings: Settings) -> str:
    """Return the realm that the issuer names; raise `NoRealmError`."""
    return _split_issuer(settings)[1]


def plan_for(settings: Settings, *, backchannel_origin: str | None = None) -> RealmPlan:
    """Return the realm as it should be; client keys are made on first use.

    `backchannel_origin` is our application as Keycloak finds it, if not by the public address.
    """
    folder = settings.identity_folder
    identity = settings.identity
    if identity.client_key_file is not None:
        platform = identity.client_key_file.read_bytes()
    else:
        platform = client_key(folder, PLATFORM)
    return plan_realm(
        Site(
            realm=realm_name(settings),
            title=settings.site_name,
            origin=settings.origin,
            backchannel_origin=backchannel_origin or settings.origin,
            platform_keys=public_jwks(load_client_key(platform)),
            admin_keys=public_jwks(load_client_key(client_key(folder, ADMIN))),
            platform=identity.client_id,
            approvals=identity.approval_client_id,
            api=identity.api_audience,
        )
    )


def operator_connection(settings: Settings) -> AdminConnection:
    """Return the way to the admin interface as the server's administrator; asks nothing yet."""
    identity = settings.identity
    if identity.keycloak_admin_password is not None:
        password = identity.keycloak_admin_password.get_secret_value()
    elif identity.keycloak_admin_password_file is not None:
        password = identity.keycloak_admin_password_file.read_text(encoding="utf-8").strip()
    else:
        password = admin_password(settings.identity_folder)
    credentials = AdministratorPassword(identity.keycloak_admin, password)
    return AdminConnection(
        server_url(settings), credentials, token_realm=MASTER, seconds=SECONDS_TO_MAKE_A_REALM
    )


def operator(settings: Settings) -> RealmAdmin:
    """Return administration of the realm as the operator has it."""
    return RealmAdmin(operator_connection(settings), realm_name(settings))


def apply_realm(settings: Settings, *, backchannel_origin: str | None = None) -> Iterator[Change]:
    """Make the realm as planned; yield each change when it is made, and what is left to a person.

    At the end the keys that approvals are believed by are pinned.
    """
    connection = operator_connection(settings)
    plan = plan_for(settings, backchannel_origin=backchannel_origin)
    for change in changes(connection, plan):
        if change.make is not None:
            change.make()
        yield change
    pin_approval_keys(settings, RealmAdmin(connection, plan.name))


def pin_approval_keys(settings: Settings, admin: RealmAdmin) -> None:
    """Let `hsm` believe approvals that the realm's present signing keys sign."""
    write_pinned_keys(
        settings.data,
        oidc_issuer=settings.identity.issuer_text,
        client_id=settings.identity.approval_client_id,
        thumbprints=admin.signing_key_thumbprints(),
    )


def _split_issuer(settings: Settings) -> tuple[str, str]:
    server, found, realm = settings.identity.issuer_text.rpartition("/realms/")
    if not found or "/" in realm:
        raise NoRealmError
    return server, realm
