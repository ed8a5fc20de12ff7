"""Signing in on our pages: to the provider and back, whatever somebody does in between."""

from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from simulators.office import PUBLIC_URL
from simulators.openid_provider import status
from simulators.signed_in import connect_browser, identity_of
from simulators.signing_in import (
    BROWSER,
    NAME,
    SESSION,
    UNCONFIRMED,
    Scene,
    Somebody,
    at_provider,
)
from simulators.web import ENGLISH

from api.deps import CSRF_FIELD
from api.wiring import open_services
from idp.login import ATTEMPT_LIFETIME
from idp.sessions import IDLE, LIFETIME, REFRESH_EVERY, TO_CONFIRM


def test_a_first_sign_in_shows_the_providers_page_and_leads_back(somebody: Somebody) -> None:
    page = somebody.sign_in("/me?tab=2")
    assert page.status_code == 200
    assert str(page.url) == f"{PUBLIC_URL}/me?tab=2"
    assert NAME in page.text


def test_whom_the_provider_knows_is_asked_before_a_session_opens(somebody: Somebody) -> None:
    page = somebody.go("/me")
    assert urlsplit(str(page.url)).path == "/login/continue"
    assert NAME in page.text
    assert SESSION not in somebody.cookies()
    assert "尚未登录" in page.text
    for word in ("姓名", "证件类型与证件号码", "身份核验等级", "登录方式等级"):
        assert word in page.text
    confirmed = somebody.send(page, "/login/continue")
    assert confirmed.headers["location"] == "/me"
    assert UNCONFIRMED not in somebody.cookies()
    assert somebody.http.get("/me").status_code == 200


def test_nobody_waits_for_ever_to_continue(somebody: Somebody) -> None:
    page = somebody.go("/me")
    somebody.scene.pass_by(TO_CONFIRM)
    assert somebody.send(page, "/login/continue").headers["location"].startswith("/login?next=")
    assert SESSION not in somebody.cookies()


def test_an_unconfirmed_cookie_is_no_session(somebody: Somebody) -> None:
    somebody.go("/me")
    unconfirmed = somebody.cookies()[UNCONFIRMED]
    somebody.http.cookies.set(SESSION, unconfirmed, domain="zhengzhao.example")
    assert somebody.http.get("/me").status_code == 303


def test_somebody_else_ends_the_providers_session_first(somebody: Somebody) -> None:
    page = somebody.go("/me?tab=3")
    answer = somebody.send(page, "/login/other")
    location = urlsplit(answer.headers["location"])
    asked = parse_qs(location.query)
    assert location.path.endswith("/logout")
    assert asked["post_logout_redirect_uri"] == [f"{PUBLIC_URL}/login/again"]
    assert "id_token_hint" not in asked, "an address would tell what it says of the person"
    back = f"/login/again?{urlencode({'state': asked['state'][0]})}"
    assert str(somebody.sign_in(back).url) == f"{PUBLIC_URL}/me?tab=3"
    # The address of somebody who was here before leads to no place of his.
    assert urlsplit(str(somebody.go(back).url)).path == "/me"


def test_the_session_knows_no_cookie_of_before(somebody: Somebody) -> None:
    """Fixation: a value that somebody else put there opens nothing."""
    planted = "A" * 43
    somebody.http.cookies.set(SESSION, planted, domain="zhengzhao.example")
    somebody.sign_in()
    given = [c.value for c in somebody.http.cookies.jar if c.name == SESSION]
    assert planted not in given[-1:]
    other = connect_browser(somebody.scene.services)
    other.cookies.set(SESSION, planted, domain="zhengzhao.example")
    assert other.get("/me").status_code == 303


def test_cookies_are_for_this_host_alone(somebody: Somebody) -> None:
    answer = somebody.http.get("/login")
    somebody.scene.provider.has_session = False
    while answer.is_redirect:
        for header in answer.headers.get_list("set-cookie"):
            name, _, rest = header.partition("=")
            assert name.startswith("__Host-platform")
            said = {part.strip().lower() for part in rest.split(";")[1:]}
            assert {"secure", "httponly", "path=/", "samesite=lax"} <= said
            assert not any(part.startswith("domain") for part in said)
        answer = somebody.step(answer)
    assert SESSION in somebody.cookies()


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "/\t/evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "evil.example",
        "",
        "/%0d%0aSet-Cookie:x=y" + "a" * 600,
        "/证照",
    ],
)
def test_nobody_is_led_elsewhere(somebody: Somebody, elsewhere: str) -> None:
    page = somebody.sign_in(f"/login?{urlencode({'next': elsewhere})}")
    assert str(page.url) == f"{PUBLIC_URL}/"
    assert somebody.http.get(f"/login?{urlencode({'next': elsewhere})}").headers["location"] == "/"


