"""A further document at the counter: found by one already known, recorded, refused."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

import httpx
import pytest
from simulators.accounts import AccountsInMemory
from simulators.desk_office import CITIZEN, Browser, Desks, fields_in, open_desk_office, texts
from simulators.officers import BUREAU, OTHER_BUREAU, held, open_staff
from simulators.signed_in import identity_of, sign_in
from simulators.web import ENGLISH

from api.app import create_app
from api.wiring import Services
from idp.counter_acts import CounterAct, CounterRecords
from idp.documents import IdentityDocument
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.names import NamedPerson, PersonName
from idp.officers import Post
from idp.persons import LevelMeans, NaturalPerson
from idp.realm.admin import RealmAdmin
from idp.realm.records import NewUser

PAGE, NEW = "/office/counter/documents", "/office/counter/documents/new"
CLERK, DRAFTER = "clerk", "drafter"
CHEN, LI = ("陈样例", "11999919570312004X"), ("李示例", "119999199311110027")
KNOWN = {"document_type": "111", "document_number": CHEN[1], "seen": "copy"}
PASSPORT = IdentityDocument.parse("414", "E99999901")
TYPED = {"new_type": "414", "new_number": "e9999 9901", "replaces": "no", "new_seen": "yes"}


@dataclass(slots=True)
class Hall:
    """An office with a clerk, and a realm in memory that has one citizen."""

    desks: Desks
    accounts: AccountsInMemory

    @property
    def services(self) -> Services:
        return self.desks.services

    def come(
        self, account: str = CLERK, level: AuthenticationLevel = AuthenticationLevel.ONE_TIME_CODE
    ) -> Browser:
        browser = self.desks.browser(account)
        session = sign_in(
            browser.http, self.services, account=account, level=level, session_id=f"sid-{level}"
        )
        return Browser(browser.http, session, browser.origin)

    def citizen(self) -> NaturalPerson:
        subjects = identity_of(self.services).people.subjects
        person = subjects.of_account(CITIZEN, at=self.services.clock())
        assert person is not None
        return person

    def acts(self) -> list[tuple[CounterAct, str, str]]:
        """Return act, clerk and account, the first one first."""
        records = CounterRecords(identity_of(self.services).transactions)
        kept = reversed(records.of_authorities([BUREAU], most=100))
        return [(one.act, one.case.clerk, one.case.account) for one in kept]


@pytest.fixture
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with open_desk_office(tmp_path_factory.mktemp("documents") / "office") as office:
        accounts = AccountsInMemory()
        made = accounts.create_user(
            NewUser("chen.yangli", CHEN[0], "111", CHEN[1], IdentityLevel.ORIGINAL)
        )
        accounts.users[CITIZEN] = replace(accounts.users.pop(made), account=CITIZEN)
        accounts.kept[CITIZEN] = accounts.kept.pop(made)
        identity = replace(identity_of(office.services), admin=cast("RealmAdmin", accounts))
        services = replace(office.services, identity=identity)
        staff = open_staff(identity.transactions, identity.personal_data)
        day_before = services.clock() - timedelta(days=1)
        staff.appoint(CLERK, held(Post.ACCEPTANCE), sequence=50, at=day_before)
        staff.appoint(DRAFTER, held(Post.DRAFTING), sequence=60, at=day_before)
        yield Hall(Desks(services, create_app(services, rate_limited=False)), accounts)


def open_form(clerk: Browser, **changes: str) -> httpx.Response:
    """Find the person by the known document, and press the button that is there for it."""
    page = clerk.post("/office/counter/person", {"authority": BUREAU, **KNOWN, **changes})
    return clerk.post(NEW, fields_in(page.text, action=NEW))


def fill_in(clerk: Browser, **changes: str) -> httpx.Response:
    return clerk.post(PAGE, {**fields_in(open_form(clerk).text, action=PAGE), **TYPED, **changes})


def test_a_clerk_records_a_further_document(hall: Hall) -> None:
    clerk, before = hall.come(), hall.citizen()
    form = open_form(clerk)
    assert form.status_code == 200
    assert CHEN[0] in texts(form.text)
    assert CHEN[1] not in texts(form.text)
    answer = fill_in(clerk)
    assert answer.status_code == 303, texts(answer.text)
    assert PASSPORT.number not in answer.headers["location"]
    done = texts(clerk.page(answer.headers["location"]))
    assert "已登记这一证件" in done
    assert "登记另一证件" in done
    assert "普通护照" in done
    after = hall.citizen()
    assert after.id == before.id
    assert [one.document for one in after.documents if one.document == PASSPORT] == [PASSPORT]
    assert hall.acts() == [
        (CounterAct.LEVEL_RAISED, CLERK, CITIZEN),
        (CounterAct.DOCUMENT_ADDED, CLERK, CITIZEN),
    ]
    by_passport = {"document_type": "414", "document_number": PASSPORT.number}
    assert CHEN[0] in texts(open_form(clerk, **by_passport).text)


def test_a_replaced_document_keeps_person_account_and_certificates(hall: Hall) -> None:
    clerk, before = hall.come(), hall.citizen()
    citizen = hall.desks.browser(CITIZEN)
    assert "普通护照" not in texts(citizen.page("/me/certificates"))
    answer = fill_in(clerk, replaces="yes")
    assert "原证件由它取代" in texts(clerk.page(answer.headers["location"]))
    after = hall.citizen()
    assert (after.id, after.account, after.document) == (before.id, CITIZEN, PASSPORT)
    assert {one.document.number for one in after.documents} == {CHEN[1], PASSPORT.number}
    assert hall.acts()[-1] == (CounterAct.DOCUMENT_REPLACED, CLERK, CITIZEN)
    both = texts(citizen.page("/me/certificates"))  # what was issued under either is his
    assert "公民身份号码" in both
    assert "普通护照" in both
    again = clerk.post("/office/counter/person", {"authority": BUREAU, **KNOWN})
    assert again.status_code == 422
    assert "已被新证件取代" in texts(again.text)


@pytest.mark.parametrize(
    ("field", "typed", "at_field", "words"),
    [
        ("new_type", "", "new_type", "请选择个人的证件类型"),
        ("new_type", "001", "new_type", "请选择个人的证件类型"),
        ("new_number", "?", "new_number", "号码与证件类型不符"),
        ("replaces", "", "replaces", "另有一件，还是取代"),
        ("new_seen", "", "new_seen", "核对本人和新证件原件"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    hall: Hall, field: str, typed: str, at_field: str, words: str
) -> None:
    whole = {"new_number": "11999901MB10000293"} if typed == "001" else {}
    answer = fill_in(hall.come(), **{**whole, field: typed})
    assert answer.status_code == 422
    assert f'href="#{at_field}"' in answer.text
    assert words in texts(answer.text)
    assert hall.acts() == []


def test_a_document_of_another_or_the_same_is_refused(hall: Hall) -> None:
    named = NamedPerson(PersonName.parse(LI[0]), IdentityDocument.parse("111", LI[1]))
    identity_of(hall.services).people.subjects.register(
        named, account=None, means=LevelMeans.NAMED, at=hall.services.clock()
    )
    for number, words in ((LI[1], "此证件属于另一人"), (CHEN[1], "这就是上列证件")):
        for replaces in ("no", "yes"):
            answer = fill_in(hall.come(), new_type="111", new_number=number, replaces=replaces)
            assert answer.status_code == 422
            assert 'href="#new_number"' in answer.text
            assert words in texts(answer.text)
    assert hall.acts() == []


def test_an_officer_and_the_clerk_himself_are_refused(hall: Hall) -> None:
    identity = identity_of(hall.services)
    staff = open_staff(identity.transactions, identity.personal_data)
    staff.appoint(CITIZEN, held(Post.ACCEPTANCE), sequence=70, at=hall.services.clock())
    assert "须由安全管理员" in texts(fill_in(hall.come()).text)
    assert "不能为自己办理" in texts(fill_in(hall.come(CITIZEN)).text)
    assert hall.acts() == []


def test_who_the_person_is_is_looked_at_anew(hall: Hall) -> None:
    clerk = hall.come()
    for path in (NEW, PAGE):
        nobody = clerk.post(path, {"authority": BUREAU, **KNOWN, "document_number": LI[1], **TYPED})
        assert nobody.status_code == 422
        assert "此证件尚无账号" in texts(nobody.text)
        elsewhere = clerk.post(path, {"authority": OTHER_BUREAU, **KNOWN, **TYPED})
        assert elsewhere.status_code == 422
    hall.accounts.users[CITIZEN] = replace(hall.accounts.users[CITIZEN], enabled=False)
    shut = clerk.post(PAGE, {"authority": BUREAU, **KNOWN, **TYPED})
    assert "此账号已停用" in texts(shut.text)
    assert hall.acts() == []


def test_only_clerks_with_two_factors_come_here(hall: Hall) -> None:
    fields = {"authority": BUREAU, **KNOWN, **TYPED}
    for path in (NEW, PAGE):
        assert hall.come(DRAFTER).post(path, fields).status_code == 403
        assert hall.come(level=AuthenticationLevel.PASSWORD).post(path, fields).status_code == 303
        clerk = hall.come()
        forged = clerk.http.post(path, data=fields, headers={"Origin": clerk.origin})
        assert forged.status_code == 403
    assert hall.acts() == []
    assert len(hall.citizen().documents) == 1


def test_the_pages_are_in_english_too(hall: Hall) -> None:
    clerk = hall.come()
    clerk.http.headers.update(ENGLISH)
    assert "Record another document" in texts(open_form(clerk).text)
    answer = fill_in(clerk)
    assert "The document is recorded" in texts(clerk.page(answer.headers["location"]))
