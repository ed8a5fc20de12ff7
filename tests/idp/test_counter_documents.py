"""Further documents at the counter: the person stays, and nobody gets another's document."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulators.counter import AT, CLERK, CounterOfTests, new_counter, no_document
from simulators.officers import document, held, sqlite_address

from idp.appointments import OfficerRecord
from idp.counter import (
    AccountAlarmedError,
    AccountShutError,
    DocumentReplacedError,
    OfficersAccountError,
)
from idp.counter_acts import CounterAct, CounterCase
from idp.counter_documents import CounterDocuments
from idp.documents import DocumentType, IdentityDocument, InvalidDocumentError
from idp.errors import DocumentHeldError, NotPermittedError, UnknownPersonError
from idp.levels import IdentityLevel
from idp.names import NamedPerson, PersonName
from idp.officers import Post
from idp.persons import LevelMeans, NaturalPerson
from idp.realm.records import NewUser

PASSPORT = IdentityDocument.parse("414", "E99999901")
NEW_PASSPORT = IdentityDocument.parse("414", "E99999902")
OF_COMPANY = IdentityDocument.parse("001", "11999901MB10000293")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[CounterOfTests]:
    with new_counter(sqlite_address(tmp_path)) as desk:
        yield desk


def add(
    desk: CounterOfTests,
    new: IdentityDocument = PASSPORT,
    *,
    known: IdentityDocument | None = None,
    clerk: str = CLERK,
    replaces: bool = False,
) -> CounterCase:
    return CounterDocuments(desk.parts, desk.counter).add(
        desk.clerk(clerk), known or document(1), new, replaces=replaces, at=AT
    )


def person_of(desk: CounterOfTests, account: str) -> NaturalPerson:
    person = desk.subjects.of_account(account, at=AT)
    assert person is not None
    return person


def test_either_document_leads_to_the_same_person(desk: CounterOfTests) -> None:
    account = desk.settle()
    before = person_of(desk, account)
    case = add(desk)
    for shown in (document(1), PASSPORT):
        found = desk.counter.find(shown, at=AT)
        assert found is not None
        assert found.account == account
    after = person_of(desk, account)
    assert (after.id, after.document) == (before.id, document(1))
    assert after.identity_level is IdentityLevel.ORIGINAL
    step = desk.subjects.level_history(after.id)[-1]
    assert (step.means, step.by) == (LevelMeans.COUNTER_ORIGINAL, CLERK)
    records = desk.records.of_case(case.id, clerk=CLERK)
    assert [kept.act for kept in records] == [CounterAct.LEVEL_RAISED, CounterAct.DOCUMENT_ADDED]
    for kept in records:
        assert (kept.case.account, kept.case.document_type) == (account, DocumentType.PASSPORT)
        assert kept.case.original_seen
    assert desk.told == [AT]


def test_a_replaced_document_keeps_person_and_account(desk: CounterOfTests) -> None:
    account = desk.settle()
    add(desk)
    before = person_of(desk, account)
    case = add(desk, NEW_PASSPORT, known=PASSPORT, replaces=True)
    after = person_of(desk, account)
    assert after.id == before.id
    assert {held.document for held in after.documents} == {document(1), PASSPORT, NEW_PASSPORT}
    by_old = desk.subjects.find(PASSPORT)  # what was issued under it stays his
    assert by_old is not None
    assert by_old.id == before.id
    found = desk.counter.find(NEW_PASSPORT, at=AT)
    assert found is not None
    assert found.account == account
    with pytest.raises(DocumentReplacedError):
        desk.counter.find(PASSPORT, at=AT)
    assert desk.records.of_case(case.id, clerk=CLERK)[-1].act is CounterAct.DOCUMENT_REPLACED
    known = len(desk.all_records())
    for replaces in (False, True):  # it does not come back
        with pytest.raises(DocumentReplacedError):
            add(desk, PASSPORT, replaces=replaces)
    with pytest.raises(DocumentReplacedError):
        add(desk, PASSPORT, known=PASSPORT)
    assert len(desk.all_records()) == known


def test_the_same_document_seen_again_is_one_document(desk: CounterOfTests) -> None:
    account = desk.settle()
    add(desk)
    add(desk)
    assert len(person_of(desk, account).documents) == 2
    add(desk, replaces=True)  # it was in the other one's place from the beginning
    assert person_of(desk, account).document == PASSPORT


def test_a_document_of_another_is_refused(desk: CounterOfTests) -> None:
    desk.settle()
    desk.settle("li.er", 2, name="李二")
    named = NamedPerson(PersonName.parse("王三"), document(3))
    desk.subjects.register(named, account=None, means=LevelMeans.NAMED, at=AT)
    record = OfficerRecord("zhao", "zhao.si", "赵四", document(4))
    desk.staff.appointments.appoint(record, [held(Post.SEALING)], at=AT)
    for replaces in (False, True):
        for sequence in (2, 3, 4):
            with pytest.raises(DocumentHeldError):
                add(desk, document(sequence), replaces=replaces)
    with pytest.raises(DocumentHeldError):
        add(desk, document(1), replaces=True)
    with pytest.raises(InvalidDocumentError):
        add(desk, OF_COMPANY)
    with pytest.raises(UnknownPersonError):
        add(desk, known=no_document())
    assert desk.all_records() == ()


def test_a_shut_account_gets_none(desk: CounterOfTests) -> None:
    account = desk.settle()
    desk.accounts.set_enabled(account, enabled=False)
    with pytest.raises(AccountShutError):
        add(desk)
    desk.parts.alarms.report(account, None, at=AT)
    with pytest.raises(AccountAlarmedError):
        add(desk)
    assert desk.all_records() == ()


def test_only_a_clerk_records_and_not_for_himself(desk: CounterOfTests) -> None:
    account = desk.settle()
    desk.staff.appoint("drafter", held(Post.DRAFTING), sequence=60)
    desk.staff.appoint(account, held(Post.ACCEPTANCE), sequence=70)
    for clerk in ("drafter", account):
        with pytest.raises(NotPermittedError):
            add(desk, clerk=clerk)
    with pytest.raises(OfficersAccountError):
        add(desk)
    assert desk.all_records() == ()
    assert desk.subjects.find(PASSPORT) is None


def test_officers_come_to_the_security_administration(desk: CounterOfTests) -> None:
    account = desk.accounts.create_user(
        NewUser("han.yongyin", "韩用印", "111", document(8).number, IdentityLevel.REGISTERED)
    )
    record = OfficerRecord(account, "han.yongyin", "韩用印", document(8))
    desk.staff.appointments.appoint(record, [held(Post.SEALING)], at=AT)
    both = held(Post.ACCEPTANCE), held(Post.SECURITY_ADMINISTRATION)
    desk.staff.appoint("security", *both, sequence=60)
    with pytest.raises(OfficersAccountError):
        add(desk, known=document(8))
    add(desk, known=document(8), clerk="security")  # who was not seen before is now
    person = person_of(desk, account)
    assert {held.document for held in person.documents} == {document(8), PASSPORT}
