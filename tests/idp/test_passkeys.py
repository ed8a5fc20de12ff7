"""Passkeys in Chromium on the real pages: one gesture serves levels 2 and 3."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from simulators.keycloak import PASSWORD, RealmForTests

from idp.levels import AuthenticationLevel, IdentityLevel
from idp.login import RelyingParty, SignedIn, SignInRequest
from idp.provider import Provider

pytestmark = pytest.mark.real

CHROMIUM = "/usr/bin/chromium"
# What a container without user namespaces, shared memory and graphics card lacks.
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
PASSWORD_LEVEL, CODE, PASSKEY = AuthenticationLevel
USERNAME = "meng.example"
CREDENTIAL_ID = b"a passkey of nobody in particular"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def platform(realm: RealmForTests) -> Iterator[RelyingParty]:
    provider = Provider(realm.issuer)
    callback = f"{realm.origin}/login/callback"
    yield RelyingParty(provider, "platform", realm.platform, callback)
    provider.close()


class _Back(BaseHTTPRequestHandler):
    """The platform, as far as a browser that comes back can see."""

    def do_GET(self) -> None:
        self.send_response(HTTPStatus.NO_CONTENT if self.path == "/favicon.ico" else HTTPStatus.OK)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module", autouse=True)
def _listening(realm: RealmForTests) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", realm.port), _Back) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def encode(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def bind_passkey(realm: RealmForTests, account: str, key: ec.EllipticCurvePrivateKey) -> None:
    """Put the passkey in as a counter does; its COSE key is written by hand (RFC 9053 7.1.1)."""
    numbers = key.public_key().public_numbers()
    x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
    cose = bytes.fromhex("a5010203262001215820") + x + bytes.fromhex("225820") + y
    data = {
        "aaguid": "00000000-0000-0000-0000-000000000000",
        "credentialId": encode(CREDENTIAL_ID),
        "counter": 0,
        "credentialPublicKey": base64.urlsafe_b64encode(cose).rstrip(b"=").decode(),
        "attestationStatementFormat": "none",
        "transports": ["internal"],
    }
    credential = {
        "type": "webauthn-passwordless",
        "userLabel": "counter",
        "secretData": "{}",
        "credentialData": json.dumps(data),
    }
    realm.operator.add_credential(account, credential)


@contextmanager
def device(page: Page, account: str, key: ec.EllipticCurvePrivateKey) -> Iterator[CDPSession]:
    """Give the browser an authenticator that holds the passkey and recognises its owner."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    answer = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    credential = {
        "credentialId": encode(CREDENTIAL_ID),
        "isResidentCredential": True,
        "rpId": "localhost",
        "privateKey": encode(private),
        "userHandle": encode(account.encode()),
        "signCount": 1,
    }
    session.send(
        "WebAuthn.addCredential",
        {"authenticatorId": answer["authenticatorId"], "credential": credential},
    )
    yield session
    session.detach()


def sign_in(page: Page, party: RelyingParty, level: AuthenticationLevel) -> SignedIn:
    """Sign in and return what came of it: the address that the browser came back to says all."""
    attempt, address = party.begin(SignInRequest(level=level), at=datetime.now(UTC))
    page.goto(address)
    if level is PASSWORD_LEVEL:
        page.fill("#username", USERNAME)
        page.fill("#password", PASSWORD)
        page.click("#kc-login")
    else:
        page.click("#authenticateWebAuthnButton")
    page.wait_for_url(f"{party.redirect_uri}?*")
    return party.finish(attempt, page.url.partition("?")[2], at=datetime.now(UTC))


def test_one_gesture_after_the_password(
    realm: RealmForTests, chromium: Browser, platform: RelyingParty
) -> None:
    account = realm.person(USERNAME, level=IdentityLevel.ORIGINAL, otp=False)
    key = ec.generate_private_key(ec.SECP256R1())
    bind_passkey(realm, account, key)
    page = chromium.new_page()
    opened = sign_in(page, platform, PASSWORD_LEVEL)
    assert opened.claims.level is PASSWORD_LEVEL
    with device(page, account, key):
        for level in (PASSKEY, CODE):
            raised = sign_in(page, platform, level)
            assert raised.claims.level is level
            assert raised.claims.session_id == opened.claims.session_id
    page.close()


def test_a_passkey_alone(realm: RealmForTests, chromium: Browser, platform: RelyingParty) -> None:
    """No name and no password is typed: the page finds the passkey by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    account = realm.person("dong.example", otp=False)
    bind_passkey(realm, account, key)
    page = chromium.new_page()
    with device(page, account, key):
        attempt, address = platform.begin(SignInRequest(level=PASSKEY), at=datetime.now(UTC))
        page.goto(address)
        page.wait_for_url(f"{platform.redirect_uri}?*")
        query = page.url.partition("?")[2]
        signed_in = platform.finish(attempt, query, at=datetime.now(UTC))
    assert (signed_in.claims.account, signed_in.claims.level) == (account, PASSKEY)
    page.close()
