"""What needs more of a visitor: a surer sign-in, with his form kept, or a check of his identity."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from simulators.office import PUBLIC_URL
from simulators.signed_in import connect_browser, identity_of, machine_headers
from simulators.signing_in import NAME, SESSION, Scene, Somebody, at_provider
from simulators.token_drafts import AT
from simulators.web import ENGLISH

from api.deps import CurrentForm, CurrentVisitor, require_level
from api.rendering import render
from api.wiring import Services
from idp.attempts import FORM_LIFETIME
from idp.errors import AssuranceTooLowError, ProviderUnavailableError
from idp.faults import ProviderFault
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.realm.admin import RealmAdmin
from idp.realm.records import Credential
from idp.sessions import WebSession

router = APIRouter()
SURE = [Depends(require_level(AuthenticationLevel.ONE_TIME_CODE))]


def verify_seen(visitor: CurrentVisitor) -> None:
    if visitor.identity_level < IdentityLevel.SEEN:
        raise AssuranceTooLowError(IdentityLevel.SEEN)


CHECKED = [Depends(verify_seen)]


@router.get("/sure", dependencies=SURE)
def sure_page(request: Request, visitor: CurrentVisitor) -> Response:
    return render(request.scope, "me.html", session=visitor.session)


@router.post("/sure", dependencies=SURE)
def sure_form(form: CurrentForm) -> Response:
    return PlainTextResponse("|".join([form.text("words"), *form.texts("box")]))


@router.post("/v1/sure", dependencies=SURE)
def sure_machine() -> Response:
    return PlainTextResponse("done")


@router.get("/checked", dependencies=CHECKED)
@router.post("/v1/checked", dependencies=CHECKED)
def checked() -> Response:
    return PlainTextResponse("done")


@pytest.fixture
def person(scene: Scene) -> Somebody:
    """Return somebody who is signed in by password, at an application with pages for more."""
    browser = connect_browser(scene.services)
    cast("FastAPI", browser.app).include_router(router)  # type: ignore[attr-defined] # TestClient's
    somebody = Somebody(scene, browser)
    scene.say(identity_level="L1")
    somebody.sign_in()
    return somebody


def session_of(person: Somebody) -> WebSession:
    sessions = identity_of(person.scene.services).sessions
    return sessions.find(person.cookies()[SESSION], at=person.scene.clock.at)


def post(person: Somebody, fields: Mapping[str, str | list[str]]) -> httpx.Response:
    return person.http.post("/sure", data=dict(fields), headers={"Origin": PUBLIC_URL})


def test_a_page_leads_to_a_surer_sign_in_and_back(person: Somebody) -> None:
    before = session_of(person)
    answer = person.http.get("/sure?of=1")
    assert parse_qs(urlsplit(answer.headers["location"]).query)["acr_values"] == ["al2"]
    answer = person.step(answer)
    assert answer.headers["location"] == "/sure?of=1"
    assert person.http.get("/sure?of=1").status_code == 200
    after = session_of(person)
    assert (after.id, after.level) == (before.id, AuthenticationLevel.ONE_TIME_CODE)
    assert after.opened_at == before.opened_at


def test_the_cookie_of_before_is_worth_nothing_after(person: Somebody) -> None:
    before = person.cookies()[SESSION]
    person.go("/sure")
    other = connect_browser(person.scene.services)
    other.cookies.set(SESSION, before, domain="zhengzhao.example")
    assert other.get("/me").status_code == 303


def test_a_form_waits_and_is_given_back(person: Somebody) -> None:
    words = '<b>"两行\r\n文字" & more</b>'
    fields: dict[str, str | list[str]] = {
        "words": words,
        "box": ["1", "2"],
        "csrf_token": session_of(person).csrf,
    }
    page = person.step(post(person, fields))
    address = page.headers["location"]
    assert address.startswith("/login/resume/")
    page = person.http.get(address, headers=ENGLISH)
    assert "<b>" not in page.text.partition("<main")[2].partition("<form")[2]
    assert "What you filled in was kept" in page.text
    assert page.text.count('name="box"') == 2
    fields["csrf_token"] = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    assert post(person, fields).text == f"{words}|1|2"


def test_what_waits_is_encrypted_and_for_its_session(person: Somebody) -> None:
    secret = "words nobody else may read"  # noqa: S105  # no password
    fields = {"words": secret, "csrf_token": session_of(person).csrf}
    address = person.step(post(person, fields)).headers["location"]
    database = person.scene.services.settings.data / "identity.db"
    for file in database.parent.glob("identity.db*"):
        assert secret.encode() not in file.read_bytes()
    other = Somebody(person.scene, connect_browser(person.scene.services))
    other.sign_in()
    assert other.http.get(address).status_code == 400
    assert person.http.get(address).status_code == 200
    assert person.http.get(address).status_code == 200  # the back button
    person.scene.pass_by(FORM_LIFETIME - timedelta(minutes=10))
    person.http.get("/me")
    person.scene.pass_by(timedelta(minutes=10))
    assert person.http.get(address).status_code == 400


def test_a_form_of_another_site_does_not_wait(person: Somebody) -> None:
    token = session_of(person).csrf
    assert post(person, {"words": "x"}).status_code == 403
    evil = {"Origin": "https://evil.example"}
    answer = person.http.post("/sure", data={"csrf_token": token}, headers=evil)
    assert answer.status_code == 403


def test_a_form_of_the_other_tab_stays_good(person: Somebody) -> None:
    made_before = session_of(person).csrf
    person.go("/sure")
    assert post(person, {"words": "x", "csrf_token": made_before}).text == "x"


def test_a_provider_that_gives_less_than_asked_is_not_believed(person: Somebody) -> None:
    person.scene.provider.level = "al1"
    answer = person.http.get("/sure")
    page = person.http.get(at_provider(answer.headers["location"]), headers=ENGLISH)
    assert page.status_code == 400
    assert "does not reach the level this needs" in page.text
    assert session_of(person).level is AuthenticationLevel.PASSWORD


def test_somebody_else_who_steps_up_gets_a_session_of_his_own(person: Somebody) -> None:
    before = session_of(person)
    person.scene.say(sub="somebody-else", sid="another-session")
    person.go("/sure")
    after = session_of(person)
    assert after.id != before.id
    assert after.account == "somebody-else"
    sessions = identity_of(person.scene.services).sessions
    at = person.scene.clock.at
    assert before.id not in [session.id for session in sessions.all(at=at)]


def test_a_machine_is_told_what_it_needs(person: Somebody) -> None:
    headers = machine_headers(person.http)
    for address, word in (("/v1/sure", "al2"), ("/v1/checked", "L3")):
        answer = person.http.post(address, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["code"] == "assurance_too_low"
        assert answer.json()["errors"] == [{"pointer": "", "code": word}]


@pytest.mark.parametrize("missing", ["Origin", "X-Requested-With"])
def test_a_cookie_alone_moves_no_machine(person: Somebody, missing: str) -> None:
    person.go("/sure")
    headers = machine_headers(person.http)
    assert person.http.post("/v1/sure", headers=headers).text == "done"
    del headers[missing]
    assert person.http.post("/v1/sure", headers=headers).json()["code"] == "cross_site"


def test_a_machine_without_a_session_is_told_so(scene: Scene) -> None:
    browser = connect_browser(scene.services)
    cast("FastAPI", browser.app).include_router(router)  # type: ignore[attr-defined] # TestClient's
    answer = browser.post("/v1/sure", headers=machine_headers(browser))
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


def test_who_was_not_checked_is_told_how_to_be(person: Somebody) -> None:
    page = person.http.get("/checked", headers=ENGLISH)
    assert page.status_code == 403
    assert "L3 · the real person was seen" in page.text
    assert "bring your document to any counter" in page.text
    assert NAME in page.text
    person.scene.say(identity_level="L3")
    person.http.cookies.clear()
    person.sign_in()
    assert person.http.get("/checked").text == "done"


@dataclass(frozen=True, slots=True)
class Administration:
    """The provider's administration, which knows one account's credentials, or is away."""

    kinds: tuple[str, ...] | None

    def credentials(self, account: str) -> tuple[Credential, ...]:
        if self.kinds is None:
            raise ProviderUnavailableError(ProviderFault.UNREACHABLE)
        return tuple(Credential(kind, kind, "", AT) for kind in self.kinds)


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        (("password",), 403),
        (("password", "otp"), 303),
        (("webauthn-passwordless",), 303),
        (None, 303),
    ],
)
def test_who_has_no_second_factor_is_told_where_to_get_one(
    person: Somebody, kinds: tuple[str, ...] | None, status: int
) -> None:
    """The provider's own page would be a dead end: it leads nobody back."""
    app = cast("FastAPI", person.http.app)  # type: ignore[attr-defined] # TestClient's
    services: Services = app.state.services
    known = replace(identity_of(services), admin=cast("RealmAdmin", Administration(kinds)))
    app.state.services = replace(services, identity=known)
    answer = person.http.get("/sure", headers=ENGLISH)
    assert answer.status_code == status
    if status == 403:
        assert "Bring your document to any counter" in answer.text
