"""The receiving end of OpenID Connect Back-Channel Logout 1.0, for the platform and each portal.

The provider posts a signed logout token; whoever it names is out here before it is answered. A
token counts once (§2.6, `jti`): replayed later, it could end sessions that were opened since.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Protocol
from urllib.parse import parse_qs

from sqlalchemy import Connection, delete, insert, select

from idp.database import Transactions
from idp.errors import InvalidTokenError, ProviderUnavailableError
from idp.faults import TokenFault
from idp.signed_tokens import SigningKeys
from idp.tables import seen_logout_tokens as seen
from idp.tokens import CLOCK_SKEW, LOGOUT_TOKEN, LogoutClaims, verify_logout_token

LONGEST_BODY = 2 * LOGOUT_TOKEN.longest
"""A form with one token."""


class EndsSessions(Protocol):
    """Whoever keeps sessions (`idp.sessions.Sessions`)."""

    def end_by_session_id(self, session_id: str) -> int:
        """End every session of a provider's session; return how many there were."""
        ...

    def end_by_account(self, account: str) -> int:
        """End every session of an account; return how many there were."""
        ...


@dataclass(frozen=True, slots=True)
class BackchannelLogout:
    """What one relying party does with a logout token."""

    transactions: Transactions
    keys: SigningKeys
    client_id: str
    sessions: EndsSessions

    def receive(self, unverified_logout_token: str, *, at: datetime) -> LogoutClaims:
        """End what the token names: the session of its `sid`, else all of its `sub`.

        Raise `InvalidTokenError`, for a second use too, or `ProviderUnavailableError` when the
        provider's keys cannot be had.
        """
        claims = verify_logout_token(
            unverified_logout_token, provider=self.keys, client_id=self.client_id, at=at
        )
        # Asked before, noted after: what fails in between is not lost, and ending twice at one
        # moment is ending once.
        with self.transactions.reading() as connection:
            verify_unseen(connection, self.client_id, claims)
        if claims.session_id is not None:
            self.sessions.end_by_session_id(claims.session_id)
        elif claims.account is not None:
            self.sessions.end_by_account(claims.account)
        with self.transactions() as connection:
            note_seen(connection, self.client_id, claims, at=at)
        return claims


def verify_unseen(connection: Connection, client_id: str, claims: LogoutClaims) -> None:
    """Raise `InvalidTokenError` if this client was given the token before."""
    which = (seen.c.client_id == client_id) & (seen.c.jti == claims.id)
    if connection.scalar(select(seen.c.jti).where(which)) is not None:
        raise InvalidTokenError(TokenFault.REPLAYED, "jti")


def note_seen(
    connection: Connection, client_id: str, claims: LogoutClaims, *, at: datetime
) -> None:
    """Remember the token as long as it could be believed, and forget those that cannot.

    Raise `InvalidTokenError` if this client was given it before.
    """
    connection.execute(delete(seen).where(seen.c.kept_until <= at))
    verify_unseen(connection, client_id, claims)
    row = {
        "client_id": client_id,
        "jti": claims.id,
        "kept_until": claims.expires_at + CLOCK_SKEW,
    }
    connection.execute(insert(seen).values(row))


@dataclass(frozen=True, slots=True)
class BackchannelAnswer:
    """What the provider is answered (§2.8)."""

    status: HTTPStatus
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Cache-Control": "no-store"})


def answer_logout(receive: Callable[[str], object], unverified_body: bytes) -> BackchannelAnswer:
    """Give `receive` the one logout token of a posted form, and return what is to be answered.

    200 when it was obeyed; 400 for what is no request, and when it could not be obeyed.
    """
    try:
        receive(_one_token(unverified_body))
    except InvalidTokenError as error:
        return _refused("invalid_request", error.reason)
    except ProviderUnavailableError as error:
        return _refused("temporarily_unavailable", error.reason)
    return BackchannelAnswer(HTTPStatus.OK)


def _one_token(unverified_body: bytes) -> str:
    if len(unverified_body) > LONGEST_BODY:
        raise InvalidTokenError(TokenFault.TOO_LONG)
    try:
        form = parse_qs(
            unverified_body.decode("ascii"), strict_parsing=True, errors="strict", max_num_fields=9
        )
    except ValueError:
        raise InvalidTokenError(TokenFault.MALFORMED) from None
    unverified_logout_tokens = form.get("logout_token", ())
    if len(unverified_logout_tokens) != 1:
        raise InvalidTokenError(TokenFault.MALFORMED)
    return unverified_logout_tokens[0]


def _refused(error: str, description: str) -> BackchannelAnswer:
    body = json.dumps({"error": error, "error_description": description}).encode()
    headers = {"Cache-Control": "no-store", "Content-Type": "application/json"}
    return BackchannelAnswer(HTTPStatus.BAD_REQUEST, body, headers)
