"""Leaving one service or all, sign-ins and their export, "this was not me"; without a provider."""

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import httpx
import pytest
from simulators.away import Realm
from simulators.logouts import HandMadeKeys, Portal, logout_token, open_portal
from simulators.office import AT, Clock
from simulators.signed_in import (
    ACCOUNT,
    SESSION_ID,
    connect_browser,
    furnish_identity,
    identity_of,
    origin_of,
    sign_in,
    submit,
)
from simulators.web import CHINESE, ENGLISH, ServedOffice
from sqlalchemy import delete

from api.identity import Identity
from api.wiring import Services
from idp.departures import SHOWN_FOR
from idp.history import PAGE, LoginEvent, Means
from idp.tables import (
    account_alarms,
    departures,
    logout_relays,
    seen_logout_tokens,
    sign_ins,
    web_sessions,
)

DEAD = "http://127.0.0.1:1/logout/backchannel"
PORTAL = """
client: {client}
names: {{zh: {zh}, en: {en}}}
department: {{zh: 示例局, en: Example bureau}}
home: http://{client}.localhost:9
backchannel_logout: {logout}
claims: [name]
colours: {{band: "#12304a", accent: "#12304a"}}
"""


CLOCK = Clock()
TABLES = (
    account_alarms,
    departures,
    logout_relays,
    seen_logout_tokens,
    sign_ins,
    web_sessions,
)


@pytest.fixture(scope="module")
def opened_portal() -> Iterator[Portal]:
    with open_portal() as opened:
        yield opened


@pytest.fixture(scope="module")
def opened_services(
    office: ServedOffice, tmp_path_factory: pytest.TempPathFactory, opened_portal: Portal
) -> Iterator[Services]:
    """Open services that know two portals, one of them dead."""
    furnished = furnish_identity(office.copy_to(tmp_path_factory.mktemp("leaving") / "office"))
    folder = furnished.folder / "portals"
    folder.mkdir()
    for client, zh, en, logout in (
        ("housing", "住房服务", "Housing", opened_portal.address),
        ("health", "卫生服务", "Health", DEAD),
    ):
        text = PORTAL.format(client=client, zh=zh, en=en, logout=logout)
        (folder / f"{client}.yaml").write_text(text, encoding="utf-8")
    with furnished.open(CLOCK) as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    """Return the clock, set back to where it began."""
    CLOCK.at = AT
    return CLOCK


@pytest.fixture
def portal(opened_portal: Portal) -> Portal:
    opened_portal.status = 200
    opened_portal.received.clear()
    return opened_portal


@pytest.fixture
def services(opened_services: Services, clock: Clock, portal: Portal) -> Services:
    """Return them with nobody signed in, and with a realm that may be away."""
    identity = identity_of(opened_services)
    with identity.transactions() as connection:
        for table in TABLES:
            connection.execute(delete(table))
    assert portal.received == []
    return replace(opened_services, identity=_with_realm(identity, Realm(clock())))


def _with_realm(identity: Identity, realm: Realm) -> Identity:
    """Return it with a realm of the test's, and the keys of a provider that is nowhere."""
    relay = replace(identity.leaving.relay, keys=HandMadeKeys())
    backchannel = replace(identity.leaving.backchannel, keys=HandMadeKeys())
    leaving = replace(identity.leaving, relay=relay, backchannel=backchannel)
    return replace(identity, admin=realm, leaving=leaving)  # type: ignore[arg-type] # it answers alike


@pytest.fixture
def realm(services: Services) -> Realm:
    admin = identity_of(services).admin
    assert isinstance(admin, Realm)
    admin.session(ACCOUNT, SESSION_ID, "health", "housing", "platform", started_at=admin.at)
    return admin


@pytest.fixture
def browser(services: Services) -> Iterator[httpx.Client]:
    with connect_browser(services) as opened:
        opened.headers.update(ENGLISH)
        yield opened


def call_back(services: Services, browser: httpx.Client, *clients: str) -> None:
    """Let the provider tell of the leaving, as Keycloak does while a session is ended."""
    for client in clients:
        path = "/logout/backchannel" + ("" if client == "platform" else f"/{client}")
        account = ACCOUNT if client == "platform" else f"pseudonym-at-{client}"
        sent = logout_token(client, at=services.clock(), session_id=SESSION_ID, account=account)
        answer = browser.post(path, data={"logout_token": sent})
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"


def look(browser: httpx.Client, path: str, status: int = 200) -> str:
    answer = browser.get(path)
    assert answer.status_code == status, answer.text
    return answer.text


