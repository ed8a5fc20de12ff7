"""Leaving is written down first, and told until it is understood."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from simulators.away import Realm
from simulators.logouts import identity_database, sqlite_address
from simulators.sign_ins import open_session

from idp.database import Transactions
from idp.departures import (
    PROVIDER_SESSION_LASTS,
    SHOWN_FOR,
    Departure,
    Departures,
    Scope,
    form_secret,
    open_services,
    verify_form,
)
from idp.errors import CrossSiteError

AT = datetime(2026, 11, 24, 4, tzinfo=UTC)
SESSION = open_session(at=AT)


@pytest.fixture
def transactions(tmp_path: Path) -> Iterator[Transactions]:
    with identity_database(sqlite_address(tmp_path)) as (opened, _):
        yield opened


@pytest.fixture
def departures(transactions: Transactions) -> Departures:
    return Departures(transactions)


@pytest.fixture
def realm() -> Realm:
    realm = Realm(AT)
    realm.session("a1", "s1", "platform", "two", "one", started_at=AT)
    realm.session("a1", "s2", "three", started_at=AT)
    return realm


def is_done(departures: Departures, secret: str, at: datetime = AT) -> bool:
    departure = departures.find(secret, at=at)
    assert departure is not None
    return departure.is_done


def test_what_is_open_is_what_this_sign_in_opened(realm: Realm) -> None:
    assert open_services(realm, SESSION) == ("one", "platform", "two")
    assert open_services(realm, open_session(at=AT, session_id=None)) == ()
    realm.unknown = {"a1"}
    assert open_services(realm, SESSION) == ()
    realm.refuses = {"a1"}
    assert open_services(realm, SESSION) is None
    realm.is_away = True
    assert open_services(realm, SESSION) is None


def test_leaving_all_is_told(departures: Departures, realm: Realm) -> None:
    secret = departures.begin(SESSION, Scope.ALL, ["one", "two"], at=AT)
    assert departures.find(secret, at=AT) == Departure(
        "a1", "s1", Scope.ALL, ("one", "two"), AT, is_done=False
    )
    assert departures.tell(realm, at=AT) == 1
    assert is_done(departures, secret)
    assert departures.tell(realm, at=AT) == 0
    assert realm.told == [("end_session", "s1")]


def test_leaving_one_tells_nobody_until_the_rest_is_left_too(
    departures: Departures, realm: Realm
) -> None:
    secret = departures.begin(SESSION, Scope.THIS, None, at=AT)
    assert departures.tell(realm, at=AT) == 0
    assert is_done(departures, secret)
    departures.extend(secret)
    found = departures.find(secret, at=AT)
    assert found == Departure("a1", "s1", Scope.ALL, None, AT, is_done=False)
    assert departures.tell(realm, at=AT) == 1
    departures.extend(secret)
    assert is_done(departures, secret), "told once"


def test_a_provider_that_is_away_is_told_when_it_comes_back(
    departures: Departures, realm: Realm
) -> None:
    realm.is_away = True
    secret = departures.begin(SESSION, Scope.ALL, None, at=AT)
    for second in (0, 2, 4):
        assert departures.tell(realm, at=AT + timedelta(seconds=second)) == 0
    assert not is_done(departures, secret)
    realm.is_away = False
    assert departures.tell(realm, at=AT + timedelta(hours=5)) == 1
    assert realm.told == [("end_session", "s1")]


def test_after_a_day_there_is_nothing_left_to_end(departures: Departures, realm: Realm) -> None:
    realm.is_away = True
    departures.begin(SESSION, Scope.ALL, None, at=AT)
    realm.is_away = False
    assert departures.tell(realm, at=AT + PROVIDER_SESSION_LASTS) == 0


def test_one_that_is_refused_holds_up_no_others(departures: Departures, realm: Realm) -> None:
    for number in range(3):
        session = open_session(at=AT, session_id=f"s{number}")
        departures.begin(session, Scope.ALL, None, at=AT + timedelta(seconds=number))
    realm.refuses, realm.unknown = {"s1"}, {"s0"}
    assert departures.tell(realm, at=AT + timedelta(seconds=9)) == 2
    assert realm.told == [("end_session", "s2")]
    realm.refuses = set()
    assert departures.tell(realm, at=AT + timedelta(seconds=9)) == 1


def test_without_a_session_of_the_provider_there_is_nothing_to_tell(
    departures: Departures, realm: Realm
) -> None:
    nameless = open_session(at=AT, session_id=None)
    secret = departures.begin(nameless, Scope.ALL, (), at=AT)
    departures.extend(secret)
    assert departures.tell(realm, at=AT) == 0


def test_only_its_browser_finds_it_and_not_for_long(departures: Departures) -> None:
    secret = departures.begin(SESSION, Scope.ALL, (), at=AT)
    assert departures.find(secret, at=AT + SHOWN_FOR - timedelta(seconds=1)) is not None
    for unverified, at in [
        (secret, AT + SHOWN_FOR),
        (None, AT),
        ("", AT),
        (secret[:-1], AT),
        ("\ud800", AT),
        (secret * 100, AT),
    ]:
        assert departures.find(unverified, at=at) is None


def test_old_departures_are_dropped(departures: Departures) -> None:
    first = departures.begin(SESSION, Scope.ALL, (), at=AT)
    departures.begin(SESSION, Scope.ALL, (), at=AT + PROVIDER_SESSION_LASTS)
    assert departures.find(first, at=AT) is None


def test_the_form_of_another_departure_is_refused() -> None:
    verify_form(form_secret("mine"), "mine")
    for unverified in (form_secret("theirs"), "", "mine", "\ud800"):
        with pytest.raises(CrossSiteError):
            verify_form(unverified, "mine")
