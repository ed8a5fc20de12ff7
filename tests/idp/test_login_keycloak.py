"""The relying party with the real Keycloak: that what the simulator is told by us is so there."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import pytest
from pydantic import SecretStr
from simulators.browser_session import BrowserSession
from simulators.keycloak import RealmForTests

from idp.base64url import read_base64url
from idp.client_authentication import (
    ClientSecretBasic,
    PrivateKeyJwt,
    generate_client_key,
    load_client_key,
)
from idp.errors import InvalidTokenError, LoginError, ProviderUnavailableError, SessionEndedError
from idp.faults import LoginReason, ProviderFault
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.login import Prompt, RelyingParty, SignedIn, SignInRequest
from idp.provider import ClientAuthenticator, Provider
from idp.realm.client_scopes import BASIC, IDENTITY_LEVEL
from idp.realm.clients import RelyingPartyClient
from idp.tokens import verify_access_token

pytestmark = pytest.mark.real

CITIZEN = "qian.example"
SILENT = SignInRequest(prompt=Prompt.NONE)


@pytest.fixture(scope="module")
def account(realm: RealmForTests) -> str:
    return realm.person(CITIZEN, otp=False)


@pytest.fixture(scope="module")
def provider(realm: RealmForTests) -> Iterator[Provider]:
    provider = Provider(realm.issuer)
    yield provider
    provider.close()


@pytest.fixture(scope="module")
def platform(realm: RealmForTests, provider: Provider) -> RelyingParty:
    callback = f"{realm.origin}/login/callback"
    return RelyingParty(provider, "platform", realm.platform, callback)


@pytest.fixture
def browser(realm: RealmForTests) -> Iterator[BrowserSession]:
    with realm.browser() as browser:
        yield browser


def at() -> datetime:
    return datetime.now(UTC)


def sign_in(
    realm: RealmForTests,
    browser: BrowserSession,
    party: RelyingParty,
    request: SignInRequest | None = None,
) -> SignedIn:
    attempt, address = party.begin(request or SignInRequest(), at=at())
    page = realm.sign_in(browser, address, CITIZEN)
    return party.finish(attempt, page.query_string, at=at())


def with_authentication(party: RelyingParty, client: ClientAuthenticator) -> RelyingParty:
    return RelyingParty(party.provider, party.client_id, client, party.redirect_uri)


def test_a_session_goes_on_and_is_over(
    realm: RealmForTests, browser: BrowserSession, platform: RelyingParty, account: str
) -> None:
    attempt, address = platform.begin(SILENT, at=at())
    with pytest.raises(LoginError) as nobody:
        platform.finish(attempt, browser.visit(address).query_string, at=at())
    assert nobody.value.reason is LoginReason.LOGIN_REQUIRED

    first = sign_in(realm, browser, platform)
    assert (first.claims.account, first.claims.identity_level) == (account, IdentityLevel.SEEN)
    assert sign_in(realm, browser, platform, SILENT).claims.session_id == first.claims.session_id

    renewed = platform.refresh(first.tokens, at=at())
    assert renewed.claims.session_id == first.claims.session_id
    assert renewed.claims.level is AuthenticationLevel.PASSWORD
    assert renewed.claims.nonce is None

    assert first.claims.session_id is not None
    realm.admin.end_session(first.claims.session_id)
    with pytest.raises(SessionEndedError):
        platform.refresh(renewed.tokens, at=at())


def test_somebody_disabled_goes_on_no_longer(
    realm: RealmForTests, browser: BrowserSession, platform: RelyingParty, account: str
) -> None:
    tokens = sign_in(realm, browser, platform).tokens
    realm.admin.set_enabled(account, enabled=False)
    try:
        with pytest.raises(SessionEndedError):
            platform.refresh(tokens, at=at())
    finally:
        realm.admin.set_enabled(account, enabled=True)


def test_leaving_ends_the_session(
    realm: RealmForTests, browser: BrowserSession, platform: RelyingParty, account: str
) -> None:
    signed_in = sign_in(realm, browser, platform)
    tokens = signed_in.tokens
    address = platform.logout_address(
        id_token=tokens.id_token, return_to=f"{realm.origin}/", state="s-1", at=at()
    )
    left = browser.visit(address)
    assert left.left == f"{realm.origin}/?state=s-1"
    left_over = {session.id for session in realm.admin.sessions(account)}
    assert signed_in.claims.session_id not in left_over
    with pytest.raises(SessionEndedError):
        platform.refresh(tokens, at=at())


@pytest.mark.usefixtures("account")
def test_codes_are_good_once_and_for_whom_they_were_given(
    realm: RealmForTests, browser: BrowserSession, platform: RelyingParty
) -> None:
    attempt, address = platform.begin(SignInRequest(), at=at())
    answer = realm.sign_in(browser, address, CITIZEN).query_string
    platform.finish(attempt, answer, at=at())
    with pytest.raises(LoginError) as replayed:
        platform.finish(attempt, answer, at=at())
    assert replayed.value.reason is LoginReason.CODE_REFUSED

    # A stolen one, brought to another attempt: the verifier is not that of the code.
    victim, address = platform.begin(SignInRequest(), at=at())
    stolen = dict(parse_qsl(realm.sign_in(browser, address, CITIZEN).query_string))
    own, _ = platform.begin(SignInRequest(), at=at())
    with pytest.raises(LoginError) as caught:
        platform.finish(own, urlencode(stolen | {"state": own.state}), at=at())
    assert caught.value.reason is LoginReason.CODE_REFUSED
    with pytest.raises(LoginError) as spent:  # by the failed try
        platform.finish(victim, urlencode(stolen), at=at())
    assert spent.value.reason is LoginReason.CODE_REFUSED


@pytest.mark.usefixtures("account")
def test_an_access_token_for_our_api(
    realm: RealmForTests, browser: BrowserSession, platform: RelyingParty
) -> None:
    signed_in = sign_in(realm, browser, platform, SignInRequest(scopes=("acting",)))
    access = verify_access_token(
        signed_in.tokens.access_token, provider=platform.provider, audience="platform-api", at=at()
    )
    assert access.account == signed_in.claims.account
    assert (access.client_id, access.session_id) == ("platform", signed_in.claims.session_id)
    assert access.level is AuthenticationLevel.PASSWORD
    assert access.identity_level is IdentityLevel.SEEN
    # The ID token of the same sign-in is none, and one without the scope is for nobody here.
    for other in (signed_in.tokens.id_token, sign_in(realm, browser, platform).tokens.access_token):
        with pytest.raises(InvalidTokenError):
            verify_access_token(other, provider=platform.provider, audience="platform-api", at=at())


def test_another_key_or_another_moment_is_refused(
    realm: RealmForTests, browser: BrowserSession, platform: RelyingParty
) -> None:
    tokens = sign_in(realm, browser, platform).tokens
    stranger = PrivateKeyJwt(load_client_key(generate_client_key()), "platform")
    with pytest.raises(ProviderUnavailableError) as refused:
        with_authentication(platform, stranger).refresh(tokens, at=at())
    assert refused.value.reason is ProviderFault.CLIENT_REFUSED
    assert platform.refresh(tokens, at=at()).claims.account


def test_a_shared_secret_stands_in(
    realm: RealmForTests, browser: BrowserSession, provider: Provider, account: str
) -> None:
    """Any conforming provider will do; not all of them take signed assertions."""
    secret = "p:ss wörd&%=+ " + "x" * 20
    callback = f"{realm.origin}/secret/callback"
    client = RelyingPartyClient(
        "by-secret", "Secret", (callback,), {}, scopes=(*BASIC, IDENTITY_LEVEL)
    )
    by_secret = {
        **client.representation(),
        "clientAuthenticatorType": "client-secret",
        "secret": secret,
    }
    realm.operator.put_client(by_secret)
    party = RelyingParty(
        provider, "by-secret", ClientSecretBasic("by-secret", SecretStr(secret)), callback
    )
    signed_in = sign_in(realm, browser, party)
    assert signed_in.claims.account == account
    assert party.refresh(signed_in.tokens, at=at()).claims.account == account
    wrong = replace(party, authentication=ClientSecretBasic("by-secret", SecretStr("another")))
    with pytest.raises(LoginError) as refused:
        sign_in(realm, browser, wrong)
    assert refused.value.reason is LoginReason.CLIENT_REFUSED


@pytest.mark.usefixtures("account")
def test_keycloak_writes_tokens_as_the_simulator_does(
    realm: RealmForTests, browser: BrowserSession, platform: RelyingParty
) -> None:
    """The attacks are made on tokens of the simulator: they must be like the real ones."""
    tokens = sign_in(realm, browser, platform).tokens
    renewed = platform.refresh(tokens, at=at()).tokens
    for id_token, nonce in ((tokens.id_token, {"nonce"}), (renewed.id_token, set())):
        header, claims = (
            json.loads(read_base64url(part.encode())) for part in id_token.split(".")[:2]
        )
        assert header.keys() == {"alg", "typ", "kid"}
        assert (header["alg"], header["typ"], claims["typ"]) == ("RS256", "JWT", "ID")
        assert nonce | {"at_hash", "azp", "sid", "acr", "auth_time"} <= claims.keys()
        assert claims["aud"] == claims["azp"] == "platform"
