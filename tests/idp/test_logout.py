"""The receiving end of back-channel logout: what a logout token ends, and that it counts once."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
from idp.errors import InvalidTokenError, ProviderUnavailableError
from idp.faults import ProviderFault, TokenFault
from idp.logout import BackchannelLogout, answer_logout
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


def form_of(unverified_logout_token: str) -> bytes:
    return urlencode({"logout_token": unverified_logout_token}).encode()


def test_the_provider_is_answered_as_the_standard_says(portal: BackchannelLogout) -> None:
    received = form_of(logout_token("portal", at=AT))
    answer = answer_logout(partial(portal.receive, at=AT), received)
    assert (answer.status, answer.body, answer.headers) == (200, b"", {"Cache-Control": "no-store"})
    answer = answer_logout(partial(portal.receive, at=AT), received)
    assert answer.status == 400
    assert json.loads(answer.body) == {"error": "invalid_request", "error_description": "replayed"}
    assert answer.headers == {"Cache-Control": "no-store", "Content-Type": "application/json"}


def test_what_cannot_be_obeyed_now_is_not_confirmed() -> None:
    def away(_: str) -> None:
        raise ProviderUnavailableError(ProviderFault.UNREACHABLE)

    answer = answer_logout(away, b"logout_token=x")
    assert answer.status == 400
    assert json.loads(answer.body)["error"] == "temporarily_unavailable"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"logout_token=",
        b"logout_token=a&logout_token=b",
        b"other=a",
        b"logout_token=%ff",
        b"logout_token=\xff",
        b"&".join(b"logout_token%d=a" % number for number in range(20)),
        b'{"logout_token": "a"}',
        b"logout_token=" + b"a" * 100_000,
    ],
)
def test_what_is_no_form_with_one_token_is_refused(body: bytes) -> None:
    received: list[str] = []
    answer = answer_logout(received.append, body)
    assert answer.status == 400
    assert received == []


@given(body=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(deadline=None)
def test_whatever_is_sent_is_answered(body: bytes) -> None:
    def refuse(_: str) -> None:
        raise InvalidTokenError(TokenFault.MALFORMED)

    assert answer_logout(refuse, body).status == 400
