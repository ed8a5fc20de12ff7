"""A relative at the counter: both documents seen, by matters and period, recorded, recalled."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
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
from idp.errors import BaseUnavailableError
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.mandates import Grounds, Mandate, Standing
from idp.names import NamedPerson, PersonName
from idp.officers import Post
from idp.persons import LevelMeans
from idp.realm.admin import RealmAdmin
from idp.realm.records import NewUser

PAGE = "/office/counter/mandates"
CLERK, OTHER_CLERK, DRAFTER = "clerk", "other-clerk", "drafter"
CHEN, LI = ("陈样例", "11999919570312004X"), ("李示例", "119999199311110027")
MATTER = "000131168001"
TYPED = {
    "principal_name": CHEN[0],
    "principal_document_number": CHEN[1],
    "relative_name": LI[0],
    "relative_document_number": LI[1],
    "scope": "some",
    "matters": MATTER,
    "since": "2027-03-01",
    "until": "2027-05-31",
    "seen": "yes",
}


@dataclass(slots=True)
class Hall:
    """An office with clerks, and a realm in memory."""

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

    def settle(self, person: tuple[str, str], username: str) -> str:
        """Give somebody an account."""
        name, number = person
        account = self.accounts.create_user(
            NewUser(username, name, "111", number, IdentityLevel.REGISTERED)
        )
        self.register(person, account)
        return account

    def register(self, person: tuple[str, str], account: str) -> None:
        named = NamedPerson(PersonName.parse(person[0]), IdentityDocument.parse("111", person[1]))
        identity_of(self.services).people.subjects.register(
            named, account=account, means=LevelMeans.BASE_MATCH, at=self.services.clock()
        )

    def mandate(self, answer: httpx.Response) -> Mandate:
        assert answer.status_code == 303, texts(answer.text)
        mandate_id = answer.headers["location"].rpartition("/")[2]
        return identity_of(self.services).people.mandates.get(mandate_id)

    def records(self) -> list[tuple[CounterAct, str, str, str]]:
        """Return act, clerk, account and detail, the first one first."""
        records = CounterRecords(identity_of(self.services).transactions).of_authorities(
            [BUREAU], most=100
        )
        return [(r.act, r.case.clerk, r.case.account, r.detail) for r in reversed(records)]


@contextmanager
def open_hall(folder: Path) -> Iterator[Hall]:
    with open_desk_office(folder / "office") as office:
        accounts = AccountsInMemory()
        made = accounts.create_user(
            NewUser("chen.yangli", CHEN[0], "111", CHEN[1], IdentityLevel.ORIGINAL)
        )
        accounts.users[CITIZEN] = replace(accounts.users.pop(made), account=CITIZEN)
        identity = replace(identity_of(office.services), admin=cast("RealmAdmin", accounts))
        services = replace(office.services, identity=identity)
        staff = open_staff(identity.transactions, identity.personal_data)
        day_before = services.clock() - timedelta(days=1)
        for sequence, account in enumerate((CLERK, OTHER_CLERK), 50):
            staff.appoint(account, held(Post.ACCEPTANCE), sequence=sequence, at=day_before)
        staff.appoint(DRAFTER, held(Post.DRAFTING), sequence=60, at=day_before)
        yield Hall(Desks(services, create_app(services, rate_limited=False)), accounts)


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    with open_hall(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def untouched_hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """One for all who register nothing there: to open one takes half a second."""
    with open_hall(tmp_path_factory.mktemp("relatives")) as opened:
        yield opened


def fill_in(clerk: Browser, **changes: str) -> httpx.Response:
    return clerk.post(PAGE, {**fields_in(clerk.page(PAGE), action=PAGE), **TYPED, **changes})


def test_a_relative_may_act_at_once_and_it_is_recorded(hall: Hall) -> None:
    li = hall.settle(LI, "li.shili")
    clerk = hall.come()
    assert PAGE in clerk.page("/office/counter")
    answer = fill_in(clerk)
    mandate = hall.mandate(answer)
    people, at = identity_of(hall.services).people, hall.services.clock()
    assert mandate.grounds is Grounds.AT_COUNTER
    assert mandate.standing(at) is Standing.IN_FORCE
    assert (mandate.principal_name, mandate.actor_name) == (CHEN[0], LI[0])
    assert mandate.matters.codes == (MATTER,)
    assert mandate.content.granted_by == f"clerk:{CLERK}"
    assert not mandate.transferable
    relative = people.subjects.get(mandate.actor)
    assert (relative.account, relative.identity_level) == (li, IdentityLevel.ORIGINAL)
    assert [held.id for held in people.mandates.of_actor(relative.id)] == [mandate.id]
    chen = people.subjects.get(mandate.principal.id)
    assert hall.records() == [
        (CounterAct.MANDATE_GRANTED, CLERK, CITIZEN, mandate.id),
        (CounterAct.MANDATE_GRANTED, CLERK, li, mandate.id),
        (CounterAct.LEVEL_RAISED, CLERK, li, "L4"),
    ]
    page = texts(clerk.page(answer.headers["location"]))
    assert CHEN[0] in page
    assert LI[0] in page
    assert "2027-03-01 至 2027-05-31" in page
    assert CHEN[1] not in page
    assert hall.come(OTHER_CLERK).get(answer.headers["location"]).status_code == 404
    recalled = people.representation.recall(mandate.id, chen, at=at)
    assert recalled.standing(at) is Standing.RECALLED


def test_neither_needs_an_account(hall: Hall) -> None:
    clerk = hall.come()
    wang = "王示例", "119999197503080011"
    typed = {"principal_name": wang[0], "principal_document_number": wang[1], "scope": "all"}
    mandate = hall.mandate(fill_in(clerk, **typed, matters=""))
    assert mandate.matters.codes is None
    assert [record[2:] for record in hall.records()] == [
        ("", mandate.id),
        ("", mandate.id),
        ("", "L4"),
    ]


@pytest.mark.parametrize(
    ("field", "typed", "at_field", "words"),
    [
        ("principal_name", "", "principal_name", "请填写姓名"),
        ("principal_document_number", "119", "principal_document_number", "长度或字符不对"),
        ("relative_name", "李示", "relative_name", "姓名与证件号码不符"),
        ("principal_name", "陈示", "principal_name", "姓名与证件号码不符"),
        ("relative_document_type", "001", "relative_document_number", "校验位不对"),
        ("scope", "", "matters", "请选择“所有事项”"),
        ("matters", "x", "matters", "请选择“所有事项”"),
        ("since", "", "since", "请填写日期"),
        ("since", "2027-02-20", "since", "第一天已经过去"),
        ("until", "2027-06-03", "until", "期限过长"),
        ("until", "9999-12-31", "until", "请填写日期"),
        ("seen", "", "seen", "核对双方证件原件"),
        ("authority", OTHER_BUREAU, "authority", "请选择您有受理岗位的机关"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    untouched_hall: Hall, field: str, typed: str, at_field: str, words: str
) -> None:
    answer = fill_in(untouched_hall.come(), **{field: typed})
    assert answer.status_code == 422
    assert f'href="#{at_field}"' in answer.text
    assert words in texts(answer.text)
    others = {name: value for name, value in TYPED.items() if name not in {field, "seen"}}
    assert others.items() <= fields_in(answer.text, action=PAGE).items() | {("scope", "some")}
    assert untouched_hall.records() == []


def test_nobody_is_his_own_relative(hall: Hall) -> None:
    answer = fill_in(hall.come(), relative_name=CHEN[0], relative_document_number=CHEN[1])
    assert answer.status_code == 422
    assert "双方是同一个人" in texts(answer.text)


def test_a_clerk_is_none_of_the_two(hall: Hall) -> None:
    clerk = hall.come()
    user = hall.accounts.users.pop(hall.settle(LI, "li.shili"))
    hall.accounts.users[CLERK] = replace(user, account=CLERK)
    people = identity_of(hall.services).people
    li = people.subjects.find(IdentityDocument.parse("111", LI[1]))
    assert li is not None
    people.subjects.move_account(li.id, CLERK, at=hall.services.clock())
    turned = {
        "principal_name": LI[0],
        "principal_document_number": LI[1],
        "relative_name": CHEN[0],
        "relative_document_number": CHEN[1],
    }
    for changes in ({}, turned):
        answer = fill_in(clerk, **changes)
        assert answer.status_code == 422
        assert "不能为自己办理" in texts(answer.text)
    other = hall.come(OTHER_CLERK)
    refused = fill_in(other)  # an officer's level is not raised by just any clerk
    assert "须由安全管理员" in texts(refused.text)
    assert hall.records() == []


def test_a_shut_account_and_a_base_that_is_away_are_said(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall.accounts.users[CITIZEN] = replace(hall.accounts.users[CITIZEN], enabled=False)
    answer = fill_in(hall.come())
    assert answer.status_code == 422
    assert 'href="#principal_document_number"' in answer.text
    assert "此账号已停用" in texts(answer.text)
    hall.accounts.users[CITIZEN] = replace(hall.accounts.users[CITIZEN], enabled=True)

    def away(*_: object, **__: object) -> None:
        raise BaseUnavailableError

    representation = identity_of(hall.services).people.representation
    monkeypatch.setattr(type(representation), "grant_at_counter", away)
    answer = fill_in(hall.come())
    assert answer.status_code == 503
    assert "人口库暂时没有应答" in texts(answer.text)


def test_only_clerks_with_two_factors_come_here(hall: Hall) -> None:
    assert hall.come(DRAFTER).get(PAGE).status_code == 403
    assert hall.come(DRAFTER).post(PAGE, TYPED).status_code == 403
    weak = hall.come(level=AuthenticationLevel.PASSWORD)
    assert weak.get(PAGE).status_code != 200
    clerk = hall.come()
    forged = clerk.http.post(PAGE, data=TYPED, headers={"Origin": clerk.origin})
    assert forged.status_code == 403
    assert clerk.get(f"{PAGE}/nothing").status_code == 404


def test_the_page_is_in_english_too(hall: Hall) -> None:
    clerk = hall.come()
    page = texts(clerk.http.get(PAGE, headers=ENGLISH).text)
    assert "Let a relative act" in page
    assert "93 days at most" in page
    answer = fill_in(clerk)
    assert "Registered" in texts(clerk.http.get(answer.headers["location"], headers=ENGLISH).text)
