"""Sign-ins that never happened and sessions that nobody opened."""

from datetime import datetime, timedelta

from idp.levels import AuthenticationLevel, IdentityLevel
from idp.login import SignedIn, TokenSet
from idp.sessions import OpenSession
from idp.tokens import VerifiedClaims


def signed_in(at: datetime, *, account: str = "a1", session_id: str | None = "s1") -> SignedIn:
    """Return a sign-in of this account, by password."""
    claims = VerifiedClaims(
        account=account,
        session_id=session_id,
        level=AuthenticationLevel.PASSWORD,
        identity_level=IdentityLevel.MATCHED,
        authenticated_at=at,
        issued_at=at,
        expires_at=at + timedelta(minutes=5),
        nonce=None,
        organizations={},
        claims={},
    )
    return SignedIn(claims, TokenSet("id-token", "access-token", None))


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
        _open_tokens=lambda: TokenSet("id-token", "access-token", None),
        _open_claims=dict,
    )
