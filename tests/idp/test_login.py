"""The relying party against a provider that does its work well, and against one that does not."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from simulators.attack_tokens import claims, without
from simulators.openid_provider import (
    REDIRECT_URI,
    SECRET,
    OpenIdProvider,
    browse,
    client_key,
    running_provider,
    status,
)
from simulators.token_drafts import (
    ACCOUNT,
    AT,
    CLIENT,
    SESSION,
    Json,
    TokenDraft,
    rsa_key,
    seconds,
)

from idp.client_authentication import (
    ClientSecretBasic,
    PrivateKeyJwt,
    generate_client_key,
    load_client_key,
    public_jwks,
)
from idp.errors import LoginError, ProviderUnavailableError, SessionEndedError
from idp.faults import LoginReason, ProviderFault, TokenFault
from idp.levels import AuthenticationLevel
from idp.login import (
    ATTEMPT_LIFETIME,
    FRESHNESS_SKEW,
    LoginAttempt,
    Prompt,
    RelyingParty,
    SignedIn,
    SignInRequest,
    TokenSet,
)
from idp.provider import Provider
from idp.tokens import CLOCK_SKEW

PLAIN = SignInRequest()
SECOND = timedelta(seconds=1)


@pytest.fixture
def simulator() -> Iterator[OpenIdProvider]:
    with running_provider() as simulator:
        yield simulator


@pytest.fixture
def party(simulator: OpenIdProvider) -> Iterator[RelyingParty]:
    provider = Provider(simulator.issuer)
    yield RelyingParty(provider, CLIENT, PrivateKeyJwt(client_key(), CLIENT), REDIRECT_URI)
    provider.close()


def pushed(party: RelyingParty) -> RelyingParty:
    return RelyingParty(
        party.provider, party.client_id, party.authentication, party.redirect_uri, pushed=True
    )


def sign_in(party: RelyingParty, request: SignInRequest = PLAIN) -> SignedIn:
    attempt, address = party.begin(request, at=AT)
    return party.finish(attempt, browse(address), at=AT)


def reason(call: Callable[[], object]) -> LoginReason:
    with pytest.raises(LoginError) as caught:
        call()
    assert "code-" not in str(caught.value)
    return caught.value.reason


# ---- how it goes well ----


def test_somebody_signs_in(party: RelyingParty) -> None:
    signed_in = sign_in(party)
    assert (signed_in.claims.account, signed_in.claims.session_id) == (ACCOUNT, SESSION)
    assert signed_in.claims.level is AuthenticationLevel.PASSWORD
    for secret in (signed_in.tokens.id_token, signed_in.tokens.access_token):
        assert secret not in repr(signed_in)


def test_what_is_asked_for_stands_in_the_address(
    simulator: OpenIdProvider, party: RelyingParty
) -> None:
    request = SignInRequest(
        level=AuthenticationLevel.PASSKEY,
        prompt=Prompt.LOGIN,
        scopes=("organization:*", "check:food-licence"),
        nonce="n" * 64,
        login_hint="somebody@example",
        language="zh-CN",
    )
    attempt, address = party.begin(request, at=AT)
    assert address.startswith(f"{simulator.issuer}/auth?")
    asked = dict(parse_qsl(urlsplit(address).query))
    assert len(asked.pop("code_challenge")) == 43
    assert asked == {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": REDIRECT_URI,
        "scope": "openid organization:* check:food-licence",
        "state": attempt.state,
        "nonce": "n" * 64,
        "code_challenge_method": "S256",
        "acr_values": "al3",
        "prompt": "login",
        "login_hint": "somebody@example",
        "ui_locales": "zh-CN",
    }
    assert attempt.code_verifier not in address
    assert repr(attempt) == f"LoginAttempt(asked_at={AT!r})"


def test_attempts_share_nothing(party: RelyingParty) -> None:
    (one, _), (other, _) = party.begin(PLAIN, at=AT), party.begin(PLAIN, at=AT)
    secrets = {one.state, one.nonce, one.code_verifier}
    assert len(secrets | {other.state, other.nonce, other.code_verifier}) == 6
    assert min(map(len, secrets)) >= 43


def test_a_pushed_request_shows_the_browser_nothing(party: RelyingParty) -> None:
    attempt, address = pushed(party).begin(SignInRequest(prompt=Prompt.LOGIN), at=AT)
    asked = dict(parse_qsl(urlsplit(address).query))
    assert asked == {"client_id": CLIENT, "request_uri": "urn:ietf:params:oauth:request_uri:1"}
    assert pushed(party).finish(attempt, browse(address), at=AT).claims.account == ACCOUNT


def test_a_shared_secret_does_as_well(party: RelyingParty) -> None:
    authentication = ClientSecretBasic(CLIENT, SecretStr(SECRET))
    assert SECRET not in repr(authentication)
    basic = RelyingParty(party.provider, CLIENT, authentication, REDIRECT_URI)
    assert sign_in(basic).claims.account == ACCOUNT
    wrong = ClientSecretBasic(CLIENT, SecretStr("another"))
    refused = RelyingParty(party.provider, CLIENT, wrong, REDIRECT_URI)
    assert reason(lambda: sign_in(refused)) is LoginReason.CLIENT_REFUSED


def test_an_attempt_is_kept_as_text(party: RelyingParty) -> None:
    request = SignInRequest(AuthenticationLevel.PASSKEY, Prompt.NONE, ("a", "b"), "n", "h", "en")
    for asked in (request, PLAIN):
        attempt, _ = party.begin(asked, at=AT)
        assert LoginAttempt.from_json(attempt.to_json()) == attempt


@given(st.text() | st.dictionaries(st.text(), st.text()).map(json.dumps))
@settings(deadline=None)
def test_another_text_is_no_attempt(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # json's own or ours
        LoginAttempt.from_json(text)


def test_tabs_do_not_disturb_one_another(party: RelyingParty) -> None:
    begun = [party.begin(PLAIN, at=AT) for _ in range(3)]
    for attempt, address in reversed(begun):
        assert party.finish(attempt, browse(address), at=AT).claims.account == ACCOUNT


# ---- codes, states and providers of others ----


def test_a_code_is_good_for_one_sign_in(party: RelyingParty) -> None:
    attempt, address = party.begin(PLAIN, at=AT)
    answer = browse(address)
    party.finish(attempt, answer, at=AT)
    assert reason(lambda: party.finish(attempt, answer, at=AT)) is LoginReason.CODE_REFUSED


def test_a_stolen_code_is_worth_nothing_without_its_verifier(party: RelyingParty) -> None:
    """An attacker brings the victim's code back as the answer to an attempt of his own."""
    (_, victims), (own, _) = party.begin(PLAIN, at=AT), party.begin(PLAIN, at=AT)
    stolen = dict(parse_qsl(browse(victims))) | {"state": own.state}
    assert reason(lambda: party.finish(own, stolen, at=AT)) is LoginReason.CODE_REFUSED


