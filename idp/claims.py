"""Claims that the provider signed, read one by one: each form checked, each refusal named."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from idp.errors import InvalidTokenError
from idp.faults import TokenFault

LATEST_SECOND = 253_402_300_799
"""The end of the year 9999: later moments cannot be told."""
MOST_AUDIENCES = 16
"""Keycloak names every client whose roles somebody has; ours have no roles for one another."""

_IDENTIFIER = re.compile(r"[!-~]{1,255}")
"""`sub` has at most 255 ASCII characters (OpenID Connect Core §2); the others likewise."""


def read_identifier(claims: Mapping[str, Any], name: str) -> str:
    """Return an identifier: up to 255 visible ASCII characters; raise `InvalidTokenError`."""
    value = read_optional_identifier(claims, name)
    if value is None:
        raise InvalidTokenError(TokenFault.MISSING_CLAIM, name)
    return value


def read_optional_identifier(claims: Mapping[str, Any], name: str) -> str | None:
    """Return an identifier, or None when there is none; raise `InvalidTokenError`."""
    if name not in claims:
        return None
    value = claims[name]
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        raise InvalidTokenError(TokenFault.MALFORMED_CLAIM, name)
    return value


def read_text(claims: Mapping[str, Any], name: str) -> str:
    """Return a text; raise `InvalidTokenError`."""
    if name not in claims:
        raise InvalidTokenError(TokenFault.MISSING_CLAIM, name)
    value = claims[name]
    if not isinstance(value, str):
        raise InvalidTokenError(TokenFault.MALFORMED_CLAIM, name)
    return value


def read_moment(claims: Mapping[str, Any], name: str) -> datetime:
    """Return a moment, in whole seconds since 1970; raise `InvalidTokenError`."""
    value = read_optional_moment(claims, name)
    if value is None:
        raise InvalidTokenError(TokenFault.MISSING_CLAIM, name)
    return value


def read_optional_moment(claims: Mapping[str, Any], name: str) -> datetime | None:
    """Return a moment, or None when there is none; raise `InvalidTokenError`."""
    if name not in claims:
        return None
    seconds = claims[name]
    # `type`: True is an int to Python. A fraction is allowed by RFC 7519, and used by nobody.
    if type(seconds) is not int or not 0 < seconds <= LATEST_SECOND:
        raise InvalidTokenError(TokenFault.MALFORMED_CLAIM, name)
    return datetime.fromtimestamp(seconds, UTC)


def read_audiences(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Return whom the token is for: one, or a list; raise `InvalidTokenError`."""
    if "aud" not in claims:
        raise InvalidTokenError(TokenFault.MISSING_CLAIM, "aud")
    value = claims["aud"]
    audiences = value if isinstance(value, list) else [value]
    if not 0 < len(audiences) <= MOST_AUDIENCES or not all(
        isinstance(audience, str) and audience for audience in audiences
    ):
        raise InvalidTokenError(TokenFault.MALFORMED_CLAIM, "aud")
    return tuple(audiences)
