"""What a portal is made of, over a folder of its own: it shares nothing with the platform."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from certs import database
from certs.database import Transactions
from demo.portal_acting import ActingClient
from idp.attempts import Attempts, KeptForms, Returns
from idp.client_authentication import PrivateKeyJwt, load_client_key
from idp.login import RelyingParty
from idp.logout import BackchannelLogout
from idp.personal_data import PersonalData
from idp.portals import Portal
from idp.provider import Provider
from idp.refreshing import Refresher
from idp.server.first_secrets import kept
from idp.sessions import Sessions
from idp.tables import METADATA
from signing.envelope import DATA_KEY_OCTETS, INDEX_KEY_OCTETS, DataKey, IndexKey

ISSUER = "http://localhost:8180/realms/district"
PLATFORM = "http://localhost:8000"


def system_clock() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class PortalParts:
    """All that a portal needs."""

    portal: Portal
    platform: str
    """The platform's origin: who acts for whom, and leaving everything."""
    provider_origin: str
    clock: Callable[[], datetime] = field(repr=False)
    party: RelyingParty
    sessions: Sessions
    refresher: Refresher
    attempts: Attempts
    returns: Returns
    kept_forms: KeptForms
    backchannel: BackchannelLogout
    acting: ActingClient


@contextmanager
def open_portal(  # noqa: PLR0913 - what differs between two portals
    portal: Portal,
    *,
    key: bytes,
    data: Path,
    oidc_issuer: str = ISSUER,
    platform: str = PLATFORM,
    clock: Callable[[], datetime] = system_clock,
) -> Iterator[PortalParts]:
    """Open a portal over a folder of its own, and close it at the end."""
    with ExitStack() as stack:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        engine = database.open_engine(f"sqlite:///{(data / 'portal.db').resolve()}")
        stack.callback(engine.dispose)
        METADATA.create_all(engine)
        transactions = Transactions(engine)
        personal_data = PersonalData(
            DataKey("portal-data", kept(data / "data.key", partial(_random, DATA_KEY_OCTETS))),
            IndexKey("portal-index", kept(data / "index.key", partial(_random, INDEX_KEY_OCTETS))),
        )
        provider = Provider(oidc_issuer)
        stack.callback(provider.close)
        acting = ActingClient(platform, portal.client)
        stack.callback(acting.close)
        party = RelyingParty(
            provider,
            portal.client,
            PrivateKeyJwt(load_client_key(key), portal.client),
            portal.redirect_uri,
        )
        sessions = Sessions(transactions, personal_data, portal.client)
        provider_address = urlsplit(oidc_issuer)
        yield PortalParts(
            portal=portal,
            platform=platform,
            provider_origin=f"{provider_address.scheme}://{provider_address.netloc}",
            clock=clock,
            party=party,
            sessions=sessions,
            refresher=Refresher(sessions, party),
            attempts=Attempts(transactions, personal_data),
            returns=Returns(transactions, personal_data),
            kept_forms=KeptForms(transactions, personal_data),
            backchannel=BackchannelLogout(transactions, provider, portal.client, sessions),
            acting=acting,
        )


def _random(octets: int) -> bytes:
    return secrets.token_bytes(octets)