def test_a_stolen_code_of_a_provider_without_pkce_is_caught_by_the_nonce(
    simulator: OpenIdProvider, party: RelyingParty
) -> None:
    attempt, address = party.begin(PLAIN, at=AT)
    simulator.change_draft = claims(nonce="of-the-victim")
    with pytest.raises(LoginError) as caught:
        party.finish(attempt, browse(address), at=AT)
    assert caught.value.fault is TokenFault.WRONG_NONCE


@pytest.mark.parametrize("state", ["", "another", None])
def test_the_state_of_another_attempt_is_refused(party: RelyingParty, state: str | None) -> None:
    attempt, address = party.begin(PLAIN, at=AT)
    answer = dict(parse_qsl(browse(address)))
    answer.pop("state")
    if state is not None:
        answer["state"] = state

    def finish() -> SignedIn:
        return party.finish(attempt, urlencode(answer), at=AT)

    assert reason(finish) is LoginReason.WRONG_STATE
    answer["state"] = attempt.state
    assert finish().claims.account == ACCOUNT


@pytest.mark.parametrize(
    ("iss", "expected"),
    [
        ("http://evil.example", LoginReason.WRONG_ISSUER),
        ("", LoginReason.WRONG_ISSUER),
        (None, LoginReason.MISSING_ISSUER),
    ],
)
def test_the_answer_of_another_provider_is_refused(
    simulator: OpenIdProvider, party: RelyingParty, iss: str | None, expected: LoginReason
) -> None:
    """Mix-up (RFC 9207): the code would be sent to the wrong token endpoint."""
    attempt, address = party.begin(PLAIN, at=AT)
    answer = dict(parse_qsl(browse(address)))
    answer.pop("iss")
    if iss is not None:
        answer["iss"] = iss

    def finish() -> SignedIn:
        return party.finish(attempt, urlencode(answer), at=AT)

    assert reason(finish) is expected
    assert simulator.requests["/token"] == 0  # it was given to nobody
    answer["iss"] = simulator.issuer
    assert finish().claims.account == ACCOUNT


