"""ID, access and logout tokens: each attack is refused, and for its own reason.

Every attack changes one thing of a token that passes: the test shows both.
"""

from collections.abc import Callable
from datetime import timedelta
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulators.attack_tokens import (
    ACCESS_ATTACKS,
    COMMON_ATTACKS,
    FORM_ATTACKS,
    ID_ATTACKS,
    LOGOUT_ATTACKS,
    Attack,
    claims,
    published_keys,
    signed_by,
    without,
)
from simulators.token_drafts import (
    ACCOUNT,
    API,
    AT,
    CLIENT,
    LOGOUT_EVENT,
    SESSION,
    TokenDraft,
    access_token_draft,
    ec_key,
    half_hash,
    id_token_draft,
    logout_token_draft,
    machine_token_draft,
    rsa_key,
    seconds,
)

from idp.errors import InvalidTokenError
from idp.faults import TokenFault
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.provider_keys import SigningKey, read_keys
from idp.tokens import (
    AccessClaims,
    LogoutClaims,
    VerifiedClaims,
    verify_access_token,
    verify_id_token,
    verify_logout_token,
)

ISSUER = "http://idp.example/realms/district"
ACCESS_TOKEN = "an-access-token"  # noqa: S105  # to be hashed, opens nothing
NONCE = "n-0S6_WzA2Mj"
CODE = "the-code"


class PinnedKeys:
    """The published keys, without a server."""

    oidc_issuer = ISSUER
    published = read_keys({"keys": published_keys()})

    def key(self, kid: str, alg: str, *, at: object) -> SigningKey:
        found = self.published.get(kid, TokenFault.UNKNOWN_KEY)
        if isinstance(found, TokenFault):
            raise InvalidTokenError(found)
        return found.key_for(alg)


KEYS = PinnedKeys()


def check_id(text: str, *, nonce: str | None = NONCE) -> VerifiedClaims:
    return verify_id_token(
        text,
        provider=KEYS,
        client_id=CLIENT,
        nonce=nonce,
        access_token=ACCESS_TOKEN,
        code=CODE,
        at=AT,
    )


def check_access(text: str) -> AccessClaims:
    return verify_access_token(text, provider=KEYS, audience=API, at=AT)


def check_logout(text: str) -> LogoutClaims:
    return verify_logout_token(text, provider=KEYS, client_id=CLIENT, at=AT)


def id_draft() -> TokenDraft:
    return id_token_draft(ISSUER, ACCESS_TOKEN, NONCE)


def access_draft() -> TokenDraft:
    return access_token_draft(ISSUER)


def machine_draft() -> TokenDraft:
    return machine_token_draft(ISSUER)


def logout_draft() -> TokenDraft:
    return logout_token_draft(ISSUER)


def attacks(
    kind: str, draft: Callable[[], TokenDraft], check: Callable[[str], object], own: list[Attack]
) -> list[object]:
    return [
        pytest.param(draft, check, attack, id=f"{kind}-{attack.name}")
        for attack in chain(FORM_ATTACKS, COMMON_ATTACKS, own)
    ]


@pytest.mark.parametrize(
    ("draft", "check", "attack"),
    [
        *attacks("id", id_draft, check_id, ID_ATTACKS),
        *attacks("access", access_draft, check_access, ACCESS_ATTACKS),
        *attacks("logout", logout_draft, check_logout, LOGOUT_ATTACKS),
    ],
)
def test_an_attack_is_refused_for_its_own_reason(
    draft: Callable[[], TokenDraft], check: Callable[[str], object], attack: Attack
) -> None:
    attacked = draft()
    check(attacked.compact())  # untouched, it passes
    attack.change(attacked)
    with pytest.raises(InvalidTokenError) as caught:
        check(attacked.compact())
    assert (caught.value.reason, caught.value.claim) == (attack.fault, attack.claim)
    assert str(caught.value) == f"{attack.fault} {attack.claim}".rstrip()


def test_every_reason_is_met_by_an_attack() -> None:
    every = chain(FORM_ATTACKS, COMMON_ATTACKS, ID_ATTACKS, ACCESS_ATTACKS, LOGOUT_ATTACKS)
    met = {attack.fault for attack in every}
    # An old logout token has expired as well, until the skew; that one has a test of its own.
    # Whether one came before is known to whoever keeps them.
    assert set(TokenFault) - met == {TokenFault.TOO_OLD, TokenFault.REPLAYED}


