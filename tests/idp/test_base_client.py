"""The two bases over HTTP: answers become types, everything else is "away"."""

import json
from collections.abc import Iterator
from datetime import timedelta
from threading import Thread

import httpx
import pytest
from simulators.people import FOOD, MERGED, NOW, named

from demo.population import Bases, BaseServer
from idp.base_client import LARGEST_ANSWER, LEFT_ALONE, HttpBases
from idp.errors import BaseUnavailableError
from idp.sources import LegalState, NoBase, PersonState

SU = named("苏小样", "111", "119999198802290021")


@pytest.fixture
def bases() -> Bases:
    return Bases.load()


@pytest.fixture
def client(bases: Bases) -> Iterator[HttpBases]:
    with BaseServer(bases=bases) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        client = HttpBases(server.address)
        yield client
        client.close()
        server.shutdown()


def answering(*answers: httpx.Response | Exception) -> HttpBases:
    """Return a client of a base that answers these, one after the other."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.query == b"", "nothing personal in an address"
        given = left.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    return HttpBases(
        "http://base.example", http=httpx.Client(transport=httpx.MockTransport(answer))
    )


def ask(client: HttpBases) -> None:
    client.compare(SU.document, SU.name, at=NOW)


def test_the_answers_are_those_of_the_bases(client: HttpBases, bases: Bases) -> None:
    su, dead = bases.person("苏小样"), bases.person("何示例")
    for person, state in ((su, PersonState.LIVING), (dead, PersonState.DECEASED)):
        said = client.compare(person.documents[0], person.name, at=NOW)
        assert (said.state, said.same_name) == (state, True)
        assert not client.compare(
            person.documents[0], bases.person("李示例").name, at=NOW
        ).same_name
    unknown = named("示例", "999", "TEST-0001")
    said = client.compare(unknown.document, unknown.name, at=NOW)
    assert (said.state, said.same_name) == (PersonState.UNKNOWN, False)
    (ward,) = client.wards_of(su.documents[0], at=NOW)
    assert ward.ward.name.text == "苏小小样"
    found = client.find(FOOD, at=NOW)
    assert found is not None
    assert found.representative.name.text == "王示例"
    merged = client.find(MERGED, at=NOW)
    assert merged is not None
    assert (merged.state, merged.successor) == (LegalState.MERGED, FOOD)
    assert client.find("91999901MA1000130H", at=NOW) is None
    assert FOOD in client.represented_by(found.representative.document, at=NOW)


def test_a_base_that_is_away_says_nothing(client: HttpBases, bases: Bases) -> None:
    bases.away = True
    with pytest.raises(BaseUnavailableError):
        ask(client)
    bases.away = False
    with pytest.raises(BaseUnavailableError):
        ask(client)  # left alone for some seconds
    client.compare(SU.document, SU.name, at=NOW + LEFT_ALONE)


GOOD = {"state": "living", "same_name": True, "as_of": "2026-11-20T02:00:00+00:00"}


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(404),
        httpx.Response(302, headers={"Location": "http://other.example"}),
        httpx.Response(200, content=b"no json"),
        httpx.Response(200, content=b"[]"),
        httpx.Response(200, json={}),
        httpx.Response(200, json=GOOD | {"state": "sleeping"}),
        httpx.Response(200, json=GOOD | {"as_of": "2026-11-20T02:00:00"}),
        httpx.Response(200, json=GOOD | {"as_of": 5}),
        httpx.Response(200, content=b'{"state":"living","state":"deceased"}'),
        httpx.Response(200, content=b" " * (LARGEST_ANSWER + 1)),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
    ],
    ids=str,
)
def test_what_is_no_answer_is_no_no(answer: httpx.Response | Exception) -> None:
    with pytest.raises(BaseUnavailableError) as caught:
        ask(answering(answer))
    assert caught.value.__cause__ is None


def test_only_true_is_the_same_name() -> None:
    answer = httpx.Response(200, json=GOOD | {"same_name": "yes"})
    assert not answering(answer).compare(SU.document, SU.name, at=NOW).same_name


@pytest.mark.parametrize(
    "found",
    [
        {"uscc": MERGED},
        {"uscc": FOOD, "name": "x", "state": "gone"},
        {"uscc": FOOD, "name": "x", "state": "active", "successor": None, "as_of": "x"},
        5,
    ],
)
def test_a_company_that_was_not_asked_for_is_no_answer(found: object) -> None:
    client = answering(httpx.Response(200, content=json.dumps({"found": found})))
    with pytest.raises(BaseUnavailableError):
        client.find(FOOD, at=NOW)


def test_a_clock_set_back_does_not_shut_it_for_ever() -> None:
    client = answering(httpx.Response(500), httpx.Response(200, json=GOOD))
    with pytest.raises(BaseUnavailableError):
        ask(client)
    client.compare(SU.document, SU.name, at=NOW - timedelta(days=1))


def test_where_no_base_is_nobody_answers() -> None:
    base = NoBase()
    with pytest.raises(BaseUnavailableError):
        base.compare(SU.document, SU.name, at=NOW)
    with pytest.raises(BaseUnavailableError):
        base.wards_of(SU.document, at=NOW)
    with pytest.raises(BaseUnavailableError):
        base.find(FOOD, at=NOW)
    with pytest.raises(BaseUnavailableError):
        base.represented_by(SU.document, at=NOW)
