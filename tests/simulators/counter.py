"""A counter over an identity database of its own, a realm in memory, and the simulated base."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from simulators.accounts import AccountsInMemory
from simulators.officers import BUREAU, Staff, document, held, new_staff
from simulators.passkeys import ORIGIN, RP_ID

from demo.population import Bases
from idp.alarms import Alarms
from idp.counter import Clerk, Counter, CounterParts, Sighting
from idp.counter_acts import CounterAct, CounterRecord, CounterRecords
from idp.documents import IdentityDocument
from idp.enrolment import Enrolment, Enrolments, FactorKind, Wanted
from idp.levels import IdentityLevel
from idp.names import NamedPerson, PersonName
from idp.officers import Post
from idp.persons import LevelMeans
from idp.realm.records import NewUser
from idp.subjects import Subjects

AT = datetime(2026, 11, 20, 2, 0, 10, tzinfo=UTC)
CLERK, OTHER_CLERK = "clerk", "other-clerk"


@dataclass(slots=True)
class CounterOfTests:
    """All parts, and shortcuts."""

    staff: Staff
    accounts: AccountsInMemory
    bases: Bases
    subjects: Subjects
    parts: CounterParts
    counter: Counter
    enrolments: Enrolments
    records: CounterRecords
    told: list[datetime] = field(default_factory=list)

    def clerk(self, account: str = CLERK, *, at: datetime = AT) -> Clerk:
        """Return a clerk with the post of acceptance, appointed before."""
        officer = self.staff.officers.of_account(account, at=at)
        assert officer is not None
        return Clerk(officer, BUREAU)

    def settle(
        self,
        username: str = "chen.yi",
        sequence: int = 1,
        *,
        name: str = "陈一",
        means: LevelMeans = LevelMeans.SELF_REGISTERED,
    ) -> str:
        """Make somebody with an account; return it."""
        named = NamedPerson(PersonName.parse(name), document(sequence))
        account = self.accounts.create_user(
            NewUser(username, name, "111", named.document.number, IdentityLevel.REGISTERED)
        )
        self.subjects.register(named, account=account, means=means, at=AT)
        return account

    def start(  # noqa: PLR0913  # all that an enrolment can differ in
        self,
        kind: FactorKind = FactorKind.CODE,
        *,
        clerk: str = CLERK,
        sequence: int = 1,
        original: bool = True,
        replaces: bool = False,
        at: datetime = AT,
    ) -> Enrolment:
        """Begin an enrolment."""
        return self.enrolments.start(
            self.clerk(clerk, at=at),
            Sighting(document(sequence), original),
            Wanted(kind, replaces, RP_ID, ORIGIN),
            at=at,
        )

    def acts(self, enrolment: Enrolment, *, clerk: str = CLERK) -> list[CounterAct]:
        """Return what is recorded of it."""
        return [kept.act for kept in self.records.of_case(enrolment.case.id, clerk=clerk)]

    def all_records(self) -> tuple[CounterRecord, ...]:
        """Return all that is recorded, the newest first."""
        return self.records.of_authorities([BUREAU], most=1000)


def code_of(enrolment: Enrolment, at: datetime = AT) -> str:
    """Return what the person's application shows."""
    assert enrolment.secret is not None
    return enrolment.secret.code(int(at.timestamp()) // 30)


def no_document() -> IdentityDocument:
    """Return the document of somebody unknown."""
    return document(99)


class NoSessions:
    """Sessions of ours, of which there are none here."""

    def end_by_session_id(self, session_id: str) -> int:
        """End nothing."""
        return 0

    def end_by_account(self, account: str) -> int:
        """End nothing."""
        return 0


@contextmanager
def new_counter(address: str) -> Iterator[CounterOfTests]:
    """Open a counter with two clerks over an empty database."""
    with new_staff(address) as staff:
        accounts, bases = AccountsInMemory(), Bases.load()
        subjects = Subjects(staff.transactions, staff.personal_data, bases)
        told: list[datetime] = []
        parts = CounterParts(
            transactions=staff.transactions,
            personal_data=staff.personal_data,
            accounts=accounts,
            subjects=subjects,
            officers=staff.officers,
            alarms=Alarms(staff.transactions, NoSessions()),
            tell_realm=told.append,
        )
        counter = Counter(parts)
        for sequence, clerk in enumerate((CLERK, OTHER_CLERK), start=50):
            staff.appoint(clerk, held(Post.ACCEPTANCE), sequence=sequence)
        yield CounterOfTests(
            staff=staff,
            accounts=accounts,
            bases=bases,
            subjects=subjects,
            parts=parts,
            counter=counter,
            enrolments=Enrolments(parts, counter),
            records=CounterRecords(staff.transactions),
            told=told,
        )
