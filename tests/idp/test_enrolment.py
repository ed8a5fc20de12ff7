"""Enrolling a second factor at a counter: who may, what is proven, what a failure leaves."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from simulators import postgres
from simulators.counter import (
    AT,
    CLERK,
    OTHER_CLERK,
    CounterOfTests,
    code_of,
    new_counter,
    no_document,
)
from simulators.officers import OTHER_BUREAU, document, held, sqlite_address
from simulators.passkeys import ORIGIN, RP_ID, Registration
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from certs.errors import RegisterUnavailableError
from idp.appointments import OfficerRecord
from idp.counter import AccountShutError, Clerk, OfficersAccountError, Sighting
from idp.counter_acts import CounterAct
from idp.enrolment import (
    LIFETIME,
    MOST_TRIES,
    Enrolment,
    EnrolmentOverError,
    EnrolmentUnderWayError,
    FactorKind,
    Wanted,
)
from idp.errors import (
    NotPermittedError,
    PersonEndedError,
    ProviderUnavailableError,
    UnknownPersonError,
)
from idp.levels import IdentityLevel
from idp.officers import Post
from idp.one_time_codes import WrongCodeError
from idp.passkeys import InvalidPasskeyError
from idp.persons import LevelMeans
from idp.sources import PersonState
from idp.tables import counter_acts, counter_enrolments

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.real)]
STARTED, CANCELLED, EXPIRED, REFUSED = (
    CounterAct.STARTED,
    CounterAct.CANCELLED,
    CounterAct.EXPIRED,
    CounterAct.REFUSED,
)
BINDING, CODE_BOUND, FAILED = CounterAct.BINDING, CounterAct.CODE_BOUND, CounterAct.FAILED
OLD_REMOVED, LEVEL_RAISED = CounterAct.OLD_REMOVED, CounterAct.LEVEL_RAISED
REFUSED_BY_DATABASE = (IntegrityError, RegisterUnavailableError)
WANTED = Wanted(FactorKind.CODE, replaces=False, rp_id=RP_ID, origin=ORIGIN)


@pytest.fixture(params=DATABASES)
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CounterOfTests]:
    sqlite = request.param == "sqlite"
    with new_counter(sqlite_address(tmp_path) if sqlite else postgres.new_database()) as desk:
        yield desk


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[CounterOfTests]:
    with new_counter(sqlite_address(tmp_path)) as desk:
        yield desk


def prove(desk: CounterOfTests, enrolment: Enrolment, at: datetime = AT) -> None:
    desk.enrolments.prove_code(enrolment.case.id, desk.clerk(at=at), code_of(enrolment, at), at=at)


def test_a_proven_code_is_bound_and_the_level_rises(desk: CounterOfTests) -> None:
    account = desk.settle()
    enrolment = desk.start()
    assert desk.accounts.kinds(account) == []
    prove(desk, enrolment)
    assert desk.accounts.kinds(account) == ["otp"]
    assert enrolment.secret is not None
    (sent,) = desk.accounts.bodies
    assert json.loads(str(sent["secretData"])) == {"value": enrolment.secret.text}
    assert desk.acts(enrolment) == [STARTED, BINDING, CODE_BOUND, LEVEL_RAISED]
    person = desk.subjects.of_account(account, at=AT)
    assert person is not None
    assert person.identity_level is IdentityLevel.ORIGINAL
    step = desk.subjects.level_history(person.id)[-1]
    assert (step.means, step.by) == (LevelMeans.COUNTER_ORIGINAL, CLERK)
    assert desk.told == [AT]


def test_without_the_original_the_level_is_lower_and_never_falls(quick: CounterOfTests) -> None:
    account = quick.settle()
    prove(quick, quick.start(original=False))
    person = quick.subjects.of_account(account, at=AT)
    assert person is not None
    assert person.identity_level is IdentityLevel.SEEN
    for original, level in ((True, IdentityLevel.ORIGINAL), (False, IdentityLevel.ORIGINAL)):
        prove(quick, quick.start(original=original))
        person = quick.subjects.of_account(account, at=AT)
        assert person is not None
        assert person.identity_level is level


def test_the_record_says_who_for_whom_and_what_was_seen(desk: CounterOfTests) -> None:
    account = desk.settle()
    prove(desk, desk.start(original=False))
    *_, first = desk.all_records()
    case = first.case
    assert (case.clerk, case.account, case.document_type, case.original_seen, first.at) == (
        CLERK,
        account,
        "111",
        False,
        AT,
    )
    assert document(1).number not in repr(desk.all_records())


def test_a_code_is_proven_once(quick: CounterOfTests) -> None:
    account = quick.settle()
    enrolment = quick.start()
    prove(quick, enrolment)
    with pytest.raises(EnrolmentOverError):
        prove(quick, enrolment)
    assert quick.accounts.kinds(account) == ["otp"]


def test_a_code_sent_twice_at_once_binds_once(desk: CounterOfTests) -> None:
    account = desk.settle()
    enrolment = desk.start()

    def attempt(_: int) -> str:
        try:
            prove(desk, enrolment)
        except EnrolmentOverError:
            return "over"
        return "bound"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attempt, range(4))) == ["bound", "over", "over", "over"]
    assert desk.accounts.kinds(account) == ["otp"]


def test_wrong_codes_end_it(desk: CounterOfTests) -> None:
    account = desk.settle()
    enrolment = desk.start()
    now = int(AT.timestamp()) // 30
    assert enrolment.secret is not None
    near = {enrolment.secret.code(period) for period in (now - 1, now, now + 1)}
    wrong = next(code for code in ("000000", "111111", "222222", "333333") if code not in near)
    for _ in range(MOST_TRIES - 1):
        with pytest.raises(WrongCodeError):
            desk.enrolments.prove_code(enrolment.case.id, desk.clerk(), wrong, at=AT)
    with pytest.raises(EnrolmentOverError):
        desk.enrolments.prove_code(enrolment.case.id, desk.clerk(), wrong, at=AT)
    with pytest.raises(EnrolmentOverError):
        prove(desk, enrolment)
    assert desk.accounts.kinds(account) == []
    assert desk.acts(enrolment) == [STARTED, REFUSED]


def test_ten_minutes_are_not_eleven(quick: CounterOfTests) -> None:
    account = quick.settle()
    enrolment = quick.start()
    just = AT + LIFETIME - timedelta(seconds=1)
    assert quick.enrolments.get(enrolment.case.id, quick.clerk(), at=just) == enrolment
    for at in (AT + LIFETIME, AT + timedelta(hours=1)):
        with pytest.raises(EnrolmentOverError):
            quick.enrolments.get(enrolment.case.id, quick.clerk(), at=at)
        with pytest.raises(EnrolmentOverError):
            prove(quick, enrolment, at)
    assert quick.accounts.kinds(account) == []
    prove(quick, quick.start(at=at), at)  # a new one takes its place
    assert quick.acts(enrolment) == [STARTED, EXPIRED]


def test_what_is_cancelled_binds_nothing(quick: CounterOfTests) -> None:
    account = quick.settle()
    enrolment = quick.start()
    quick.enrolments.cancel(enrolment.case.id, quick.clerk(), at=AT)
    for call in (
        prove,
        lambda *_: quick.enrolments.cancel(enrolment.case.id, quick.clerk(), at=AT),
    ):
        with pytest.raises(EnrolmentOverError):
            call(quick, enrolment)
    assert quick.accounts.kinds(account) == []
    assert quick.acts(enrolment) == [STARTED, CANCELLED]


def test_two_clerks_do_not_enrol_one_person_at_once(desk: CounterOfTests) -> None:
    desk.settle()
    first = desk.start()
    with pytest.raises(EnrolmentUnderWayError):
        desk.start(clerk=OTHER_CLERK)
    with pytest.raises(EnrolmentOverError):
        desk.enrolments.prove_code(first.case.id, desk.clerk(OTHER_CLERK), code_of(first), at=AT)
    with pytest.raises(EnrolmentOverError):
        desk.enrolments.cancel(first.case.id, desk.clerk(OTHER_CLERK), at=AT)
    prove(desk, first)
    desk.start(clerk=OTHER_CLERK)


def test_two_clerks_who_start_at_the_same_moment(desk: CounterOfTests) -> None:
    desk.settle()

    def attempt(clerk: str) -> bool:
        try:
            desk.start(clerk=clerk)
        except EnrolmentUnderWayError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(attempt, (CLERK, OTHER_CLERK))) == [False, True]


def test_a_clerk_may_begin_again(quick: CounterOfTests) -> None:
    quick.settle()
    first = quick.start()
    second = quick.start()
    with pytest.raises(EnrolmentOverError):
        prove(quick, first)
    prove(quick, second)
    assert quick.acts(first) == [STARTED, CANCELLED]


def test_only_the_post_of_acceptance_at_that_authority_counts(quick: CounterOfTests) -> None:
    quick.settle()
    quick.staff.appoint("drafter", held(Post.DRAFTING), sequence=60)
    sighting = Sighting(document(1), original=True)
    elsewhere = Clerk(quick.clerk().officer, OTHER_BUREAU)
    for clerk in (quick.clerk("drafter"), elsewhere):
        with pytest.raises(NotPermittedError):
            quick.enrolments.start(clerk, sighting, WANTED, at=AT)
    enrolment = quick.start()
    clerk = quick.clerk()
    quick.staff.appointments.leave(CLERK, at=AT)
    over = AT + timedelta(days=30)
    with pytest.raises(EnrolmentOverError):
        quick.enrolments.prove_code(enrolment.case.id, clerk, code_of(enrolment), at=over)


def appoint_to_seal(desk: CounterOfTests, account: str) -> None:
    record = OfficerRecord(account, "chen.yi", "陈一", document(1))
    desk.staff.appointments.appoint(record, [held(Post.SEALING)], at=AT)


def test_no_clerk_binds_a_factor_to_the_account_of_an_officer(quick: CounterOfTests) -> None:
    appoint_to_seal(quick, quick.settle())
    with pytest.raises(OfficersAccountError):
        quick.start()
    assert quick.all_records() == ()


def test_nor_of_one_who_became_an_officer_meanwhile(quick: CounterOfTests) -> None:
    account = quick.settle()
    enrolment = quick.start()
    appoint_to_seal(quick, account)
    with pytest.raises(OfficersAccountError):
        prove(quick, enrolment)
    assert quick.accounts.kinds(account) == []


def test_an_officers_factor_is_bound_by_the_security_administration(quick: CounterOfTests) -> None:
    account = quick.settle()
    appoint_to_seal(quick, account)
    posts = held(Post.ACCEPTANCE), held(Post.SECURITY_ADMINISTRATION)
    quick.staff.appoint(CLERK, *posts, sequence=50, at=AT)
    prove(quick, quick.start())
    assert quick.accounts.kinds(account) == ["otp"]


def test_a_post_that_ends_meanwhile_ends_the_enrolment(quick: CounterOfTests) -> None:
    account = quick.settle()
    midnight = datetime(2026, 11, 20, 16, tzinfo=AT.tzinfo)
    last_day = held(Post.ACCEPTANCE, until=midnight.date())
    quick.staff.appoint(CLERK, last_day, sequence=50)
    before, after = midnight - timedelta(minutes=2), midnight + timedelta(minutes=2)
    clerk = quick.clerk(at=before)
    enrolment = quick.start(at=before)
    for call in (
        lambda: quick.enrolments.get(enrolment.case.id, clerk, at=after),
        lambda: quick.enrolments.prove_code(
            enrolment.case.id, clerk, code_of(enrolment, after), at=after
        ),
    ):
        with pytest.raises(NotPermittedError):
            call()
    assert quick.accounts.kinds(account) == []


def test_nobody_enrols_himself(quick: CounterOfTests) -> None:
    account = quick.settle()
    quick.staff.appoint(account, held(Post.ACCEPTANCE), sequence=70)
    with pytest.raises(NotPermittedError):
        quick.start(clerk=account)


def test_for_whom_nothing_is_enrolled(quick: CounterOfTests) -> None:
    with pytest.raises(UnknownPersonError):
        quick.enrolments.start(quick.clerk(), Sighting(no_document(), original=True), WANTED, at=AT)
    account = quick.settle()
    quick.accounts.set_enabled(account, enabled=False)
    with pytest.raises(AccountShutError):
        quick.start()


def test_the_dead_do_not_come_to_counters(quick: CounterOfTests) -> None:
    living = next(person for person in quick.bases.people if person.documents[0].type == "111")
    number = living.documents[0]
    account = quick.settle()
    person = quick.subjects.of_account(account, at=AT)
    assert person is not None
    quick.subjects.add_document(person.id, number, at=AT)
    living.state = PersonState.DECEASED
    living.documents.append(document(1))
    with pytest.raises(PersonEndedError):
        quick.start()


def test_old_factors_stay_unless_the_clerk_chose_otherwise(desk: CounterOfTests) -> None:
    account = desk.settle()
    desk.accounts.set_password(account, "Secret-1", temporary=False)
    for kind in ("otp", "webauthn", "webauthn-passwordless", "recovery-authn-codes"):
        desk.accounts.hold(account, kind, label=kind)
    prove(desk, desk.start())
    assert len(desk.accounts.kinds(account)) == 5
    assert desk.accounts.signed_out == []
    second = desk.start(replaces=True)
    prove(desk, second)
    assert desk.accounts.kinds(account) == ["otp"]
    assert account in desk.accounts.passwords
    assert desk.accounts.signed_out == [account]
    assert desk.acts(second).count(OLD_REMOVED) == 5


Registers = Callable[[bytes], Registration]


def prove_passkey(desk: CounterOfTests, enrolment: Enrolment, make: Registers) -> None:
    assert enrolment.ceremony is not None
    answer = make(enrolment.ceremony.challenge).answer
    desk.enrolments.prove_passkey(enrolment.case.id, desk.clerk(), answer, at=AT)


def test_a_passkey_is_bound(desk: CounterOfTests) -> None:
    account = desk.settle()
    enrolment = desk.start(FactorKind.PASSKEY)
    kept = desk.enrolments.get(enrolment.case.id, desk.clerk(), at=AT)
    assert kept == enrolment
    prove_passkey(desk, kept, Registration)
    assert desk.accounts.kinds(account) == ["webauthn-passwordless"]
    assert desk.acts(enrolment) == [STARTED, BINDING, CounterAct.PASSKEY_BOUND, LEVEL_RAISED]
    with pytest.raises(EnrolmentOverError):
        prove_passkey(desk, kept, Registration)


def test_a_passkey_that_is_none_ends_it(desk: CounterOfTests) -> None:
    account = desk.settle()
    enrolment = desk.start(FactorKind.PASSKEY)
    with pytest.raises(InvalidPasskeyError):
        prove_passkey(desk, enrolment, lambda _: Registration(b"replayed" * 4))
    with pytest.raises(EnrolmentOverError):
        prove_passkey(desk, enrolment, Registration)
    assert desk.accounts.kinds(account) == []
    assert desk.acts(enrolment) == [STARTED, REFUSED]
    assert desk.all_records()[0].detail == "wrong_challenge"


def test_a_code_proves_no_passkey_and_a_passkey_no_code(quick: CounterOfTests) -> None:
    quick.settle()
    passkey = quick.start(FactorKind.PASSKEY)
    with pytest.raises(EnrolmentOverError):
        quick.enrolments.prove_code(passkey.case.id, quick.clerk(), "123456", at=AT)
    code = quick.start()
    with pytest.raises(EnrolmentOverError):
        quick.enrolments.prove_passkey(code.case.id, quick.clerk(), {}, at=AT)


@pytest.mark.parametrize("lost_answer", [False, True])
@pytest.mark.parametrize("calls", range(4))
def test_a_realm_that_goes_away_leaves_a_record_and_nothing_open(
    quick: CounterOfTests, calls: int, *, lost_answer: bool
) -> None:
    account = quick.settle()
    quick.accounts.hold(account, "otp")
    enrolment = quick.start(replaces=True)
    quick.accounts.calls_left, quick.accounts.lost_answer = calls, lost_answer
    done = calls > 3 or (calls == 3 and not lost_answer)
    if done:
        prove(quick, enrolment)
    else:
        with pytest.raises(ProviderUnavailableError):
            prove(quick, enrolment)
        assert quick.acts(enrolment)[-1] is FAILED
    quick.accounts.calls_left = None
    with pytest.raises(EnrolmentOverError):
        prove(quick, enrolment)
    with quick.staff.transactions.reading() as connection:
        assert connection.execute(select(counter_enrolments)).all() == []


def test_secrets_are_kept_encrypted_and_only_as_long_as_needed(desk: CounterOfTests) -> None:
    desk.settle()
    enrolment = desk.start()
    assert enrolment.secret is not None
    with desk.staff.transactions.reading() as connection:
        kept = repr(connection.execute(select(counter_enrolments)).all())
        acts = repr(connection.execute(select(counter_acts)).all())
    for text in (enrolment.secret.text, enrolment.secret.base32, document(1).number, "陈一"):
        assert text not in kept + acts + repr(enrolment)
    desk.enrolments.cancel(enrolment.case.id, desk.clerk(), at=AT)
    with desk.staff.transactions.reading() as connection:
        assert connection.execute(select(counter_enrolments)).all() == []


def test_acts_only_grow(desk: CounterOfTests) -> None:
    desk.settle()
    desk.start()
    for statement in (
        update(counter_acts).values(clerk="somebody else"),
        delete(counter_acts),
    ):
        with pytest.raises(REFUSED_BY_DATABASE), desk.staff.transactions() as connection:
            connection.execute(statement)
    assert len(desk.all_records()) == 1
