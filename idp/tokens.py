"""ID, access and logout tokens: every check spelt out, each with its own refusal.

What is read here was signed by the issuer (`idp.signed_tokens`); what remains is whether it is of
this kind, for us, of now, and about whom. The steps are those of OpenID Connect Core §3.1.3.7,
RFC 9068 §4 and Back-Channel Logout §2.6.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from idp.base64url import read_base64url, write_base64url
from idp.claims import (
    read_audiences,
    read_identifier,
    read_moment,
    read_optional_identifier,
    read_optional_moment,
    read_text,
)
from idp.errors import InvalidTokenError
from idp.faults import TokenFault
from idp.json_objects import read_object
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.organizations import Organization, read_organizations
from idp.realm.clients import AUTHORITY_CLAIM
from idp.signed_tokens import SigningKeys, TokenForm, read_signed

CLOCK_SKEW = timedelta(seconds=30)
"""So much our clock and the provider's may differ; both are set by the network."""
LONGEST_LIFE = timedelta(hours=24)
"""Of an ID or access token; Keycloak's live five minutes, the longest of others a day."""
LONGEST_LIFE_OF_LOGOUT = timedelta(minutes=10)
"""Of a logout token, and its age: two minutes are recommended (§2.4), and usual."""

ID_TOKEN = TokenForm(types=frozenset({"", "jwt"}), longest=65_536)
"""With all organisations of somebody who has hundreds; usually 1,200 octets."""
ACCESS_TOKEN = TokenForm(types=frozenset({"jwt", "at+jwt"}), longest=16_384)
"""It comes in a header, which servers bound likewise."""
LOGOUT_TOKEN = TokenForm(types=frozenset({"logout+jwt"}), longest=8_192)
"""Typed explicitly (§2.4): Keycloak does, and an ID token can then never pass for one."""

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"

_PROTOCOL_CLAIMS = frozenset(
    {"iss", "sub", "aud", "azp", "exp", "iat", "nbf", "auth_time", "nonce", "acr", "at_hash"}
    | {"c_hash", "s_hash", "sid", "jti", "typ", "session_state", "identity_level"}
)


@dataclass(frozen=True, slots=True, repr=False)
class VerifiedClaims:
    """What a verified ID token says."""

    account: str
    """`sub`: for our own client the provider's user id; a portal's own pseudonym."""
    session_id: str | None
    """`sid`: the provider's session, the same for all relying parties."""
    level: AuthenticationLevel
    identity_level: IdentityLevel
    authenticated_at: datetime
    """`auth_time`: when the person last proved who he is."""
    issued_at: datetime
    expires_at: datetime
    nonce: str | None
    organizations: Mapping[str, Organization]
    """Companies the token names, by alias; only those asked for."""
    claims: Mapping[str, Any]
    """All that is said of the person."""

    def __repr__(self) -> str:
        """Say nothing of the person but the account."""
        return f"VerifiedClaims({self.account}, {self.level.acr}, …)"


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a verified access token says."""

    account: str
    """`sub`; may be the pseudonym of the client it was given to."""
    session_id: str | None
    """None: the token of a machine, which signed in for itself."""
    client_id: str
    """`azp`: the client it was given to."""
    scopes: frozenset[str]
    level: AuthenticationLevel | None
    """None: of a machine."""
    identity_level: IdentityLevel | None
    """None: of a machine."""
    expires_at: datetime
    authority: str | None = None
    """The authority (USCC) for which a department's own system speaks."""


@dataclass(frozen=True, slots=True)
class LogoutClaims:
    """Who has been signed out: an account, one session of it, or both."""

    account: str | None
    session_id: str | None
    id: str
    """`jti`: whoever acts on it remembers it, so that it is taken once."""
    issued_at: datetime
    expires_at: datetime


