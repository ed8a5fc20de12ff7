"""Row 7: enter a second portal in a session of the provider, beside the provider alone."""

import secrets
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from authlib.oauth2.rfc7636 import (  # type: ignore[import-untyped]  # has no types
    create_s256_code_challenge,
)
from simulators.browser_session import BrowserSession
from simulators.keycloak import RealmForTests, new_realm
from simulators.server import free_port

from bench.measuring import Work, compare
from bench.office import scratch
from bench.rows import Goal, Row, compare_table
from bench.serving import serving
from demo.portal_pages import create_portal
from demo.portal_parts import open_portal
from idp.client_authentication import (
    PrivateKeyJwt,
    generate_client_key,
    load_client_key,
    public_jwks,
)
from idp.login import RelyingParty, SignInRequest
from idp.portals import Portal, read_portal
from idp.provider import Provider

ROUNDS = 15
REPEATS = 10
MOST = 1.3
PORTAL_FILE = Path(__file__).parents[1] / "demo" / "portals" / "market.yaml"
PERSON = "bench.example"
OURS, PEER = "the portal, from `/login` to the continue page", "Keycloak alone: code and tokens"

NOTES = """
- A browser that signed in at the platform goes to a portal. Ours: the portal's `/login`, Keycloak
  without a page, the portal's `/login/callback` with the exchange of the code (`private_key_jwt`,
  PKCE), the ID token validated, attempt and session kept in the portal's database and synced, up to
  the address of the page "continue as …", which is not fetched.
- Keycloak alone: the same authorization request and the same exchange by a script that keeps
  nothing, validates nothing and has no server of its own. Both sides over kept connections.
- CPU is that of portal and script; Keycloak's is not in it.
"""


@dataclass(slots=True)
class Walker:
    """A browser of the smallest kind: kept connections, cookies by host, no page read."""

    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    connections: dict[str, HTTPConnection] = field(default_factory=dict)

    def get(self, address: str) -> str:
        """Return where the answer leads."""
        answer, body = self._send("GET", address, None)
        location = answer.headers["Location"]
        if location is None:
            raise ValueError(f"{answer.status} and no way on: {len(body)} octets")
        return location

    def post(self, address: str, form: str) -> None:
        """Send a form, and read the answer."""
        answer, _ = self._send("POST", address, form)
        if answer.status != HTTPStatus.OK:
            raise ValueError(answer.status)

    def _send(self, method: str, address: str, form: str | None) -> tuple[HTTPResponse, bytes]:
        parts = urlsplit(address)
        connection = self.connections.setdefault(parts.netloc, HTTPConnection(parts.netloc))
        jar = self.cookies.setdefault(parts.netloc, {})
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
        if form is not None:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, target, body=form, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        for line in answer.headers.get_all("Set-Cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            jar[name] = value
        return answer, body


def measure() -> Row:
    """Measure the row."""
    with ExitStack() as stack:
        realm = stack.enter_context(new_realm())
        folder = stack.enter_context(scratch())
        realm.person(PERSON, otp=False)
        key = generate_client_key()
        portal = _portal(realm, key)
        parts = stack.enter_context(
            open_portal(portal, key=key, data=folder / "portal", oidc_issuer=realm.issuer)
        )
        port = urlsplit(portal.home).port or 0
        stack.enter_context(serving(create_portal(parts), port=port))
        sso = _sign_in(realm)
        provider_host = urlsplit(realm.issuer).netloc
        ours = Walker({provider_host: dict(sso)})
        alone = Walker({provider_host: dict(sso)})
        client = PrivateKeyJwt(load_client_key(key), portal.client)
        works = {
            OURS: Work(lambda: _enter(ours, portal), REPEATS),
            PEER: Work(lambda: _script(alone, realm, client, portal.redirect_uri), REPEATS),
        }
        timings = compare(works, rounds=ROUNDS)
    ratio = timings[OURS].wall_ratio(timings[PEER])
    goal = Goal("beside Keycloak alone, wall", f"≤ {MOST:g}×", f"{ratio:.2f}×", ratio <= MOST)
    return Row("7 · Enter a second portal", [goal], [compare_table(timings, timings[PEER])], NOTES)


def _portal(realm: RealmForTests, key: bytes) -> Portal:
    """Return the demo portal on a port of its own, known to the realm."""
    text = PORTAL_FILE.read_text(encoding="utf-8")
    home = f"http://localhost:{free_port()}"
    lines = [f"home: {home}" if line.startswith("home:") else line for line in text.splitlines()]
    portal = read_portal("\n".join(lines).encode())
    keys = public_jwks(load_client_key(key))
    realm.operator.put_client(
        portal.as_client(salt=secrets.token_hex(16), keys=keys, platform_origin=realm.origin)
    )
    return portal


def _sign_in(realm: RealmForTests) -> dict[str, str]:
    """Sign in at the platform; return the provider's cookies."""
    provider = Provider(realm.issuer)
    callback = f"{realm.origin}/login/callback"
    platform = RelyingParty(provider, "platform", realm.platform, callback)
    attempt, address = platform.begin(SignInRequest(), at=datetime.now(UTC))
    with BrowserSession(realm.server.url) as browser:
        page = realm.sign_in(browser, address, PERSON)
        platform.finish(attempt, page.query_string, at=datetime.now(UTC))
        cookies = {cookie.name: cookie.value or "" for cookie in browser.client.cookies.jar}
    provider.close()
    return cookies


def _enter(walker: Walker, portal: Portal) -> None:
    walker.cookies.pop(urlsplit(portal.home).netloc, None)
    address = walker.get(f"{portal.home}/login?next=/")
    for _ in range(2):  # to the provider; back
        address = walker.get(address)
    if not address.startswith("/login/continue"):
        raise ValueError(urlsplit(address).path)


def _script(walker: Walker, realm: RealmForTests, client: PrivateKeyJwt, redirect_uri: str) -> None:
    verifier = secrets.token_urlsafe(32)
    asked = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": redirect_uri,
        "scope": "openid",
        "state": secrets.token_urlsafe(32),
        "nonce": secrets.token_urlsafe(32),
        "code_challenge": create_s256_code_challenge(verifier),
        "code_challenge_method": "S256",
        "prompt": "none",
    }
    protocol = f"{realm.issuer}/protocol/openid-connect"
    (code,) = parse_qs(urlsplit(walker.get(f"{protocol}/auth?{urlencode(asked)}")).query)["code"]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    sent, _ = client.authenticate(form, oidc_issuer=realm.issuer, at=datetime.now(UTC))
    walker.post(f"{protocol}/token", urlencode(sent))
