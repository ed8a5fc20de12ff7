"""Everything that knows people: the identity database and what stands on it.

It is there when the data folder holds the key by which the provider knows us (or the environment
says a secret); without it the application verifies and issues as before, and nobody signs in.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr
from sqlalchemy import select

from api.leaving import Leaving, open_admin, open_leaving
from api.people import People, open_people
from api.settings import Settings
from certs import database
from certs.database import Transactions
from hsm import databases
from hsm.keys import KeyRef
from hsm.stores.software import SoftwareKeyStore
from idp.attempts import Attempts, KeptForms, Returns
from idp.client_authentication import ClientSecretBasic, PrivateKeyJwt, load_client_key
from idp.login import RelyingParty
from idp.mandate_register import MandateSeal
from idp.officers import Officers
from idp.personal_data import PersonalData
from idp.portals import Portals
from idp.provider import ClientAuthenticator, Provider
from idp.realm.admin import RealmAdmin
from idp.refreshing import Refresher
from idp.sessions import Sessions
from idp.settings import ClientAuthentication
from idp.systems import SYSTEMS, Systems
from idp.tables import web_sessions

CALLBACK = "/login/callback"
"""The one redirect address that the provider knows, of every purpose."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The parts that know people."""

    transactions: Transactions
    personal_data: PersonalData
    provider: Provider
    platform: RelyingParty
    """The pages."""
    approvals: RelyingParty
    """Officers' approvals: requests are pushed."""
    sessions: Sessions
    refresher: Refresher
    attempts: Attempts
    returns: Returns
    kept_forms: KeptForms
    officers: Officers
    people: People
    """Persons, companies, mandates."""
    portals: Portals
    """Those that were applied."""
    systems: Systems
    """Departments' own, likewise."""
    admin: RealmAdmin | None
    """The provider's administration; None for one that is no Keycloak of ours."""
    leaving: Leaving
    """How sessions end, and what people see of it."""

    def try_database(self) -> None:
        """Raise `RegisterUnavailableError` unless the identity database answers now."""
        with self.transactions.reading() as connection:
            connection.execute(select(web_sessions.c.id).limit(1)).all()


def upgrade_database(settings: Settings) -> None:
    """Bring the identity database to its newest revision; again: nothing changes."""
    engine = database.open_engine(settings.identity.database_address(settings.data))
    try:
        databases.upgrade(engine, "identity")
    finally:
        engine.dispose()


def _relying_party(
    settings: Settings, provider: Provider, client_id: str, *, pushed: bool = False
) -> RelyingParty:
    return RelyingParty(
        provider,
        client_id,
        _authentication(settings, client_id),
        redirect_uri=f"{settings.origin}{CALLBACK}",
        pushed=pushed,
    )


def _authentication(settings: Settings, client_id: str) -> ClientAuthenticator:
    identity = settings.identity
    if identity.client_auth is ClientAuthentication.PRIVATE_KEY_JWT:
        return PrivateKeyJwt(load_client_key(settings.client_key_file.read_bytes()), client_id)
    secret = identity.client_secret
    if secret is None and identity.client_secret_file is not None:
        secret = SecretStr(identity.client_secret_file.read_text(encoding="utf-8").strip())
    assert secret is not None, "the settings see to it"  # noqa: S101
    return ClientSecretBasic(client_id, secret)


@contextmanager
def open_identity(
    settings: Settings,
    store: SoftwareKeyStore,
    mandate_seal: MandateSeal,
    clock: Callable[[], datetime],
) -> Iterator[Identity]:
    """Open the identity database and all that stands on it, and close it at the end.

    The provider is asked nothing yet: it may join later. Raise `CustodyError` when the keys of the
    data cannot be had, and `RegisterUnavailableError` for a database that cannot be.
    """
    with ExitStack() as stack:
        engine = database.open_engine(settings.identity.database_address(settings.data))
        stack.callback(engine.dispose)
        transactions = Transactions(engine)
        personal_data = PersonalData(
            store.open_data_key(KeyRef(settings.certs.data_key)),
            store.open_index_key(KeyRef(settings.certs.index_key)),
        )
        provider = Provider(settings.identity.issuer_text)
        stack.callback(provider.close)
        platform = _relying_party(settings, provider, settings.identity.client_id)
        sessions = Sessions(transactions, personal_data, platform.client_id)
        officers = Officers(transactions, personal_data)
        people = stack.enter_context(
            open_people(settings, transactions, personal_data, mandate_seal)
        )
        portals = Portals(settings.data / "portals")
        leaving = open_leaving(
            stack,
            transactions=transactions,
            personal_data=personal_data,
            provider=provider,
            sessions=sessions,
            choices=people.choices,
            officers=officers,
            portals=portals,
            approval_client_id=settings.identity.approval_client_id,
        )
        yield Identity(
            transactions=transactions,
            personal_data=personal_data,
            provider=provider,
            platform=platform,
            approvals=_relying_party(
                settings, provider, settings.identity.approval_client_id, pushed=True
            ),
            sessions=sessions,
            refresher=Refresher(sessions, platform),
            attempts=Attempts(transactions, personal_data),
            returns=Returns(transactions, personal_data),
            kept_forms=KeptForms(transactions, personal_data),
            officers=officers,
            people=people,
            portals=portals,
            systems=Systems(settings.data / SYSTEMS),
            admin=open_admin(settings, clock),
            leaving=leaving,
        )
