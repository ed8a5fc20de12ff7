"""The parts that know who people are and who acts for whom, built and introduced to one another."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from joserfc.jwk import ECKey

from api.settings import Settings
from certs.database import Transactions
from idp.acting import ActingChoices, Statements
from idp.base_client import HttpBases
from idp.client_authentication import generate_client_key, load_client_key
from idp.documents import IdentityDocument, InvalidDocumentError
from idp.errors import DataDifferError, DocumentHeldError
from idp.legal_persons import LegalPersons
from idp.levels import IdentityLevel
from idp.mandate_register import Mandates, MandateSeal
from idp.names import InvalidNameError, NamedPerson, PersonName
from idp.personal_data import PersonalData
from idp.persons import NaturalPerson
from idp.realm_changes import RealmChanges
from idp.representation import Representation
from idp.server.first_secrets import kept, key_file
from idp.sources import Bases, NoBase
from idp.subjects import Subjects

STATEMENT_KEY = "acting"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class People:
    """Persons, companies, mandates, and for whom each sign-in acts."""

    subjects: Subjects
    legal_persons: LegalPersons
    mandates: Mandates
    representation: Representation
    choices: ActingChoices
    statements: Statements
    realm_changes: RealmChanges


def acquaint(
    subjects: Subjects,
    account: str,
    claims: Mapping[str, Any],
    level: IdentityLevel,
    *,
    at: datetime,
) -> NaturalPerson | None:
    """Return the person of an account, taken over from the provider's claims where he is new.

    None: the provider says too little of him, or his document is somebody else's here.
    """
    known = subjects.of_account(account, at=at)
    if known is not None:
        return known
    words = [claims.get(name) for name in ("full_name", "document_type", "document_number")]
    if not all(isinstance(word, str) for word in words):
        return None
    name, document_type, number = map(str, words)
    try:
        named = NamedPerson(PersonName.parse(name), IdentityDocument.parse(document_type, number))
        return subjects.take_over(account, named, level, at=at)
    except (InvalidNameError, InvalidDocumentError, DataDifferError, DocumentHeldError) as error:
        _log.warning("person_not_taken_over", account=account, error=type(error).__qualname__)
        return None


@contextmanager
def open_people(
    settings: Settings, transactions: Transactions, personal_data: PersonalData, seal: MandateSeal
) -> Iterator[People]:
    """Open them over the identity database; nobody is asked anything yet."""
    address = settings.identity.bases_url
    bases: HttpBases | NoBase = NoBase() if address is None else HttpBases(str(address))
    try:
        yield people_over(settings, transactions, personal_data, seal, bases)
    finally:
        if isinstance(bases, HttpBases):
            bases.close()


def people_over(
    settings: Settings,
    transactions: Transactions,
    personal_data: PersonalData,
    seal: MandateSeal,
    bases: Bases,
) -> People:
    """Return the parts over these bases."""
    subjects = Subjects(transactions, personal_data, bases)
    legal_persons = LegalPersons(transactions, personal_data, bases)
    mandates = Mandates(transactions, personal_data, seal)
    return People(
        subjects=subjects,
        legal_persons=legal_persons,
        mandates=mandates,
        representation=Representation(subjects, legal_persons, mandates, bases),
        choices=ActingChoices(transactions),
        statements=Statements(settings.origin, _statement_key(settings), personal_data.index_key),
        realm_changes=RealmChanges(transactions),
    )


def _statement_key(settings: Settings) -> ECKey:
    """Return the key that says to portals who acts for whom; it is made on first use."""
    path = key_file(settings.identity_folder, STATEMENT_KEY)
    return load_client_key(kept(path, generate_client_key))