@pytest.mark.parametrize("given_to", [check_id, check_access, check_logout])
@pytest.mark.parametrize("draft", [id_draft, access_draft, machine_draft, logout_draft])
def test_a_token_of_one_kind_is_none_of_another(
    draft: Callable[[], TokenDraft], given_to: Callable[[str], object]
) -> None:
    """All are signed with the same key, and may be for the same audience."""
    its_own = {
        id_draft: check_id,
        access_draft: check_access,
        machine_draft: check_access,
        logout_draft: check_logout,
    }
    whole = draft()
    whole.claims["aud"] = [CLIENT, API]
    whole.claims.setdefault("azp", CLIENT)
    if given_to is its_own[draft]:
        given_to(whole.compact())
    else:
        with pytest.raises(InvalidTokenError) as caught:
            given_to(whole.compact())
        assert caught.value.reason in {TokenFault.WRONG_TYPE, TokenFault.WRONG_PURPOSE}


def test_an_id_token_says_who_signed_in_and_how() -> None:
    claims_of = check_id(id_draft().compact())
    assert claims_of.account == ACCOUNT
    assert claims_of.session_id == SESSION
    assert claims_of.level is AuthenticationLevel.PASSWORD
    assert claims_of.identity_level is IdentityLevel.SEEN
    assert claims_of.authenticated_at == AT - timedelta(seconds=20)
    assert (claims_of.issued_at, claims_of.expires_at) == (AT, AT + timedelta(minutes=5))
    assert claims_of.nonce == NONCE
    assert claims_of.claims == {"name": "测试人甲"}
    assert "测试人甲" not in repr(claims_of)


@pytest.mark.parametrize(
    ("algorithm", "kid"),
    [("ES256", "ec"), ("PS256", "pss"), ("PS256", "rsa"), ("RS256", "rs-only")],
)
def test_the_other_algorithms_pass_with_their_keys(algorithm: str, kid: str) -> None:
    keys = {"ec": ec_key("good"), "pss": rsa_key("pss")}
    draft = id_draft()
    signed_by(kid, keys.get(kid, rsa_key("good")), algorithm)(draft)
    assert check_id(draft.compact()).account == ACCOUNT


@pytest.mark.parametrize(
    "change",
    [
        claims(aud=[CLIENT]),
        claims(aud=[CLIENT, "another"]),
        without("sid"),
        without("typ"),
        lambda draft: draft.header.pop("typ"),
        lambda draft: draft.header.update(typ="application/jwt"),
        lambda draft: draft.header.update(x5t="harmless"),
        claims(c_hash=half_hash(CODE)),
        claims(nbf=seconds(AT)),
        claims(
            exp=seconds(AT - timedelta(seconds=29)),
            iat=seconds(AT - timedelta(minutes=5)),
            auth_time=seconds(AT - timedelta(minutes=5)),
        ),
        claims(iat=seconds(AT + timedelta(seconds=30))),
        claims(greeting="\u4f60\u597d \U0001f600"),
    ],
)
def test_what_the_standard_leaves_open_passes(change: Callable[[TokenDraft], None]) -> None:
    draft = id_draft()
    change(draft)
    assert check_id(draft.compact()).account == ACCOUNT


def test_somebody_nobody_checked_has_the_lowest_level() -> None:
    draft = id_draft()
    del draft.claims["identity_level"]
    assert check_id(draft.compact()).identity_level is IdentityLevel.REGISTERED


def test_a_refreshed_token_has_no_nonce() -> None:
    draft = id_draft()
    with pytest.raises(InvalidTokenError, match="unexpected_nonce"):
        check_id(draft.compact(), nonce=None)
    del draft.claims["nonce"]
    assert check_id(draft.compact(), nonce=None).nonce is None


def test_an_id_token_alone_says_as_much() -> None:
    """An approval is kept without the access token it came with."""
    draft = id_draft()
    del draft.claims["at_hash"]
    alone = verify_id_token(
        draft.compact(),
        provider=KEYS,
        client_id=CLIENT,
        nonce=NONCE,
        access_token=None,
        at=AT,
    )
    assert alone.account == ACCOUNT