def verify_id_token(  # noqa: PLR0913  # what a token is bound to, each by its name
    unverified_id_token: str,
    *,
    provider: SigningKeys,
    client_id: str,
    nonce: str | None,
    access_token: str | None,
    code: str | None = None,
    at: datetime,
) -> VerifiedClaims:
    """Return what the ID token says; raise `InvalidTokenError`.

    `nonce` is that of the request; None for a refreshed token, which must have none. A token that
    came with `access_token` (or `code`) must fit it. Raise `ProviderUnavailableError` when the keys
    cannot be had.
    """
    claims = read_signed(unverified_id_token, ID_TOKEN, keys=provider, at=at)
    # 1. Its kind: Keycloak names it; what has `events` is a security event.
    _verify_purpose(claims, "ID", required=False)
    if "events" in claims:
        raise InvalidTokenError(TokenFault.WRONG_PURPOSE, "events")
    # 2. Issuer, audience, authorised party.
    _verify_issuer(claims, provider)
    _verify_audience(claims, client_id)
    # 3. Times.
    issued_at, expires_at = _verify_times(claims, at, LONGEST_LIFE)
    authenticated_at = read_moment(claims, "auth_time")
    if authenticated_at > issued_at + CLOCK_SKEW:
        raise InvalidTokenError(TokenFault.SIGNED_IN_AFTER_ISSUED, "auth_time")
    # 4. The request it answers.
    _verify_nonce(claims, nonce)
    # 5. What it came with.
    if access_token is not None:
        _verify_half_hash(claims, "at_hash", access_token, TokenFault.WRONG_ACCESS_TOKEN_HASH)
    if code is not None and "c_hash" in claims:  # optional in the code flow (§3.1.3.6)
        _verify_half_hash(claims, "c_hash", code, TokenFault.WRONG_CODE_HASH)
    # 6. Whom it is about, and how surely.
    return VerifiedClaims(
        account=read_identifier(claims, "sub"),
        session_id=read_optional_identifier(claims, "sid"),
        level=_read_level(claims),
        identity_level=_read_identity_level(claims),
        authenticated_at=authenticated_at,
        issued_at=issued_at,
        expires_at=expires_at,
        nonce=nonce,
        organizations=read_organizations(claims),
        claims={name: claims[name] for name in claims.keys() - _PROTOCOL_CLAIMS},
    )


def read_kept_subject(id_token: str) -> tuple[str, str | None]:
    """Return account and session of an ID token that was verified when it came, and kept since."""
    claims = read_object(read_base64url(id_token.split(".")[1].encode()))
    return read_identifier(claims, "sub"), read_optional_identifier(claims, "sid")


def verify_access_token(
    unverified_access_token: str, *, provider: SigningKeys, audience: str, at: datetime
) -> AccessClaims:
    """Return what the access token says; raise `InvalidTokenError`.

    Raise `ProviderUnavailableError` when the keys cannot be had. What its scopes allow is for the
    caller to judge.
    """
    claims = read_signed(unverified_access_token, ACCESS_TOKEN, keys=provider, at=at)
    # 1. Its kind: Keycloak's header says JWT for all, so the claim must say it.
    _verify_purpose(claims, "Bearer", required=True)
    for name in ("events", "nonce", "at_hash"):
        if name in claims:
            raise InvalidTokenError(TokenFault.WRONG_PURPOSE, name)
    # 2. Issuer and audience: we are one of those it is for (RFC 9068 §4); the client stands in azp.
    _verify_issuer(claims, provider)
    if audience not in read_audiences(claims):
        raise InvalidTokenError(TokenFault.WRONG_AUDIENCE, "aud")
    client_id = read_identifier(claims, "azp")
    # 3. Times.
    _, expires_at = _verify_times(claims, at, LONGEST_LIFE)
    # 4. Who, and what for. A person's token has a session; a machine's has none, and no levels.
    session_id = read_optional_identifier(claims, "sid")
    return AccessClaims(
        account=read_identifier(claims, "sub"),
        session_id=session_id,
        client_id=client_id,
        scopes=frozenset(read_text(claims, "scope").split()),
        level=None if session_id is None else _read_level(claims),
        identity_level=None if session_id is None else _read_identity_level(claims),
        expires_at=expires_at,
        authority=read_optional_identifier(claims, AUTHORITY_CLAIM),
    )


def verify_logout_token(
    unverified_logout_token: str, *, provider: SigningKeys, client_id: str, at: datetime
) -> LogoutClaims:
    """Return whom the logout token signs out; raise `InvalidTokenError`.

    Whether its `id` was seen before is for the caller, who remembers it until `expires_at`. Raise
    `ProviderUnavailableError` when the keys cannot be had.
    """
    claims = read_signed(unverified_logout_token, LOGOUT_TOKEN, keys=provider, at=at)
    # 1. Its kind: the event is there (§2.4), and no nonce, which ID tokens have.
    _verify_purpose(claims, "Logout", required=False)
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise InvalidTokenError(TokenFault.NO_LOGOUT_EVENT, "events")
    if "nonce" in claims:
        raise InvalidTokenError(TokenFault.UNEXPECTED_NONCE, "nonce")
    # 2. Issuer and audience.
    _verify_issuer(claims, provider)
    _verify_audience(claims, client_id)
    # 3. Times; an old one is refused even if it were to live for ever.
    issued_at, expires_at = _verify_times(claims, at, LONGEST_LIFE_OF_LOGOUT)
    if at - issued_at > LONGEST_LIFE_OF_LOGOUT:
        raise InvalidTokenError(TokenFault.TOO_OLD, "iat")
    # 4. Whom it is about.
    account = read_optional_identifier(claims, "sub")
    session_id = read_optional_identifier(claims, "sid")
    if account is None and session_id is None:
        raise InvalidTokenError(TokenFault.NOBODY)
    return LogoutClaims(
        account=account,
        session_id=session_id,
        id=read_identifier(claims, "jti"),
        issued_at=issued_at,
        expires_at=expires_at,
    )


