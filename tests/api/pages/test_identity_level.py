"""How thoroughly somebody was checked: shown, explained, raised by a match with the base."""

from collections.abc import Iterator

import pytest
from simulators.acting import Player, Stage, open_stage
from simulators.web import ENGLISH, ServedOffice

from api.pages import identity_level
from idp.levels import IdentityLevel

MATCH = "/me/identity/match"


@pytest.fixture(scope="module")
def open_one(office: ServedOffice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(office.copy_to(tmp_path_factory.mktemp("level") / "data")) as stage:
        yield stage


@pytest.fixture
def stage(open_one: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    open_one.begin_anew()
    fresh = type(identity_level._tries)(identity_level.TRIES_AT_ONCE, 0)
    monkeypatch.setattr(identity_level, "_tries", fresh)
    return open_one


@pytest.fixture
def su(stage: Stage) -> Player:
    return stage.enter("苏小样", level="L0", with_document=False)


def typed(stage: Stage, name: str = "苏小样", **changes: str) -> dict[str, str]:
    document = stage.bases.person("苏小样").documents[0]
    known = {"document_type": document.type.value, "document_number": document.number}
    return {"name": name} | known | changes


def level_of(stage: Stage, player: Player) -> IdentityLevel | None:
    person = stage.people.subjects.of_account(player.account, at=stage.scene.clock.at)
    return None if person is None else person.identity_level


def test_a_match_raises_to_the_first_level(stage: Stage, su: Player) -> None:
    page = su.go("/me/identity")
    assert "核对姓名和证件号码" in page.text
    page = su.press(page, MATCH, **typed(stage))
    assert page.status_code == 200
    assert level_of(stage, su) is IdentityLevel.MATCHED
    assert "如何达到 L2" in page.text
    assert "姓名和号码与人口库一致" in page.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "苏大样"}, "姓名与证件号码不符"),
        ({"name": ""}, "请填写姓名"),
        ({"document_number": "119999198802290022"}, "校验位不对"),
        ({"document_type": "999", "document_number": "TEST-0001"}, "姓名与证件号码不符"),
    ],
    ids=str,
)
def test_what_does_not_match_keeps_nothing(
    stage: Stage, su: Player, changes: dict[str, str], said: str
) -> None:
    answer = su.press(su.go("/me/identity"), MATCH, **typed(stage, **changes))
    assert answer.status_code == 422
    assert said in answer.text
    assert level_of(stage, su) is None


def test_a_document_of_somebody_else_is_not_told(stage: Stage, su: Player) -> None:
    other = stage.enter("李示例", level="L0", with_document=False)
    other.press(other.go("/me/identity"), MATCH, **typed(stage))
    su.speak()
    answer = su.press(su.go("/me/identity"), MATCH, **typed(stage))
    assert answer.status_code == 422
    assert "姓名与证件号码不符" in answer.text


def test_nobody_guesses_for_long(stage: Stage, su: Player) -> None:
    page = su.go("/me/identity")
    for _ in range(identity_level.TRIES_AT_ONCE):
        su.press(page, MATCH, **typed(stage, "苏大样"))
    answer = su.press(page, MATCH, **typed(stage))
    assert "尝试的次数太多" in answer.text
    assert level_of(stage, su) is None


def test_a_base_that_is_away_is_no_no(stage: Stage, su: Player) -> None:
    stage.bases.away = True
    answer = su.press(su.go("/me/identity"), MATCH, **typed(stage))
    assert "人口库暂时无法访问" in answer.text


def test_whom_the_realm_knows_is_matched_by_what_it_knows(stage: Stage) -> None:
    su = stage.enter("苏小样", level="L0")
    page = su.press(su.go("/me/identity"), MATCH)
    assert level_of(stage, su) is IdentityLevel.MATCHED
    assert "由统一身份认证已有账号带入" in page.text


def test_the_highest_level_is_called_so(stage: Stage) -> None:
    su = stage.enter("苏小样", level="L4")
    page = su.http.get("/me/identity", headers=ENGLISH)
    assert "This is the highest level." in page.text
    assert level_of(stage, su) is IdentityLevel.ORIGINAL
