"""Logout tokens passed on to portals that are well, away, slow, obstinate or elsewhere."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from simulators import postgres
from simulators.logouts import (
    HandMadeKeys,
    Portal,
    identity_database,
    logout_token,
    open_portal,
    sqlite_address,
)
from simulators.server import free_port
from sqlalchemy import select

from idp.database import Transactions
from idp.errors import InvalidTokenError
from idp.faults import TokenFault
from idp.fetching import Fetcher
from idp.logout_relay import KEPT_FOR, LEASE, LogoutRelay, Relay, RelayState
from idp.tables import logout_relays

AT = datetime(2026, 11, 24, 4, tzinfo=UTC)
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.real)]


def later(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


@dataclass
class Scene:
    """A platform and its portals `one` and `two`."""

    transactions: Transactions
    relay: LogoutRelay
    portals: dict[str, str]

    def receive(self, client_id: str, at: datetime = AT, session_id: str = "s1") -> str:
        received = logout_token(client_id, at=at, session_id=session_id)
        self.relay.receive(client_id, received, at=at)
        return received

    def states(self, session_id: str = "s1") -> dict[str, tuple[RelayState, bool]]:
        return {
            relay.client_id: (relay.state, relay.is_retried)
            for relay in self.relay.of_session(session_id)
        }


@pytest.fixture
def dead_port() -> int:
    return free_port()


@pytest.fixture(params=DATABASES)
def scene(
    request: pytest.FixtureRequest, tmp_path: Path, one: Portal, dead_port: int
) -> Iterator[Scene]:
    portals = {"one": one.address, "two": f"http://127.0.0.1:{dead_port}/logout/backchannel"}
    sqlite = request.param == "sqlite"
    address = sqlite_address(tmp_path) if sqlite else postgres.new_database()
    with identity_database(address) as (transactions, personal_data):
        fetcher = Fetcher(seconds=20)
        relay = LogoutRelay(transactions, personal_data, HandMadeKeys(), portals.get, fetcher)
        yield Scene(transactions, relay, portals)
        fetcher.close()


@pytest.fixture
def one() -> Iterator[Portal]:
    with open_portal() as portal:
        yield portal


def test_a_token_is_passed_on_as_it_came(scene: Scene, one: Portal) -> None:
    received = scene.receive("one")
    assert scene.states() == {"one": (RelayState.RECEIVED, True)}
    assert scene.relay.pass_on(at=later(1)) == 1
    assert one.received == [received]
    assert scene.relay.of_session("s1") == (Relay("one", RelayState.LEFT, False, later(1)),)  # noqa: FBT003 - as it is declared
    assert scene.relay.pass_on(at=later(60)) == 0
    assert len(one.received) == 1


def test_an_unreachable_portal_is_told_when_it_comes_back(scene: Scene, dead_port: int) -> None:
    scene.receive("one")
    received = scene.receive("two")
    assert scene.relay.pass_on(at=AT) == 1, "the other one is told all the same"
    assert scene.states() == {
        "one": (RelayState.LEFT, False),
        "two": (RelayState.UNREACHABLE, True),
    }
    for seconds in (1, 3, 7, 15):
        assert scene.relay.pass_on(at=later(seconds)) == 0
    with open_portal(dead_port) as two:
        assert scene.relay.pass_on(at=later(15.5)) == 0, "it is left alone for a while"
        assert scene.relay.pass_on(at=later(30)) == 1
        assert two.received == [received]
    assert scene.states()["two"] == (RelayState.LEFT, False)


def test_it_is_tried_as_long_as_the_token_lives(scene: Scene) -> None:
    scene.receive("two")
    tries, second = 0, 0
    while scene.states()["two"][1]:
        before = scene.relay.of_session("s1")[0].tried_at
        scene.relay.pass_on(at=later(second))
        tries += scene.relay.of_session("s1")[0].tried_at != before
        second += 1
    assert scene.states()["two"] == (RelayState.UNREACHABLE, False)
    assert 90 < second <= 121
    assert 8 < tries < 15


def test_no_token_is_kept_after_its_time(scene: Scene) -> None:
    scene.receive("two")
    scene.receive("two", session_id="s2")
    scene.relay.pass_on(at=later(600))
    assert scene.states() == {"two": (RelayState.RECEIVED, False)}
    with scene.transactions.reading() as connection:
        kept = connection.scalars(select(logout_relays.c.logout_token)).all()
    assert kept == [None, None]


def test_a_token_is_encrypted_while_it_waits(scene: Scene) -> None:
    received = scene.receive("two")
    with scene.transactions.reading() as connection:
        kept = connection.scalars(select(logout_relays.c.logout_token)).one()
    assert received.split(".")[1].encode() not in kept
    assert received.encode() not in kept


@pytest.mark.parametrize("status", [400, 404, 500, 503, 302])
def test_who_does_not_confirm_is_asked_again(scene: Scene, one: Portal, status: int) -> None:
    one.status, one.headers = status, {"Location": one.address}
    scene.receive("one")
    scene.relay.pass_on(at=AT)
    assert scene.states() == {"one": (RelayState.REFUSED, True)}
    assert len(one.received) == 1, "no redirect is followed"
    one.status = 204
    scene.relay.pass_on(at=later(1))
    assert scene.states() == {"one": (RelayState.LEFT, False)}


def test_whose_answer_was_lost_has_done_it_all_the_same(scene: Scene, one: Portal) -> None:
    one.loses_answer = True
    scene.receive("one")
    scene.relay.pass_on(at=AT)
    assert scene.states() == {"one": (RelayState.UNREACHABLE, True)}
    one.loses_answer = False
    one.status, one.body = 400, b'{"error": "invalid_request", "error_description": "replayed"}'
    scene.relay.pass_on(at=later(1))
    assert scene.states() == {"one": (RelayState.LEFT, False)}


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": "invalid_request", "error_description": "replayed"}',
        b'["replayed"]',
        b"\xff",
        b" " * 100_000,
    ],
)
def test_a_refusal_of_the_first_try_is_a_refusal(scene: Scene, one: Portal, body: bytes) -> None:
    one.status, one.body = 400, body
    scene.receive("one")
    scene.relay.pass_on(at=AT)
    assert scene.states() == {"one": (RelayState.REFUSED, True)}


def test_a_slow_portal_holds_up_nobody_for_long(scene: Scene, one: Portal, dead_port: int) -> None:
    impatient = LogoutRelay(
        scene.transactions,
        scene.relay.personal_data,
        HandMadeKeys(),
        scene.portals.get,
        Fetcher(seconds=0.2),
    )
    one.may_answer.clear()
    for session in ("s1", "s2", "s3"):
        scene.receive("one", session_id=session)
    scene.receive("two")
    with open_portal(dead_port) as two:
        assert impatient.pass_on(at=AT) == 1
        assert len(two.received) == 1
    tried = [scene.states(session)["one"] for session in ("s1", "s2", "s3")]
    assert sorted(tried) == [
        (RelayState.RECEIVED, True),
        (RelayState.RECEIVED, True),
        (RelayState.UNREACHABLE, True),
    ], "one of three took the time of all"
    one.may_answer.set()
    impatient.fetcher.close()
    assert scene.relay.pass_on(at=later(5)) == 3


def test_two_processes_do_not_tell_a_portal_twice(scene: Scene, one: Portal) -> None:
    one.may_answer.clear()
    scene.receive("one")
    first = threading.Thread(target=scene.relay.pass_on, kwargs={"at": AT})
    first.start()
    assert one.asked.wait(20)
    assert scene.relay.pass_on(at=later(1)) == 0
    one.may_answer.set()
    first.join()
    assert scene.states() == {"one": (RelayState.LEFT, False)}
    assert len(one.received) == 1


def test_what_a_process_died_over_is_taken_up_by_another(scene: Scene, one: Portal) -> None:
    scene.receive("one")
    scene.relay._claim(AT)
    assert scene.relay.pass_on(at=later(1)) == 0
    assert scene.relay.pass_on(at=AT + LEASE) == 1
    assert len(one.received) == 1


def test_only_tokens_for_portals_of_ours_are_taken(scene: Scene, one: Portal) -> None:
    cases = [
        ("elsewhere", logout_token("elsewhere", at=AT), TokenFault.WRONG_AUDIENCE),
        ("one", logout_token("two", at=AT), TokenFault.WRONG_AUDIENCE),
        ("one", "nonsense", TokenFault.MALFORMED),
    ]
    for client_id, unverified, fault in cases:
        with pytest.raises(InvalidTokenError) as caught:
            scene.relay.receive(client_id, unverified, at=AT)
        assert caught.value.reason is fault
    received = scene.receive("one")
    with pytest.raises(InvalidTokenError) as caught:
        scene.relay.receive("one", received, at=AT)
    assert caught.value.reason is TokenFault.REPLAYED
    assert scene.relay.pass_on(at=AT) == 1
    assert one.received == [received]


def test_a_portal_taken_off_the_list_is_not_called(scene: Scene, one: Portal) -> None:
    scene.receive("one")
    del scene.portals["one"]
    assert scene.relay.pass_on(at=AT) == 0
    assert one.received == []
    assert scene.states() == {"one": (RelayState.UNREACHABLE, True)}


def test_results_are_kept_for_a_day(scene: Scene) -> None:
    scene.receive("one")
    scene.relay.pass_on(at=AT)
    assert scene.states() != {}
    scene.receive("one", at=AT + KEPT_FOR, session_id="s2")
    scene.relay.pass_on(at=AT + KEPT_FOR)
    assert scene.states() == {}
    assert scene.states("s2") == {"one": (RelayState.LEFT, False)}