def test_companies_are_named_by_alias() -> None:
    draft = id_draft()
    draft.claims["organization"] = {
        "acme": {"uscc": ["91310000MA1FL00X1A"], "id": "2eed"},
        "two": {"uscc": ["a", "b"]},
    }
    companies = check_id(draft.compact()).organizations
    assert (companies["acme"].uscc, companies["acme"].id) == ("91310000MA1FL00X1A", "2eed")
    assert companies["two"].uscc is None
    draft.claims["organization"] = ["acme"]
    assert check_id(draft.compact()).organizations["acme"].uscc is None


def test_an_access_token_says_for_whom_and_what() -> None:
    access = check_access(access_draft().compact())
    assert (access.account, access.session_id, access.client_id) == (ACCOUNT, SESSION, "portal-a")
    assert access.scopes == {"openid", "certificates:read"}
    assert access.level is AuthenticationLevel.ONE_TIME_CODE
    assert access.identity_level is IdentityLevel.ORIGINAL


def test_a_machine_has_no_levels() -> None:
    draft = machine_draft()
    draft.claims.update(acr="al3", identity_level="L4")
    machine = check_access(draft.compact())
    assert (machine.session_id, machine.level, machine.identity_level) == (None, None, None)


def test_an_access_token_may_be_for_others_too() -> None:
    draft = access_draft()
    draft.claims["aud"] = ["account", API]
    assert check_access(draft.compact()).account == ACCOUNT


@pytest.mark.parametrize(("missing", "left"), [("sub", (None, SESSION)), ("sid", (ACCOUNT, None))])
def test_a_logout_token_names_an_account_or_a_session(
    missing: str, left: tuple[str | None, str | None]
) -> None:
    draft = logout_draft()
    del draft.claims[missing]
    logout = check_logout(draft.compact())
    assert (logout.account, logout.session_id) == left
    assert logout.id == draft.claims["jti"]


def test_an_old_logout_token_is_refused_within_the_skew() -> None:
    draft = logout_draft()
    draft.claims.update(iat=seconds(AT - timedelta(minutes=10, seconds=1)))
    draft.claims.update(exp=seconds(AT - timedelta(seconds=5)))
    with pytest.raises(InvalidTokenError, match="too_old"):
        check_logout(draft.compact())


def test_a_logout_event_may_say_more() -> None:
    draft = logout_draft()
    draft.claims["events"] = {LOGOUT_EVENT: {"reason": "x"}, "urn:other": {}}
    assert check_logout(draft.compact()).session_id == SESSION


@given(st.text(max_size=300) | st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*"))
@settings(deadline=None)
def test_any_text_is_refused_and_nothing_else(text: str) -> None:
    for check in (check_id, check_access, check_logout):
        with pytest.raises(InvalidTokenError):
            check(text)


WHOLE = id_draft().compact()


@given(st.integers(0, len(WHOLE) - 1), st.characters(max_codepoint=0x17F))
@settings(deadline=None)
def test_one_other_character_never_passes(place: int, character: str) -> None:
    changed = WHOLE[:place] + character + WHOLE[place + 1 :]
    if changed != WHOLE:
        with pytest.raises(InvalidTokenError):
            check_id(changed)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.sampled_from(sorted(id_draft().claims)), JSON)
@settings(deadline=None)
def test_any_value_of_any_claim_passes_or_is_refused(name: str, value: object) -> None:
    draft = id_draft()
    draft.claims[name] = value
    try:
        claims_of = check_id(draft.compact())
    except InvalidTokenError:
        return
    assert isinstance(claims_of.account, str)


@given(
    st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "x"]), JSON, max_size=4)
)
@settings(deadline=None)
def test_any_header_passes_or_is_refused(members: dict[str, object]) -> None:
    draft = id_draft()
    draft.header_text = None
    signing = draft.header["alg"]
    draft.header.update(members)
    if draft.header["alg"] != signing:
        draft.key = b"guess"
        draft.header.setdefault("alg", signing)
    try:
        check_id(draft.compact())
    except InvalidTokenError:
        return
    assert draft.header["alg"] == signing
