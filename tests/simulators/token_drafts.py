"""Tokens under construction: whole ones, as Keycloak writes them, and the pieces to break them."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

AT = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
"""When everything in these tests happens."""
ACCOUNT = "5f0c6d1e-6c1b-4d8e-9a55-1f0f7b9f0c01"
SESSION = "c8a1f3d2-93f4-4f0d-8a77-7b1d6f2e4a90"
CLIENT = "platform"
API = "platform-api"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Json: TypeAlias = dict[str, Any]


def b64(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(value: int, octets: int | None = None) -> str:
    return b64(value.to_bytes(octets or (value.bit_length() + 7) // 8, "big"))


@cache
def rsa_key(_name: str, bits: int = 2048, exponent: int = 65537) -> rsa.RSAPrivateKey:
    """Return the key of this name, made when it is first asked for."""
    return rsa.generate_private_key(exponent, bits)


@cache
def ec_key(_name: str, curve: type[ec.EllipticCurve] = ec.SECP256R1) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve())


def public_jwk(key: PrivateKey, kid: str, **members: object) -> Json:
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {"kty": "RSA", "kid": kid, "use": "sig", "n": number(numbers.n)} | {
            "e": number(numbers.e),
            **members,
        }
    point = key.public_key().public_numbers()
    octets = (key.curve.key_size + 7) // 8
    curve = {256: "P-256", 384: "P-384"}[key.curve.key_size]
    return {
        "kty": "EC",
        "kid": kid,
        "use": "sig",
        "crv": curve,
        "x": number(point.x, octets),
        "y": number(point.y, octets),
        **members,
    }


def sign(algorithm: str, key: PrivateKey | bytes, signed: bytes) -> bytes:
    """Return a signature in any algorithm an attacker may choose."""
    digest = {"256": hashes.SHA256(), "384": hashes.SHA384()}.get(algorithm[2:], hashes.SHA512())
    if isinstance(key, bytes):
        return hmac.new(key, signed, hashlib.sha256).digest()
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
        return key.sign(signed, pss if algorithm.startswith("PS") else padding.PKCS1v15(), digest)
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(digest)))
    octets = (key.curve.key_size + 7) // 8
    return r.to_bytes(octets, "big") + s.to_bytes(octets, "big")


def half_hash(text: str) -> str:
    return b64(hashlib.sha256(text.encode()).digest()[:16])


def _same(text: str) -> str:
    return text


@dataclass
class TokenDraft:
    """A token before it is signed; attacks change it, and nothing else."""

    header: Json
    claims: Json
    key: PrivateKey | bytes
    header_text: bytes | None = None
    """Instead of `header`: JSON that a dict cannot hold."""
    claims_text: bytes | None = None
    rewrite: Callable[[str], str] = field(default=_same)
    """What is done to the signed token."""

    def compact(self) -> str:
        header = self.header_text or json.dumps(self.header).encode()
        claims = self.claims_text or json.dumps(self.claims, ensure_ascii=False).encode()
        signed = f"{b64(header)}.{b64(claims)}"
        signature = sign(str(self.header.get("alg", "RS256")), self.key, signed.encode())
        return self.rewrite(f"{signed}.{b64(signature)}")


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _draft(header_type: str, claims: Mapping[str, Any]) -> TokenDraft:
    header = {"alg": "RS256", "typ": header_type, "kid": "rsa"}
    return TokenDraft(header, dict(claims), rsa_key("good"))


def id_token_draft(oidc_issuer: str, access_token: str, nonce: str = "n-0S6_WzA2Mj") -> TokenDraft:
    """Return an ID token as Keycloak 26 writes it."""
    return _draft(
        "JWT",
        {
            "exp": seconds(AT + timedelta(minutes=5)),
            "iat": seconds(AT),
            "auth_time": seconds(AT - timedelta(seconds=20)),
            "jti": "onrtac:0b9f8a54-0c3b-4a3c-8a6d-6f3a54a4ba71",
            "iss": oidc_issuer,
            "aud": CLIENT,
            "sub": ACCOUNT,
            "typ": "ID",
            "azp": CLIENT,
            "nonce": nonce,
            "sid": SESSION,
            "at_hash": half_hash(access_token),
            "acr": "al1",
            "identity_level": "L3",
            "name": "测试人甲",
        },
    )


def access_token_draft(oidc_issuer: str) -> TokenDraft:
    return _draft(
        "JWT",
        {
            "exp": seconds(AT + timedelta(minutes=5)),
            "iat": seconds(AT),
            "auth_time": seconds(AT - timedelta(seconds=20)),
            "jti": "onrtac:3d0a6a63-6a90-4d0d-a6d5-b8b6d6df9a2b",
            "iss": oidc_issuer,
            "aud": API,
            "sub": ACCOUNT,
            "typ": "Bearer",
            "azp": "portal-a",
            "sid": SESSION,
            "acr": "al2",
            "identity_level": "L4",
            "scope": "openid certificates:read",
        },
    )


def machine_token_draft(oidc_issuer: str) -> TokenDraft:
    """Return the access token of a service account: no session, no levels."""
    draft = access_token_draft(oidc_issuer)
    for name in ("sid", "acr", "identity_level", "auth_time"):
        del draft.claims[name]
    return draft


def logout_token_draft(oidc_issuer: str) -> TokenDraft:
    return _draft(
        "logout+jwt",
        {
            "iat": seconds(AT),
            "exp": seconds(AT + timedelta(minutes=2)),
            "jti": "6b8e4a1f-5d7b-4a7a-9b3a-0f4d4b6c1d11",
            "iss": oidc_issuer,
            "aud": CLIENT,
            "sub": ACCOUNT,
            "typ": "Logout",
            "sid": SESSION,
            "events": {LOGOUT_EVENT: {}},
        },
    )
