"""A password alone binds no second factor: every way to one is walked, and none is open."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from html import unescape
from http import HTTPStatus
from urllib.parse import urlencode, urljoin

import httpx
import pytest
from simulators.browser_session import BrowserSession, Page
from simulators.keycloak import PASSWORD, RealmForTests
from simulators.mailbox import Mailbox

from idp.errors import NotInRealmError
from idp.realm.connection import AdminConnection

pytestmark = pytest.mark.real

BINDING = (
    "CONFIGURE_TOTP",
    "webauthn-register",
    "webauthn-register-passwordless",
    "CONFIGURE_RECOVERY_AUTHN_CODES",
)
"""Keycloak's ways to a second factor, each on in a realm that nobody looked after."""
OTHERS = ("idp_link", "UPDATE_PROFILE", "VERIFY_PROFILE", "UPDATE_EMAIL", "delete_account")
BARE, FURNISHED = "he.example", "lv.example"
"""Somebody with a password alone, and somebody with an authenticator besides."""


@pytest.fixture(scope="module", autouse=True)
def _people(realm: RealmForTests) -> None:
    realm.person(BARE, otp=False)
    realm.person(FURNISHED)


@pytest.fixture(autouse=True)
def _nothing_was_bound_or_lost(realm: RealmForTests) -> Iterator[None]:
    yield
    assert credential_types(realm, BARE) == ["password"]
    assert credential_types(realm, FURNISHED) == ["otp", "password"]


@pytest.fixture
def browser(realm: RealmForTests) -> Iterator[BrowserSession]:
    with realm.browser() as browser:
        yield browser


def credential_types(realm: RealmForTests, username: str) -> list[str]:
    found = realm.operator.credentials(realm.people[username].account)
    return sorted(credential.type for credential in found)


def form_of(realm: RealmForTests, client_id: str = "platform", **more: str) -> dict[str, str]:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=")
    return {
        "client_id": client_id,
        "response_type": "code",
        "scope": "openid",
        "redirect_uri": f"{realm.origin}/login/callback",
        "code_challenge": challenge.decode(),
        "code_challenge_method": "S256",
        **more,
    }


def address(realm: RealmForTests, client_id: str = "platform", **more: str) -> str:
    return f"{endpoint(realm, 'auth')}?{urlencode(form_of(realm, client_id, **more))}"


def endpoint(realm: RealmForTests, name: str) -> str:
    return f"{realm.issuer}/protocol/openid-connect/{name}"


def with_password_only(browser: BrowserSession, where: str, username: str) -> Page:
    """Give the password when it is asked for, and stop at whatever else comes."""
    page = browser.visit(where)
    if form := page.form("password"):
        name = {"username": username} if "username" in form.fields else {}
        page = browser.submit(form, password=PASSWORD, **name)
    return page


def verify_no_enrolment(page: Page) -> None:
    """Raise `AssertionError` unless this is the end of the way, or asks for a factor one has."""
    if page.left is not None:
        assert page.query.get("kc_action_status", "error") == "error"
        return
    fields = {name for form in page.forms for name in form.fields}
    assert page.status == HTTPStatus.BAD_REQUEST or "otp" in fields
    assert not fields & {"totp", "totpSecret", "attestationObject", "generatedRecoveryAuthnCodes"}


@pytest.mark.parametrize("level", ["al2", "al3"])
def test_a_level_that_needs_one(realm: RealmForTests, browser: BrowserSession, level: str) -> None:
    page = with_password_only(browser, address(realm, acr_values=level), BARE)
    assert (page.left, page.status) == (None, HTTPStatus.BAD_REQUEST)


@pytest.mark.parametrize("username", [BARE, FURNISHED])
@pytest.mark.parametrize("action", BINDING + OTHERS)
def test_an_action_asked_for_in_the_address(
    realm: RealmForTests, browser: BrowserSession, action: str, username: str
) -> None:
    asked = address(realm, kc_action=action)
    verify_no_enrolment(with_password_only(browser, asked, username))  # fresh
    with_password_only(browser, address(realm), username)
    verify_no_enrolment(with_password_only(browser, asked, username))  # in a session
    silent = browser.visit(address(realm, kc_action=action, prompt="none"))
    assert silent.left is not None
    verify_no_enrolment(silent)


@pytest.mark.parametrize("action", BINDING)
def test_an_action_asked_for_by_a_pushed_request(
    realm: RealmForTests, browser: BrowserSession, action: str
) -> None:
    form = form_of(realm, kc_action=action)
    parties = realm.platform, realm.approvals
    for party in parties:
        pushed, _ = party.authenticate(form, oidc_issuer=realm.issuer, at=realm.now())
        answer = httpx.post(endpoint(realm, "ext/par/request"), data=pushed, trust_env=False)
        assert answer.status_code == HTTPStatus.CREATED, answer.text
        query = {"client_id": party.client_id, "request_uri": answer.json()["request_uri"]}
        where = f"{endpoint(realm, 'auth')}?{urlencode(query)}"
        verify_no_enrolment(with_password_only(browser, where, BARE))


