"""An identity database of one's own, the simulated bases, and the people of the demo in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from certs.database import Transactions, open_engine
from demo.population import Bases
from hsm.databases import upgrade
from idp.acting import ActingChoices
from idp.documents import IdentityDocument
from idp.errors import NotInRealmError, ProviderUnavailableError
from idp.faults import ProviderFault
from idp.legal_persons import LegalPersons
from idp.mandate_register import Mandates
from idp.mandates import Terms
from idp.matters import ALL_MATTERS, Matters
from idp.names import NamedPerson, PersonName
from idp.personal_data import PersonalData
from idp.persons import LevelMeans, NaturalPerson
from idp.realm_changes import RealmChanges
from idp.representation import Representation
from idp.subjects import Subjects
from signing.envelope import DataKey, IndexKey
from signing.errors import InvalidSignatureError
from signing.sm2 import Sm2PrivateKey, sign_digest, verify_digest

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
SOON = NOW + timedelta(seconds=1)
FOOD = "91999901MA1000017H"
"""The company of 王示例."""
TRADE = "91999901MA1000025C"
"""His other one."""
MERGED = "91999901MA100005XR"
MATTER = "000131168001"
OTHER_MATTER = "000131168002"


@dataclass
class KeyOfTests:
    """Signs mandates as the service does; counts."""

    key: Sm2PrivateKey = field(default_factory=Sm2PrivateKey.generate)
    sealed: list[str] = field(default_factory=list)

    def seal(self, mandate_id: str, content: bytes, *, officer: str) -> bytes:
        """Return the signature and remember for whom."""
        self.sealed.append(officer)
        return sign_digest(self.key, self.key.public_key.digest(content)).der

    def verify(self, content: bytes, sealed: bytes) -> None:
        """Raise `InvalidSignatureError` for anything else."""
        if not sealed:
            raise InvalidSignatureError
        verify_digest(self.key.public_key, self.key.public_key.digest(content), sealed)


@dataclass(frozen=True)
class FakeCompany:
    """An organisation of the realm that is none."""

    id: str
    uscc: str
    name: str


@dataclass
class RealmThatFails:
    """A realm that can be away and that forgets accounts; it remembers what it was told."""

    away: bool = False
    gone: set[str] = field(default_factory=set)
    members: set[tuple[str, str]] = field(default_factory=set)
    companies: dict[str, FakeCompany] = field(default_factory=dict)
    told: list[tuple[str, ...]] = field(default_factory=list)

    def put_organization(self, alias: str, name: str, uscc: str) -> str:
        self._tell("organization", alias)
        self.companies[uscc] = FakeCompany(alias, uscc, name)
        return alias

    def find_organization(self, uscc: str) -> FakeCompany | None:
        self._tell("find", uscc)
        return self.companies.get(uscc)

    def add_member(self, organization_id: str, account: str) -> None:
        self._tell("join", organization_id, account)
        self.members.add((organization_id, account))

    def remove_member(self, organization_id: str, account: str) -> None:
        self._tell("leave", organization_id, account)
        self.members.discard((organization_id, account))

    def end_session(self, session_id: str) -> None:
        self._tell("end_session", session_id)

    def set_enabled(self, account: str, *, enabled: bool) -> None:
        self._tell("enabled" if enabled else "disabled", account)

    def sign_out(self, account: str) -> None:
        self._tell("sign_out", account)

    def change_user(self, account: str, **attributes: str) -> None:
        self._tell("change", account, *attributes.values())

    def _tell(self, *words: str) -> None:
        if self.away:
            raise ProviderUnavailableError(ProviderFault.UNREACHABLE)
        if self.gone & set(words):
            raise NotInRealmError
        self.told.append(words)


@dataclass(frozen=True)
class Town:
    """All parts over one database."""

    transactions: Transactions
    engine: Engine
    personal_data: PersonalData
    bases: Bases
    seal: KeyOfTests
    subjects: Subjects
    legal_persons: LegalPersons
    mandates: Mandates
    representation: Representation
    choices: ActingChoices
    realm_changes: RealmChanges

    def settle(
        self,
        name: str,
        *,
        means: LevelMeans = LevelMeans.COUNTER_ORIGINAL,
        account: str | None = "",
        at: datetime = NOW,
    ) -> NaturalPerson:
        """Register somebody of the demo's population base; his account is named after him."""
        named = self.named(name)
        account = f"account-{name}" if account == "" else account
        return self.subjects.register(named, account=account, means=means, at=at)

    def named(self, name: str) -> NamedPerson:
        """Return how somebody of the population base is named."""
        person = self.bases.person(name)
        return NamedPerson(person.name, person.documents[0])


def named(name: str, type_code: str, number: str) -> NamedPerson:
    """Return how somebody is named who stands in no base."""
    return NamedPerson(PersonName.parse(name), IdentityDocument.parse(type_code, number))


def terms(
    *codes: str, days: float = 30, since: datetime = NOW, transferable: bool = False
) -> Terms:
    """Return terms of so many days; without codes, for all matters."""
    matters = Matters.parse(codes) if codes else ALL_MATTERS
    return Terms(matters, since, since + timedelta(days=days), transferable)


@contextmanager
def found_town(address: str) -> Iterator[Town]:
    """Make the identity database at `address` and everything over it."""
    engine = open_engine(address)
    try:
        upgrade(engine, "identity")
        transactions = Transactions(engine)
        personal_data = PersonalData(DataKey.generate("data-1"), IndexKey.generate("index-1"))
        yield build_town(engine, transactions, personal_data)
    finally:
        engine.dispose()


def build_town(engine: Engine, transactions: Transactions, personal_data: PersonalData) -> Town:
    """Return everything over an open database."""
    bases, seal = Bases.load(), KeyOfTests()
    subjects = Subjects(transactions, personal_data, bases)
    legal_persons = LegalPersons(transactions, personal_data, bases)
    mandates = Mandates(transactions, personal_data, seal)
    return Town(
        transactions=transactions,
        engine=engine,
        personal_data=personal_data,
        bases=bases,
        seal=seal,
        subjects=subjects,
        legal_persons=legal_persons,
        mandates=mandates,
        representation=Representation(subjects, legal_persons, mandates, bases),
        choices=ActingChoices(transactions),
        realm_changes=RealmChanges(transactions),
    )


def sqlite_address(folder: Path) -> str:
    """Return the address of a database in the folder."""
    return f"sqlite:///{folder / 'identity.db'}"