def test_a_provider_that_never_names_itself_need_not(
    simulator: OpenIdProvider, party: RelyingParty
) -> None:
    simulator.change_metadata = lambda it: it.pop("authorization_response_iss_parameter_supported")
    simulator.answers_with = {"iss": ""}
    assert sign_in(party).claims.account == ACCOUNT


@pytest.mark.parametrize("later", [ATTEMPT_LIFETIME + SECOND, -CLOCK_SKEW - SECOND])
def test_an_attempt_has_its_time(party: RelyingParty, later: timedelta) -> None:
    attempt, address = party.begin(PLAIN, at=AT)
    answer = browse(address)
    expired = reason(lambda: party.finish(attempt, answer, at=AT + later))
    assert expired is LoginReason.ATTEMPT_EXPIRED
    assert party.finish(attempt, answer, at=AT).claims.account == ACCOUNT


# ---- the answer in the address ----


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("login_required", LoginReason.LOGIN_REQUIRED),
        ("interaction_required", LoginReason.LOGIN_REQUIRED),
        ("consent_required", LoginReason.LOGIN_REQUIRED),
        ("account_selection_required", LoginReason.LOGIN_REQUIRED),
        ("access_denied", LoginReason.ACCESS_DENIED),
        ("invalid_scope", LoginReason.INVALID_SCOPE),
        ("unauthorized_client", LoginReason.CLIENT_REFUSED),
        ("invalid_request", LoginReason.PROVIDER_REFUSED),
        ("made_up", LoginReason.PROVIDER_REFUSED),
        ("<script>", LoginReason.MALFORMED_ANSWER),
        ("", LoginReason.MALFORMED_ANSWER),
    ],
)
def test_an_error_of_the_provider_is_named(
    simulator: OpenIdProvider, party: RelyingParty, error: str, expected: LoginReason
) -> None:
    attempt, _ = party.begin(PLAIN, at=AT)
    answer = {"state": attempt.state, "iss": simulator.issuer, "error": error}
    assert reason(lambda: party.finish(attempt, urlencode(answer), at=AT)) is expected


@pytest.mark.parametrize("error", ["temporarily_unavailable", "server_error"])
def test_a_provider_that_cannot_says_so(
    simulator: OpenIdProvider, party: RelyingParty, error: str
) -> None:
    attempt, _ = party.begin(PLAIN, at=AT)
    answer = {"state": attempt.state, "iss": simulator.issuer, "error": error}
    with pytest.raises(ProviderUnavailableError, match="out_of_order"):
        party.finish(attempt, urlencode(answer), at=AT)


def test_a_silent_attempt_without_a_session_needs_a_login(
    simulator: OpenIdProvider, party: RelyingParty
) -> None:
    silent = SignInRequest(prompt=Prompt.NONE)
    assert sign_in(party, silent).claims.account == ACCOUNT
    simulator.has_session = False
    assert reason(lambda: sign_in(party, silent)) is LoginReason.LOGIN_REQUIRED


@pytest.mark.parametrize("name", ["code", "state", "iss", "session_state"])
def test_a_parameter_that_comes_twice_is_refused(party: RelyingParty, name: str) -> None:
    attempt, address = party.begin(PLAIN, at=AT)
    answer = browse(address)
    twice = f"{answer}&{name}=x"
    assert reason(lambda: party.finish(attempt, twice, at=AT)) is LoginReason.DUPLICATE_PARAMETER
    assert party.finish(attempt, answer, at=AT).claims.account == ACCOUNT


