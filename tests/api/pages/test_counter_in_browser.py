"""The counter with the real Keycloak, and with Chromium: what is enrolled here signs people in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from pydantic import HttpUrl
from simulators.keycloak import RealmForTests
from simulators.officers import BUREAU, held, open_staff
from simulators.signed_in import furnish_identity, hand_made, identity_of
from simulators.web import ServedOffice

from api.app import create_app
from api.counter_desk import CounterDesk, open_desk
from api.settings import Settings
from api.visitors import Visitor
from api.wiring import Services, open_services
from bench.serving import serving
from demo.population import Bases
from idp.counter import Clerk, Sighting
from idp.documents import IdentityDocument
from idp.enrolment import FactorKind, Wanted
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.login import RelyingParty, SignInRequest
from idp.names import NamedPerson, PersonName
from idp.officers import Post
from idp.persons import LevelMeans
from idp.realm.plan import ADMIN
from idp.sessions import session_cookie
from idp.settings import IdentitySettings
from idp.subjects import Subjects

pytestmark = pytest.mark.real

CHROMIUM = "/usr/bin/chromium"
# Everything that a container without its own /dev/shm, user namespaces and graphics card lacks.
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
CLERK = "clerk"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Hall:
    """An office whose people sign in by a realm of this module's own."""

    realm: RealmForTests
    services: Services

    @property
    def visitor(self) -> Visitor:
        """The clerk, signed in by hand."""
        identity = identity_of(self.services)
        made = hand_made(at=now(), account=CLERK, level=AuthenticationLevel.ONE_TIME_CODE)
        session, _ = identity.sessions.open(made, at=now())
        return Visitor(session, identity, now())

    @property
    def desk(self) -> CounterDesk:
        return open_desk(self.services, self.visitor)

    def settle(self, username: str) -> tuple[str, IdentityDocument]:
        """Make somebody with a password and nothing else."""
        account = self.realm.person(username, otp=False, level=IdentityLevel.REGISTERED)
        number = self.realm.operator.user(account).document_number
        named = NamedPerson(PersonName("张示例"), IdentityDocument.parse("111", number))
        identity_of(self.services).people.subjects.register(
            named, account=account, means=LevelMeans.SELF_REGISTERED, at=now()
        )
        return account, named.document

    def party(self) -> RelyingParty:
        return identity_of(self.services).platform


@pytest.fixture(scope="module")
def hall(
    realm: RealmForTests, office: ServedOffice, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hall]:
    folder: Path = furnish_identity(office.copy_to(tmp_path_factory.mktemp("real") / "data")).folder
    settings = Settings(
        data=folder,
        public_url=HttpUrl(realm.origin),
        identity=IdentitySettings(issuer=HttpUrl(realm.issuer)),
    )
    keys = {settings.client_key_file: realm.platform_key}
    keys[folder / "identity" / f"{ADMIN}.pem"] = realm.admin_key
    for path, key in keys.items():
        path.write_bytes(key.as_pem(private=True))
    with open_services(settings, clock=now) as services:
        identity = identity_of(services)
        staff = open_staff(identity.transactions, identity.personal_data)
        staff.appoint(CLERK, held(Post.ACCEPTANCE), sequence=50)
        subjects = Subjects(identity.transactions, identity.personal_data, Bases.load())
        people = replace(identity.people, subjects=subjects)
        yield Hall(realm, replace(services, identity=replace(identity, people=people)))