def test_an_answer_counts_once(somebody: Somebody) -> None:
    begun = somebody.http.get("/login")
    somebody.scene.provider.has_session = False
    begun = somebody.step(begun)
    address = at_provider(begun.headers["location"])
    assert somebody.http.get(address).headers["location"] == "/me"
    session = somebody.cookies()[SESSION]
    # The back button, for somebody who is signed in.
    assert somebody.http.get(address).headers["location"] == "/me"
    assert somebody.cookies()[SESSION] == session
    # The same address in the history of somebody who is not.
    del somebody.http.cookies[SESSION]
    replayed = somebody.http.get(address, headers=ENGLISH)
    assert replayed.status_code == 400
    assert "begun in another browser" in replayed.text
    assert SESSION not in somebody.cookies()


def test_an_answer_counts_in_the_browser_that_asked(somebody: Somebody) -> None:
    """Nobody can be signed in as somebody else by a link."""
    somebody.scene.provider.has_session = False
    begun = somebody.step(somebody.http.get("/login"))
    address = at_provider(begun.headers["location"])
    victim = Somebody(somebody.scene, connect_browser(somebody.scene.services))
    victim.http.get("/login")  # has a cookie of his own
    answer = victim.http.get(address)
    assert answer.status_code == 400
    assert SESSION not in victim.cookies()
    # And it still counts where it was asked for.
    assert somebody.http.get(address).headers["location"] == "/me"


@pytest.mark.parametrize(
    "query", ["", "state=", "state=x&code=y", "state=" + "a" * 4000, "state=%00", "code=y"]
)
def test_an_answer_nobody_asked_for_opens_nothing(somebody: Somebody, query: str) -> None:
    answer = somebody.http.get(f"/login/callback?{query}")
    assert answer.status_code == 400
    assert not somebody.cookies()


def test_two_tabs_sign_in_at_once(somebody: Somebody) -> None:
    somebody.scene.provider.has_session = False
    begun = [somebody.http.get(f"/login?next=/me?tab={tab}") for tab in (1, 2)]
    begun = [somebody.step(answer) for answer in begun]
    sessions = []
    for tab, answer in enumerate(begun, start=1):
        finished = somebody.step(answer)
        assert finished.headers["location"] == f"/me?tab={tab}"
        sessions.append(somebody.cookies()[SESSION])
    assert sessions[0] != sessions[1]
    account = "5f0c6d1e-6c1b-4d8e-9a55-1f0f7b9f0c01"
    kept = identity_of(somebody.scene.services).sessions
    assert somebody.http.get("/me").status_code == 200
    open_now = kept.of_account(account, at=somebody.scene.clock.at)
    newest = max(open_now, key=lambda session: session.opened_at)
    # The second tab went on with the session of the first.
    assert [s for s in open_now if s.opened_at == newest.opened_at] == [newest]


@pytest.mark.parametrize(
    ("answers_with", "words"),
    [
        ({"error": "access_denied", "code": ""}, "You cancelled"),
        ({"error": "invalid_scope", "code": ""}, "did not pass our checks"),
        ({"iss": "http://127.0.0.1:1/realms/other"}, "did not pass our checks"),
        ({"iss": ""}, "did not pass our checks"),
        ({"code": "stolen"}, "did not pass our checks"),
    ],
)
def test_an_answer_that_is_refused_says_so(
    somebody: Somebody, answers_with: dict[str, str], words: str
) -> None:
    somebody.scene.provider.has_session = False
    begun = somebody.step(somebody.http.get("/login?next=/me?tab=9"))
    somebody.scene.provider.answers_with = answers_with
    answer = somebody.http.get(at_provider(begun.headers["location"]), headers=ENGLISH)
    assert answer.status_code == 400
    assert words in answer.text
    assert "/login?next=%2Fme%3Ftab%3D9" in answer.text
    assert SESSION not in somebody.cookies()
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_parameter_sent_twice_is_refused(somebody: Somebody) -> None:
    somebody.scene.provider.has_session = False
    begun = somebody.step(somebody.http.get("/login"))
    address = at_provider(begun.headers["location"])
    assert somebody.http.get(f"{address}&code=other").status_code == 400


def test_a_sign_in_that_took_too_long_begins_anew(somebody: Somebody) -> None:
    somebody.scene.provider.has_session = False
    begun = somebody.step(somebody.http.get("/login"))
    somebody.scene.pass_by(ATTEMPT_LIFETIME)
    assert somebody.http.get(at_provider(begun.headers["location"])).status_code == 400


def test_the_provider_speaks_the_language_of_the_page(somebody: Somebody) -> None:
    for language, asked in ((ENGLISH, "en"), ({"Accept-Language": "zh-CN"}, "zh-CN")):
        location = somebody.http.get("/login", headers=language).headers["location"]
        assert parse_qs(urlsplit(location).query)["ui_locales"] == [asked]


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token"])
def test_without_the_provider_a_page_says_try_again(scene: Scene, path: str) -> None:
    """Of a provider that was never there before, and of one that stops in between."""
    provider = scene.provider
    provider.has_session = False
    with open_services(scene.services.settings, clock=scene.clock) as services:
        somebody = Somebody(scene, connect_browser(services))
        provider.misbehave(path, status(500))
        answer = somebody.go("/login?next=/me?tab=4")
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "/login?next=" in answer.text
        assert "再试一次" in answer.text
        assert somebody.http.get("/verify").status_code == 200
        assert SESSION not in somebody.cookies()
        provider.behave()
        scene.pass_by(timedelta(seconds=10))
        assert str(somebody.go("/login?next=/me?tab=4").url) == f"{PUBLIC_URL}/me?tab=4"


