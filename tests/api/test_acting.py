"""`/v1/acting`: what portals are told, and what they must show for it."""

from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from simulators.acting import FOOD, Player, Stage, open_stage
from simulators.token_drafts import API, access_token_draft, seconds
from simulators.web import ServedOffice

from idp.mandates import Mandate
from idp.sources import LegalState
from idp.subjects import STATE_MAY_BE_OLD

PAIRWISE = "pairwise-of-wang"


@pytest.fixture(scope="module")
def open_one(office: ServedOffice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(office.copy_to(tmp_path_factory.mktemp("statements") / "data")) as stage:
        yield stage


@pytest.fixture
def stage(open_one: Stage) -> Stage:
    open_one.begin_anew()
    return open_one


@pytest.fixture
def wang(stage: Stage) -> Player:
    return stage.enter("王示例", FOOD)


def bearer(player: Player, portal: str = "portal-a", **claims: object) -> dict[str, str]:
    """Return what a portal sends: the access token of the same sign-in."""
    draft = access_token_draft(player.scene.provider.issuer)
    now = seconds(player.scene.clock.at)
    draft.claims |= {
        "sub": PAIRWISE,
        "sid": f"sid-{player.account}",
        "aud": API,
        "azp": portal,
        "iat": now,
        "auth_time": now,
        "exp": now + 300,
    }
    draft.claims |= claims
    return {"Authorization": f"Bearer {draft.compact()}", "Accept": "application/json"}


def ask(player: Player, portal: str = "portal-a") -> dict[str, Any]:
    """Return the claims that the portal reads, checked with the keys we publish."""
    answer = player.http.get("/v1/acting", headers=bearer(player, portal))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/jwt"
    assert answer.headers["cache-control"] == "no-store"
    published = player.http.get("/.well-known/zhengyin-jwks.json")
    keys = KeySet.import_key_set(published.json())
    return dict(jwt.decode(answer.text, keys, algorithms=["ES256"]).claims)


def mandate_of(stage: Stage, player: Player) -> Mandate:
    person = stage.people.subjects.of_account(player.account, at=stage.scene.clock.at)
    assert person is not None
    return stage.people.mandates.of_actor(person.id)[0]


def test_a_portal_learns_for_whom_the_same_sign_in_acts(stage: Stage, wang: Player) -> None:
    assert ask(wang)["sub"] == PAIRWISE
    wang.choose(f"company:{FOOD}")
    claims = ask(wang)
    assert (claims["sub"], claims["act"]) == (FOOD, {"sub": PAIRWISE})
    assert (claims["iss"], claims["aud"]) == ("https://zhengzhao.example", "portal-a")
    assert claims["mandate"]["id"] == mandate_of(stage, wang).id
    assert ask(wang, "portal-b")["aud"] == "portal-b"
    wang.choose("self")
    assert "act" not in ask(wang)


def test_another_sign_in_of_the_same_person_acts_for_himself(wang: Player) -> None:
    wang.choose(f"company:{FOOD}")
    answer = wang.http.get("/v1/acting", headers=bearer(wang, sid="another"))
    assert answer.status_code == 200
    assert wang.account not in answer.text


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "somebody-else"}, 401),
        ({"exp": 1}, 401),
        ({"typ": "ID"}, 401),
        ({"iss": "https://evil.example"}, 401),
    ],
    ids=str,
)
def test_other_tokens_are_refused(wang: Player, claims: dict[str, object], code: int) -> None:
    answer = wang.http.get("/v1/acting", headers=bearer(wang, "portal-a", **claims))
    assert (answer.status_code, answer.json()["code"]) == (code, "invalid_token")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic eDp5", "Bearer a.b.c"])
def test_without_a_token_nothing_is_told(wang: Player, header: str) -> None:
    wang.choose(f"company:{FOOD}")
    headers = {"Authorization": header, "Accept": "application/json"}
    answer = wang.http.get("/v1/acting", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


def test_a_company_that_is_no_more_is_said_so(stage: Stage, wang: Player) -> None:
    wang.choose(f"company:{FOOD}")
    stage.bases.company(FOOD).state = LegalState.DEREGISTERED
    stage.scene.pass_by(2 * STATE_MAY_BE_OLD)
    answer = wang.http.get("/v1/acting", headers=bearer(wang))
    assert (answer.status_code, answer.json()["code"]) == (403, "legal_person_ended")
    # Nor is he said to act for himself: what he began for another is not his own.
    answer = wang.http.get("/v1/acting", headers=bearer(wang))
    assert (answer.status_code, answer.json()["code"]) == (403, "mandate_ended")
    wang.choose("self")
    assert ask(wang)["sub"] == PAIRWISE


def test_a_base_that_is_away_for_long_lets_nobody_go_on(stage: Stage, wang: Player) -> None:
    wang.choose(f"company:{FOOD}")
    stage.bases.away = True
    stage.scene.pass_by(2 * STATE_MAY_BE_OLD)
    assert ask(wang)["sub"] == FOOD
    stage.scene.pass_by(5 * STATE_MAY_BE_OLD)
    answer = wang.http.get("/v1/acting", headers=bearer(wang))
    assert (answer.status_code, answer.json()["code"]) == (503, "base_unavailable")


def test_the_keys_may_be_kept_for_a_while_and_are_public(wang: Player) -> None:
    answer = wang.http.get("/.well-known/zhengyin-jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert "d" not in answer.json()["keys"][0]


def test_the_private_key_is_for_us_alone(stage: Stage) -> None:
    path = stage.scene.services.settings.data / "identity" / "acting.pem"
    assert path.stat().st_mode & 0o777 == 0o600
