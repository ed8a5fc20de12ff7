"""The first clerk: who can be it, only while nobody else can help, and what is recorded."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from simulators.counter import AT, CounterOfTests, new_counter
from simulators.officers import BUREAU, OTHER_BUREAU, document, held, sqlite_address

from idp.counter import AccountAlarmedError, AccountShutError
from idp.counter_acts import OPERATOR, CounterAct
from idp.errors import IdentityError, NotInRealmError, ProviderUnavailableError
from idp.first_clerk import (
    CounterOpenError,
    FirstClerk,
    NotFirstClerkError,
    SecondFactorHeldError,
)
from idp.levels import IdentityLevel
from idp.officers import Post, PostHeld
from idp.one_time_codes import WrongCodeError
from idp.realm.records import NewUser

FIRST = (held(Post.ACCEPTANCE), held(Post.SECURITY_ADMINISTRATION))
OTP = "otp"


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[CounterOfTests]:
    with new_counter(sqlite_address(tmp_path)) as counter:
        yield counter


@pytest.fixture
def first(counter: CounterOfTests) -> FirstClerk:
    parts = counter.parts
    return FirstClerk(parts.transactions, counter.accounts, parts.officers, parts.alarms)


def hire(counter: CounterOfTests, username: str, *posts: PostHeld, sequence: int) -> str:
    """Open an officer's account as the personnel list does; return it."""
    number = document(sequence).number
    account = counter.accounts.create_user(
        NewUser(username, "示例员", "111", number, IdentityLevel.REGISTERED)
    )
    counter.staff.appoint(account, *posts, sequence=sequence)
    return account


def test_he_proves_one_code_and_it_is_recorded(counter: CounterOfTests, first: FirstClerk) -> None:
    account = hire(counter, "jiang.anquan", *FIRST, sequence=1)
    enrolment = first.begin("jiang.anquan", at=AT)
    assert enrolment.case.account == account
    with pytest.raises(WrongCodeError):
        first.prove(enrolment, "000 00", at=AT)
    assert counter.accounts.kinds(account) == []
    first.prove(enrolment, enrolment.secret.code(int(AT.timestamp()) // 30), at=AT)
    assert counter.accounts.kinds(account) == [OTP]
    records = counter.all_records()
    assert [record.act for record in records] == [
        CounterAct.CODE_BOUND,
        CounterAct.BINDING,
        CounterAct.STARTED,
    ]
    for record in records:
        case = record.case
        assert (case.clerk, case.account, case.authority) == (OPERATOR, account, BUREAU)
        assert not case.original_seen
    assert counter.accounts.user(account).identity_level is IdentityLevel.REGISTERED
    assert enrolment.secret.text not in repr(enrolment)


@pytest.mark.parametrize(
    "posts",
    [
        (),
        (held(Post.ACCEPTANCE),),
        (held(Post.SECURITY_ADMINISTRATION),),
        (*FIRST, held(Post.DRAFTING)),
        (*FIRST, held(Post.SEALING, OTHER_BUREAU)),
        (*FIRST, held(Post.SEAL_KEEPING)),
        (held(Post.ACCEPTANCE, until=date(2026, 11, 19)), FIRST[1]),
    ],
    ids=str,
)
def test_who_may_not_serve_officers_is_no_first_clerk(
    counter: CounterOfTests, first: FirstClerk, posts: tuple[PostHeld, ...]
) -> None:
    hire(counter, "somebody", *posts, sequence=1)
    with pytest.raises(NotFirstClerkError):
        first.begin("somebody", at=AT)
    assert counter.all_records() == ()


def test_a_citizen_and_nobody_at_all(counter: CounterOfTests, first: FirstClerk) -> None:
    counter.settle("chen.yi", 1)
    with pytest.raises(NotFirstClerkError):
        first.begin("chen.yi", at=AT)
    with pytest.raises(NotInRealmError):
        first.begin("nobody", at=AT)


@pytest.mark.parametrize("kind", [OTP, "webauthn-passwordless"])
def test_he_has_none_yet(counter: CounterOfTests, first: FirstClerk, kind: str) -> None:
    account = hire(counter, "jiang.anquan", *FIRST, sequence=1)
    counter.accounts.hold(account, kind)
    with pytest.raises(SecondFactorHeldError):
        first.begin("jiang.anquan", at=AT)


def test_somebody_who_serves_officers_is_to_be_gone_to(
    counter: CounterOfTests, first: FirstClerk
) -> None:
    hire(counter, "jiang.anquan", *FIRST, sequence=1)
    other = hire(counter, "other.anquan", held(Post.ACCEPTANCE, OTHER_BUREAU), FIRST[1], sequence=2)
    enrolment = first.begin("jiang.anquan", at=AT)
    counter.accounts.hold(other, OTP)
    with pytest.raises(CounterOpenError):
        first.begin("jiang.anquan", at=AT)
    code = enrolment.secret.code(int(AT.timestamp()) // 30)
    with pytest.raises(CounterOpenError):
        first.prove(enrolment, code, at=AT)


def test_a_clerk_who_may_not_serve_officers_is_no_way_out(
    counter: CounterOfTests, first: FirstClerk
) -> None:
    """Else officers could never be let in: he refuses them, and the operator would too."""
    hire(counter, "jiang.anquan", *FIRST, sequence=1)
    others = {
        "plain.clerk": [held(Post.ACCEPTANCE)],
        "no.counter": [held(Post.SECURITY_ADMINISTRATION)],
        "drafts.too": [*FIRST, held(Post.DRAFTING)],
    }
    for number, (username, posts) in enumerate(others.items(), 10):
        account = hire(counter, username, *posts, sequence=number)
        counter.accounts.hold(account, OTP)
    gone = hire(counter, "has.left", *FIRST, sequence=20)
    counter.accounts.hold(gone, OTP)
    counter.staff.appointments.leave(gone, at=AT - timedelta(days=1))
    counter.staff.appoint("deleted-at-the-provider", *FIRST, sequence=21)
    assert first.begin("jiang.anquan", at=AT).username == "jiang.anquan"


@pytest.mark.parametrize("how", ["shut", "alarm"])
def test_a_shut_account_stays_shut(counter: CounterOfTests, first: FirstClerk, how: str) -> None:
    account = hire(counter, "jiang.anquan", *FIRST, sequence=1)
    expected: type[IdentityError] = AccountShutError
    if how == "alarm":
        counter.parts.alarms.report(account, None, at=AT)
        expected = AccountAlarmedError
    else:
        counter.accounts.set_enabled(account, enabled=False)
    with pytest.raises(expected):
        first.begin("jiang.anquan", at=AT)


def test_what_fails_is_recorded(counter: CounterOfTests, first: FirstClerk) -> None:
    hire(counter, "jiang.anquan", *FIRST, sequence=1)
    given_up = first.begin("jiang.anquan", at=AT)
    first.give_up(given_up, at=AT)
    assert counter.all_records()[0].act is CounterAct.REFUSED
    enrolment = first.begin("jiang.anquan", at=AT)
    counter.accounts.calls_left = 0
    with pytest.raises(ProviderUnavailableError):
        first.prove(enrolment, enrolment.secret.code(int(AT.timestamp()) // 30), at=AT)
    latest = counter.all_records()[0]
    assert (latest.act, latest.detail) == (CounterAct.FAILED, "bind: provider_unavailable")
