"""People who are signed in, without a provider: their sessions are opened by hand.

`furnish_identity` makes a data folder one in which people can sign in; then `connect_browser`,
`sign_in`, and `submit` for forms.
"""

import warnings
from collections.abc import Mapping
from datetime import datetime, timedelta

import httpx
from simulators.web import BROWSER, ServedOffice
from starlette.exceptions import StarletteDeprecationWarning

from api.app import create_app
from api.deps import CSRF_FIELD, OWN_HEADER, OWN_HEADER_VALUE
from api.identity import Identity, upgrade_database
from api.settings import Settings
from api.wiring import Services
from idp.client_authentication import generate_client_key
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.login import SignedIn, TokenSet
from idp.sessions import WebSession, session_cookie
from idp.tokens import VerifiedClaims

with warnings.catch_warnings():
    # It would rather have another HTTP library than the one the other tests use.
    warnings.simplefilter("ignore", StarletteDeprecationWarning)
    from fastapi.testclient import TestClient

ACCOUNT = "5b0d7c1e-0000-4000-8000-000000000001"
SESSION_ID = "5b0d7c1e-0000-4000-8000-00000000000a"
NAME = "苏小样"
TOKENS = TokenSet("id-token", "access-token", "refresh-token")


def hand_made(  # noqa: PLR0913 - all that a sign-in can differ in
    *,
    at: datetime,
    account: str = ACCOUNT,
    level: AuthenticationLevel = AuthenticationLevel.PASSWORD,
    identity_level: IdentityLevel = IdentityLevel.MATCHED,
    session_id: str | None = SESSION_ID,
    claims: Mapping[str, object] | None = None,
    tokens: TokenSet = TOKENS,
) -> SignedIn:
    """Return a sign-in that never happened, with claims that nobody verified."""
    return SignedIn(
        VerifiedClaims(
            account=account,
            session_id=session_id,
            level=level,
            identity_level=identity_level,
            authenticated_at=at,
            issued_at=at,
            expires_at=at + timedelta(minutes=5),
            nonce=None,
            organizations={},
            claims={"full_name": NAME} if claims is None else claims,
        ),
        tokens,
    )


def furnish_identity(office: ServedOffice) -> ServedOffice:
    """Make the office's data folder one in which people can sign in, and return the office."""
    settings = Settings(data=office.folder)
    upgrade_database(settings)
    key_file = settings.client_key_file
    key_file.parent.mkdir(exist_ok=True)
    key_file.write_bytes(generate_client_key())
    key_file.chmod(0o600)
    return office


def identity_of(services: Services) -> Identity:
    """Return the identity part, which is there after `furnish_identity`."""
    assert services.identity is not None
    return services.identity


def connect_browser(services: Services) -> httpx.Client:
    """Return a browser on the application over `services`; it follows no redirect."""
    return TestClient(
        create_app(services, rate_limited=False),
        base_url=services.settings.origin,
        headers=BROWSER,
        raise_server_exceptions=False,
        follow_redirects=False,
    )


def sign_in(  # noqa: PLR0913 - all that a sign-in can differ in
    browser: httpx.Client,
    services: Services,
    *,
    account: str = ACCOUNT,
    level: AuthenticationLevel = AuthenticationLevel.PASSWORD,
    identity_level: IdentityLevel = IdentityLevel.MATCHED,
    session_id: str | None = SESSION_ID,
    claims: Mapping[str, object] | None = None,
) -> WebSession:
    """Open a session for the account and give the browser its cookie."""
    at = services.clock()
    made = hand_made(
        at=at,
        account=account,
        level=level,
        identity_level=identity_level,
        session_id=session_id,
        claims=claims,
    )
    session, cookie = identity_of(services).sessions.open(made, at=at)
    browser.cookies.set(
        session_cookie(services.settings.identity.client_id),
        cookie,
        domain=browser.base_url.host,
    )
    return session


def submit(
    browser: httpx.Client,
    session: WebSession,
    path: str,
    fields: Mapping[str, str | list[str]],
) -> httpx.Response:
    """Send a form as a page of this session would."""
    return browser.post(
        path,
        data={**fields, CSRF_FIELD: session.csrf},
        headers={"Origin": origin_of(browser)},
    )


def machine_headers(browser: httpx.Client) -> dict[str, str]:
    """Return what a script of our own pages sends to `/v1/…` besides the cookie."""
    return {
        "Origin": origin_of(browser),
        OWN_HEADER: OWN_HEADER_VALUE,
        "Accept": "application/json",
    }


def origin_of(browser: httpx.Client) -> str:
    """Return the origin of the pages that the browser has open."""
    return str(browser.base_url).rstrip("/")