@pytest.mark.parametrize(
    "more",
    [
        "&error=access_denied",
        "&id_token=x",
        "&access_token=x",
        "&padding=" + "x" * 9000,
        "".join(f"&p{number}=x" for number in range(40)),
        "&name=%ff",
    ],
    ids=["error_too", "id_token", "access_token", "long", "many", "not_utf8"],
)
def test_an_answer_that_is_none_is_refused(party: RelyingParty, more: str) -> None:
    attempt, address = party.begin(PLAIN, at=AT)
    answer = browse(address)
    refused = reason(lambda: party.finish(attempt, answer + more, at=AT))
    assert refused is LoginReason.MALFORMED_ANSWER
    assert party.finish(attempt, answer, at=AT).claims.account == ACCOUNT


@pytest.mark.parametrize("code", ["", "a b", "ä", "x" * 4097, "a\r\nb", "a\0"])
def test_a_code_is_a_short_visible_text(
    simulator: OpenIdProvider, party: RelyingParty, code: str
) -> None:
    attempt, _ = party.begin(PLAIN, at=AT)
    answer = {"state": attempt.state, "iss": simulator.issuer, "code": code}
    assert reason(lambda: party.finish(attempt, answer, at=AT)) is LoginReason.MALFORMED_ANSWER


@given(query=st.text(max_size=200))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_query_is_refused(party: RelyingParty, query: str) -> None:
    attempt, _ = party.begin(PLAIN, at=AT)
    assert reason(lambda: party.finish(attempt, query, at=AT))


# ---- the tokens ----


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.pop("id_token"),
        lambda it: it.pop("access_token"),
        lambda it: it.pop("token_type"),
        lambda it: it.update({"token_type": "DPoP"}),
        lambda it: it.update(token_type=None),
        lambda it: it.update(id_token=["x"]),
        lambda it: it.update(access_token=1),
        lambda it: it.update(refresh_token={}),
        lambda it: it.clear(),
    ],
)
def test_tokens_that_lack_something_are_refused(
    simulator: OpenIdProvider, party: RelyingParty, change: Callable[[Json], None]
) -> None:
    simulator.change_answer = change
    assert reason(lambda: sign_in(party)) is LoginReason.MALFORMED_TOKENS


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.update({"token_type": "bearer"}),
        lambda it: it.pop("refresh_token"),
        lambda it: it.pop("expires_in"),
    ],
)
def test_tokens_may_differ_in_what_does_not_matter(
    simulator: OpenIdProvider, party: RelyingParty, change: Callable[[Json], None]
) -> None:
    simulator.change_answer = change
    assert sign_in(party).claims.account == ACCOUNT


def test_another_access_token_than_was_signed_for_is_refused(
    simulator: OpenIdProvider, party: RelyingParty
) -> None:
    simulator.change_answer = lambda it: it.update({"access_token": "of-somebody-else"})
    with pytest.raises(LoginError) as caught:
        sign_in(party)
    assert caught.value.reason is LoginReason.INVALID_ID_TOKEN
    assert caught.value.fault is TokenFault.WRONG_ACCESS_TOKEN_HASH


def test_an_id_token_of_another_key_is_refused(
    simulator: OpenIdProvider, party: RelyingParty
) -> None:
    def change(draft: TokenDraft) -> None:
        draft.key = rsa_key("attacker")

    simulator.change_draft = change
    with pytest.raises(LoginError) as caught:
        sign_in(party)
    assert caught.value.fault is TokenFault.WRONG_SIGNATURE


# ---- that it is what was asked for ----


@pytest.mark.parametrize("asked", AuthenticationLevel)
@pytest.mark.parametrize("given_level", AuthenticationLevel)
def test_a_lower_level_than_asked_for_is_refused(
    simulator: OpenIdProvider,
    party: RelyingParty,
    asked: AuthenticationLevel,
    given_level: AuthenticationLevel,
) -> None:
    """Keycloak lowers a level it does not know without a word."""
    simulator.level = given_level.acr
    request = SignInRequest(level=asked)
    if given_level < asked:
        assert reason(lambda: sign_in(party, request)) is LoginReason.LEVEL_TOO_LOW
    else:
        assert sign_in(party, request).claims.level is given_level