def test_what_is_injected_signs_in_with_a_second_factor(hall: Hall) -> None:
    account, document = hall.settle("qian.counter")
    desk, at = hall.desk, now()
    clerk = Clerk(desk.officer, BUREAU)
    wanted = Wanted(FactorKind.CODE, replaces=False, rp_id="localhost", origin=hall.realm.origin)
    enrolment = desk.enrolments.start(clerk, Sighting(document, original=True), wanted, at=at)
    assert enrolment.secret is not None
    code = enrolment.secret.code(int(at.timestamp()) // 30)
    desk.enrolments.prove_code(enrolment.case.id, clerk, code, at=at)

    person = hall.realm.people["qian.counter"]
    person.secret = enrolment.secret.text.encode("ascii")
    with hall.realm.browser() as browser:
        request = SignInRequest(level=AuthenticationLevel.ONE_TIME_CODE)
        attempt, address = hall.party().begin(request, at=now())
        page = hall.realm.sign_in(browser, address, "qian.counter")
        claims = hall.party().finish(attempt, page.query_string, at=now()).claims
    assert page.asked == ("password", "otp")
    assert (claims.account, claims.level) == (account, AuthenticationLevel.ONE_TIME_CODE)
    assert claims.identity_level is IdentityLevel.ORIGINAL


def test_a_new_account_signs_in_once_with_its_slip(hall: Hall) -> None:
    desk, at = hall.desk, now()
    named = NamedPerson(PersonName("何新"), IdentityDocument.parse("414", "E99999917"))
    clerk = Clerk(desk.officer, BUREAU)
    access = desk.counter.make_account(clerk, "he.counter", named, original_seen=True, at=at)
    with hall.realm.browser() as browser:
        _, address = hall.party().begin(SignInRequest(), at=now())
        page = browser.sign_in(address, "he.counter", access.password)
    assert page.left is None
    assert page.form("password-new", "password-confirm") is not None  # his own, before anything
    user = hall.realm.operator.user(access.account)
    assert user.required_actions == ("UPDATE_PASSWORD",)
    assert user.identity_level is IdentityLevel.ORIGINAL


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=ARGUMENTS
        )
        yield browser
        browser.close()


@contextmanager
def clerks_screen(hall: Hall, chromium: Browser) -> Iterator[Page]:
    """Give the clerk's browser, with the person's device beside it."""
    identity = identity_of(hall.services)
    made = hand_made(at=now(), account=CLERK, level=AuthenticationLevel.ONE_TIME_CODE)
    _, cookie = identity.sessions.open(made, at=now())
    context = chromium.new_context(base_url=hall.realm.origin, locale="en")
    page = context.new_page()
    name = session_cookie(hall.services.settings.identity.client_id)
    headers = {"Set-Cookie": f"{name}={cookie}; Path=/; Secure; HttpOnly; SameSite=Lax"}
    page.route("**/cookie", lambda route: route.fulfill(body="", headers=headers))
    page.goto("/cookie")
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    yield page
    context.close()


def verify_accessible(page: Page) -> None:
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": WCAG}})
    assert found.response["violations"] == []


def test_a_passkey_made_at_the_counter_signs_in_at_the_highest_level(
    hall: Hall, chromium: Browser
) -> None:
    account, document = hall.settle("sun.counter")
    app = create_app(hall.services, rate_limited=False)
    with serving(app, port=hall.realm.port), clerks_screen(hall, chromium) as page:
        page.goto("/office/counter")
        verify_accessible(page)
        page.get_by_label("Number of the document").fill(document.number)
        page.get_by_label("The person and the original document").check()
        page.get_by_role("button", name="Find the account").click()
        verify_accessible(page)
        page.get_by_label("Passkey").check()
        page.get_by_role("button", name="Begin (good").click()
        verify_accessible(page)
        page.get_by_role("button", name="Begin with the passkey").click()
        page.get_by_text("It is bound.").wait_for()
        verify_accessible(page)
        kinds = [held.type for held in hall.realm.operator.credentials(account)]
        assert sorted(kinds) == ["password", "webauthn-passwordless"]

        request = SignInRequest(level=AuthenticationLevel.PASSKEY)
        attempt, address = hall.party().begin(request, at=now())
        # Keycloak's page asks the device by itself and goes on.
        with page.expect_request(lambda sent: "/login/callback?" in sent.url) as callback:
            page.goto(address)
        query = callback.value.url.partition("?")[2]
        claims = hall.party().finish(attempt, query, at=now()).claims
    assert (claims.account, claims.level) == (account, AuthenticationLevel.PASSKEY)
    assert claims.identity_level is IdentityLevel.ORIGINAL
