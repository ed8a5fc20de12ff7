"""One entry for each sign-in, whether we or the provider tell of it first."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from simulators import postgres
from simulators.logouts import identity_database, sqlite_address
from simulators.sign_ins import open_session

from idp.database import Transactions
from idp.history import KEPT_FOR, PAGE, History, LoginEvent, Means, SignIn
from idp.levels import AuthenticationLevel
from idp.sessions import OpenSession

AT = datetime(2026, 11, 24, 4, tzinfo=UTC)
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.real)]
GRANTS = {"platform": ("full_name",), "one": (), "two": ("full_name", "document_number")}


def later(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def grants(client_id: str) -> tuple[str, ...]:
    return GRANTS.get(client_id, ())


@pytest.fixture(params=DATABASES)
def transactions(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Transactions]:
    sqlite = request.param == "sqlite"
    address = sqlite_address(tmp_path) if sqlite else postgres.new_database()
    with identity_database(address) as (opened, _):
        yield opened


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transactions]:
    """Return a database for many sign-ins."""
    with identity_database(sqlite_address(tmp_path_factory.mktemp("history"))) as (opened, _):
        yield opened


@pytest.fixture
def history(transactions: Transactions) -> History:
    return History(transactions, grants)


@dataclass
class Told:
    """Makes events, each with another id."""

    number: int = 0

    def __call__(
        self,
        client_id: str = "platform",
        *,
        at: datetime = AT,
        session_id: str = "s1",
        proof: Means | None = None,
    ) -> LoginEvent:
        self.number += 1
        return LoginEvent(f"e{self.number}", at, "a1", client_id, session_id, proof)


@pytest.fixture
def told() -> Told:
    return Told()


MUCH_LATER = later(3600)


def entries(history: History, at: datetime = MUCH_LATER) -> list[tuple[str, Means, int | None]]:
    """Return what the page shows, the oldest first."""
    found = history.of_account("a1", at=at)
    return [(entry.client_id, entry.means, entry.level) for entry in reversed(found)]


def test_an_entry_says_when_where_how_and_what_was_passed_on(history: History, told: Told) -> None:
    history.note_event(told("two"))
    (entry,) = history.of_account("a1", at=AT)
    assert entry == SignIn(
        id=entry.id,
        account="a1",
        at=AT,
        client_id="two",
        session_id="s1",
        means=Means.PASSWORD,
        level=None,
        claims=("full_name", "document_number"),
    )
    assert history.find("a1", entry.id, at=AT) == entry
    assert history.find("a2", entry.id, at=AT) is None
    assert history.find("a1", "unknown", at=AT) is None


def test_what_was_granted_then_stays_said(history: History, told: Told) -> None:
    history.note_event(told("two"))
    assert replace(history, claims_of=lambda _: ()).of_account("a1", at=AT)[0].claims != ()


def test_the_second_portal_goes_on_with_the_session(history: History, told: Told) -> None:
    history.note_event(told("one"))
    history.note_event(told("two", at=later(60)))
    history.note_event(told("unknown", at=later(90)))
    assert entries(history) == [
        ("one", Means.PASSWORD, None),
        ("two", Means.EXISTING_SESSION, None),
        ("unknown", Means.EXISTING_SESSION, None),
    ]


def test_an_event_told_again_changes_nothing(history: History, told: Told) -> None:
    event = told("one", proof=Means.PASSKEY)
    for _ in range(3):
        history.note_event(event)
    assert entries(history) == [("one", Means.PASSKEY, None)]


def test_what_a_portal_asks_silently_is_no_sign_in(history: History, told: Told) -> None:
    for seconds in range(0, 600, 100):
        history.note_event(told("one", at=later(seconds)))
    assert entries(history) == [("one", Means.PASSWORD, None)]


def test_each_further_proof_is_an_entry(history: History, told: Told) -> None:
    history.note_event(told("one"))
    history.note_event(told("one", at=later(100), proof=Means.ONE_TIME_CODE))
    history.note_event(told("one", at=later(200), proof=Means.ONE_TIME_CODE))
    assert [means for _, means, _ in entries(history)] == [
        Means.PASSWORD,
        Means.ONE_TIME_CODE,
        Means.ONE_TIME_CODE,
    ]


@pytest.mark.parametrize("ours_first", [True, False])
@pytest.mark.parametrize(
    ("level", "proof", "means"),
    [
        (AuthenticationLevel.PASSWORD, None, Means.PASSWORD),
        (AuthenticationLevel.ONE_TIME_CODE, Means.ONE_TIME_CODE, Means.ONE_TIME_CODE),
        (AuthenticationLevel.PASSKEY, Means.PASSKEY, Means.PASSKEY),
        (AuthenticationLevel.PASSWORD, Means.PASSKEY, Means.PASSKEY),
    ],
)
def test_our_own_sign_in_and_its_event_are_one_entry(  # noqa: PLR0913 - a row of the table
    history: History,
    told: Told,
    *,
    ours_first: bool,
    level: AuthenticationLevel,
    proof: Means | None,
    means: Means,
) -> None:
    event = told(at=later(-1), proof=proof)
    session = open_session(level=level, at=AT)
    if ours_first:
        history.note_own(session, at=AT)
    history.note_event(event)
    history.note_event(event)
    if not ours_first:
        history.note_own(session, at=AT)
    assert entries(history) == [("platform", means, level)]
    history.note_event(told(at=later(2)))
    assert len(entries(history)) == 1, "companies were asked for"


def test_a_step_up_of_ours_is_one_more_entry(history: History, told: Told) -> None:
    history.note_own(open_session(at=AT), at=AT)
    history.note_event(told(at=AT))
    raised = open_session(level=AuthenticationLevel.ONE_TIME_CODE, at=later(20))
    history.note_own(raised, at=later(20))
    history.note_event(told(at=later(19), proof=Means.ONE_TIME_CODE))
    assert entries(history) == [
        ("platform", Means.PASSWORD, AuthenticationLevel.PASSWORD),
        ("platform", Means.ONE_TIME_CODE, AuthenticationLevel.ONE_TIME_CODE),
    ]


def test_who_comes_from_a_portal_is_known_already(history: History, told: Told) -> None:
    history.note_event(told("one"))
    known = open_session(authenticated_at=AT, at=later(300))
    history.note_own(known, at=later(300))
    history.note_event(told(at=later(300)))
    assert entries(history) == [
        ("one", Means.PASSWORD, None),
        ("platform", Means.EXISTING_SESSION, AuthenticationLevel.PASSWORD),
    ]


def test_who_goes_on_at_once_gave_no_password_again(history: History, told: Told) -> None:
    history.note_event(told("one"))
    history.note_own(open_session(authenticated_at=AT, at=later(5)), at=later(5))
    history.note_event(told(at=later(5)))
    assert entries(history) == [
        ("one", Means.PASSWORD, None),
        ("platform", Means.EXISTING_SESSION, AuthenticationLevel.PASSWORD),
    ]


def test_without_events_our_own_sign_ins_are_there(history: History) -> None:
    """Another provider than Keycloak tells of none, and may have no `sid`."""
    for seconds in (0, 5):
        history.note_own(open_session(session_id=None, at=later(seconds)), at=later(seconds))
    assert len(entries(history)) == 2


def test_the_same_session_at_the_same_level_is_no_new_entry(history: History) -> None:
    for seconds in (0, 400):
        history.note_own(open_session(at=later(seconds)), at=later(seconds))
    assert len(entries(history)) == 1


def test_nobody_sees_those_of_another(history: History, told: Told) -> None:
    history.note_event(told())
    assert history.of_account("a2", at=AT) == ()


def test_entries_are_kept_for_180_days(history: History, told: Told) -> None:
    assert timedelta(days=180) == KEPT_FOR
    history.note_event(told("one"))
    history.note_event(told("two", at=later(1)))
    assert len(entries(history, AT + KEPT_FOR)) == 2
    assert len(entries(history, later(1) + KEPT_FOR)) == 1
    assert history.prune(at=AT + KEPT_FOR) == 0
    assert history.prune(at=later(1) + KEPT_FOR) == 1
    assert len(entries(history, AT)) == 1


def test_pages(history: History, told: Told) -> None:
    for number in range(PAGE + 3):
        history.note_event(told("one", at=later(number), session_id=f"s{number}"))
    pages = [history.of_account("a1", at=later(99), page=page) for page in (0, 1, 2)]
    assert [len(page) for page in pages] == [PAGE + 1, 3, 0]
    assert pages[0][0].at == later(PAGE + 2)
    assert pages[0][PAGE] == pages[1][0], "the one too many begins the next page"


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_order_in_which_things_are_told_does_not_matter(
    shared: Transactions, order: tuple[int, ...]
) -> None:
    """A password at ours, then a code a minute and a half later; each told by both."""
    told, history = Told(), History(shared, grants)
    session_id = "".join(map(str, order))

    def event(seconds: float, proof: Means | None = None) -> LoginEvent:
        found = told(at=later(seconds), session_id=session_id, proof=proof)
        return replace(found, id=f"{session_id}-{seconds}")

    def own(seconds: float, level: AuthenticationLevel) -> OpenSession:
        return open_session(level=level, at=later(seconds), session_id=session_id)

    first, second = own(0, AuthenticationLevel.PASSWORD), own(90, AuthenticationLevel.ONE_TIME_CODE)
    acts = [
        lambda: history.note_own(first, at=AT),
        lambda: history.note_event(event(-1)),
        lambda: history.note_own(second, at=later(90)),
        lambda: history.note_event(event(89, Means.ONE_TIME_CODE)),
    ]
    for number in order:
        acts[number]()
    found = history.of_account("a1", at=MUCH_LATER)
    here = [(e.means, e.level) for e in found if e.session_id == session_id]
    assert (Means.ONE_TIME_CODE, AuthenticationLevel.ONE_TIME_CODE) in here
    assert len(here) <= 2
