"""Sessions on the server: found by a cookie that is kept nowhere, over when they must be."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulators.postgres import new_database
from simulators.signed_in import ACCOUNT, SESSION_ID, hand_made
from simulators.token_drafts import AT
from sqlalchemy import func, select, update

from certs.database import Transactions, open_engine
from hsm.databases import upgrade
from idp.attempts import (
    FORM_LIFETIME,
    MOST_ATTEMPTS,
    MOST_FORMS,
    Attempts,
    KeptForm,
    KeptForms,
    Returns,
)
from idp.errors import (
    CrossSiteError,
    DamagedIdentityError,
    ProviderUnavailableError,
    SessionEndedError,
    UnknownAttemptError,
)
from idp.faults import ProviderFault
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.login import ATTEMPT_LIFETIME, LoginAttempt, SignedIn, SignInRequest, TokenSet
from idp.personal_data import PersonalData
from idp.refreshing import PAUSE, Refresher
from idp.sessions import (
    CLOCK_SKEW,
    IDLE,
    LIFETIME,
    REFRESH_EVERY,
    TO_CONFIRM,
    Sessions,
    WebSession,
    browser_cookie,
    session_cookie,
    unconfirmed_cookie,
)
from idp.tables import kept_for_browsers, web_sessions
from signing.envelope import DataKey, IndexKey

KEYS = PersonalData(DataKey.generate("data"), IndexKey.generate("index"))
NAMED = "苏小样"
TOKENS = TokenSet("id-token-secret", "access-token-secret", "refresh-token-secret")
BROWSER = "b" * 43


def open_transactions(url: str) -> Transactions:
    engine = open_engine(url)
    upgrade(engine, "identity")
    return Transactions(engine)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def transactions(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Transactions]:
    sqlite = f"sqlite:///{tmp_path / 'identity.db'}"
    transactions = open_transactions(sqlite if request.param == "sqlite" else new_database())
    yield transactions
    transactions.close()


@pytest.fixture
def sessions(transactions: Transactions) -> Sessions:
    return Sessions(transactions, KEYS, "platform")


def opened(sessions: Sessions, **changes: str) -> tuple[WebSession, str]:
    return sessions.open(hand_made(at=AT, tokens=TOKENS, **changes), at=AT)  # type: ignore[arg-type] # texts only


def test_a_cookie_finds_its_session_and_nothing_else_does(sessions: Sessions) -> None:
    session, cookie = opened(sessions)
    found = sessions.find(cookie, at=AT)
    assert found == session
    assert (found.account, found.session_id) == (ACCOUNT, SESSION_ID)
    assert found.level is AuthenticationLevel.PASSWORD
    assert found.identity_level is IdentityLevel.MATCHED
    assert found.tokens == TOKENS
    assert found.claims == {"full_name": NAMED}
    for other in (None, "", cookie[:-1], cookie + "A", cookie.swapcase(), session.id, "é" * 43):
        with pytest.raises(SessionEndedError):
            sessions.find(other, at=AT)


def test_a_session_is_of_one_client(sessions: Sessions, transactions: Transactions) -> None:
    session, cookie = opened(sessions)
    other = Sessions(transactions, KEYS, "portal-x")
    with pytest.raises(SessionEndedError):
        other.find(cookie, at=AT)
    assert other.end_by_account(ACCOUNT) == other.end_by_session_id(SESSION_ID) == 0
    other.end(session)
    assert other.of_account(ACCOUNT, at=AT) == []
    assert sessions.find(cookie, at=AT) == session
    for name in (session_cookie, browser_cookie, unconfirmed_cookie):
        assert name("platform") != name("portal-x")
        assert name("platform").startswith("__Host-platform")


def test_what_is_kept_opens_no_door(sessions: Sessions, transactions: Transactions) -> None:
    session, cookie = opened(sessions)
    with transactions.reading() as connection:
        row = connection.execute(select(web_sessions)).one()
    kept = b"|".join(
        value if isinstance(value, bytes) else str(value).encode() for value in tuple(row)
    )
    for secret in (cookie, *vars_of(TOKENS), NAMED, session.csrf):
        assert secret.encode() not in kept
    assert "secret" not in repr(session)
    assert NAMED not in repr(session)


def vars_of(tokens: TokenSet) -> list[str]:
    return [tokens.id_token, tokens.access_token, str(tokens.refresh_token)]


def test_tokens_open_in_their_own_row_alone(sessions: Sessions, transactions: Transactions) -> None:
    first, _ = opened(sessions)
    second, cookie = opened(sessions)
    with transactions() as connection:
        stolen = connection.scalar(
            select(web_sessions.c.tokens).where(web_sessions.c.id == first.id)
        )
        connection.execute(
            update(web_sessions).where(web_sessions.c.id == second.id).values(tokens=stolen)
        )
    with pytest.raises(DamagedIdentityError):
        _ = sessions.find(cookie, at=AT).tokens


@pytest.mark.parametrize(
    ("later", "over"),
    [
        (timedelta(), False),
        (IDLE - timedelta(seconds=1), False),
        (IDLE, True),
        (-CLOCK_SKEW, False),
        (-CLOCK_SKEW - timedelta(seconds=1), True),
    ],
)
def test_a_session_has_its_time(sessions: Sessions, later: timedelta, over: bool) -> None:  # noqa: FBT001  # a table
    session, cookie = opened(sessions)
    if over:
        with pytest.raises(SessionEndedError):
            sessions.find(cookie, at=AT + later)
    else:
        assert sessions.find(cookie, at=AT + later) == session


def test_renewing_goes_on_for_a_working_day_and_no_longer(sessions: Sessions) -> None:
    session, cookie = opened(sessions)
    at = AT
    while at + IDLE / 2 < AT + LIFETIME:
        at += IDLE / 2
        sessions.renew(session, hand_made(at=AT), at=at)
        session = sessions.find(cookie, at=at)
    assert session.expires_at == AT + LIFETIME
    with pytest.raises(SessionEndedError):
        sessions.find(cookie, at=AT + LIFETIME)


def test_renewing_is_for_the_same_person(sessions: Sessions) -> None:
    session, _ = opened(sessions)
    with pytest.raises(SessionEndedError):
        sessions.renew(session, hand_made(at=AT, account="another"), at=AT)
    sessions.end(session)
    with pytest.raises(SessionEndedError):
        sessions.renew(session, hand_made(at=AT), at=AT)


def test_a_step_up_gives_a_new_cookie_to_the_same_session(sessions: Sessions) -> None:
    session, before = opened(sessions)
    made_before = session.csrf
    level = AuthenticationLevel.PASSKEY
    after, cookie = sessions.step_up(session, hand_made(at=AT, level=level), at=AT)
    assert (after.id, after.level) == (session.id, level)
    after.verify_csrf(made_before)
    with pytest.raises(SessionEndedError):
        sessions.find(before, at=AT)
    assert sessions.find(cookie, at=AT) == after


def test_an_unconfirmed_session_counts_for_nothing(sessions: Sessions) -> None:
    waiting, cookie = sessions.open(hand_made(at=AT), at=AT, confirmed=False)
    with pytest.raises(SessionEndedError):
        sessions.find(cookie, at=AT)
    assert sessions.of_account(ACCOUNT, at=AT) == sessions.all(at=AT) == []
    assert sessions.find_unconfirmed(cookie, at=AT) == waiting
    with pytest.raises(SessionEndedError):
        sessions.find_unconfirmed(cookie, at=AT + TO_CONFIRM)
    confirmed, own = sessions.confirm(waiting, at=AT)
    assert sessions.find(own, at=AT) == confirmed
    assert own != cookie
    for again in (cookie, own):
        with pytest.raises(SessionEndedError):
            sessions.find_unconfirmed(again, at=AT)
    with pytest.raises(SessionEndedError):
        sessions.confirm(waiting, at=AT)


def test_sessions_end_by_what_the_provider_names(sessions: Sessions) -> None:
    cookies = [opened(sessions)[1], opened(sessions, session_id="other")[1]]
    _, waiting = sessions.open(hand_made(at=AT), at=AT, confirmed=False)
    _, stranger = opened(sessions, account="another", session_id="third")
    assert sessions.end_by_session_id(SESSION_ID) == 2
    with pytest.raises(SessionEndedError):
        sessions.find(cookies[0], at=AT)
    with pytest.raises(SessionEndedError):
        sessions.find_unconfirmed(waiting, at=AT)
    assert sessions.end_by_account(ACCOUNT) == 1
    assert [session.account for session in sessions.all(at=AT)] == ["another"]
    assert sessions.find(stranger, at=AT).account == "another"


def test_acting_is_remembered(sessions: Sessions) -> None:
    session, cookie = opened(sessions)
    sessions.set_acting(session, "mandate")
    assert sessions.find(cookie, at=AT).acting == "mandate"
    sessions.set_acting(session, None)
    assert sessions.find(cookie, at=AT).acting is None
    sessions.end(session)
    with pytest.raises(SessionEndedError):
        sessions.set_acting(session, "mandate")


def test_what_is_over_is_thrown_away(sessions: Sessions, transactions: Transactions) -> None:
    for hours in (0, 9):
        sessions.open(hand_made(at=AT), at=AT + timedelta(hours=hours))
    with transactions.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(web_sessions)) == 1


def test_a_form_is_of_its_session(sessions: Sessions) -> None:
    session, cookie = opened(sessions)
    other, _ = opened(sessions)
    assert session.csrf != session.csrf
    sessions.find(cookie, at=AT).verify_csrf(session.csrf)
    for wrong in ("", other.csrf, session.csrf[:-8], session.csrf + "AAAA", "\x00", "密" * 20):
        with pytest.raises(CrossSiteError):
            session.verify_csrf(wrong)


@given(st.text(max_size=120) | st.binary(max_size=80).map(lambda octets: octets.hex()))
def test_no_other_text_is_a_form_secret(text: str) -> None:
    session = _SESSION
    with pytest.raises(CrossSiteError):
        session.verify_csrf(text)


def _any_session() -> WebSession:
    session = hand_made(at=AT).claims
    return WebSession(
        id="i",
        client_id="c",
        account=session.account,
        session_id=None,
        level=session.level,
        identity_level=session.identity_level,
        authenticated_at=AT,
        opened_at=AT,
        refresh_due_at=AT,
        expires_at=AT,
        acting=None,
        _open_tokens=lambda: TOKENS,
        _open_claims=dict,
        form_secret=b"\x07" * 32,
    )


_SESSION = _any_session()


# ---- refreshing ----


class Provider:
    """Answers refreshes as it is told."""

    asked = 0
    answer: SignedIn | Exception = hand_made(at=AT, identity_level=IdentityLevel.ORIGINAL)

    def refresh(self, tokens: TokenSet, *, at: object) -> SignedIn:
        self.asked += 1
        assert tokens == TOKENS
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def provider() -> Provider:
    return Provider()


def test_the_provider_is_asked_when_it_is_due(sessions: Sessions, provider: Provider) -> None:
    session, cookie = opened(sessions)
    refresher = Refresher(sessions, provider)
    assert refresher.refreshed(session, cookie, at=AT) is session
    due = AT + REFRESH_EVERY
    renewed = refresher.refreshed(session, cookie, at=due)
    assert renewed.identity_level is IdentityLevel.ORIGINAL
    assert renewed.refresh_due_at == due + REFRESH_EVERY
    # Another request that came at the same moment finds it done.
    assert refresher.refreshed(session, cookie, at=due) == renewed
    assert provider.asked == 1


def test_what_the_provider_ended_ends(sessions: Sessions, provider: Provider) -> None:
    session, cookie = opened(sessions)
    provider.answer = SessionEndedError()
    with pytest.raises(SessionEndedError):
        Refresher(sessions, provider).refreshed(session, cookie, at=AT + REFRESH_EVERY)
    assert sessions.all(at=AT) == []


def test_nobody_queues_behind_a_provider_that_is_away(
    sessions: Sessions, provider: Provider
) -> None:
    session, cookie = opened(sessions)
    refresher, due = Refresher(sessions, provider), AT + REFRESH_EVERY
    provider.answer = ProviderUnavailableError(ProviderFault.TOO_SLOW)
    for later in (timedelta(), PAUSE / 2):
        with pytest.raises(ProviderUnavailableError):
            refresher.refreshed(session, cookie, at=due + later)
    assert provider.asked == 1
    provider.answer = hand_made(at=AT)
    assert refresher.refreshed(session, cookie, at=due + PAUSE).refresh_due_at > due + PAUSE


def test_a_session_that_ended_meanwhile_stays_ended(sessions: Sessions, provider: Provider) -> None:
    session, cookie = opened(sessions)
    sessions.end(session)
    with pytest.raises(SessionEndedError):
        Refresher(sessions, provider).refreshed(session, cookie, at=AT + REFRESH_EVERY)
    assert provider.asked == 0


# ---- attempts, returns, forms ----


def attempt(number: int = 0) -> LoginAttempt:
    return LoginAttempt(f"state-{number}", "nonce", "verifier-secret", SignInRequest(), AT)


def keep(attempts: Attempts, number: int = 0, browser: str = BROWSER) -> LoginAttempt:
    begun = attempt(number)
    attempts.keep(
        begun, browser=browser, client_id="platform", return_to="/me", purpose="p:1", at=AT
    )
    return begun


def test_an_attempt_comes_back_once_to_its_browser(transactions: Transactions) -> None:
    attempts = Attempts(transactions, KEYS)
    begun = keep(attempts)
    for state, browser in ((begun.state, "x" * 43), ("other", BROWSER), ("", ""), ("a" * 300, "b")):
        with pytest.raises(UnknownAttemptError):
            attempts.take(state, browser, at=AT)
    kept = attempts.take(begun.state, BROWSER, at=AT)
    assert (kept.attempt, kept.client_id, kept.return_to, kept.purpose) == (
        *(begun, "platform", "/me", "p:1"),
    )
    with pytest.raises(UnknownAttemptError):
        attempts.take(begun.state, BROWSER, at=AT)


def test_an_attempt_is_kept_for_its_time(transactions: Transactions) -> None:
    attempts = Attempts(transactions, KEYS)
    begun = keep(attempts)
    with pytest.raises(UnknownAttemptError):
        attempts.take(begun.state, BROWSER, at=AT + ATTEMPT_LIFETIME)


def test_what_is_kept_of_an_attempt_is_encrypted(transactions: Transactions) -> None:
    begun = keep(Attempts(transactions, KEYS))
    with transactions.reading() as connection:
        row = connection.execute(select(kept_for_browsers)).one()
    kept = b"|".join(value for value in tuple(row) if isinstance(value, bytes))
    for secret in (begun.state, begun.code_verifier, BROWSER, "/me"):
        assert secret.encode() not in kept


def test_a_browser_cannot_fill_the_database(transactions: Transactions) -> None:
    attempts = Attempts(transactions, KEYS)
    other = keep(attempts, 999, "o" * 43)
    for number in range(MOST_ATTEMPTS + 5):
        keep(attempts, number)
    with transactions.reading() as connection:
        count = connection.scalar(select(func.count()).select_from(kept_for_browsers))
    assert count == MOST_ATTEMPTS + 1
    assert attempts.take(other.state, "o" * 43, at=AT).attempt == other


def test_one_kind_is_not_another(transactions: Transactions) -> None:
    returns, attempts = Returns(transactions, KEYS), Attempts(transactions, KEYS)
    state = returns.keep("/me/mandates", browser=BROWSER, at=AT)
    with pytest.raises(UnknownAttemptError):
        attempts.take(state, BROWSER, at=AT)
    assert returns.take(state, BROWSER, at=AT) == "/me/mandates"
    with pytest.raises(UnknownAttemptError):
        returns.take(state, BROWSER, at=AT)


def test_a_form_waits_for_its_session(sessions: Sessions, transactions: Transactions) -> None:
    forms = KeptForms(transactions, KEYS)
    session, _ = opened(sessions)
    other, _ = opened(sessions)
    form = KeptForm("/office/drafts", (("a", "一"), ("a", "二"), ("b", "")))
    kept = forms.keep(form, session, at=AT)
    assert forms.look_at(kept, session, at=AT) == forms.look_at(kept, session, at=AT) == form
    with pytest.raises(UnknownAttemptError):
        forms.look_at(kept, other, at=AT)
    with pytest.raises(UnknownAttemptError):
        forms.look_at(kept, session, at=AT + FORM_LIFETIME)
    for _ in range(MOST_FORMS):
        newest = forms.keep(form, session, at=AT + timedelta(seconds=1))
    with pytest.raises(UnknownAttemptError):
        forms.look_at(kept, session, at=AT)
    assert forms.look_at(newest, session, at=AT) == form
