"""For whom a sign-in acts, and what portals are told of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from simulators.people import FOOD, MATTER, NOW, Town, found_town, sqlite_address, terms

from idp.acting import (
    ANSWER_LASTS,
    STATEMENT_LASTS,
    STATEMENT_TYPE,
    ActingChoice,
    Statements,
)
from idp.errors import MandateEndedError, NotPermittedError
from idp.mandates import Mandate
from idp.realm_changes import SESSION_LASTS_AT_MOST
from signing.envelope import IndexKey

ORIGIN = "http://localhost:8000"
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Access:
    """What a portal's access token said."""

    account: str = "pairwise-1"
    session_id: str | None = "sid-1"
    client_id: str = "portal-a"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with found_town(sqlite_address(tmp_path)) as town:
        yield town


@pytest.fixture(scope="module")
def statements() -> Statements:
    return Statements(ORIGIN, ECKey.generate_key("P-256"), IndexKey.generate("index"))


def for_company(town: Town) -> Mandate:
    return town.representation.represent(town.settle("王示例"), FOOD, at=NOW)


def for_person(town: Town) -> Mandate:
    su, li = town.settle("苏小样"), town.settle("李示例")
    offer = town.representation.authorise(su, town.named("李示例"), terms(MATTER), at=NOW)
    return town.representation.accept(offer.id, li, at=NOW)


def read(statements: Statements, statement: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims, the signature checked as a portal checks it."""
    keys = KeySet.import_key_set(statements.jwks())  # type: ignore[arg-type] # a key set as JSON
    token = jwt.decode(statement, keys, algorithms=["ES256"])
    return dict(token.header), dict(token.claims)


# ---- choices ----


def test_a_choice_holds_for_the_sign_in_alone(town: Town) -> None:
    mandate = for_company(town)
    town.choices.choose("one", "account", mandate.id, at=NOW)
    town.choices.choose("two", "account", None, at=NOW)
    assert town.choices.of_session("one", at=NOW) == ActingChoice("account", mandate.id)
    assert town.choices.of_session("two", at=NOW) == ActingChoice("account", None)
    assert town.choices.of_session("three", at=NOW) is None
    assert town.choices.in_use(at=NOW) == (mandate.id,)
    town.choices.choose("one", "account", None, at=NOW)
    assert town.choices.in_use(at=NOW) == ()
    town.choices.forget("one")
    assert town.choices.of_session("one", at=NOW) is None


def test_a_choice_ends_with_the_longest_sign_in(town: Town) -> None:
    town.choices.choose("one", "account", None, at=NOW)
    assert town.choices.of_session("one", at=NOW + SESSION_LASTS_AT_MOST) is None


def test_an_answer_of_the_identity_server_serves_for_a_moment(town: Town) -> None:
    mandate = for_company(town)
    assert town.choices.organisations_of("one", at=NOW) is None
    town.choices.choose("one", "account", mandate.id, at=NOW)
    assert town.choices.organisations_of("one", at=NOW) is None
    town.choices.note_organisations("one", "account", ["b", "a"], at=NOW)
    assert town.choices.organisations_of("one", at=NOW + MINUTE) == frozenset({"a", "b"})
    assert town.choices.organisations_of("one", at=NOW + ANSWER_LASTS) is None
    assert town.choices.of_session("one", at=NOW) == ActingChoice("account", mandate.id)


def test_somebody_elses_choice_is_not_taken_over(town: Town) -> None:
    mandate = for_company(town)
    town.choices.choose("one", "account", mandate.id, at=NOW)
    town.choices.note_organisations("one", "another", ["a"], at=NOW)
    assert town.choices.of_session("one", at=NOW) == ActingChoice("another", None)


# ---- statements ----


def test_for_himself_a_person_is_who_the_portal_knows(statements: Statements) -> None:
    header, claims = read(statements, statements.issue(Access(), None, at=NOW))
    assert (header["alg"], header["typ"]) == ("ES256", STATEMENT_TYPE)
    assert header["kid"] == statements.jwks()["keys"][0]["kid"]
    assert (claims["iss"], claims["aud"], claims["sub"]) == (ORIGIN, "portal-a", "pairwise-1")
    assert (claims["sub_kind"], claims["sid"]) == ("natural", "sid-1")
    assert claims["exp"] - claims["iat"] == STATEMENT_LASTS.total_seconds() <= 300
    assert not {"act", "mandate", "sub_name"} & set(claims)


def test_a_company_is_named_and_the_actor_is_the_portals_own(
    town: Town, statements: Statements
) -> None:
    mandate = for_company(town)
    _, claims = read(statements, statements.issue(Access(), mandate, at=NOW))
    assert (claims["sub"], claims["sub_kind"]) == (FOOD, "legal")
    assert claims["sub_name"].endswith("麦垄示例食品有限公司")
    assert claims["act"] == {"sub": "pairwise-1"}
    assert claims["mandate"] == {
        **mandate.quote,
        "grounds": "representative",
        "matters": "all",
        "until": None,
    }


def test_two_portals_know_a_person_by_two_names(town: Town, statements: Statements) -> None:
    mandate = for_person(town)
    said = [
        read(statements, statements.issue(Access(client_id=portal), mandate, at=NOW))[1]
        for portal in ("portal-a", "portal-b", "portal-a")
    ]
    assert said[0]["sub"] == said[2]["sub"] != said[1]["sub"]
    assert mandate.principal.id not in {claims["sub"] for claims in said}
    assert "sub_name" not in said[0]
    assert said[0]["mandate"]["matters"] == [MATTER]
    assert len({claims["jti"] for claims in said}) == 3


def test_it_is_not_good_for_longer_than_the_mandate(town: Town, statements: Statements) -> None:
    mandate = for_person(town)
    assert mandate.until is not None
    at = mandate.until - timedelta(seconds=30)
    _, claims = read(statements, statements.issue(Access(), mandate, at=at))
    assert datetime.fromtimestamp(claims["exp"], UTC) == mandate.until
    with pytest.raises(MandateEndedError):
        statements.issue(Access(), mandate, at=mandate.until)


def test_a_machine_acts_for_nobody(statements: Statements) -> None:
    with pytest.raises(NotPermittedError):
        statements.issue(Access(session_id=None), None, at=NOW)


def test_the_key_set_has_no_private_part(statements: Statements) -> None:
    (key,) = statements.jwks()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert "d=" not in repr(statements)
