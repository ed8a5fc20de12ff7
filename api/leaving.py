"""The parts that end sessions and say what became of them, built and introduced to one another."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from api.settings import Settings
from certs.database import Transactions
from idp.acting import ActingChoices
from idp.alarms import Alarms
from idp.client_authentication import PrivateKeyJwt, load_client_key
from idp.departures import Departures
from idp.fetching import Fetcher
from idp.history import History
from idp.logout import BackchannelLogout
from idp.logout_relay import SECONDS_FOR_A_PORTAL, LogoutRelay
from idp.officers import Officers
from idp.personal_data import PersonalData
from idp.portals import Portals
from idp.provider import Provider
from idp.realm.admin import RealmAdmin
from idp.realm.connection import AdminConnection, ServiceAccount
from idp.realm.plan import ADMIN
from idp.server.first_secrets import key_file
from idp.sessions import OpenSession, Sessions
from idp.watch import Watch

OWN_CLAIMS = ("name", "document", "identity_level", "level")
"""What we are told of people ourselves, as words of the catalogue."""
APPROVAL_CLAIMS = ("identity_level", "level")
"""What we are told when an officer approves; his account we know."""
BACKCHANNEL = "/logout/backchannel"
"""Where the provider tells us of a leaving; with a client id behind it, of that portal's."""


def claims_of(
    portals: Portals, own_clients: Mapping[str, tuple[str, ...]], client_id: str
) -> tuple[str, ...]:
    """Return what a client is told of people now, as words of the catalogue.

    Nothing for a client that is neither ours nor a portal's.
    """
    if client_id in own_clients:
        return own_clients[client_id]
    portal = portals.find(client_id)
    return () if portal is None else portal.told


@dataclass(frozen=True, slots=True)
class Leaving:
    """How sessions end, and what people can see of them."""

    history: History
    alarms: Alarms
    departures: Departures
    relay: LogoutRelay
    backchannel: BackchannelLogout
    watch: Watch


@dataclass(frozen=True, slots=True)
class OurSessions:
    """Our sessions; with one of the provider's ends what was chosen in it as well."""

    sessions: Sessions
    choices: ActingChoices

    def end_by_session_id(self, session_id: str) -> int:
        """End every session of a provider's session; return how many there were."""
        self.choices.forget(session_id)
        return self.sessions.end_by_session_id(session_id)

    def end_by_account(self, account: str) -> int:
        """End every session of an account; return how many there were."""
        return self.sessions.end_by_account(account)

    def of_account(self, account: str, *, at: datetime) -> Sequence[OpenSession]:
        """Return those of an account."""
        return self.sessions.of_account(account, at=at)

    def all(self, *, at: datetime) -> Sequence[OpenSession]:
        """Return all."""
        return self.sessions.all(at=at)

    def end(self, session: OpenSession) -> None:
        """End one."""
        self.sessions.end(session)


def open_leaving(  # noqa: PLR0913 - what is introduced to one another here
    stack: ExitStack,
    *,
    transactions: Transactions,
    personal_data: PersonalData,
    provider: Provider,
    sessions: Sessions,
    choices: ActingChoices,
    officers: Officers,
    portals: Portals,
    approval_client_id: str,
) -> Leaving:
    """Open them over the identity database, until the `stack` is closed."""
    ours = OurSessions(sessions, choices)
    own_clients = {approval_client_id: APPROVAL_CLAIMS, sessions.client_id: OWN_CLAIMS}
    history = History(transactions, partial(claims_of, portals, own_clients))
    fetcher = Fetcher(seconds=SECONDS_FOR_A_PORTAL)
    stack.callback(fetcher.close)
    return Leaving(
        history=history,
        alarms=Alarms(transactions, ours),
        departures=Departures(transactions),
        relay=LogoutRelay(transactions, personal_data, provider, portals.logout_address, fetcher),
        backchannel=BackchannelLogout(transactions, provider, sessions.client_id, ours),
        watch=Watch(transactions, ours, history, officers),
    )


def open_admin(settings: Settings, clock: Callable[[], datetime]) -> RealmAdmin | None:
    """Return the administration of our realm with the least rights, which asks nothing yet.

    None where there is no key for it, or the provider is no Keycloak: then sessions end by logout
    tokens and by their own short lives only.
    """
    admin_key = key_file(settings.identity_folder, ADMIN)
    oidc_issuer = settings.identity.issuer_text
    server_url, found, realm = oidc_issuer.rpartition("/realms/")
    if not admin_key.exists() or not found or "/" in realm:
        return None
    if settings.identity.keycloak_url is not None:
        server_url = str(settings.identity.keycloak_url).rstrip("/")
    key = load_client_key(admin_key.read_bytes())
    credentials = ServiceAccount(PrivateKeyJwt(key, ADMIN), oidc_issuer, clock)
    return RealmAdmin(AdminConnection(server_url, credentials, token_realm=realm), realm)
