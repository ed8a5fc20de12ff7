"""Persons found at a counter, first accounts, passwords anew."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from simulators.counter import AT, CLERK, CounterOfTests, new_counter, no_document
from simulators.officers import document, held, sqlite_address

from idp.appointments import OfficerRecord
from idp.counter import (
    AccountAlarmedError,
    AccountShutError,
    DocumentReplacedError,
    InvalidUsernameError,
    OfficersAccountError,
    OneTimeAccess,
    Sighting,
    UsernameTakenError,
)
from idp.counter_acts import CounterAct
from idp.errors import (
    BaseUnavailableError,
    DataDifferError,
    DocumentHeldError,
    NotPermittedError,
    ProviderUnavailableError,
    UnknownPersonError,
)
from idp.levels import IdentityLevel
from idp.names import NamedPerson, PersonName
from idp.officers import Post
from idp.persons import LevelMeans
from idp.realm.records import NewUser


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[CounterOfTests]:
    with new_counter(sqlite_address(tmp_path)) as desk:
        yield desk


def newcomer(name: str = "何新", sequence: int = 5) -> NamedPerson:
    return NamedPerson(PersonName.parse(name), document(sequence))


def make(
    desk: CounterOfTests, username: str = "he.xin", person: NamedPerson | None = None
) -> OneTimeAccess:
    return desk.counter.make_account(
        desk.clerk(), username, person or newcomer(), original_seen=True, at=AT
    )


def test_a_person_is_found_by_his_document(desk: CounterOfTests) -> None:
    account = desk.settle(means=LevelMeans.FACE)
    found = desk.counter.find(document(1), at=AT)
    assert found is not None
    assert (found.account, found.username, found.name) == (account, "chen.yi", "陈一")
    assert found.identity_level is IdentityLevel.SEEN
    assert "陈一" not in repr(found)
    assert desk.counter.find(no_document(), at=AT) is None


def test_an_officer_is_found_before_anybody_has_seen_him(desk: CounterOfTests) -> None:
    account = desk.accounts.create_user(
        NewUser("li.shi", "李示", "111", document(8).number, IdentityLevel.REGISTERED)
    )
    record = OfficerRecord(account, "li.shi", "李示", document(8))
    desk.staff.appointments.appoint(record, [held(Post.SEALING)], at=AT)
    found = desk.counter.find(document(8), at=AT)
    assert found is not None
    assert (found.account, found.name) == (account, "李示")


def test_what_the_realm_says_of_an_officer_must_be_the_document_shown(desk: CounterOfTests) -> None:
    account = desk.accounts.create_user(
        NewUser("li.shi", "李示", "111", document(9).number, IdentityLevel.REGISTERED)
    )
    record = OfficerRecord(account, "li.shi", "李示", document(8))
    desk.staff.appointments.appoint(record, [held(Post.SEALING)], at=AT)
    with pytest.raises(DataDifferError):
        desk.counter.find(document(8), at=AT)


def test_a_base_that_does_not_answer_is_no_yes(desk: CounterOfTests) -> None:
    desk.settle()
    desk.bases.away = True
    with pytest.raises(BaseUnavailableError):
        desk.counter.find(document(1), at=AT)


def test_somebody_new_gets_an_account_at_the_level_of_what_was_seen(desk: CounterOfTests) -> None:
    access = make(desk)
    assert access.password not in repr(access)
    user = desk.accounts.user(access.account)
    assert user.enabled
    assert user.full_name == "何新"
    assert desk.accounts.passwords[access.account] == (access.password, True)
    person = desk.subjects.of_account(access.account, at=AT)
    assert person is not None
    assert person.identity_level is IdentityLevel.ORIGINAL
    acts = [kept.act for kept in desk.records.of_case(access.case_id, clerk=CLERK)]
    assert acts == [CounterAct.ACCOUNT_MADE, CounterAct.LEVEL_RAISED]
    with pytest.raises(DocumentHeldError):
        make(desk, "he.xin")
    with pytest.raises(DocumentHeldError):
        make(desk, "he.xin2")


def test_somebody_who_was_only_named_so_far_keeps_his_place(desk: CounterOfTests) -> None:
    known = desk.subjects.register(newcomer(), account=None, means=LevelMeans.NAMED, at=AT)
    with pytest.raises(DataDifferError):
        make(desk, person=newcomer("何异"))
    access = make(desk)
    person = desk.subjects.of_account(access.account, at=AT)
    assert person is not None
    assert person.id == known.id


def settle_officer(desk: CounterOfTests, *posts: Post) -> str:
    account = desk.settle("han.yongyin", 8, name="韩用印")
    record = OfficerRecord(account, "han.yongyin", "韩用印", document(8))
    desk.staff.appointments.appoint(record, [held(post) for post in posts], at=AT)
    return account


@pytest.mark.parametrize("post", [Post.SEALING, Post.DRAFTING, Post.AUDIT, Post.ACCEPTANCE])
def test_no_clerk_gets_into_an_officers_account(desk: CounterOfTests, post: Post) -> None:
    account = settle_officer(desk, post)
    sighting = Sighting(document(8), original=True)
    with pytest.raises(OfficersAccountError):
        desk.counter.renew_password(desk.clerk(), sighting, at=AT)
    desk.parts.alarms.report(account, None, at=AT)
    with pytest.raises(OfficersAccountError):
        desk.counter.reopen(desk.clerk(), sighting, at=AT)
    assert account not in desk.accounts.passwords
    assert desk.all_records() == ()


def test_nor_into_that_of_one_whose_post_begins_tomorrow(desk: CounterOfTests) -> None:
    account = desk.settle("han.yongyin", 8, name="韩用印")
    record = OfficerRecord(account, "han.yongyin", "韩用印", document(8))
    later = held(Post.SEALING, since=date(2027, 1, 1))
    desk.staff.appointments.appoint(record, [later], at=AT)
    with pytest.raises(OfficersAccountError):
        desk.counter.renew_password(desk.clerk(), Sighting(document(8), original=True), at=AT)


def test_who_has_left_is_served_like_anybody(desk: CounterOfTests) -> None:
    account = settle_officer(desk, Post.SEALING)
    desk.staff.appointments.leave(account, at=AT)
    access = desk.counter.renew_password(desk.clerk(), Sighting(document(8), original=True), at=AT)
    assert access.account == account


def test_officers_come_to_the_security_administration(desk: CounterOfTests) -> None:
    account = settle_officer(desk, Post.SEALING)
    desk.staff.appoint(
        CLERK, held(Post.ACCEPTANCE), held(Post.SECURITY_ADMINISTRATION), sequence=50, at=AT
    )
    access = desk.counter.renew_password(desk.clerk(), Sighting(document(8), original=True), at=AT)
    assert access.account == account


@pytest.mark.parametrize("post", [Post.SEALING, Post.DRAFTING, Post.SEAL_KEEPING])
def test_who_administers_security_and_gets_certificates_sealed_serves_no_officer(
    desk: CounterOfTests, post: Post
) -> None:
    settle_officer(desk, Post.SEALING)
    both = held(Post.SECURITY_ADMINISTRATION), held(post)
    desk.staff.appoint(CLERK, held(Post.ACCEPTANCE), *both, sequence=50, at=AT)
    with pytest.raises(OfficersAccountError):
        desk.counter.renew_password(desk.clerk(), Sighting(document(8), original=True), at=AT)


def test_an_officer_gets_his_account_by_the_personnel_list(desk: CounterOfTests) -> None:
    record = OfficerRecord("li", "li.shi", "李示", document(8))
    desk.staff.appointments.appoint(record, [held(Post.SEALING)], at=AT)
    with pytest.raises(DocumentHeldError):
        make(desk, "li.other", newcomer("李示", 8))


@pytest.mark.parametrize("username", ["", "li", "Li.Xin", "何新", "he xin", "he..xin", "h" * 65])
def test_a_username_has_a_form(desk: CounterOfTests, username: str) -> None:
    with pytest.raises(InvalidUsernameError):
        make(desk, username)
    assert desk.all_records() == ()


def test_a_username_belongs_to_one_person(desk: CounterOfTests) -> None:
    desk.settle("he.xin", 1)
    with pytest.raises(UsernameTakenError):
        make(desk)


@pytest.mark.parametrize(
    ("calls", "lost_answer"), [(0, False), (1, False), (1, True), (2, False), (2, True)]
)
def test_a_visit_cut_short_is_taken_up(
    desk: CounterOfTests, calls: int, *, lost_answer: bool
) -> None:
    desk.accounts.calls_left, desk.accounts.lost_answer = calls, lost_answer
    with pytest.raises(ProviderUnavailableError):
        make(desk)
    desk.accounts.calls_left = None
    access = make(desk)
    assert desk.accounts.passwords[access.account] == (access.password, True)


def test_a_password_that_nobody_heard_of_is_renewed(desk: CounterOfTests) -> None:
    desk.accounts.calls_left, desk.accounts.lost_answer = 3, True
    with pytest.raises(ProviderUnavailableError):
        make(desk)
    desk.accounts.calls_left = None
    with pytest.raises(DocumentHeldError):
        make(desk)
    again = desk.counter.renew_password(desk.clerk(), Sighting(document(5), original=True), at=AT)
    assert desk.accounts.passwords[again.account] == (again.password, True)


def test_a_forgotten_password_is_renewed(desk: CounterOfTests) -> None:
    account = desk.settle()
    desk.accounts.hold(account, "otp")
    access = desk.counter.renew_password(desk.clerk(), Sighting(document(1), original=True), at=AT)
    assert desk.accounts.passwords[account] == (access.password, True)
    assert desk.accounts.kinds(account) == ["otp"]
    assert desk.accounts.signed_out == [account]
    (kept,) = desk.all_records()
    assert (kept.act, kept.case.account) == (CounterAct.PASSWORD_RENEWED, account)
    with pytest.raises(UnknownPersonError):
        desk.counter.renew_password(desk.clerk(), Sighting(no_document(), original=True), at=AT)
    desk.accounts.set_enabled(account, enabled=False)
    with pytest.raises(AccountShutError):
        desk.counter.renew_password(desk.clerk(), Sighting(document(1), original=True), at=AT)


def test_only_a_clerk_does_so_and_not_for_himself(desk: CounterOfTests) -> None:
    account = desk.settle()
    desk.staff.appoint("drafter", held(Post.DRAFTING), sequence=60)
    desk.staff.appoint(account, held(Post.ACCEPTANCE), sequence=70)
    sighting = Sighting(document(1), original=True)
    with pytest.raises(NotPermittedError):
        desk.counter.renew_password(desk.clerk("drafter"), sighting, at=AT)
    with pytest.raises(NotPermittedError):
        desk.counter.renew_password(desk.clerk(account), sighting, at=AT)
    with pytest.raises(NotPermittedError):
        desk.counter.make_account(
            desk.clerk("drafter"), "he.xin", newcomer(), original_seen=True, at=AT
        )
    assert desk.all_records() == ()


def test_who_said_it_was_not_him_is_let_in_again_when_seen(desk: CounterOfTests) -> None:
    account = desk.settle()
    sighting = Sighting(document(1), original=True)
    with pytest.raises(AccountShutError):  # no alarm, nothing to reopen
        desk.counter.reopen(desk.clerk(), sighting, at=AT)
    desk.parts.alarms.report(account, None, at=AT)
    for _ in range(2):  # before and after the realm has heard of it
        with pytest.raises(AccountAlarmedError):
            desk.counter.find(document(1), at=AT)
        with pytest.raises(AccountAlarmedError):
            desk.counter.renew_password(desk.clerk(), sighting, at=AT)
        with pytest.raises(AccountAlarmedError):
            desk.start()
        desk.parts.alarms.enforce(desk.accounts, at=AT)
    assert not desk.accounts.user(account).enabled
    access = desk.counter.reopen(desk.clerk(), sighting, at=AT)
    assert desk.accounts.user(account).enabled
    assert desk.accounts.passwords[account] == (access.password, True)
    assert desk.parts.alarms.open_alarm(account) is None
    assert desk.all_records()[0].act is CounterAct.REOPENED
    assert desk.counter.find(document(1), at=AT) is not None


def test_a_realm_that_goes_away_leaves_an_alarm_open(desk: CounterOfTests) -> None:
    account = desk.settle()
    desk.parts.alarms.report(account, None, at=AT)
    desk.parts.alarms.enforce(desk.accounts, at=AT)
    desk.accounts.calls_left = 2
    with pytest.raises(ProviderUnavailableError):
        desk.counter.reopen(desk.clerk(), Sighting(document(1), original=True), at=AT)
    assert desk.parts.alarms.open_alarm(account) is not None
    assert not desk.accounts.user(account).enabled


def test_a_document_that_was_replaced_proves_nothing(desk: CounterOfTests) -> None:
    account = desk.settle()
    person = desk.subjects.of_account(account, at=AT)
    assert person is not None
    desk.subjects.replace_document(person.id, document(1), document(2), at=AT)
    with pytest.raises(DocumentReplacedError):
        desk.counter.find(document(1), at=AT)
    with pytest.raises(DocumentReplacedError):
        make(desk, person=newcomer("陈一", 1))
    assert desk.counter.find(document(2), at=AT) is not None
