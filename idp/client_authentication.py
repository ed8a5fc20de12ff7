"""How we prove to the provider which client we are: a signed assertion, or a shared secret."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from pydantic import SecretStr

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFETIME = timedelta(seconds=60)
"""It is used at once; the provider takes each `jti` once, too."""
ASSERTION_HEAD_START = timedelta(seconds=5)
"""Keycloak refuses an `iat` in its future: so much may our clock be ahead."""
_ALGORITHM = "ES256"
_CURVE = "P-256"


@dataclass(frozen=True, slots=True)
class PrivateKeyJwt:
    """The method `private_key_jwt` (OpenID Connect Core §9, RFC 7523), with ES256."""

    key: ECKey = field(repr=False)
    client_id: str

    def authenticate(
        self, form: Mapping[str, str], *, oidc_issuer: str, at: datetime
    ) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Return `form` with a fresh assertion, and no headers."""
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            # The issuer alone: an assertion for one endpoint could be used at another.
            "aud": oidc_issuer,
            "jti": secrets.token_urlsafe(16),
            "iat": int((at - ASSERTION_HEAD_START).timestamp()),
            "exp": int((at + ASSERTION_LIFETIME).timestamp()),
        }
        header = {"alg": _ALGORITHM, "kid": self.key.thumbprint()}
        return {
            **form,
            "client_id": self.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": jwt.encode(header, claims, self.key, [_ALGORITHM]),
        }, {}


@dataclass(frozen=True, slots=True)
class ClientSecretBasic:
    """The method `client_secret_basic` (RFC 6749 §2.3.1)."""

    client_id: str
    secret: SecretStr

    def authenticate(
        self, form: Mapping[str, str], *, oidc_issuer: str, at: datetime
    ) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Return `form` as it is, and the header."""
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.secret.get_secret_value())}"
        basic = base64.b64encode(pair.encode()).decode()
        return form, {"Authorization": f"Basic {basic}"}


def generate_client_key() -> bytes:
    """Return a new private key (P-256) in PEM, not encrypted: keep the file from other readers."""
    return ECKey.generate_key(_CURVE).as_pem(private=True)


def load_client_key(pem: bytes) -> ECKey:
    """Return the private key; raise `ValueError` when it is none, or not on the curve of ES256."""
    try:
        key = ECKey.import_key(pem)
    except (JoseError, ValueError, TypeError):
        raise ValueError("no private key in PEM") from None
    if not key.is_private or key.curve_name != _CURVE:
        raise ValueError("not a private key on P-256")
    return key


def public_jwks(key: ECKey) -> dict[str, Any]:
    """Return the key set that the provider checks our assertions with."""
    public = key.as_dict(private=False)
    members = {name: public[name] for name in ("kty", "crv", "x", "y")}
    return {"keys": [{**members, "kid": key.thumbprint(), "use": "sig", "alg": _ALGORITHM}]}
