"""What the identity server still has to be told: kept, told once it answers, never lost."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from simulators.people import FOOD, NOW, RealmThatFails, Town, found_town, sqlite_address

from idp.levels import IdentityLevel
from idp.persons import LevelMeans
from idp.realm_changes import LONGEST_WAIT, SESSION_LASTS_AT_MOST, RealmChange, alias_of, want

LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with found_town(sqlite_address(tmp_path)) as town:
        yield town


def ask(town: Town, change: RealmChange, target: str = FOOD, account: str = "a") -> None:
    with town.transactions() as connection:
        want(connection, change, account=account, target=target, at=NOW)


def test_members_come_and_go(town: Town) -> None:
    realm = RealmThatFails()
    ask(town, RealmChange.JOIN)
    assert town.realm_changes.catch_up(realm, at=NOW) == 1
    assert realm.members == {(alias_of(FOOD), "a")}
    ask(town, RealmChange.LEAVE)
    assert town.realm_changes.catch_up(realm, at=NOW) == 1
    assert realm.members == set()
    assert town.realm_changes.waiting() == 0


def test_a_company_nobody_ever_joined_is_left_at_once(town: Town) -> None:
    realm = RealmThatFails()
    ask(town, RealmChange.LEAVE)
    assert town.realm_changes.catch_up(realm, at=NOW) == 1
    assert realm.told == [("find", FOOD)]


def test_the_company_bears_its_name(town: Town) -> None:
    town.representation.represent(town.settle("王示例"), FOOD, at=NOW)
    realm = RealmThatFails()
    town.realm_changes.catch_up(realm, at=NOW)
    assert realm.companies[FOOD].name == "示例市青禾区麦垄示例食品有限公司"


def test_a_server_that_is_away_is_told_later(town: Town) -> None:
    realm = RealmThatFails(away=True)
    for change in (RealmChange.JOIN, RealmChange.END_SESSION):
        ask(town, change)
    assert town.realm_changes.catch_up(realm, at=NOW) == 0
    assert town.realm_changes.waiting() == 2
    realm.away = False
    assert town.realm_changes.catch_up(realm, at=NOW) == 1, "the one that failed waits a second"
    assert town.realm_changes.catch_up(realm, at=LATER) == 1
    assert town.realm_changes.waiting() == 0


def test_the_waits_grow_to_a_minute(town: Town) -> None:
    realm, at = RealmThatFails(away=True), NOW
    ask(town, RealmChange.JOIN)
    for _ in range(15):
        town.realm_changes.catch_up(realm, at=at)
        at += LONGEST_WAIT
    realm.away = False
    assert town.realm_changes.catch_up(realm, at=at) == 1


def test_what_became_pointless_is_dropped(town: Town) -> None:
    ask(town, RealmChange.JOIN)
    ask(town, RealmChange.LEAVE)
    ask(town, RealmChange.LEAVE, account="b")
    ask(town, RealmChange.LEVEL, "L1")
    ask(town, RealmChange.LEVEL, "L3")
    realm = RealmThatFails()
    assert town.realm_changes.catch_up(realm, at=NOW) == 3
    assert ("change", "a", "L3") in realm.told
    assert ("change", "a", "L1") not in realm.told
    assert not [words for words in realm.told if words[0] == "join"]


def test_an_account_that_is_gone_is_not_told_again(town: Town) -> None:
    realm = RealmThatFails(gone={"a"})
    ask(town, RealmChange.JOIN)
    ask(town, RealmChange.JOIN, account="b")
    assert town.realm_changes.catch_up(realm, at=NOW) == 1
    assert town.realm_changes.waiting() == 0


def test_a_sign_in_that_must_be_over_is_left_alone(town: Town) -> None:
    ask(town, RealmChange.END_SESSION, "sid")
    realm = RealmThatFails()
    at = NOW + SESSION_LASTS_AT_MOST + timedelta(seconds=1)
    town.realm_changes.catch_up(realm, at=at)
    assert realm.told == []
    assert town.realm_changes.waiting() == 0


def test_the_dead_are_shut_out(town: Town) -> None:
    ask(town, RealmChange.DISABLE, "")
    realm = RealmThatFails()
    town.realm_changes.catch_up(realm, at=NOW)
    assert realm.told == [("disabled", "a"), ("sign_out", "a")]


def test_a_level_reached_is_told(town: Town) -> None:
    su = town.settle("苏小样", means=LevelMeans.SELF_REGISTERED)
    town.subjects.raise_level(su.id, LevelMeans.FACE, by=None, at=NOW)
    town.subjects.withdraw_level(su.id, IdentityLevel.MATCHED, by="auditor", at=NOW)
    realm = RealmThatFails()
    town.realm_changes.catch_up(realm, at=NOW)
    assert realm.told == [("change", "account-苏小样", "L1")]
