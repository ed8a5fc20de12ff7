"""The keys a provider publishes (RFC 7517): which may check its signatures, and why not others.

A key with an id that we cannot use stays in the list with the reason: whoever names it is told.
"""

import binascii
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from idp.base64url import read_base64url
from idp.errors import InvalidTokenError, ProviderUnavailableError
from idp.faults import ProviderFault, TokenFault

SigningKey: TypeAlias = RSAKey | ECKey

ALGORITHMS = ("RS256", "PS256", "ES256")
"""What we accept signatures in. Keyed hashes and `none` are not signatures; others nobody needs."""
MOST_KEYS = 32
"""Keycloak publishes two, and one or two more while they rotate."""
SMALLEST_RSA_BITS = 2048
"""NIST SP 800-131A."""
LARGEST_RSA_BITS = 8192
"""Beyond it a signature takes milliseconds to check."""
RSA_EXPONENT = 65537
"""What everybody uses. Small ones invite forgeries; of large ones cryptography wants no part."""

_REGISTRY = JWSRegistry(algorithms=ALGORITHMS)
_KEY_TYPES = {name: _REGISTRY.get_alg(name).key_type for name in ALGORITHMS}
_PUBLIC_MEMBERS = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y")}
_PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_KEY_ID = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A key of the provider, fit for the algorithms it may be used with."""

    key: SigningKey
    algorithms: frozenset[str]

    def key_for(self, algorithm: str) -> SigningKey:
        """Return the key; raise `InvalidTokenError` when it is not one for the `algorithm`."""
        if algorithm not in self.algorithms:
            raise InvalidTokenError(TokenFault.WRONG_KEY_FOR_ALGORITHM)
        return self.key


PublishedKeys: TypeAlias = Mapping[str, PublishedKey | TokenFault]


def read_keys(unverified_key_set: Mapping[str, object]) -> PublishedKeys:
    """Return what the key set publishes, by key id; raise `ProviderUnavailableError`.

    Keys without an id are left out: no token can name them.
    """
    unverified_keys = unverified_key_set.get("keys")
    if not isinstance(unverified_keys, list) or len(unverified_keys) > MOST_KEYS:
        raise ProviderUnavailableError(ProviderFault.MALFORMED_KEYS)
    named: list[tuple[str, dict[str, object]]] = []
    for unverified_key in unverified_keys:
        if not isinstance(unverified_key, dict):
            raise ProviderUnavailableError(ProviderFault.MALFORMED_KEYS)
        key_id = unverified_key.get("kid")
        if isinstance(key_id, str) and _KEY_ID.fullmatch(key_id):
            named.append((key_id, unverified_key))
    times = Counter(key_id for key_id, _ in named)
    return {
        key_id: _read_key(unverified_key) if times[key_id] == 1 else TokenFault.AMBIGUOUS_KEY
        for key_id, unverified_key in named
    }


def _read_key(unverified_key: Mapping[str, object]) -> PublishedKey | TokenFault:
    kind = unverified_key.get("kty")
    operations = unverified_key.get("key_ops", ["verify"])
    if (
        not isinstance(kind, str)
        or kind not in _PUBLIC_MEMBERS
        or unverified_key.get("use", "sig") != "sig"
        or not isinstance(operations, list)
        or "verify" not in operations
        or _PRIVATE_MEMBERS & unverified_key.keys()  # whoever read it can sign with it
    ):
        return TokenFault.UNSUITABLE_KEY
    algorithms = {name for name, key_type in _KEY_TYPES.items() if key_type == kind}
    if "alg" in unverified_key:
        algorithms &= {unverified_key["alg"]} if isinstance(unverified_key["alg"], str) else set()
    members = {name: unverified_key.get(name) for name in _PUBLIC_MEMBERS[kind]}
    if not algorithms or not all(isinstance(value, str) for value in members.values()):
        return TokenFault.UNSUITABLE_KEY
    try:
        key = _import({name: str(value) for name, value in members.items()})
    except (JoseError, ValueError, TypeError, binascii.Error):
        return TokenFault.UNSUITABLE_KEY
    return PublishedKey(key, frozenset(algorithms))


def _import(members: dict[str, str | list[str]]) -> SigningKey:
    if members["kty"] == "EC":
        if members["crv"] != "P-256":
            raise ValueError("not the curve of ES256")
        return ECKey.import_key(members)  # refuses a point that is not on the curve
    # Before the library sees it: it takes any size, and says so by a warning.
    _verify_rsa_numbers(_number(members["n"]), _number(members["e"]))
    return RSAKey.import_key(members)


def _number(text: str | list[str]) -> int:
    return int.from_bytes(read_base64url(str(text).encode()), "big")


def _verify_rsa_numbers(modulus: int, exponent: int) -> None:
    if not SMALLEST_RSA_BITS <= modulus.bit_length() <= LARGEST_RSA_BITS:
        raise ValueError("modulus too small or too large")
    if exponent != RSA_EXPONENT:
        raise ValueError("exponent")
