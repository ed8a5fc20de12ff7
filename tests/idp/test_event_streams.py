"""No event is lost, none counts twice, whatever the provider and its clock do."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulators import postgres
from simulators.logouts import identity_database, sqlite_address
from sqlalchemy import func, select

from idp.database import Transactions
from idp.errors import ProviderUnavailableError, RealmRefusedError
from idp.event_streams import GIVEN_UP_AFTER, OVERLAP, EventStream
from idp.faults import ProviderFault
from idp.tables import watched_events

AT = datetime(2026, 11, 24, 4, tzinfo=UTC)
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.real)]


def later(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


@dataclass(frozen=True)
class Event:
    id: str
    time: datetime


@dataclass
class Log:
    """What the provider keeps, and what was handled of it."""

    events: list[Event] = field(default_factory=list)
    handled: list[str] = field(default_factory=list)
    fails: set[str] = field(default_factory=set)
    refuses: set[str] = field(default_factory=set)
    since: datetime = AT

    def happen(self, event_id: str, at: datetime) -> None:
        self.events.append(Event(event_id, at))

    def fetch(self, since: datetime) -> list[Event]:
        self.since = since
        return [event for event in reversed(self.events) if event.time >= since]

    def handle(self, event: Event) -> None:
        if event.id in self.fails:
            raise ProviderUnavailableError(ProviderFault.TOO_SLOW)
        if event.id in self.refuses:
            raise RealmRefusedError("no")
        self.handled.append(event.id)

    def look(self, stream: EventStream[Event], at: datetime) -> list[str]:
        """Return what is handled by a look at `at`."""
        self.handled = []
        stream.follow(self.fetch, self.handle, at=at)
        return self.handled


@pytest.fixture(params=DATABASES)
def transactions(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Transactions]:
    sqlite = request.param == "sqlite"
    address = sqlite_address(tmp_path) if sqlite else postgres.new_database()
    with identity_database(address) as (opened, _):
        yield opened


@pytest.fixture
def stream(transactions: Transactions) -> EventStream[Event]:
    return EventStream(transactions, "test")


@pytest.fixture
def log() -> Log:
    return Log()


def test_events_are_handled_once_the_oldest_first(stream: EventStream[Event], log: Log) -> None:
    assert log.look(stream, AT) == []
    log.happen("b", later(2))
    log.happen("a", later(1))
    assert log.look(stream, later(3)) == ["a", "b"]
    assert log.look(stream, later(4)) == []


def test_what_was_before_anybody_looked_stays_before(stream: EventStream[Event], log: Log) -> None:
    log.happen("long ago", AT - timedelta(days=1))
    log.happen("just now", AT - OVERLAP)
    assert log.look(stream, AT) == ["just now"]


def test_an_event_that_is_seen_late_is_not_lost(stream: EventStream[Event], log: Log) -> None:
    """A slow commit: its time lies before that of one that was seen already."""
    log.look(stream, AT)
    log.happen("quick", later(50))
    assert log.look(stream, later(51)) == ["quick"]
    log.happen("slow", later(5))
    assert log.look(stream, later(52)) == ["slow"]
    assert log.look(stream, later(53)) == []


def test_events_wait_while_nobody_looks(
    transactions: Transactions, stream: EventStream[Event], log: Log
) -> None:
    log.look(stream, AT)
    log.happen("a", later(10))
    log.look(stream, later(11))
    log.happen("b", later(5000))
    again: EventStream[Event] = EventStream(transactions, "test")
    assert log.look(again, later(100_000)) == ["b"]


def test_the_first_look_may_fail(stream: EventStream[Event], log: Log) -> None:
    def away(_: datetime) -> list[Event]:
        raise ProviderUnavailableError(ProviderFault.UNREACHABLE)

    with pytest.raises(ProviderUnavailableError):
        stream.follow(away, log.handle, at=AT)
    log.happen("a", later(10))
    assert log.look(stream, later(5000)) == ["a"]


def test_what_could_not_be_handled_comes_again(stream: EventStream[Event], log: Log) -> None:
    log.look(stream, AT)
    for number in range(4):
        log.happen(str(number), later(number))
    log.fails = {"2"}
    with pytest.raises(ProviderUnavailableError):
        log.look(stream, later(5))
    assert log.handled == ["0", "1"]
    log.fails = set()
    assert log.look(stream, later(9000)) == ["2", "3"]


def test_one_that_is_refused_holds_up_no_others(stream: EventStream[Event], log: Log) -> None:
    log.look(stream, AT)
    for number in range(4):
        log.happen(str(number), later(number * 1000))
    log.refuses = {"1"}
    for handled in (["0", "2", "3"], []):
        with pytest.raises(RealmRefusedError):
            log.look(stream, later(5000))
        assert log.handled == handled
    log.happen("late", later(3500))
    with pytest.raises(RealmRefusedError):
        log.look(stream, later(6000))
    assert log.handled == ["late"]
    log.refuses = set()
    assert log.look(stream, later(7000)) == ["1"]
    assert log.look(stream, later(8000)) == []


def test_one_that_is_always_refused_is_given_up(stream: EventStream[Event], log: Log) -> None:
    log.look(stream, AT)
    log.happen("never", later(1))
    log.refuses = {"never"}
    with pytest.raises(RealmRefusedError):
        log.look(stream, later(5))
    with pytest.raises(RealmRefusedError):
        log.look(stream, later(1) + GIVEN_UP_AFTER)
    assert log.look(stream, later(2) + GIVEN_UP_AFTER) == []


def test_a_clock_that_was_ahead_hides_nothing(stream: EventStream[Event], log: Log) -> None:
    log.look(stream, AT)
    log.happen("ahead", later(7200))
    assert log.look(stream, later(1)) == ["ahead"]
    log.happen("put right", later(30))
    assert log.look(stream, later(31)) == ["put right"]
    assert log.look(stream, later(7300)) == []


def test_what_was_met_is_forgotten_when_it_cannot_come_again(
    transactions: Transactions, stream: EventStream[Event], log: Log
) -> None:
    log.look(stream, AT)
    for number in range(100):
        log.happen(str(number), later(number * 10))
        log.look(stream, later(number * 10))
    with transactions.reading() as connection:
        met = connection.scalar(select(func.count()).select_from(watched_events))
    assert met is not None
    assert met <= 2 * OVERLAP.seconds / 10 + 1


def test_streams_do_not_know_one_another(
    transactions: Transactions, stream: EventStream[Event], log: Log
) -> None:
    other: EventStream[Event] = EventStream(transactions, "other")
    log.happen("a", AT)
    assert log.look(stream, AT) == ["a"]
    assert log.look(other, AT) == ["a"]


def test_moving_never_goes_back(stream: EventStream[Event]) -> None:
    assert stream.begin(AT) == AT
    stream.move(later(10))
    stream.move(later(5))
    assert stream.begin(later(99)) == later(10)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transactions]:
    """Return a database for many streams."""
    with identity_database(sqlite_address(tmp_path_factory.mktemp("events"))) as (opened, _):
        yield opened


@given(
    happenings=st.lists(
        st.tuples(st.integers(0, 300), st.integers(0, 59), st.booleans()), max_size=12
    )
)
@settings(max_examples=40, deadline=None)
def test_whatever_the_order_each_is_handled_once(
    shared: Transactions, happenings: list[tuple[int, int, bool]]
) -> None:
    """Each event commits up to a minute after its time; some looks meet a provider that is away."""
    stream: EventStream[Event] = EventStream(shared, token_hex(8))
    log, handled = Log(), []
    stream.begin(AT)
    committed = sorted((time + delay, time, away) for time, delay, away in happenings)
    for number, (moment, time, away) in enumerate(committed):
        log.happen(str(number), later(time))
        log.fails = {str(number)} if away else set()
        try:
            handled += log.look(stream, later(moment))
        except ProviderUnavailableError:
            handled += log.handled
    log.fails = set()
    handled += log.look(stream, later(1000))
    assert sorted(handled, key=int) == [str(number) for number in range(len(happenings))]