def test_a_fresh_sign_in_is_fresh(simulator: OpenIdProvider, party: RelyingParty) -> None:
    fresh = SignInRequest(prompt=Prompt.LOGIN)
    simulator.signed_in_at = AT - FRESHNESS_SKEW
    assert sign_in(party, fresh).claims.account == ACCOUNT
    simulator.signed_in_at = AT - FRESHNESS_SKEW - SECOND
    assert reason(lambda: sign_in(party, fresh)) is LoginReason.NOT_FRESH
    assert sign_in(party).claims.authenticated_at == AT - FRESHNESS_SKEW - SECOND


def test_a_token_from_before_the_request_is_refused(
    simulator: OpenIdProvider, party: RelyingParty
) -> None:
    moment = seconds(AT - CLOCK_SKEW - SECOND)
    simulator.change_draft = claims(iat=moment, auth_time=moment)
    assert reason(lambda: sign_in(party)) is LoginReason.ISSUED_BEFORE_ASKED


def test_a_company_asked_for_and_not_named_is_a_refusal(
    simulator: OpenIdProvider, party: RelyingParty
) -> None:
    """Keycloak signs in who does not belong to it, and leaves out the claim."""
    request = SignInRequest(scopes=("organization:acme",))
    assert reason(lambda: sign_in(party, request)) is LoginReason.NOT_A_MEMBER
    simulator.change_draft = claims(organization={"beta": {"uscc": ["x"]}})
    assert reason(lambda: sign_in(party, request)) is LoginReason.NOT_A_MEMBER
    simulator.change_draft = claims(organization={"acme": {"uscc": ["x"]}})
    assert sign_in(party, request).claims.organizations["acme"].uscc == "x"
    simulator.change_draft = lambda _: None
    assert sign_in(party, SignInRequest(scopes=("organization:*",))).claims.organizations == {}


# ---- going on ----


def test_a_session_goes_on(simulator: OpenIdProvider, party: RelyingParty) -> None:
    before = sign_in(party)
    after = party.refresh(before.tokens, at=AT)
    assert after.claims.account == before.claims.account
    assert after.tokens.refresh_token != before.tokens.refresh_token
    simulator.change_answer = lambda it: it.pop("refresh_token")  # it may stay as it is
    assert party.refresh(after.tokens, at=AT).tokens.refresh_token == after.tokens.refresh_token


def test_a_session_that_is_over_has_ended(simulator: OpenIdProvider, party: RelyingParty) -> None:
    tokens = sign_in(party).tokens
    simulator.misbehave("/token", lambda exchange: exchange.refuse("invalid_grant"))
    with pytest.raises(SessionEndedError):
        party.refresh(tokens, at=AT)


def test_a_session_without_a_refresh_token_cannot_go_on(party: RelyingParty) -> None:
    tokens = sign_in(party).tokens
    with pytest.raises(SessionEndedError):
        party.refresh(TokenSet(tokens.id_token, tokens.access_token, None), at=AT)


@pytest.mark.parametrize(
    "change",
    [
        claims(sub="somebody-else"),
        claims(sid="another"),
        without("sid"),
        claims(nonce="n"),
        claims(acr="al9"),
    ],
)
def test_a_session_that_becomes_anothers_has_ended(
    simulator: OpenIdProvider, party: RelyingParty, change: Callable[[TokenDraft], None]
) -> None:
    tokens = sign_in(party).tokens
    simulator.change_draft = change
    with pytest.raises(SessionEndedError):
        party.refresh(tokens, at=AT)


def test_a_provider_that_is_down_ends_no_session(
    simulator: OpenIdProvider, party: RelyingParty
) -> None:
    tokens = sign_in(party).tokens
    simulator.misbehave("/token", status(503))
    with pytest.raises(ProviderUnavailableError, match="error_status"):
        party.refresh(tokens, at=AT)
    # Nor does a fault of our own key.
    simulator.misbehave("/token", lambda exchange: exchange.refuse("invalid_client", status=401))
    with pytest.raises(ProviderUnavailableError, match="client_refused"):
        party.refresh(tokens, at=AT)
    simulator.behave()
    assert party.refresh(tokens, at=AT).claims.account == ACCOUNT