@pytest.mark.parametrize("username", [BARE, FURNISHED])
def test_an_action_set_on_somebody(
    realm: RealmForTests, browser: BrowserSession, username: str
) -> None:
    path = (realm.name, "users", realm.people[username].account)
    connection = realm.server.connection
    user = connection.get(path)
    connection.put(path, {**user, "requiredActions": list(BINDING)})
    page = with_password_only(browser, address(realm), username)
    connection.put(path, {**user, "requiredActions": []})
    assert "code" in page.query


@pytest.mark.parametrize("username", [BARE, FURNISHED])
def test_a_link_by_mail(realm: RealmForTests, browser: BrowserSession, username: str) -> None:
    connection, account = realm.server.connection, realm.people[username].account
    with Mailbox() as mailbox:
        mail = {"host": "127.0.0.1", "port": str(mailbox.port), "from": "office@example.test"}
        connection.put((realm.name,), {"smtpServer": mail})
        user = connection.get((realm.name, "users", account))
        connection.put(
            (realm.name, "users", account), {**user, "email": f"{username}@example.test"}
        )
        connection.put((realm.name, "users", account, "execute-actions-email"), list(BINDING))
        mailbox.shutdown()
    connection.put((realm.name,), {"smtpServer": {}})
    link = re.search(r"https?://\S+/login-actions/action-token\S+", mailbox.text)
    assert link is not None
    page = browser.visit(link[0])
    _, found, below = page.html.partition('id="kc-info-message"')
    proceed = re.search(r'href="([^"]+)"', below)
    assert found
    if proceed:
        page = browser.visit(urljoin(page.address, unescape(proceed[1])))
    fields = {name for form in page.forms for name in form.fields}
    assert not fields & {"totp", "totpSecret", "attestationObject", "generatedRecoveryAuthnCodes"}


def test_a_forgotten_password(realm: RealmForTests, browser: BrowserSession) -> None:
    page = browser.visit(address(realm))
    assert "reset-credentials" not in page.html
    page = browser.visit(f"{realm.issuer}/login-actions/reset-credentials?client_id=platform")
    assert page.form("username") is None
    assert page.status == HTTPStatus.BAD_REQUEST


def test_the_account_console(realm: RealmForTests, browser: BrowserSession) -> None:
    assert browser.visit(f"{realm.issuer}/account").status == HTTPStatus.NOT_FOUND
    for client_id in ("account", "account-console", "security-admin-console"):
        page = browser.visit(address(realm, client_id, redirect_uri=f"{realm.issuer}/account/"))
        assert (page.left, page.status) == (None, HTTPStatus.BAD_REQUEST)


def test_the_account_interface(realm: RealmForTests, browser: BrowserSession) -> None:
    page = with_password_only(browser, address(realm), FURNISHED)
    form: Mapping[str, str] = {
        "grant_type": "authorization_code",
        "code": page.query["code"],
        "redirect_uri": f"{realm.origin}/login/callback",
        "code_verifier": "v" * 43,
    }
    form, _ = realm.platform.authenticate(form, oidc_issuer=realm.issuer, at=realm.now())
    answer = httpx.post(endpoint(realm, "token"), data=form, trust_env=False).json()
    bearer = {"Authorization": f"Bearer {answer['access_token']}", "Accept": "application/json"}
    credentials = realm.operator.credentials(realm.people[FURNISHED].account)
    with httpx.Client(headers=bearer, trust_env=False) as visitor:
        base = f"{realm.issuer}/account"
        assert visitor.get(base).status_code == HTTPStatus.NOT_FOUND
        assert visitor.get(f"{base}/credentials").status_code == HTTPStatus.NOT_FOUND
        for credential in credentials:
            deleted = visitor.delete(f"{base}/credentials/{credential.id}")
            assert deleted.status_code == HTTPStatus.NOT_FOUND


def test_removing_what_one_has(realm: RealmForTests, browser: BrowserSession) -> None:
    with_password_only(browser, address(realm), FURNISHED)
    for credential in realm.operator.credentials(realm.people[FURNISHED].account):
        asked = address(realm, kc_action=f"delete_credential:{credential.id}")
        verify_no_enrolment(with_password_only(browser, asked, FURNISHED))


@pytest.mark.parametrize("client_id", ["admin-cli", "account", "platform", "platform-admin"])
def test_the_password_grant(realm: RealmForTests, client_id: str) -> None:
    form: Mapping[str, str] = {
        "grant_type": "password",
        "client_id": client_id,
        "username": BARE,
        "password": PASSWORD,
    }
    if client_id == "platform":
        form, _ = realm.platform.authenticate(form, oidc_issuer=realm.issuer, at=realm.now())
    answer = httpx.post(endpoint(realm, "token"), data=form, trust_env=False)
    assert answer.is_client_error
    assert "access_token" not in answer.json()


def test_an_action_that_was_left_out_is_unknown(realm: RealmForTests) -> None:
    connection: AdminConnection = realm.server.connection
    for action in BINDING:
        with pytest.raises(NotInRealmError):
            connection.get((realm.name, "authentication", "required-actions", action))
