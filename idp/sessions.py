"""Sessions of a relying party, kept on its server: a browser holds a random cookie and no token.

A cookie is kept as its SM3, tokens and claims are encrypted for their row. A session ends by
itself: it lives no longer than a working day, and no longer than the provider lets an idle one
live unless it was refreshed meanwhile, because nobody announces that a session expired there.
"""

import hmac
import json
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, insert, select, update

from idp.database import Transactions
from idp.errors import CrossSiteError, SessionEndedError
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.login import SignedIn, TokenSet
from idp.personal_data import PersonalData
from idp.tables import web_sessions
from signing.canonical import sm3

LIFETIME = timedelta(hours=8)
"""A working day, and shorter than any session of the provider."""
IDLE = timedelta(minutes=30)
"""Without a refresh: as long as the provider lets an idle session live."""
REFRESH_EVERY = timedelta(minutes=3)
"""How long it may stay unnoticed that the provider ended the session and did not say so."""
TO_CONFIRM = timedelta(minutes=10)
"""How long "continue as …" may be thought over."""
CLOCK_SKEW = timedelta(minutes=5)
"""A session opened later than this from now was opened by a clock that has been set back."""

SECRET_OCTETS = 32
"""256 bits, so that nobody finds a cookie by trying."""
SECRET_LENGTH = 43
"""Characters of such a secret in base64url without padding."""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session as its server knows it."""

    id: str
    """Of the row; opaque, and no secret."""
    client_id: str
    account: str
    session_id: str | None
    """The provider's session (`sid`), shared by all relying parties."""
    level: AuthenticationLevel
    identity_level: IdentityLevel
    authenticated_at: datetime
    opened_at: datetime
    refresh_due_at: datetime
    """From then on the provider is asked before the session counts."""
    expires_at: datetime
    acting: str | None
    """The mandate under which the person acts; None: for himself."""
    _open_tokens: Callable[[], TokenSet] = field(repr=False, compare=False)
    _open_claims: Callable[[], Mapping[str, Any]] = field(repr=False, compare=False)

    @property
    def tokens(self) -> TokenSet:
        """The tokens, decrypted now."""
        return self._open_tokens()

    @property
    def claims(self) -> Mapping[str, Any]:
        """What else the ID token said, decrypted now."""
        return self._open_claims()


@dataclass(frozen=True, slots=True)
class WebSession(OpenSession):
    """A session whose cookie a browser has just shown."""

    form_secret: bytes = field(repr=False)

    @property
    def csrf(self) -> str:
        """What a form of this session carries: its secret, each time in another dress.

        Pages are compressed, and the length of a page would tell a secret that is always the same.
        """
        pad = secrets.token_bytes(SECRET_OCTETS)
        return urlsafe_b64encode(pad + _xor(pad, self.form_secret)).decode()

    def verify_csrf(self, unverified_csrf: str) -> None:
        """Raise `CrossSiteError` unless a page of this session made the form."""
        try:
            dressed = b64decode(unverified_csrf.encode("ascii"), b"-_", validate=True)
        except ValueError:
            raise CrossSiteError from None
        pad, masked = dressed[:SECRET_OCTETS], dressed[SECRET_OCTETS:]
        if len(masked) != SECRET_OCTETS or not hmac.compare_digest(
            _xor(pad, masked), self.form_secret
        ):
            raise CrossSiteError


_FIND = select(web_sessions).where(  # built once: building it takes as long as asking it
    web_sessions.c.cookie_sm3 == bindparam("cookie"),
    web_sessions.c.client_id == bindparam("client"),
    web_sessions.c.confirmed == bindparam("is_confirmed"),
    web_sessions.c.expires_at > bindparam("now"),
    web_sessions.c.opened_at <= bindparam("latest"),
)


_INSERT = insert(web_sessions)
_FORGET = delete(web_sessions).where(web_sessions.c.expires_at <= bindparam("now"))
_PLAIN = (
    *("id", "client_id", "account", "session_id", "authenticated_at", "opened_at"),
    *("refresh_due_at", "expires_at", "acting"),
)


def session_cookie(client_id: str) -> str:
    """Return the name of the session's cookie; browsers ignore ports, so it names the client."""
    return f"__Host-{client_id}"