def tags(page: str) -> list[str]:
    """Return the results on the page, in their order."""
    return [
        part.split("<")[0].strip()
        for part in page.split('<strong class="govuk-tag')[1:]
        for part in [part.split(">", 1)[1]]
    ]


# ---- leaving ----


@pytest.mark.usefixtures("realm")
def test_what_is_open_is_listed_and_can_be_left(services: Services, browser: httpx.Client) -> None:
    sign_in(browser, services)
    page = look(browser, "/services")
    assert "Housing" in page
    assert 'href="http://health.localhost:9"' in page
    assert page.count('name="scope"') == 2
    assert browser.get("/logout").headers["location"] == "/services"


def test_leaving_all_shows_the_result_of_each(
    services: Services, browser: httpx.Client, realm: Realm, portal: Portal, clock: Clock
) -> None:
    session = sign_in(browser, services)
    answer = submit(browser, session, "/logout", {"scope": "all"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/logout/done")
    assert realm.told == [("end_session", SESSION_ID)]
    call_back(services, browser, "health", "housing", "platform")
    page = look(browser, "/logout/done")
    assert tags(page) == ["Left", "Being told", "Left"]
    assert page.index("Health") < page.index("Housing")
    assert len(portal.received) == 1

    clock.at += timedelta(minutes=3)
    page = look(browser, "/logout/done")
    assert tags(page) == ["Left", "Not reached", "Left"]
    assert "within 3 minutes" in page
    assert "looked again" not in page


@pytest.mark.usefixtures("realm")
def test_a_portal_that_comes_back_is_left_after_all(
    services: Services, browser: httpx.Client, portal: Portal, clock: Clock
) -> None:
    portal.status = 503
    session = sign_in(browser, services)
    submit(browser, session, "/logout", {"scope": "all"})
    call_back(services, browser, "housing")
    assert tags(look(browser, "/logout/done"))[-1] == "Being told"
    portal.status = 200
    clock.at += timedelta(seconds=5)
    assert tags(look(browser, "/logout/done"))[-1] == "Left"


@pytest.mark.usefixtures("realm")
def test_the_session_here_is_over_at_once(services: Services, browser: httpx.Client) -> None:
    for scope in ("all", "this", "nonsense"):
        session = sign_in(browser, services)
        kept = dict(browser.cookies)
        submit(browser, session, "/logout", {"scope": scope})
        browser.cookies.update(kept)
        assert browser.get("/me").headers["location"].startswith("/login?")
        browser.cookies.clear()


def test_leaving_one_leaves_the_others_open(
    services: Services, browser: httpx.Client, realm: Realm
) -> None:
    session = sign_in(browser, services)
    submit(browser, session, "/logout", {"scope": "this"})
    page = look(browser, "/logout/done")
    assert "still signed in" in page
    assert "Housing" in page
    assert realm.told == []


def test_the_rest_can_be_left_afterwards(
    services: Services, browser: httpx.Client, realm: Realm
) -> None:
    session = sign_in(browser, services)
    submit(browser, session, "/logout", {"scope": "this"})
    secret = look(browser, "/logout/done").split('name="leaving" value="')[1].split('"')[0]
    origin = {"Origin": origin_of(browser)}
    for sent, headers in [
        ({"leaving": secret}, {"Origin": "https://elsewhere.example"}),
        ({"leaving": secret}, {}),
        ({"leaving": "0" * 64}, origin),
        ({}, origin),
    ]:
        assert browser.post("/logout/rest", data=sent, headers=headers).status_code == 403
    assert browser.post("/logout/rest", data={"leaving": secret}, headers=origin).status_code == 303
    call_back(services, browser, "housing")
    page = look(browser, "/logout/done")
    assert realm.told == [("end_session", SESSION_ID)]
    assert tags(page) == ["Left", "Not reached", "Left"]


def test_while_the_provider_is_away_the_wish_is_kept(
    services: Services, browser: httpx.Client, realm: Realm
) -> None:
    realm.is_away = True
    session = sign_in(browser, services)
    assert "cannot be learnt" in look(browser, "/services")
    submit(browser, session, "/logout", {"scope": "all"})
    assert "carried out as soon as it is back" in look(browser, "/logout/done")
    realm.is_away = False
    page = look(browser, "/logout/done")
    assert realm.told == [("end_session", SESSION_ID)]
    assert "was told to end this sign-in" in page


def test_between_the_list_and_the_telling_the_provider_may_go_away(
    services: Services, browser: httpx.Client, realm: Realm
) -> None:
    session = sign_in(browser, services)
    realm.refuses = {"end_session"}
    submit(browser, session, "/logout", {"scope": "all"})
    assert tags(look(browser, "/logout/done")) == ["Left", "To be told", "To be told"]


@pytest.mark.usefixtures("realm")
def test_another_browser_sees_nothing_of_it(
    services: Services, browser: httpx.Client, clock: Clock
) -> None:
    session = sign_in(browser, services)
    submit(browser, session, "/logout", {"scope": "all"})
    cookie = browser.cookies["__Host-platform-leaving"]
    with connect_browser(services) as other:
        other.headers.update(ENGLISH)
        assert "You are not signed in here." in look(other, "/logout/done")
        assert other.post("/logout/rest", headers={"Origin": origin_of(other)}).status_code == 303
    clock.at += SHOWN_FOR
    assert browser.cookies["__Host-platform-leaving"] == cookie
    assert "You are not signed in here." in look(browser, "/logout/done")


def test_without_administration_the_provider_is_asked_in_the_browser(services: Services) -> None:
    """RP-Initiated Logout 1.0, for a provider that is no Keycloak of ours."""
    identity = identity_of(services)
    asked: list[dict[str, object]] = []

    class Party:
        client_id = identity.platform.client_id

        def logout_address(self, **said: object) -> str:
            asked.append(said)
            return "https://provider.example/logout?state=x"

    foreign = replace(services, identity=replace(identity, admin=None, platform=Party()))  # type: ignore[arg-type]
    with connect_browser(foreign) as other:
        other.headers.update(ENGLISH)
        session = sign_in(other, foreign)
        answer = submit(other, session, "/logout", {"scope": "all"})
        assert answer.headers["location"] == "https://provider.example/logout?state=x"
        assert "was told to end this sign-in" in look(other, "/logout/done")
    assert asked[0]["id_token"] == session.tokens.id_token
    assert str(asked[0]["return_to"]).endswith("/logout/done")


# ---- the receiving end ----


def test_a_logout_token_for_us_ends_sessions_here(
    services: Services, browser: httpx.Client
) -> None:
    sign_in(browser, services)
    assert browser.get("/me").status_code == 200
    call_back(services, browser, "platform")
    assert browser.get("/me").status_code == 303


@pytest.mark.parametrize("path", ["", "/housing", "/unknown", "/platform"])
def test_what_is_no_logout_token_is_refused(
    services: Services, browser: httpx.Client, path: str
) -> None:
    sign_in(browser, services)
    for sent in ({}, {"logout_token": "nonsense"}, {"logout_token": "a.b.c"}):
        answer = browser.post(f"/logout/backchannel{path}", data=sent)
        assert answer.status_code == 400
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json()["error"] == "invalid_request"
    assert browser.get("/me").status_code == 200


# ---- sign-ins ----


@pytest.fixture
def signed_in_before(services: Services, clock: Clock) -> None:
    history = identity_of(services).leaving.history
    for number, (client, proof) in enumerate(
        [("housing", None), ("health", None), ("housing", Means.ONE_TIME_CODE), ("=cmd|x", None)]
    ):
        at = clock() - timedelta(minutes=50 - number)
        history.note_event(LoginEvent(f"e{number}", at, ACCOUNT, client, SESSION_ID, proof))
    history.note_event(LoginEvent("other", clock(), "somebody else", "health", "s9", None))


@pytest.mark.usefixtures("signed_in_before")
def test_a_person_sees_his_sign_ins_the_newest_first(
    services: Services, browser: httpx.Client
) -> None:
    sign_in(browser, services)
    page = look(browser, "/me/history")
    assert page.count("This was not me") == 4
    places = [page.index(word) for word in ("=cmd|x", "one-time code", "Health")]
    assert places == sorted(places)
    assert "name" in page
    assert "180 days" in page


@pytest.mark.usefixtures("signed_in_before")
def test_sign_ins_as_a_table_that_computes_nothing(
    services: Services, browser: httpx.Client
) -> None:
    sign_in(browser, services)
    answer = browser.get("/me/history.csv", headers=CHINESE)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="sign-ins.csv"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content.startswith("\ufeff时间".encode())
    rows = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert [row["服务代号"] for row in rows] == ["'=cmd|x", "housing", "health", "housing"]
    assert rows[1]["登录方式"] == "一次性验证码"
    assert rows[1]["服务"] == "住房服务"
    assert rows[1]["时间"].endswith("+08:00")


@pytest.mark.usefixtures("signed_in_before")
def test_sign_ins_for_programs(services: Services, browser: httpx.Client) -> None:
    sign_in(browser, services)
    answer = browser.get("/me/history.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="sign-ins.json"'
    entries = json.loads(answer.content)
    assert [entry["client_id"] for entry in entries] == ["=cmd|x", "housing", "health", "housing"]
    assert entries[1]["means"] == "one_time_code"
    assert entries[1]["claims"] == ["pseudonym", "name", "level"]


def test_many_sign_ins_are_shown_in_pages(
    services: Services, browser: httpx.Client, clock: Clock
) -> None:
    history = identity_of(services).leaving.history
    for number in range(PAGE + 1):
        at = clock() - timedelta(minutes=number)
        history.note_event(LoginEvent(str(number), at, ACCOUNT, "health", f"s{number}", None))
    sign_in(browser, services)
    first, second = look(browser, "/me/history"), look(browser, "/me/history?page=2")
    assert first.count("<section") == PAGE
    assert 'href="/me/history?page=2"' in first
    assert second.count("<section") == 1
    assert 'href="/me/history?page=1"' in second
    assert "There are no sign-ins yet" in look(browser, "/me/history?page=3")
    for unverified in ("0", "-1", "x", "99999999999999999999"):
        assert browser.get(f"/me/history?page={unverified}").status_code == 422


@pytest.mark.usefixtures("signed_in_before")
def test_this_was_not_me(services: Services, browser: httpx.Client, realm: Realm) -> None:
    identity = identity_of(services)
    session = sign_in(browser, services)
    entry = identity.leaving.history.of_account(ACCOUNT, at=services.clock())[0]
    page = look(browser, f"/me/history/alarm?entry={entry.id}")
    assert "=cmd|x" in page
    assert "come to a counter" in page
    answer = submit(browser, session, "/me/history/alarm", {"entry": entry.id})
    assert answer.headers["location"] == "/me/history/alarm/done"
    assert realm.told == [("shut", ACCOUNT), ("sign_out", ACCOUNT)]
    assert "The account is shut" in look(browser, "/me/history/alarm/done")
    assert browser.get("/me").status_code == 303
    alarm = identity.leaving.alarms.open_alarm(ACCOUNT)
    assert alarm is not None
    assert alarm.sign_in == entry.id


@pytest.mark.usefixtures("signed_in_before")
def test_nobody_raises_an_alarm_about_the_entry_of_another(
    services: Services, browser: httpx.Client
) -> None:
    identity = identity_of(services)
    (entry,) = identity.leaving.history.of_account("somebody else", at=services.clock())
    session = sign_in(browser, services)
    assert "Health" not in look(browser, f"/me/history/alarm?entry={entry.id}")
    submit(browser, session, "/me/history/alarm", {"entry": entry.id})
    alarm = identity.leaving.alarms.open_alarm(ACCOUNT)
    assert alarm is not None
    assert alarm.sign_in is None
    assert identity.leaving.alarms.open_alarm("somebody else") is None


def test_while_the_provider_is_away_the_alarm_waits(
    services: Services, browser: httpx.Client, realm: Realm
) -> None:
    realm.is_away = True
    session = sign_in(browser, services)
    submit(browser, session, "/me/history/alarm", {})
    assert browser.get("/me").status_code == 303
    realm.is_away = False
    assert identity_of(services).leaving.alarms.enforce(realm, at=services.clock()) == 1


# ---- for all of them ----


@pytest.mark.parametrize("path", ["/logout", "/me/history/alarm"])
def test_forms_of_other_sites_do_nothing(
    services: Services, browser: httpx.Client, realm: Realm, path: str
) -> None:
    session = sign_in(browser, services)
    form = {"scope": "all", "csrf_token": session.csrf}
    for sent, origin in [
        (form, "https://elsewhere.example"),
        (form | {"csrf_token": "x"}, origin_of(browser)),
        ({"scope": "all"}, origin_of(browser)),
    ]:
        assert browser.post(path, data=sent, headers={"Origin": origin}).status_code == 403
    assert browser.get("/me").status_code == 200
    assert realm.told == []


@pytest.mark.parametrize(
    "path", ["/services", "/me/history", "/me/history.csv", "/me/history.json", "/me/history/alarm"]
)
def test_pages_are_for_those_who_are_signed_in(browser: httpx.Client, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=%2F")


@pytest.mark.usefixtures("signed_in_before", "realm")
@pytest.mark.parametrize("language", [CHINESE, ENGLISH])
def test_pages_in_both_languages(
    services: Services, browser: httpx.Client, language: dict[str, str]
) -> None:
    browser.headers.update(language)
    session = sign_in(browser, services)
    pages = [look(browser, path) for path in ("/services", "/me/history", "/me/history/alarm")]
    submit(browser, session, "/logout", {"scope": "all"})
    pages += [look(browser, path) for path in ("/logout/done", "/me/history/alarm/done")]
    for page in pages:
        assert ("退出" in page or "登录" in page) == (language is CHINESE)
        assert "证印" not in page
        assert "zhengyin" not in page.lower()
