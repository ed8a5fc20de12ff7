"""Sessions go on only as long as the provider says so: it is asked every few minutes of use."""

from datetime import datetime, timedelta
from threading import Lock
from typing import Protocol

from idp.errors import ProviderUnavailableError, SessionEndedError
from idp.login import SignedIn, TokenSet
from idp.sessions import Sessions, WebSession

PAUSE = timedelta(seconds=5)
"""After the provider did not answer nobody asks for so long: people must not queue behind it."""
_LOCKS = 64
"""A page and its pictures come at once: one request refreshes, those of the same session wait."""


class Refreshes(Protocol):
    """The one question asked of a relying party."""

    def refresh(self, tokens: TokenSet, *, at: datetime) -> SignedIn:
        """Return the session as the provider sees it now."""
        ...


class Refresher:
    """Refreshes the sessions of one client; any thread may use it."""

    def __init__(self, sessions: Sessions, party: Refreshes) -> None:
        """Refresh `sessions` through `party`."""
        self._sessions = sessions
        self._party = party
        self._locks = tuple(Lock() for _ in range(_LOCKS))
        self._failed: tuple[datetime, ProviderUnavailableError] | None = None

    def refreshed(self, session: WebSession, unverified_cookie: str, *, at: datetime) -> WebSession:
        """Return the session as it is after the provider was asked, where that is due.

        Raise `SessionEndedError` when it is over (it is ended here too), and
        `ProviderUnavailableError` when that cannot be learnt: the session is kept.
        """
        if at < session.refresh_due_at:
            return session
        with self._locks[hash(session.id) % _LOCKS]:
            session = self._sessions.find(unverified_cookie, at=at)
            if at < session.refresh_due_at:
                return session
            try:
                signed_in = self._refresh(session, at)
            except SessionEndedError:
                self._sessions.end(session)
                raise
            self._sessions.renew(session, signed_in, at=at)
        return self._sessions.find(unverified_cookie, at=at)

    def _refresh(self, session: WebSession, at: datetime) -> SignedIn:
        if self._failed is not None and self._failed[0] <= at < self._failed[0] + PAUSE:
            raise ProviderUnavailableError(self._failed[1].reason)
        try:
            signed_in = self._party.refresh(session.tokens, at=at)
        except ProviderUnavailableError as error:
            self._failed = (at, error)
            raise
        self._failed = None
        return signed_in