def unconfirmed_cookie(client_id: str) -> str:
    """Return the name of the cookie of a session that waits for "continue as …"."""
    return f"__Host-{client_id}-unconfirmed"


def browser_cookie(client_id: str) -> str:
    """Return the name of the cookie by which a browser gets back what it began."""
    return f"__Host-{client_id}-browser"


def new_secret() -> str:
    """Return a random secret for a cookie or an address."""
    return secrets.token_urlsafe(SECRET_OCTETS)


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions of one client."""

    transactions: Transactions
    personal_data: PersonalData
    client_id: str

    def open(
        self, signed_in: SignedIn, *, at: datetime, confirmed: bool = True
    ) -> tuple[WebSession, str]:
        """Open a session and return it with the value of its cookie, which is kept nowhere.

        One that is not `confirmed` counts for nothing until it is: the provider knew the person
        already, but he has not said yet that he wants to be here.
        """
        session_row, cookie = secrets.token_hex(16), new_secret()
        values = self._values(session_row, signed_in, opened_at=at, at=at)
        values |= {
            "id": session_row,
            "cookie_sm3": _sm3(cookie),
            "client_id": self.client_id,
            "account": signed_in.claims.account,
            "opened_at": at,
            "acting": None,
            "confirmed": confirmed,
        }
        if not confirmed:
            values["expires_at"] = at + TO_CONFIRM
        with self.transactions() as connection:
            connection.execute(_FORGET, {"now": at})
            connection.execute(_INSERT, values)
        return self._session(values), cookie

    def find(self, unverified_cookie: str | None, *, at: datetime) -> WebSession:
        """Return the session of a cookie. Raise `SessionEndedError`."""
        return self._find(unverified_cookie, confirmed=True, at=at)

    def find_unconfirmed(self, unverified_cookie: str | None, *, at: datetime) -> WebSession:
        """Return the session that waits to be confirmed. Raise `SessionEndedError`."""
        return self._find(unverified_cookie, confirmed=False, at=at)

    def confirm(self, session: WebSession, *, at: datetime) -> tuple[WebSession, str]:
        """Let a session count from now on, under a new cookie. Raise `SessionEndedError`."""
        cookie = new_secret()
        change = update(web_sessions).where(
            self._own(web_sessions.c.id == session.id), web_sessions.c.confirmed.is_(False)
        )
        values = {"cookie_sm3": _sm3(cookie), "confirmed": True, "expires_at": at + IDLE}
        with self.transactions() as connection:
            if not connection.execute(change.values(values)).rowcount:
                raise SessionEndedError
        return self.find(cookie, at=at), cookie

    def _find(self, unverified_cookie: str | None, *, confirmed: bool, at: datetime) -> WebSession:
        if unverified_cookie is None or len(unverified_cookie) != SECRET_LENGTH:
            raise SessionEndedError
        values = {
            "cookie": _sm3(unverified_cookie),
            "client": self.client_id,
            "is_confirmed": confirmed,
            "now": at,
            "latest": at + CLOCK_SKEW,
        }
        with self.transactions.reading() as connection:
            row = connection.execute(_FIND, values).mappings().one_or_none()
        if row is None:
            raise SessionEndedError
        return self._session(row)

    def renew(self, session: OpenSession, signed_in: SignedIn, *, at: datetime) -> None:
        """Keep what a refresh brought; the cookie stays.

        Raise `SessionEndedError` if the session ended meanwhile or is another person's now.
        """
        self._update(session, signed_in, {}, at=at)

    def step_up(
        self, session: OpenSession, signed_in: SignedIn, *, at: datetime
    ) -> tuple[WebSession, str]:
        """Keep what a fresh sign-in of the same person brought, under a new cookie.

        Forms that are open in other tabs stay good. Raise `SessionEndedError` as `renew` does.
        """
        cookie = new_secret()
        self._update(session, signed_in, {"cookie_sm3": _sm3(cookie)}, at=at)
        return self.find(cookie, at=at), cookie

    def set_acting(self, session: OpenSession, mandate_id: str | None) -> None:
        """Remember for whom the person acts. Raise `SessionEndedError`."""
        change = update(web_sessions).where(self._own(web_sessions.c.id == session.id))
        with self.transactions() as connection:
            changed = connection.execute(change.values(acting=mandate_id)).rowcount
        if not changed:
            raise SessionEndedError

    def end(self, session: OpenSession) -> None:
        """End a session; one that has ended stays so."""
        self._end(web_sessions.c.id == session.id)

    def end_by_session_id(self, session_id: str) -> int:
        """End every session of a provider's session; return how many there were."""
        return self._end(web_sessions.c.session_id == session_id)

    def end_by_account(self, account: str) -> int:
        """End every session of an account; return how many there were."""
        return self._end(web_sessions.c.account == account)

    def of_account(self, account: str, *, at: datetime) -> list[OpenSession]:
        """Return the account's sessions, the newest first."""
        return self._list(web_sessions.c.account == account, at)

    def all(self, *, at: datetime) -> list[OpenSession]:
        """Return every open session of this client, the newest first."""
        return self._list(web_sessions.c.client_id == self.client_id, at)

    def _list(self, which: ColumnElement[bool], at: datetime) -> list[OpenSession]:
        found = select(web_sessions).where(
            self._own(which), web_sessions.c.confirmed.is_(True), web_sessions.c.expires_at > at
        )
        with self.transactions.reading() as connection:
            rows = (
                connection.execute(found.order_by(web_sessions.c.opened_at.desc())).mappings().all()
            )
        return [OpenSession(**self._members(row)) for row in rows]

    def _end(self, which: ColumnElement[bool]) -> int:
        with self.transactions() as connection:
            return connection.execute(delete(web_sessions).where(self._own(which))).rowcount

    def _own(self, which: ColumnElement[bool]) -> ColumnElement[bool]:
        return and_(web_sessions.c.client_id == self.client_id, which)

    def _update(
        self,
        session: OpenSession,
        signed_in: SignedIn,
        more: dict[str, object],
        *,
        at: datetime,
    ) -> None:
        values = self._values(session.id, signed_in, opened_at=session.opened_at, at=at)
        change = update(web_sessions).where(
            self._own(web_sessions.c.id == session.id),
            web_sessions.c.account == signed_in.claims.account,
        )
        with self.transactions() as connection:
            changed = connection.execute(change.values(values | more)).rowcount
        if not changed:
            raise SessionEndedError

    def _values(
        self, row: str, signed_in: SignedIn, *, opened_at: datetime, at: datetime
    ) -> dict[str, object]:
        claims, tokens = signed_in.claims, signed_in.tokens
        kept_tokens = [tokens.id_token, tokens.access_token, tokens.refresh_token]
        encrypt = self.personal_data.encrypt
        return {
            "session_id": claims.session_id,
            "level": claims.level,
            "identity_level": claims.identity_level,
            "authenticated_at": claims.authenticated_at,
            "refresh_due_at": at + REFRESH_EVERY,
            "expires_at": min(opened_at + LIFETIME, at + IDLE),
            "tokens": encrypt(json.dumps(kept_tokens), web_sessions.c.tokens, row),
            "claims": encrypt(json.dumps(dict(claims.claims)), web_sessions.c.claims, row),
        }

    def _session(self, row: Mapping[Any, Any]) -> WebSession:
        secret = self.personal_data.index_key.index("form of a web session", row["id"])
        return WebSession(**self._members(row), form_secret=secret)

    def _members(self, row: Mapping[Any, Any]) -> dict[str, Any]:
        def open_tokens() -> TokenSet:
            kept = self.personal_data.decrypt(row["tokens"], web_sessions.c.tokens, row["id"])
            return TokenSet(*json.loads(kept))

        def open_claims() -> Mapping[str, Any]:
            kept = self.personal_data.decrypt(row["claims"], web_sessions.c.claims, row["id"])
            claims: Mapping[str, Any] = json.loads(kept)
            return claims

        return {
            **{name: row[name] for name in _PLAIN},
            "level": AuthenticationLevel(row["level"]),
            "identity_level": IdentityLevel(row["identity_level"]),
            "_open_tokens": open_tokens,
            "_open_claims": open_claims,
        }


def _sm3(secret: str) -> bytes:
    return sm3(secret.encode("utf-8", "surrogatepass"))


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
