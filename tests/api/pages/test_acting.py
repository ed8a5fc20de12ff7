"""For whom somebody acts: chosen after the sign-in, switched without a password, refused."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from simulators.acting import FOOD, TRADE, Player, Stage, open_stage
from simulators.openid_provider import status
from simulators.web import ENGLISH, ServedOffice

from api.deps import CSRF_FIELD
from idp.sources import LegalState, PersonState
from idp.subjects import STATE_MAY_BE_OLD, STATE_MAY_BE_OLD_IN_OUTAGE


@pytest.fixture(scope="module")
def open_one(office: ServedOffice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(office.copy_to(tmp_path_factory.mktemp("acting") / "data")) as stage:
        yield stage


@pytest.fixture
def stage(open_one: Stage) -> Stage:
    open_one.begin_anew()
    return open_one


@pytest.fixture
def wang(stage: Stage) -> Player:
    return stage.enter("王示例", FOOD, TRADE)


def acting_line(player: Player) -> str:
    page = player.http.get("/me", headers=ENGLISH).text
    found = re.search(r'whoami__who">(.*?)</p>', page, re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


def test_a_company_is_chosen_and_shown_at_all_times(wang: Player) -> None:
    page = wang.go("/acting")
    for words in (FOOD, TRADE, "王示例（本人）"):
        assert words in page.text
    page = wang.choose(f"company:{FOOD}")
    assert str(page.url).endswith("/me")
    assert acting_line(wang) == f"王示例, acting for 示例市青禾区麦垄示例食品有限公司 {FOOD}"
    page = wang.choose(f"company:{TRADE}")
    assert TRADE in acting_line(wang)
    wang.choose("self")
    assert acting_line(wang) == "王示例, for yourself"


def test_the_provider_is_asked_silently_and_never_for_a_password(wang: Player) -> None:
    begun = wang.http.get("/acting")
    assert begun.status_code == 303
    asked = begun.headers["location"]
    assert "prompt=none" in asked
    assert "organization%3A%2A" in asked
    page = wang.step(begun)
    page = wang.follow(page)
    answer = wang.send(page, "/acting", choice=f"company:{FOOD}")
    assert "prompt=none" in answer.headers["location"]
    assert f"organization%3A{FOOD.lower()}" in answer.headers["location"]


def test_a_company_that_the_provider_does_not_name_is_refused(stage: Stage) -> None:
    wang = stage.enter("王示例", TRADE)
    page = wang.choose(f"company:{FOOD}")
    assert page.status_code == 403
    assert "没有确认您属于该单位" in page.text
    assert acting_line(wang) == "王示例, for yourself"


def test_another_code_under_the_alias_is_refused(wang: Player) -> None:
    page = wang.go("/acting")
    wang.scene.say(
        sub=wang.account,
        sid=f"sid-{wang.account}",
        identity_level="L3",
        organization={FOOD.lower(): {"uscc": [TRADE], "id": "x"}},
    )
    answer = wang.press(page, "/acting", choice=f"company:{FOOD}")
    assert answer.status_code == 403
    assert acting_line(wang) == "王示例, for yourself"


def test_a_sign_in_of_somebody_else_in_between_is_refused(stage: Stage, wang: Player) -> None:
    page = wang.go("/acting")
    answer = wang.send(page, "/acting", choice=f"company:{FOOD}")
    stage.scene.say(sub="another", sid="another", organization={FOOD.lower(): {"uscc": [FOOD]}})
    assert wang.follow(answer).status_code == 403
    wang.speak(FOOD)
    assert acting_line(wang) == "王示例, for yourself"


@pytest.mark.parametrize(
    ("choice", "code"),
    [
        ("company:91999901MA10000337", 403),  # 阿卜杜拉's
        ("company:91999901MA100005XR", 403),  # merged
        ("company:none", 404),
        ("mandate:" + "0" * 32, 404),
        ("ward:person-0", 403),
        ("boss:x", 422),
        ("", 422),
    ],
)
def test_what_was_never_offered_is_refused(wang: Player, choice: str, code: int) -> None:
    page = wang.go("/acting")
    assert wang.press(page, "/acting", choice=choice).status_code == code
    assert acting_line(wang) == "王示例, for yourself"


def test_a_successor_is_named(wang: Player) -> None:
    page = wang.go("/acting")
    answer = wang.press(page, "/acting", choice="company:91999901MA100005XR")
    assert FOOD in answer.text


def test_a_form_of_another_site_switches_nothing(wang: Player) -> None:
    page = wang.go("/acting")
    assert wang.send(page, "/acting", choice="self", **{CSRF_FIELD: "x"}).status_code == 403
    answer = wang.http.post("/acting", data={"choice": "self"})
    assert answer.status_code == 403


def test_who_was_not_seen_is_told_how_to_be(stage: Stage) -> None:
    wang = stage.enter("王示例", FOOD, level="L1")
    page = wang.go("/acting")
    answer = wang.press(page, "/acting", choice=f"company:{FOOD}")
    assert answer.status_code == 403
    assert "L3" in answer.text


def test_a_base_that_is_away_is_said_so(stage: Stage, wang: Player) -> None:
    stage.bases.away = True
    page = wang.go("/acting")
    assert "暂时没有回答" in page.text
    answer = wang.press(page, "/acting", choice=f"company:{FOOD}")
    assert answer.status_code == 503
    assert "不代表“否”" in answer.text


def test_a_provider_that_is_away_lets_one_go_back_to_oneself(stage: Stage, wang: Player) -> None:
    wang.choose(f"company:{FOOD}")
    page = wang.go("/acting")
    for path in ("/auth", "/token"):
        stage.scene.provider.misbehave(path, status(503))
    assert wang.press(page, "/acting", choice="self").status_code == 200
    assert acting_line(wang) == "王示例, for yourself"


def test_who_is_signed_out_at_the_provider_sees_no_circle(stage: Stage, wang: Player) -> None:
    stage.scene.provider.has_session = False
    page = wang.go("/acting")
    assert page.status_code == 200
    answer = wang.press(page, "/acting", choice=f"company:{FOOD}")
    assert answer.status_code == 403


def test_a_deregistered_company_ends_what_is_held(stage: Stage, wang: Player) -> None:
    wang.choose(f"company:{FOOD}")
    stage.bases.company(FOOD).state = LegalState.DEREGISTERED
    stage.scene.pass_by(STATE_MAY_BE_OLD + timedelta(minutes=1))
    at = stage.scene.clock.at
    assert stage.people.representation.reread(stage.people.choices.in_use(at=at), at=at) == 1
    assert acting_line(wang) == "王示例, for yourself"


def test_nobody_acts_for_another_while_a_base_is_silent_for_long(
    stage: Stage, wang: Player
) -> None:
    wang.choose(f"company:{FOOD}")
    stage.bases.away = True
    stage.scene.pass_by(2 * STATE_MAY_BE_OLD)
    assert FOOD in acting_line(wang)
    stage.scene.pass_by(STATE_MAY_BE_OLD_IN_OUTAGE - STATE_MAY_BE_OLD)
    wang.go("/me")
    assert acting_line(wang) == "王示例, for yourself"
    stage.bases.away = False
    stage.scene.pass_by(timedelta(minutes=1))
    assert FOOD in acting_line(wang), "nothing ended: it was only not known"


def test_a_guardian_acts_for_his_child(stage: Stage) -> None:
    su = stage.enter("苏小样", level="L4")
    page = su.go("/acting")
    found = re.search(r'value="(ward:[^"]+)"', page.text)
    assert found is not None
    su.choose(found[1])
    assert acting_line(su).startswith("苏小样, acting for 苏小小样 until 2036-05-31")


def test_the_dead_are_signed_out(stage: Stage) -> None:
    su = stage.enter("苏小样", level="L4")
    found = re.search(r'value="(ward:[^"]+)"', su.go("/acting").text)
    assert found is not None
    su.choose(found[1])
    stage.bases.person("苏小样").state = PersonState.DECEASED
    stage.scene.pass_by(STATE_MAY_BE_OLD + timedelta(minutes=1))
    at = stage.scene.clock.at
    stage.people.representation.reread(stage.people.choices.in_use(at=at), at=at)
    assert su.http.get("/me").status_code == 303


def test_whom_nobody_knows_is_led_to_the_check(stage: Stage) -> None:
    su = stage.enter("苏小样", level="L0", with_document=False)
    page = su.go("/acting")
    assert "/me/identity" in page.text
    assert su.press(page, "/acting", choice=f"company:{FOOD}").status_code == 403


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil"])
def test_nobody_is_led_elsewhere(wang: Player, elsewhere: str) -> None:
    page = wang.go(f"/acting?next={elsewhere}")
    answer = wang.send(page, "/acting", choice="self")
    assert answer.headers["location"] == "/"
    answer = wang.send(page, "/acting", choice="self", next=elsewhere)
    assert answer.headers["location"] == "/"
