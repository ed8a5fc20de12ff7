"""A portal believes what the platform signed for it, about this sign-in, now; and nothing else."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from simulators.signed_in import ACCOUNT, SESSION_ID, TOKENS
from simulators.token_drafts import AT, b64, sign

from demo.portal_acting import HIMSELF, LONGEST, TYPE, Acting, ActingClient
from idp.client_authentication import public_jwks
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.sessions import OpenSession

PLATFORM, CLIENT = "http://localhost:8000", "portal-market"
KEY, OTHER_KEY = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
NOW = int(AT.timestamp())
HIS: dict[str, Any] = {
    "iss": PLATFORM,
    "aud": CLIENT,
    "sub": ACCOUNT,
    "sub_kind": "natural",
    "sid": SESSION_ID,
    "iat": NOW,
    "exp": NOW + 120,
    "jti": "x",
}
COMPANYS: dict[str, Any] = HIS | {
    "sub": "91110000MA000000XX",
    "sub_name": "示例食品有限公司",
    "sub_kind": "legal",
    "act": {"sub": ACCOUNT},
    "mandate": {"id": "m1", "sm3": "00", "grounds": "agent", "matters": "all", "until": NOW + 60},
}


def session() -> OpenSession:
    return OpenSession(
        id="i",
        client_id=CLIENT,
        account=ACCOUNT,
        session_id=SESSION_ID,
        level=AuthenticationLevel.PASSWORD,
        identity_level=IdentityLevel.SEEN,
        authenticated_at=AT,
        opened_at=AT,
        refresh_due_at=AT,
        expires_at=AT,
        acting=None,
        _open_tokens=lambda: TOKENS,
        _open_claims=dict,
    )


def statement(claims: dict[str, Any], *, key: ECKey = KEY, **header: str) -> str:
    full = {"alg": "ES256", "typ": TYPE, "kid": KEY.thumbprint(), **header}
    return jwt.encode(full, claims, key, ["ES256"])


def ask(answer: str | Callable[[httpx.Request], httpx.Response]) -> Acting | None:
    """Return what a portal makes of an answer of the platform."""

    def platform(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/.well-known/zhengyin-jwks.json":
            return httpx.Response(200, json=public_jwks(KEY))
        assert request.headers["authorization"] == f"Bearer {TOKENS.access_token}"
        return answer(request) if callable(answer) else httpx.Response(200, text=answer)

    client = ActingClient(PLATFORM, CLIENT)
    client.close()
    client._http = httpx.Client(transport=httpx.MockTransport(platform))
    try:
        return client.of(session(), at=AT)
    finally:
        client.close()


def test_for_himself() -> None:
    assert ask(statement(HIS)) == HIMSELF


def test_for_a_company() -> None:
    acting = ask(statement(COMPANYS))
    assert acting == Acting(
        "示例食品有限公司", "91110000MA000000XX", "m1", AT + timedelta(seconds=60)
    )


def test_for_another_person_whose_name_is_not_told() -> None:
    claims = COMPANYS | {"sub": "pseudonym", "sub_kind": "natural"}
    del claims["sub_name"]
    acting = ask(statement(claims))
    assert acting is not None
    assert (acting.principal, acting.code, acting.mandate) == ("", "", "m1")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "http://localhost:8001"},
        {"aud": "portal-civil"},
        {"aud": [CLIENT]},
        {"sub": "another"},
        {"sid": "another"},
        {"act": {"sub": "another"}},
        {"act": "x"},
        {"exp": NOW - 31},
        {"iat": NOW + 31},
        {"exp": "x"},
        {"iss": None},
    ],
    ids=str,
)
def test_a_statement_that_is_not_for_this_is_not_believed(changes: dict[str, Any]) -> None:
    assert ask(statement(HIS | changes)) is None


@pytest.mark.parametrize("missing", ["iss", "aud", "sub", "sid", "iat", "exp"])
def test_a_statement_that_lacks_something_is_not_believed(missing: str) -> None:
    assert ask(statement({k: v for k, v in HIS.items() if k != missing})) is None


def forged() -> dict[str, str]:
    head, body, _ = statement(HIS).split(".")
    keyed = json.dumps({"alg": "HS256", "typ": TYPE, "kid": KEY.thumbprint()})
    signed = f"{b64(keyed.encode())}.{body}"
    mac = sign("HS256", KEY.as_pem(private=False), signed.encode())
    return {
        "another key": statement(HIS, key=OTHER_KEY),
        "an unknown key": statement(HIS, key=OTHER_KEY, kid=OTHER_KEY.thumbprint()),
        "another type": statement(HIS, typ="JWT"),
        "no signature": f"{head}.{body}.",
        "alg none": f"eyJhbGciOiJub25lIn0.{body}.",
        "the public key as a secret": f"{signed}.{b64(mac)}",
        "nothing": "",
        "no token": "for himself",
        "huge": "a" * (LONGEST + 1),
    }


@pytest.mark.parametrize("name", forged())
def test_what_the_platform_did_not_sign_is_not_believed(name: str) -> None:
    assert ask(forged()[name]) is None


def broken(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


@pytest.mark.parametrize(
    "answer",
    [
        broken,
        lambda _: httpx.Response(403, text=statement(HIS)),
        lambda _: httpx.Response(302, headers={"Location": "http://evil.example"}),
        lambda _: httpx.Response(500),
    ],
    ids=["away", "refused", "redirected", "broken"],
)
def test_a_platform_that_does_not_say_leaves_it_unknown(
    answer: Callable[[httpx.Request], httpx.Response],
) -> None:
    assert ask(answer) is None
