"""Two portals of two departments, the platform and the real Keycloak."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from simulators.everywhere import Everywhere, serving
from simulators.server import free_port
from simulators.signed_in import hand_made
from simulators.two_portals import (
    CIVIL,
    MARKET,
    NAME,
    USER,
    TwoPortals,
    clock,
    open_two_portals,
    portal_file,
)

from api.portal_applying import apply_portals
from demo.portal_pages import create_portal
from demo.portal_parts import open_portal
from idp.client_authentication import generate_client_key
from idp.errors import SessionEndedError
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.portals import read_portal

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoPortals]:
    with open_two_portals(tmp_path_factory.mktemp("district")) as district:
        yield district


@pytest.fixture
def browser(district: TwoPortals) -> Iterator[Everywhere]:
    with Everywhere() as browser:
        yield browser
    district.sign_out(district.account)


def test_applying_again_changes_nothing(district: TwoPortals) -> None:
    again = apply_portals(
        district.files,
        district.settings,
        district.realm.operator,
        backchannel_origin=district.realm.origin,
    )
    assert [one.changes for one in again] == [(), ()]
    assert all(one.changes for one in district.applied.values())


def test_the_second_portal_asks_for_no_password(district: TwoPortals, browser: Everywhere) -> None:
    page = district.enter(browser, MARKET)
    assert page.asked == ("password",)
    assert f"{NAME}</span>, for yourself" in page.html
    page = district.enter(browser, CIVIL)
    assert page.asked == ()
    assert urlsplit(page.address).path == "/login/continue"
    for words in (
        "Old-age allowances (demonstration)",
        "Civil Affairs Bureau of Sample District",
        "type and number of the identity document",
        "Why it needs the document number",
        f"Continue as {NAME}",
        "You would act: for yourself",
        "Not signed in",
    ):
        assert words in page.html
    page = browser.press(page, "/login/continue")
    assert page.address == f"{district.home(CIVIL)}/"
    assert NAME in page.html
    names = browser.cookies()
    assert f"__Host-{MARKET}" in names
    assert f"__Host-{CIVIL}" in names
    # No token in the browser: what it holds is random and opens rows.
    assert not [value for value in names.values() if value.startswith("eyJ") and len(value) > 1000]


def test_a_portal_is_told_what_its_file_grants(district: TwoPortals, browser: Everywhere) -> None:
    district.enter(browser, MARKET)
    market = browser.visit(f"{district.home(MARKET)}/matters/food-licence")
    district.continue_as(browser, CIVIL)
    civil = browser.visit(f"{district.home(CIVIL)}/matters/allowance")
    assert (market.status, civil.status) == (200, 200)
    number = district.realm.operator.user(district.account).document_number
    assert number in civil.html
    assert number not in market.html
    told = {
        client_id: district.portals[client_id].sessions.all(at=clock())[0]
        for client_id in (MARKET, CIVIL)
    }
    assert set(told[MARKET].claims) <= {"full_name"}
    assert set(told[CIVIL].claims) <= {"full_name", "document_type", "document_number"}
    accounts = {session.account for session in told.values()}
    assert len(accounts) == 2
    assert district.account not in accounts
    assert told[MARKET].session_id == told[CIVIL].session_id


def test_backchannel_logout_ends_pairwise_sessions(
    district: TwoPortals, browser: Everywhere
) -> None:
    district.enter(browser, MARKET)
    district.continue_as(browser, CIVIL)
    pseudonyms = {client: district.sessions(client) for client in (MARKET, CIVIL)}
    assert [len(found) for found in pseudonyms.values()] == [1, 1]
    district.sign_out(district.account)
    assert (district.sessions(MARKET), district.sessions(CIVIL)) == ([], [])
    page = browser.visit(f"{district.home(MARKET)}/matters/food-licence")
    assert "protocol/openid-connect/auth" in page.address or page.form("password")


def test_leaving_one_portal_leaves_the_others(district: TwoPortals, browser: Everywhere) -> None:
    district.enter(browser, MARKET)
    page = district.continue_as(browser, CIVIL)
    page = browser.press(page, "/logout")
    assert "You left this portal" in page.html
    assert f"{district.realm.origin}/services" in page.html
    assert district.sessions(CIVIL) == []
    assert len(district.sessions(MARKET)) == 1
    # Back again: asked, not let in silently.
    page = district.enter(browser, CIVIL)
    assert urlsplit(page.address).path == "/login/continue"


def test_a_matter_asks_for_more_and_gives_the_form_back(
    district: TwoPortals, browser: Everywhere
) -> None:
    page = district.enter(browser, MARKET, "/matters/food-licence")
    words = "小吃店 <b>一间</b>"
    page = browser.press(page, "/matters/food-licence", words=words)
    form = page.form("otp")
    assert form is not None
    page = browser.submit(form, otp=district.realm.totp_code(USER))
    assert urlsplit(page.address).path.startswith("/login/resume/")
    page = browser.press(page, "/matters/food-licence")
    assert "Received" in page.html
    assert "小吃店 &lt;b&gt;一间&lt;/b&gt;" in page.html
    (session,) = district.portals[MARKET].sessions.all(at=clock())
    assert session.level is AuthenticationLevel.ONE_TIME_CODE


def test_somebody_else_may_sign_in(district: TwoPortals, browser: Everywhere) -> None:
    other = "li.portal"
    if other not in district.realm.people:
        district.realm.person(other, level=IdentityLevel.SEEN, full_name="李示例")
    district.enter(browser, MARKET)
    page = district.enter(browser, CIVIL)
    page = browser.press(page, "/login/other")
    # The provider asks: it was not shown an ID token, which would stand in an address.
    (asked,) = (one for one in page.forms if "/logout-confirm" in one.action)
    page = browser.submit(asked)
    form = page.form("username", "password")
    assert form is not None
    person = district.realm.people[other]
    page = browser.submit(form, username=other, password=person.password)
    assert page.address == f"{district.home(CIVIL)}/"
    assert "李示例" in page.html
    district.sign_out(person.account)


def test_who_was_not_checked_enough_does_not_enter(
    district: TwoPortals, browser: Everywhere
) -> None:
    other = "wang.portal"
    if other not in district.realm.people:
        district.realm.person(other, level=IdentityLevel.MATCHED, full_name="王示例")
    person = district.realm.people[other]
    address = f"{district.home(CIVIL)}/login"
    page = browser.sign_in(address, other, person.password, person.code)
    assert page.status == 403
    assert "more thorough check of your identity" in page.html
    assert district.sessions(CIVIL) == []
    district.sign_out(person.account)


def test_an_answer_counts_once_and_in_its_browser(district: TwoPortals) -> None:
    home = district.home(MARKET)
    with Everywhere() as browser, Everywhere() as thief:
        seen: list[str] = []
        hook = seen.append
        browser.client.event_hooks = {"request": [lambda request: hook(str(request.url))]}
        district.enter(browser, MARKET)
        callbacks = [url for url in seen if url.startswith(f"{home}/login/callback?")]
        code = next(url for url in reversed(callbacks) if "code" in parse_qs(urlsplit(url).query))
        thief.visit(f"{home}/login")
        assert thief.visit(code).status == 400
        assert f"__Host-{MARKET}" not in thief.cookies()
        cookie = browser.cookies()[f"__Host-{MARKET}"]
        assert browser.visit(code).address == f"{home}/"
        assert browser.cookies()[f"__Host-{MARKET}"] == cookie
    district.sign_out(district.account)


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example/", "/\\evil.example"])
def test_nobody_is_led_elsewhere(district: TwoPortals, browser: Everywhere, path: str) -> None:
    page = district.enter(browser, MARKET, path)
    assert page.address == f"{district.home(MARKET)}/"


@pytest.mark.parametrize("path", ["/matters/food-licence", "/logout"])
def test_forms_of_other_sites_do_nothing(
    district: TwoPortals, browser: Everywhere, path: str
) -> None:
    district.enter(browser, MARKET)
    home = district.home(MARKET)
    (session,) = district.portals[MARKET].sessions.all(at=clock())
    cookie = browser.cookies()[f"__Host-{MARKET}"]
    token = district.portals[MARKET].sessions.find(cookie, at=clock()).csrf
    for data, headers in (
        ({"csrf_token": token}, {}),
        ({"csrf_token": token}, {"Origin": district.home(CIVIL)}),
        ({}, {"Origin": home}),
        ({"csrf_token": "AAAA"}, {"Origin": home}),
    ):
        answer = browser.client.post(f"{home}{path}", data=data, headers=headers)
        assert answer.status_code == 403
    assert district.portals[MARKET].sessions.find(cookie, at=clock()).id == session.id


def test_a_cookie_of_one_portal_opens_no_other(district: TwoPortals, browser: Everywhere) -> None:
    district.enter(browser, MARKET)
    cookie = browser.cookies()[f"__Host-{MARKET}"]
    with pytest.raises(SessionEndedError):
        district.portals[CIVIL].sessions.find(cookie, at=clock())


def test_a_logout_token_nobody_signed_is_refused(district: TwoPortals) -> None:
    address = district.portals[MARKET].portal.backchannel_logout
    for body in ("", "logout_token=x", "logout_token=a.b.c", "logout_token=a&logout_token=b"):
        assert httpx.post(address, content=body, trust_env=False).status_code == 400


def test_without_the_provider_a_page_says_try_again(district: TwoPortals, tmp_path: Path) -> None:
    """A portal of a provider that is not there: its own pages go on, nobody is let in."""
    portal = read_portal(portal_file("market", tmp_path).read_bytes())
    home_port = urlsplit(portal.home).port
    assert home_port is not None
    nowhere = f"http://127.0.0.1:{free_port()}"
    with (
        open_portal(
            portal,
            key=generate_client_key(),
            data=tmp_path / "data",
            oidc_issuer=f"{nowhere}/realms/x",
            platform=nowhere,
        ) as parts,
        serving(create_portal(parts), home_port),
        Everywhere() as browser,
    ):
        assert browser.visit(f"{portal.home}/").status == 200
        page = browser.visit(f"{portal.home}/login")
        assert page.status == 503
        assert "Try again" in page.html
        assert district.realm.issuer not in page.html
        # Whom somebody acts for cannot be learnt; who he is can.
        signed_in = hand_made(at=clock(), identity_level=IdentityLevel.SEEN)
        _, cookie = parts.sessions.open(signed_in, at=clock())
        browser.client.cookies.set(f"__Host-{MARKET}", cookie, domain="market.localhost")
        page = browser.visit(f"{portal.home}/matters/food-licence")
        assert page.status == 200
        assert "it cannot be learnt at present for whom" in page.html