def test_a_session_is_refreshed_when_it_is_due(somebody: Somebody) -> None:
    scene = somebody.scene
    somebody.sign_in()
    asked = scene.provider.requests["/token"]
    somebody.http.get("/me")
    assert scene.provider.requests["/token"] == asked
    scene.pass_by(REFRESH_EVERY)
    scene.say(identity_level="L4")
    assert "L4" in somebody.http.get("/me").text
    assert scene.provider.requests["/token"] == asked + 1
    somebody.http.get("/me")
    assert scene.provider.requests["/token"] == asked + 1


def test_a_session_goes_on_without_the_provider_until_a_refresh_is_due(
    somebody: Somebody,
) -> None:
    scene = somebody.scene
    somebody.sign_in()
    scene.provider.misbehave("/token", status(500))
    scene.pass_by(REFRESH_EVERY - timedelta(seconds=1))
    assert somebody.http.get("/me").status_code == 200
    scene.pass_by(timedelta(seconds=1))
    asked = scene.provider.requests["/token"]
    answer = somebody.http.get("/me?tab=5", headers=ENGLISH)
    assert answer.status_code == 503
    assert "You are still signed in" in answer.text
    assert 'href="/me?tab=5"' in answer.text
    # Nobody queues behind a provider that has just failed; pages for everybody go on.
    assert somebody.http.get("/me").status_code == 503
    assert scene.provider.requests["/token"] == asked + 1
    public = somebody.http.get("/verify")
    assert public.status_code == 200
    assert NAME in public.text
    scene.pass_by(timedelta(seconds=5))
    scene.provider.behave()
    assert somebody.http.get("/me").status_code == 200


def test_a_session_that_the_provider_ended_ends_here(somebody: Somebody) -> None:
    scene = somebody.scene
    somebody.sign_in()
    cookie = somebody.cookies()[SESSION]
    scene.provider.misbehave("/token", lambda exchange: exchange.refuse("invalid_grant"))
    scene.pass_by(REFRESH_EVERY)
    answer = somebody.http.get("/me?tab=6")
    assert answer.headers["location"] == "/login?next=%2Fme%3Ftab%3D6"
    scene.provider.behave()
    somebody.http.cookies.set(SESSION, cookie, domain="zhengzhao.example")
    assert somebody.http.get("/me").status_code == 303


@pytest.mark.parametrize("claim", ["sub", "sid"])
def test_a_refresh_that_brings_somebody_else_ends_the_session(
    somebody: Somebody, claim: str
) -> None:
    somebody.sign_in()
    somebody.scene.say(**{claim: "other"})
    somebody.scene.pass_by(REFRESH_EVERY)
    assert somebody.http.get("/me").status_code == 303


def test_a_session_ends_by_itself(somebody: Somebody) -> None:
    scene = somebody.scene
    somebody.sign_in()
    scene.pass_by(IDLE)
    assert somebody.http.get("/me").status_code == 303
    somebody.sign_in()
    opened = scene.clock.at
    while scene.clock.at + IDLE / 2 < opened + LIFETIME:
        scene.pass_by(IDLE / 2)
        assert somebody.http.get("/me").status_code == 200
    scene.pass_by(opened + LIFETIME - scene.clock.at)
    assert somebody.http.get("/me").status_code == 303


@pytest.mark.parametrize("action", ["/login/continue", "/login/other"])
def test_only_our_own_page_may_continue(somebody: Somebody, action: str) -> None:
    page = somebody.go("/me")
    token = page.text.partition(f'name="{CSRF_FIELD}" value="')[2].partition('"')[0]
    ours = {"Origin": PUBLIC_URL}
    for fields, headers in (
        ({CSRF_FIELD: token}, {}),
        ({CSRF_FIELD: token}, {"Origin": "https://evil.example"}),
        ({CSRF_FIELD: token}, {"Origin": "null"}),
        ({}, ours),
        ({CSRF_FIELD: token[:-4] + "AAA="}, ours),
        ({CSRF_FIELD: "é" * 88}, ours),
    ):
        assert somebody.http.post(action, data=fields, headers=headers).status_code == 403
    assert SESSION not in somebody.cookies()


def test_oversized_cookies_are_no_session(somebody: Somebody) -> None:
    for size in (1, 42, 44, 4_000, 30_000):
        for name in (SESSION, BROWSER, UNCONFIRMED):
            somebody.http.cookies.set(name, "a" * size, domain="zhengzhao.example")
        assert somebody.http.get("/me").status_code == 303
        assert somebody.http.get("/").status_code == 200
        assert somebody.http.get("/login/continue").status_code == 303
    given = somebody.http.get("/login").headers.get_list("set-cookie")
    assert any(header.startswith(f"{BROWSER}=") for header in given)
