"""Asks the platform for whom a sign-in acts, and believes only what it signed for this portal."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from idp.sessions import OpenSession

SECONDS = 3.0
"""For the answer: the page waits for it."""
CLOCK_SKEW = timedelta(seconds=30)
LONGEST = 16_384
TYPE = "acting+jwt"
_KEPT = timedelta(minutes=5)


class ActingUnknownError(Exception):
    """It could not be learnt for whom the person acts; then nothing is done for anybody."""


@dataclass(frozen=True, slots=True)
class Acting:
    """For whom a sign-in acts."""

    principal: str
    """A company's name; empty for a person, whose name this portal is not told."""
    code: str
    """Unified social credit code of a company; empty otherwise."""
    mandate: str
    """Its id; empty: he acts for himself."""
    until: datetime | None


HIMSELF = Acting("", "", "", None)


class ActingClient:
    """One portal's road to `GET /v1/acting`; any thread may use it."""

    def __init__(self, platform: str, client_id: str) -> None:
        """Ask `platform` (an origin) on behalf of the portal `client_id`."""
        self._platform = platform
        self._client_id = client_id
        self._http = httpx.Client(timeout=SECONDS, trust_env=False, follow_redirects=False)
        self._keys: tuple[datetime, KeySet] | None = None

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def of(self, session: OpenSession, *, at: datetime) -> Acting | None:
        """Return for whom a session acts; None where that could not be learnt."""
        try:
            return self.ask(session, at=at)
        except ActingUnknownError:
            return None

    def ask(self, session: OpenSession, *, at: datetime) -> Acting:
        """Return for whom a session acts; raise `ActingUnknownError`."""
        bearer = {"Authorization": f"Bearer {session.tokens.access_token}"}
        try:
            answer = self._http.get(f"{self._platform}/v1/acting", headers=bearer)
            if answer.status_code != HTTPStatus.OK or len(answer.content) > LONGEST:
                raise ActingUnknownError
            return self._verified(answer.text, session, at)
        except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError, AttributeError):
            raise ActingUnknownError from None

    def _verified(self, unverified_statement: str, session: OpenSession, at: datetime) -> Acting:
        # 1. Signed by the platform, as such a statement.
        statement = jwt.decode(unverified_statement, self._key_set(at), ["ES256"])
        claims: dict[str, Any] = statement.claims
        if statement.header.get("typ") != TYPE:
            raise ActingUnknownError
        # 2. From it, for us, now.
        moment, skew = int(at.timestamp()), int(CLOCK_SKEW.total_seconds())
        if (
            claims["iss"] != self._platform
            or claims["aud"] != self._client_id
            or not claims["iat"] - skew <= moment < claims["exp"] + skew
        ):
            raise ActingUnknownError
        # 3. About this person and this sign-in.
        actor = claims["act"]["sub"] if "act" in claims else claims["sub"]
        if (actor, claims["sid"]) != (session.account, session.session_id):
            raise ActingUnknownError
        if "act" not in claims:
            return HIMSELF
        mandate = claims["mandate"]
        legal = claims["sub_kind"] == "legal"
        until = mandate["until"]
        return Acting(
            principal=str(claims["sub_name"]) if legal else "",
            code=str(claims["sub"]) if legal else "",
            mandate=str(mandate["id"]),
            until=None if until is None else datetime.fromtimestamp(until, UTC),
        )

    def _key_set(self, at: datetime) -> KeySet:
        kept = self._keys
        if kept is None or at - kept[0] > _KEPT:
            answer = self._http.get(f"{self._platform}/.well-known/zhengyin-jwks.json")
            if answer.status_code != HTTPStatus.OK or len(answer.content) > LONGEST:
                raise ActingUnknownError
            kept = self._keys = (at, KeySet.import_key_set(answer.json()))
        return kept[1]