def test_a_provider_that_is_down_lets_nobody_in_and_recovers(
    simulator: OpenIdProvider, party: RelyingParty
) -> None:
    for path in ("/par", "/token"):
        simulator.misbehave(path, status(500))
        with pytest.raises(ProviderUnavailableError):
            sign_in(pushed(party))
        simulator.behave()
    assert sign_in(pushed(party)).claims.account == ACCOUNT


@pytest.mark.parametrize("answer", [{}, {"request_uri": 1}, {"request_uri": "a b"}])
def test_a_pushed_request_without_an_address_is_a_fault(
    simulator: OpenIdProvider, party: RelyingParty, answer: Json
) -> None:
    simulator.misbehave("/par", lambda exchange: exchange.answer_json(answer, status=201))
    with pytest.raises(ProviderUnavailableError) as caught:
        pushed(party).begin(PLAIN, at=AT)
    assert caught.value.reason is ProviderFault.MALFORMED_ANSWER


def test_a_pushed_request_may_be_refused(simulator: OpenIdProvider, party: RelyingParty) -> None:
    simulator.misbehave("/par", lambda exchange: exchange.refuse("invalid_request"))
    refused = reason(lambda: pushed(party).begin(PLAIN, at=AT))
    assert refused is LoginReason.PROVIDER_REFUSED


def test_leaving_has_an_address(simulator: OpenIdProvider, party: RelyingParty) -> None:
    address = party.logout_address(id_token="x.y.z", return_to="http://a/", state="s", at=AT)  # noqa: S106
    assert address == (
        f"{simulator.issuer}/logout?client_id={CLIENT}&id_token_hint=x.y.z"
        "&post_logout_redirect_uri=http%3A%2F%2Fa%2F&state=s"
    )
    address = party.logout_address(id_token=None, return_to="http://a/", state="s", at=AT)
    assert address == (
        f"{simulator.issuer}/logout?client_id={CLIENT}"
        "&post_logout_redirect_uri=http%3A%2F%2Fa%2F&state=s"
    )


def test_leaving_without_an_address_is_a_fault(
    simulator: OpenIdProvider, party: RelyingParty
) -> None:
    simulator.change_metadata = lambda metadata: metadata.pop("end_session_endpoint")
    with pytest.raises(ProviderUnavailableError, match="missing_endpoint"):
        party.logout_address(id_token="x.y.z", return_to="http://a/", state="s", at=AT)  # noqa: S106


# ---- our key ----


def test_the_key_is_published_without_its_secret() -> None:
    pem = generate_client_key()
    key = load_client_key(pem)
    (published,) = public_jwks(key)["keys"]
    assert set(published) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert public_jwks(load_client_key(pem)) == public_jwks(key)


@pytest.mark.parametrize(
    "pem",
    [b"", b"nothing", generate_client_key()[:80]],
    ids=["empty", "nothing", "cut"],
)
def test_what_is_no_key_is_refused(pem: bytes) -> None:
    with pytest.raises(ValueError, match="private key"):
        load_client_key(pem)


def test_a_public_key_or_another_curve_is_refused() -> None:
    public = load_client_key(generate_client_key()).as_pem(private=False)
    with pytest.raises(ValueError, match="private key"):
        load_client_key(public)


def test_an_assertion_is_fresh_each_time() -> None:
    client = PrivateKeyJwt(client_key(), CLIENT)
    forms = [client.authenticate({}, oidc_issuer="http://x", at=AT)[0] for _ in range(2)]
    bodies = [form["client_assertion"].split(".")[1] for form in forms]
    said = [json.loads(base64.urlsafe_b64decode(body + "==")) for body in bodies]
    assert said[0]["jti"] != said[1]["jti"]
    assert said[0]["aud"] == "http://x"
    assert said[0]["exp"] - seconds(AT) == 60
