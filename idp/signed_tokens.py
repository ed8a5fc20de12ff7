"""A signed token (JWS compact, RFC 7515) from outside: its header judged, its signature checked.

What comes out are claims that the provider signed, and nothing more: whom they are for, when, and
what they are good for is the business of `idp.tokens`. The payload is not looked at before the
signature is right.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

from joserfc.jws import JWSRegistry

from idp.base64url import read_base64url
from idp.errors import InvalidTokenError
from idp.faults import TokenFault
from idp.json_objects import JsonFault, MalformedJsonError, read_object
from idp.provider_keys import ALGORITHMS, SigningKey

LONGEST_HEADER = 1024
"""Keycloak's has 120 characters."""
SEGMENTS = 3

_REGISTRY = JWSRegistry(algorithms=ALGORITHMS)
_ALGORITHMS = {name: _REGISTRY.get_alg(name) for name in ALGORITHMS}
_CRITICAL = ("crit", "b64")
_BROUGHT_KEYS = ("jku", "jwk", "x5u", "x5c")
_JSON_FAULTS = {
    JsonFault.MALFORMED: TokenFault.MALFORMED,
    JsonFault.DUPLICATE_MEMBER: TokenFault.DUPLICATE_MEMBER,
    JsonFault.TOO_DEEP: TokenFault.TOO_DEEP,
    JsonFault.FORBIDDEN_CHARACTER: TokenFault.FORBIDDEN_CHARACTER,
}


class SigningKeys(Protocol):
    """Where the keys of one issuer come from: the provider, or pinned ones."""

    @property
    def oidc_issuer(self) -> str:
        """The issuer, octet for octet."""
        ...

    def key(self, kid: str, alg: str, *, at: datetime) -> SigningKey:
        """Return the key with this id, when it is one for `alg`; raise `InvalidTokenError`."""
        ...


@dataclass(frozen=True, slots=True)
class TokenForm:
    """What kind of token is expected."""

    types: frozenset[str]
    """The header's `typ`, lower-case, without "application/" (RFC 7515 §4.1.9); "" is none."""
    longest: int
    """In octets; checked before anything is parsed."""


@dataclass(frozen=True, slots=True)
class _Header:
    alg: str
    kid: str
    media_type: str


def read_signed(
    unverified_token: str, form: TokenForm, *, keys: SigningKeys, at: datetime
) -> Mapping[str, Any]:
    """Return the claims that the issuer signed; raise `InvalidTokenError`.

    Raise `ProviderUnavailableError` when its keys cannot be had.
    """
    # 1. Size, before anything is read.
    if len(unverified_token) > form.longest:
        raise InvalidTokenError(TokenFault.TOO_LONG)
    # 2. Three segments (RFC 7515 §7.1): no encrypted token (five), no JSON serialisation.
    try:
        unverified_octets = unverified_token.encode("ascii")
    except UnicodeEncodeError:
        raise InvalidTokenError(TokenFault.MALFORMED) from None
    segments = unverified_octets.split(b".")
    if len(segments) != SEGMENTS:
        raise InvalidTokenError(TokenFault.MALFORMED)
    # 3. The header: algorithm, key id, nothing critical, no key of its own.
    header = _read_header(segments[0])
    # 4. The kind of token it says it is (RFC 8725 §3.11).
    if header.media_type not in form.types:
        raise InvalidTokenError(TokenFault.WRONG_TYPE)
    # 5. The key, ours by its id and fit for this algorithm.
    key = keys.key(header.kid, header.alg, at=at)
    # 6. The signature over the segments as they came.
    signature = _octets(segments[2])
    signed = unverified_octets[: -len(segments[2]) - 1 if segments[2] else -1]
    if not _ALGORITHMS[header.alg].verify(signed, signature, key):
        raise InvalidTokenError(TokenFault.WRONG_SIGNATURE)
    # 7. The claims: one JSON object that means the same to everybody.
    return _object(segments[1])


@lru_cache(maxsize=64)  # all tokens of one kind, signed with one key, begin with the same header
def _read_header(segment: bytes) -> _Header:
    if len(segment) > LONGEST_HEADER:
        raise InvalidTokenError(TokenFault.TOO_LONG)
    header = _object(segment)
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in _ALGORITHMS:
        raise InvalidTokenError(TokenFault.UNKNOWN_ALGORITHM)
    if any(member in header for member in _CRITICAL):
        raise InvalidTokenError(TokenFault.CRITICAL_HEADER)
    if any(member in header for member in _BROUGHT_KEYS):
        raise InvalidTokenError(TokenFault.KEY_IN_HEADER)
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise InvalidTokenError(TokenFault.MISSING_KEY_ID)
    media_type = header.get("typ", "")
    if not isinstance(media_type, str):
        raise InvalidTokenError(TokenFault.WRONG_TYPE)
    return _Header(alg, kid, media_type.lower().removeprefix("application/"))


def _octets(segment: bytes) -> bytes:
    try:
        return read_base64url(segment)
    except ValueError:
        raise InvalidTokenError(TokenFault.MALFORMED) from None


def _object(segment: bytes) -> dict[str, Any]:
    octets = _octets(segment)
    try:
        return read_object(octets)
    except MalformedJsonError as error:
        raise InvalidTokenError(_JSON_FAULTS[error.fault]) from None
