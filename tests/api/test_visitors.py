"""Who is in front of a page: found by a cookie, led to the sign-in without, shown in the header."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from simulators.signed_in import (
    NAME,
    connect_browser,
    furnish_identity,
    identity_of,
    sign_in,
)
from simulators.web import CHINESE, ENGLISH, ServedOffice

from api.messages import Language, messages
from api.wiring import Services
from idp.levels import AuthenticationLevel


@pytest.fixture(scope="module")
def people(office: ServedOffice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder: Path = tmp_path_factory.mktemp("people") / "data"
    with furnish_identity(office.copy_to(folder)).open() as services:
        yield services


@pytest.fixture
def browser(people: Services) -> httpx.Client:
    return connect_browser(people)


def test_nobody_is_led_to_the_sign_in_and_back(browser: httpx.Client) -> None:
    answer = browser.get("/me?a=b")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Fme%3Fa%3Db"


def test_somebody_sees_who_he_is(browser: httpx.Client, people: Services) -> None:
    sign_in(browser, people, level=AuthenticationLevel.ONE_TIME_CODE)
    page = browser.get("/me", headers=CHINESE)
    assert page.status_code == 200
    assert f"{NAME}（为本人办理）" in page.text
    assert messages(Language.CHINESE)("authentication_level.al2") in page.text
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("address", ["/", "/verify", "/trust", "/docs", "/nowhere", "/me"])
def test_every_page_says_who_acts_for_whom(
    browser: httpx.Client, people: Services, address: str
) -> None:
    sign_in(browser, people)
    assert f"{NAME}, for yourself" in browser.get(address, headers=ENGLISH).text


def test_a_session_that_ended_counts_no_more(browser: httpx.Client, people: Services) -> None:
    session = sign_in(browser, people)
    identity_of(people).sessions.end(session)
    assert browser.get("/me").status_code == 303
    assert NAME not in browser.get("/").text


def test_where_nobody_can_sign_in_nothing_offers_it(client: httpx.Client) -> None:
    assert client.get("/me").status_code == 404
    assert "/login" not in client.get("/").text
