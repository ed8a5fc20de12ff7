"""The receiving end of back-channel logout: what a logout token ends, and that it counts once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from simulators import postgres
from simulators.logouts import (
    EndedSessions,
    HandMadeKeys,
    identity_database,
    logout_token,
    sqlite_address,
)
from sqlalchemy import func, select

from idp.database import Transactions
from idp.errors import InvalidTokenError
from idp.faults import TokenFault
from idp.logout import BackchannelLogout
from idp.tables import seen_logout_tokens

AT = datetime(2026, 11, 24, 4, tzinfo=UTC)
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.real)]


@pytest.fixture(params=DATABASES)
def transactions(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Transactions]:
    sqlite = request.param == "sqlite"
    address = sqlite_address(tmp_path) if sqlite else postgres.new_database()
    with identity_database(address) as (opened, _):
        yield opened


@pytest.fixture
def sessions() -> EndedSessions:
    return EndedSessions()


@pytest.fixture
def portal(transactions: Transactions, sessions: EndedSessions) -> BackchannelLogout:
    return BackchannelLogout(transactions, HandMadeKeys(), "portal", sessions)


def refusal(portal: BackchannelLogout, unverified_logout_token: str, at: datetime) -> TokenFault:
    with pytest.raises(InvalidTokenError) as caught:
        portal.receive(unverified_logout_token, at=at)
    return caught.value.reason


@pytest.mark.parametrize(
    ("session_id", "account", "ended"),
    [
        ("s1", "a1", ("session", "s1")),
        ("s1", None, ("session", "s1")),
        (None, "a1", ("account", "a1")),
    ],
)
def test_a_token_ends_its_session_or_all_of_its_account(
    portal: BackchannelLogout,
    sessions: EndedSessions,
    session_id: str | None,
    account: str | None,
    ended: tuple[str, str],
) -> None:
    claims = portal.receive(
        logout_token("portal", at=AT, session_id=session_id, account=account), at=AT
    )
    assert sessions.ended == [ended]
    assert (claims.session_id, claims.account) == (session_id, account)


def test_a_token_counts_once(portal: BackchannelLogout, sessions: EndedSessions) -> None:
    """Replayed later it would end what was opened since."""
    received = logout_token("portal", at=AT, session_id=None)
    portal.receive(received, at=AT)
    for later in (AT, AT + timedelta(seconds=140)):
        assert refusal(portal, received, later) is TokenFault.REPLAYED
    assert refusal(portal, received, AT + timedelta(seconds=151)) is TokenFault.EXPIRED
    assert len(sessions.ended) == 1


def test_what_is_no_logout_token_for_us_ends_nothing(
    portal: BackchannelLogout, sessions: EndedSessions
) -> None:
    for unverified, fault in (
        ("", TokenFault.MALFORMED),
        (logout_token("other", at=AT), TokenFault.WRONG_AUDIENCE),
        (logout_token("portal", at=AT, nonce="n"), TokenFault.UNEXPECTED_NONCE),
        (logout_token("portal", at=AT, jti=None), TokenFault.MISSING_CLAIM),
        (logout_token("portal", at=AT - timedelta(hours=1)), TokenFault.EXPIRED),
    ):
        assert refusal(portal, unverified, AT) is fault
    assert sessions.ended == []


def test_two_clients_may_be_given_one_id(
    transactions: Transactions, portal: BackchannelLogout, sessions: EndedSessions
) -> None:
    other = BackchannelLogout(transactions, HandMadeKeys(), "other", sessions)
    portal.receive(logout_token("portal", at=AT, jti="same"), at=AT)
    other.receive(logout_token("other", at=AT, jti="same"), at=AT)
    assert len(sessions.ended) == 2


def test_ids_are_kept_as_long_as_their_tokens_could_be_believed(
    transactions: Transactions, portal: BackchannelLogout
) -> None:
    for minutes in range(0, 30, 5):
        at = AT + timedelta(minutes=minutes)
        portal.receive(logout_token("portal", at=at), at=at)
    with transactions.reading() as connection:
        kept = connection.scalar(select(func.count()).select_from(seen_logout_tokens))
    assert kept == 1


class BrokenSessions(EndedSessions):
    """Sessions whose database is away."""

    def end_by_session_id(self, session_id: str) -> int:
        raise LookupError


def test_a_token_that_could_not_be_obeyed_is_not_used_up(
    transactions: Transactions, portal: BackchannelLogout, sessions: EndedSessions
) -> None:
    received = logout_token("portal", at=AT)
    broken = BackchannelLogout(transactions, HandMadeKeys(), "portal", BrokenSessions())
    with pytest.raises(LookupError):
        broken.receive(received, at=AT)
    portal.receive(received, at=AT)
    assert sessions.ended == [("session", "s1")]
