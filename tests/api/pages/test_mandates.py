"""Naming an agent, authorising somebody, accepting, recalling: on the pages."""

import re
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from simulators.acting import FOOD, MATTER, Player, Stage, open_stage
from simulators.people import RealmThatFails
from simulators.web import ENGLISH, ServedOffice

from api.pages import mandates
from idp.mandates import OFFER_LASTS

NEW = "/me/mandates/new"


@pytest.fixture(scope="module")
def open_one(office: ServedOffice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(office.copy_to(tmp_path_factory.mktemp("mandates") / "data")) as stage:
        yield stage


@pytest.fixture
def stage(open_one: Stage) -> Stage:
    open_one.begin_anew()
    return open_one


def fields(stage: Stage, who: str, **changes: str) -> dict[str, str]:
    """Return what is typed to name somebody of the bases."""
    document = stage.bases.person(who).documents[0]
    today = stage.scene.clock.at.date()
    return {
        "name": who,
        "document_type": document.type.value,
        "document_number": document.number,
        "scope": "some",
        "matters": MATTER,
        "since": today.isoformat(),
        "until": (today + timedelta(days=30)).isoformat(),
    } | changes


def fill_in(player: Player, **typed: str) -> httpx.Response:
    """Open the form, fill it in and send it."""
    page = player.go(NEW)
    assert page.status_code == 200
    # The check box that nobody ticked sends nothing.
    return player.press(page, NEW, **({"transferable": ""} | typed))


def acts(page: httpx.Response) -> list[tuple[str, str]]:
    """Return what the page offers to do about which mandate."""
    return re.findall(r'action="/me/mandates/([0-9a-f]{32})/([a-z]+)"', page.text)


@pytest.fixture
def offer(stage: Stage) -> str:
    """Return the mandate that 王示例 offers 李示例 for his company."""
    wang = stage.enter("王示例", FOOD)
    wang.choose(f"company:{FOOD}")
    page = fill_in(wang, **fields(stage, "李示例"))
    assert page.status_code == 200, page.text
    ((mandate_id, act),) = acts(page)
    assert act == "recall"
    return mandate_id


def test_an_agent_is_named_accepts_acts_and_is_recalled(stage: Stage, offer: str) -> None:
    li = stage.enter("李示例", FOOD, level="L2")
    page = li.go("/me/mandates")
    assert acts(page) == [(offer, "accept"), (offer, "decline")]
    assert "待接受" in page.text
    assert MATTER in page.text
    page = li.press(page, f"/me/mandates/{offer}/accept")
    assert acts(page) == [(offer, "renounce")]
    realm = RealmThatFails()
    at = stage.scene.clock.at
    stage.people.realm_changes.catch_up(realm, at=at)
    assert (FOOD.lower(), li.account) in realm.members
    li.choose(f"mandate:{offer}")
    assert FOOD in li.http.get("/me").text
    # An agent names nobody.
    assert "不能由您再授权" in li.go(NEW).text
    wang = stage.enter("王示例", FOOD)
    wang.choose(f"mandate:{stage.people.mandates.get(offer).content.granted_under[0]}")  # type: ignore[index]
    page = wang.press(wang.go("/me/mandates"), f"/me/mandates/{offer}/recall")
    assert "已撤回" in page.text
    assert FOOD not in li.http.get("/me").text
    stage.people.realm_changes.catch_up(realm, at=at)
    assert ("end_session", f"sid-{li.account}") in realm.told
    assert (FOOD.lower(), li.account) not in realm.members


def test_power_is_given_with_two_factors(stage: Stage) -> None:
    su = stage.enter("苏小样", level="L4")
    begun = su.http.get(NEW)
    assert begun.status_code == 303
    assert "acr_values=al2" in begun.headers["location"]


def test_a_person_authorises_another_and_takes_it_back(stage: Stage) -> None:
    su = stage.enter("苏小样", level="L4")
    page = fill_in(su, **fields(stage, "李示例", scope="all", matters=""))
    ((mandate_id, act),) = acts(page)
    assert act == "recall"
    assert "所有事项" in page.text
    li = stage.enter("李示例", level="L2")
    page = li.press(li.go("/me/mandates"), f"/me/mandates/{mandate_id}/decline")
    assert "已谢绝" in page.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "请填写姓名"),
        ({"name": "李3"}, "姓名中有不能使用的字符"),
        ({"name": "李样例"}, "姓名与证件号码不符"),
        ({"document_number": "1"}, "长度或字符不对"),
        ({"document_number": "119999199311110028"}, "校验位不对"),
        ({"document_type": "001", "document_number": FOOD}, "请选择个人证件类型"),
        ({"document_type": "x"}, "请选择个人证件类型"),
        ({"scope": ""}, "请选择“所有事项”"),
        ({"matters": "1 2"}, "请选择“所有事项”"),
        ({"matters": ""}, "请选择“所有事项”"),
        ({"since": "x"}, "请填写日期"),
        ({"until": "2027-02-30"}, "请填写日期"),
        ({"until": "2020-01-01"}, "最后一天不能早于第一天"),
        ({"since": "2020-01-01"}, "第一天已经过去"),
        ({"until": "2031-01-01"}, "期限过长"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    stage: Stage, changes: dict[str, str], said: str
) -> None:
    su = stage.enter("苏小样", level="L4")
    typed = fields(stage, "李示例", **changes)
    answer = fill_in(su, **typed)
    assert answer.status_code == 422
    assert answer.text.count(said) >= 1
    for name in ("name", "document_number", "since", "until"):
        assert f'value="{typed[name]}"' in answer.text or not typed[name]
    assert not acts(su.go("/me/mandates"))


