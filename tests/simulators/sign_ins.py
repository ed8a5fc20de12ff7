"""Sessions that nobody opened, for those who only read what they say."""

from datetime import datetime, timedelta

from idp.levels import AuthenticationLevel, IdentityLevel
from idp.sessions import OpenSession


def _nothing() -> object:
    raise AssertionError


def open_session(
    *,
    at: datetime,
    level: AuthenticationLevel = AuthenticationLevel.PASSWORD,
    authenticated_at: datetime | None = None,
    session_id: str | None = "s1",
) -> OpenSession:
    """Return a session of the platform, opened at `at`."""
    return OpenSession(
        id=f"row-{at.timestamp()}",
        client_id="platform",
        account="a1",
        session_id=session_id,
        level=level,
        identity_level=IdentityLevel.MATCHED,
        authenticated_at=authenticated_at or at,
        opened_at=at,
        refresh_due_at=at + timedelta(minutes=3),
        expires_at=at + timedelta(hours=8),
        acting=None,
        _open_tokens=_nothing,  # type: ignore[arg-type] # nobody asks for them
        _open_claims=_nothing,  # type: ignore[arg-type]
    )