def _verify_purpose(claims: Mapping[str, Any], purpose: str, *, required: bool) -> None:
    if claims.get("typ", None if required else purpose) != purpose:
        raise InvalidTokenError(TokenFault.WRONG_PURPOSE, "typ")


def _verify_issuer(claims: Mapping[str, Any], provider: SigningKeys) -> None:
    if read_text(claims, "iss") != provider.oidc_issuer:
        raise InvalidTokenError(TokenFault.WRONG_ISSUER, "iss")


def _verify_audience(claims: Mapping[str, Any], client_id: str) -> None:
    audiences = read_audiences(claims)
    if client_id not in audiences:
        raise InvalidTokenError(TokenFault.WRONG_AUDIENCE, "aud")
    authorised_party = read_optional_identifier(claims, "azp")
    if authorised_party is None and len(audiences) > 1:
        raise InvalidTokenError(TokenFault.SEVERAL_AUDIENCES, "aud")
    if authorised_party is not None and authorised_party != client_id:
        raise InvalidTokenError(TokenFault.WRONG_AUTHORISED_PARTY, "azp")


def _verify_times(
    claims: Mapping[str, Any], at: datetime, longest_life: timedelta
) -> tuple[datetime, datetime]:
    issued_at = read_moment(claims, "iat")
    expires_at = read_moment(claims, "exp")
    not_before = read_optional_moment(claims, "nbf")
    if expires_at <= issued_at:
        raise InvalidTokenError(TokenFault.EXPIRES_BEFORE_ISSUED, "exp")
    if expires_at - issued_at > longest_life:
        raise InvalidTokenError(TokenFault.LIVES_TOO_LONG, "exp")
    if at >= expires_at + CLOCK_SKEW:
        raise InvalidTokenError(TokenFault.EXPIRED, "exp")
    if issued_at > at + CLOCK_SKEW:
        raise InvalidTokenError(TokenFault.ISSUED_IN_FUTURE, "iat")
    if not_before is not None and not_before > at + CLOCK_SKEW:
        raise InvalidTokenError(TokenFault.NOT_YET_VALID, "nbf")
    return issued_at, expires_at


def _verify_nonce(claims: Mapping[str, Any], nonce: str | None) -> None:
    if nonce is None:
        if "nonce" in claims:
            raise InvalidTokenError(TokenFault.UNEXPECTED_NONCE, "nonce")
        return
    if not hmac.compare_digest(read_text(claims, "nonce").encode(), nonce.encode()):
        raise InvalidTokenError(TokenFault.WRONG_NONCE, "nonce")


def _verify_half_hash(claims: Mapping[str, Any], name: str, hashed: str, fault: TokenFault) -> None:
    # The left half of the hash of its algorithm (§3.1.3.6): of all we accept that is SHA-256.
    digest = hashlib.sha256(hashed.encode()).digest()
    half = write_base64url(digest[: len(digest) // 2])
    if not hmac.compare_digest(read_text(claims, name).encode(), half):
        raise InvalidTokenError(fault, name)


def _read_level(claims: Mapping[str, Any]) -> AuthenticationLevel:
    level = _LEVELS.get(read_text(claims, "acr"))
    if level is None:
        raise InvalidTokenError(TokenFault.UNKNOWN_AUTHENTICATION_LEVEL, "acr")
    return level


def _read_identity_level(claims: Mapping[str, Any]) -> IdentityLevel:
    if "identity_level" not in claims:
        return IdentityLevel.REGISTERED  # nobody checked him: the least that can be said
    level = _IDENTITY_LEVELS.get(read_text(claims, "identity_level"))
    if level is None:
        raise InvalidTokenError(TokenFault.UNKNOWN_IDENTITY_LEVEL, "identity_level")
    return level


_LEVELS = {level.acr: level for level in AuthenticationLevel}
_IDENTITY_LEVELS = {level.claim: level for level in IdentityLevel}
