"""Everything that knows people: the identity database and what stands on it.

It is there when the data folder holds the key by which the provider knows us (or the environment
says a secret); without it the application verifies and issues as before, and nobody signs in.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from api.settings import Settings
from certs import database
from certs.database import Transactions
from hsm import databases
from hsm.keys import KeyRef
from hsm.stores.software import SoftwareKeyStore
from idp.attempts import Attempts, KeptForms
from idp.officers import Officers
from idp.personal_data import PersonalData
from idp.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Identity:
    """The parts that know people."""

    transactions: Transactions
    personal_data: PersonalData
    sessions: Sessions
    attempts: Attempts
    kept_forms: KeptForms
    officers: Officers


def client_key_file(settings: Settings) -> Path:
    """Return where the private key of `private_key_jwt` lies."""
    return settings.identity.client_key_file or settings.data / "identity" / "platform.pem"


def is_set_up(settings: Settings) -> bool:
    """Whether this data folder was prepared for people to sign in."""
    identity = settings.identity
    secret = identity.client_secret or identity.client_secret_file
    return secret is not None or client_key_file(settings).exists()


def upgrade_database(settings: Settings) -> None:
    """Bring the identity database to its newest revision; again: nothing changes."""
    engine = database.open_engine(settings.identity.database_address(settings.data))
    try:
        databases.upgrade(engine, "identity")
    finally:
        engine.dispose()


@contextmanager
def open_identity(settings: Settings, store: SoftwareKeyStore) -> Iterator[Identity]:
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
        yield Identity(
            transactions=transactions,
            personal_data=personal_data,
            sessions=Sessions(transactions, personal_data, settings.identity.client_id),
            attempts=Attempts(transactions, personal_data),
            kept_forms=KeptForms(transactions, personal_data),
            officers=Officers(transactions, personal_data),
        )
