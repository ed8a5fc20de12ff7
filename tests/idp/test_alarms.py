"""“This was not me”: out everywhere, shut until the counter."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from simulators.away import Realm
from simulators.logouts import EndedSessions, identity_database, sqlite_address

from idp.alarms import KEPT_FOR, Alarms
from idp.errors import ProviderUnavailableError

AT = datetime(2026, 11, 24, 4, tzinfo=UTC)


@pytest.fixture
def sessions() -> EndedSessions:
    return EndedSessions()


@pytest.fixture
def alarms(tmp_path: Path, sessions: EndedSessions) -> Iterator[Alarms]:
    with identity_database(sqlite_address(tmp_path)) as (transactions, _):
        yield Alarms(transactions, sessions)


@pytest.fixture
def realm() -> Realm:
    return Realm(AT)


def test_an_alarm_shuts_the_account_and_then_ends_its_sessions(
    alarms: Alarms, sessions: EndedSessions, realm: Realm
) -> None:
    alarms.report("a1", "entry", at=AT)
    assert sessions.ended == [("account", "a1")], "ours at once"
    assert alarms.enforce(realm, at=AT) == 1
    assert realm.told == [("shut", "a1"), ("sign_out", "a1")]
    assert alarms.enforce(realm, at=AT) == 0
    found = alarms.open_alarm("a1")
    assert found is not None
    assert (found.raised_at, found.sign_in, found.is_enforced) == (AT, "entry", True)
    assert alarms.all_open() == (found,)
    assert alarms.open_alarm("a2") is None


def test_said_twice_it_is_one_alarm(alarms: Alarms, sessions: EndedSessions) -> None:
    for _ in range(2):
        alarms.report("a1", None, at=AT)
    assert len(alarms.all_open()) == 1
    assert sessions.ended == [("account", "a1")] * 2


def test_a_provider_that_is_away_is_told_when_it_comes_back(alarms: Alarms, realm: Realm) -> None:
    realm.is_away = True
    alarms.report("a1", None, at=AT)
    assert alarms.enforce(realm, at=AT) == 0
    realm.is_away = False
    assert alarms.enforce(realm, at=AT + timedelta(hours=3)) == 1


def test_one_that_is_refused_or_gone_holds_up_no_others(alarms: Alarms, realm: Realm) -> None:
    for number in range(3):
        alarms.report(f"a{number}", None, at=AT + timedelta(seconds=number))
    realm.refuses, realm.unknown = {"a2"}, {"a1"}
    assert alarms.enforce(realm, at=AT) == 2
    assert realm.told == [("shut", "a0"), ("sign_out", "a0")]
    assert [alarm.account for alarm in alarms.all_open() if not alarm.is_enforced] == ["a2"]


def test_the_counter_opens_the_account_again(alarms: Alarms, realm: Realm) -> None:
    alarms.report("a1", None, at=AT)
    alarms.enforce(realm, at=AT)
    realm.is_away = True
    with pytest.raises(ProviderUnavailableError):
        alarms.clear("a1", realm, clerk="c1", at=AT)
    assert alarms.open_alarm("a1") is not None
    realm.is_away = False
    alarms.clear("a1", realm, clerk="c1", at=AT)
    assert alarms.open_alarm("a1") is None
    assert alarms.enforce(realm, at=AT) == 0
    assert realm.told[-1] == ("open", "a1")


def test_what_was_cleared_before_it_could_be_enforced_is_over(alarms: Alarms, realm: Realm) -> None:
    alarms.report("a1", None, at=AT)
    alarms.clear("a1", realm, clerk="c1", at=AT)
    assert alarms.enforce(realm, at=AT) == 0


def test_cleared_alarms_are_kept_as_long_as_sign_ins(alarms: Alarms, realm: Realm) -> None:
    alarms.report("a1", None, at=AT)
    alarms.report("a2", None, at=AT)
    alarms.clear("a1", realm, clerk="c1", at=AT)
    assert alarms.prune(at=AT + KEPT_FOR) == 0
    assert alarms.prune(at=AT + KEPT_FOR + timedelta(seconds=1)) == 1
    assert [alarm.account for alarm in alarms.all_open()] == ["a2"]