def test_nobody_finds_out_whose_number_is_whose_by_trying(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = type(mandates._wrong)(burst=2, per_second=0)
    monkeypatch.setattr(mandates, "_wrong", few)
    su = stage.enter("苏小样", level="L4")
    assert fill_in(su, **fields(stage, "李示例")).status_code == 200, "what is right counts not"
    guess = fields(stage, "李示例", name="李样例", until="2020-01-01")
    for _ in range(2):
        assert "姓名与证件号码不符" in fill_in(su, **guess).text
    for typed in (guess, fields(stage, "李示例", until="2020-01-01"), fields(stage, "李示例")):
        answer = fill_in(su, **typed)
        assert answer.status_code == 422
        assert "今天尝试的次数太多" in answer.text
        assert "姓名与证件号码不符" not in answer.text


def test_whom_one_switched_to_in_another_tab_is_not_bound(stage: Stage) -> None:
    wang = stage.enter("王示例", FOOD)
    page = wang.go(NEW)  # for himself
    wang.choose(f"company:{FOOD}")
    answer = wang.press(page, NEW, **({"transferable": ""} | fields(stage, "李示例")))
    assert answer.status_code == 422
    assert "切换了身份" in answer.text


def test_a_mandate_of_others_is_nobodys_affair(stage: Stage, offer: str) -> None:
    su = stage.enter("苏小样", level="L4")
    page = fill_in(su, **fields(stage, "陈样例"))
    ((own, _),) = acts(page)
    for act, code in (("accept", 404), ("decline", 404), ("renounce", 404), ("recall", 403)):
        answer = su.send(page, f"/me/mandates/{own}/recall")
        assert answer.status_code in {303, 409}
        forged = su.http.post(
            f"/me/mandates/{offer}/{act}",
            data={"csrf_token": csrf_of(page)},
            headers={"Origin": "https://zhengzhao.example"},
        )
        assert forged.status_code == code
    unknown = su.http.post(
        f"/me/mandates/{offer}/delete",
        data={"csrf_token": csrf_of(page)},
        headers={"Origin": "https://zhengzhao.example"},
    )
    assert unknown.status_code == 403
    assert su.http.post(f"/me/mandates/{own}/recall").status_code == 403


def csrf_of(page: httpx.Response) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


@pytest.mark.usefixtures("offer")
def test_an_offer_that_lapsed_is_not_accepted(stage: Stage) -> None:
    stage.scene.pass_by(OFFER_LASTS)
    li = stage.enter("李示例", FOOD, level="L2")
    page = li.go("/me/mandates")
    assert not acts(page)
    assert "逾期未接受" in page.text or "已到期" in page.text


@pytest.mark.usefixtures("offer")
def test_the_pages_are_in_english_too(stage: Stage) -> None:
    li = stage.enter("李示例", FOOD, level="L2")
    page = li.http.get("/me/mandates", headers=ENGLISH)
    for words in ("Mandates you received", "Waiting to be accepted", "Accept", MATTER):
        assert words in page.text


def test_where_nobody_knows_the_person_the_check_is_shown(stage: Stage) -> None:
    su = stage.enter("苏小样", level="L0", with_document=False)
    assert "/me/identity" in su.go("/me/mandates").text
    assert su.go(NEW).status_code == 200
