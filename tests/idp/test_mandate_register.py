"""Mandates kept: sealed, verified when read, let go of when they end."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from simulators import postgres
from simulators.people import (
    FOOD,
    MATTER,
    NOW,
    TRADE,
    RealmThatFails,
    Town,
    found_town,
    sqlite_address,
    terms,
)
from sqlalchemy import text, update
from sqlalchemy.exc import DatabaseError

from idp.acting import ActingChoice
from idp.documents import HolderKind
from idp.errors import (
    DamagedIdentityError,
    MandateEndedError,
    MandateTransitionError,
    UnknownMandateError,
)
from idp.mandates import OFFER_LASTS, Mandate, MandateState, Principal, Standing, digest_of
from idp.persons import NaturalPerson
from idp.tables import mandates

MINUTE = timedelta(minutes=1)
LATER = NOW + MINUTE
COMPANY = Principal(HolderKind.LEGAL, FOOD)
SID = "session-of-li"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Town]:
    sqlite = request.param == "sqlite"
    with found_town(sqlite_address(tmp_path) if sqlite else postgres.new_database()) as town:
        yield town


@pytest.fixture
def representative(town: Town) -> NaturalPerson:
    return town.settle("王示例")


@pytest.fixture
def agent(town: Town) -> NaturalPerson:
    return town.settle("李示例")


def offered(
    town: Town, by: NaturalPerson, *codes: str, uscc: str = FOOD, transferable: bool = False
) -> Mandate:
    """Return the offer of the company's representative to 李示例."""
    under = town.representation.represent(by, uscc, at=NOW)
    return town.representation.name_agent(
        by, under.id, town.named("李示例"), terms(*codes, transferable=transferable), at=NOW
    )


def accepted(town: Town, by: NaturalPerson, agent: NaturalPerson, *codes: str) -> Mandate:
    return town.representation.accept(offered(town, by, *codes).id, agent, at=NOW)


def test_it_is_sealed_once_by_whoever_grants_it(
    town: Town, representative: NaturalPerson, agent: NaturalPerson
) -> None:
    offer = offered(town, representative, MATTER)
    assert town.seal.sealed == ["account-王示例"] * 2
    read = town.mandates.get(offer.id)
    assert read == offer
    assert read.sm3 == digest_of(read.content.to_json())
    assert (read.principal, read.actor, read.actor_name) == (COMPANY, agent.id, "李示例")
    under = read.content.granted_under
    assert under is not None
    assert town.mandates.get(under[0]).sm3 == under[1]


def test_an_agent_acts_after_he_accepted(
    town: Town, representative: NaturalPerson, agent: NaturalPerson
) -> None:
    offer = offered(town, representative)
    with pytest.raises(MandateEndedError):
        town.mandates.valid(offer.id, at=NOW)
    town.representation.accept(offer.id, agent, at=NOW)
    valid = town.mandates.valid(offer.id, at=LATER)
    assert valid.state is MandateState.ACTIVE
    assert town.mandates.of_actor(agent.id) == (valid,)
    assert valid in town.mandates.given_by(COMPANY)
    assert [event.event for event in town.mandates.events(offer.id)] == ["grant", "accept"]
    with pytest.raises(MandateTransitionError):
        town.representation.accept(offer.id, agent, at=NOW)


@pytest.mark.parametrize("act", ["accept", "decline", "renounce"])
def test_somebody_elses_mandate_is_unknown(
    town: Town, representative: NaturalPerson, act: str
) -> None:
    other = town.settle("苏小样")
    offer = offered(town, representative)
    for mandate_id in (offer.id, "0" * 32):
        with pytest.raises(UnknownMandateError):
            getattr(town.mandates, act)(mandate_id, other.id, at=NOW)
    assert town.mandates.get(offer.id).state is MandateState.OFFERED


def test_an_offer_can_be_declined_and_lapses(
    town: Town, representative: NaturalPerson, agent: NaturalPerson
) -> None:
    declined = town.mandates.decline(offered(town, representative).id, agent.id, at=NOW)
    assert declined.state is MandateState.DECLINED
    offer = offered(town, representative)
    with pytest.raises(MandateEndedError):
        town.mandates.accept(offer.id, agent.id, at=NOW + OFFER_LASTS)


def test_a_recall_lets_go_of_all_that_was_held(
    town: Town, representative: NaturalPerson, agent: NaturalPerson
) -> None:
    realm = RealmThatFails()
    mandate = accepted(town, representative, agent)
    town.realm_changes.catch_up(realm, at=NOW)
    assert (FOOD.lower(), "account-李示例") in realm.members
    town.choices.choose(SID, "account-李示例", mandate.id, at=NOW)
    town.representation.recall(mandate.id, representative, at=LATER)
    with pytest.raises(MandateEndedError):
        town.mandates.valid(mandate.id, at=LATER)
    # A portal that has not heard of it yet is told that it is over, not that he acts for himself.
    over = ActingChoice("account-李示例", mandate.id)
    assert town.choices.of_session(SID, at=LATER) == over
    town.choices.forget(SID)
    assert town.choices.of_session(SID, at=LATER) == over
    assert town.choices.in_use(at=LATER) == ()
    town.realm_changes.catch_up(realm, at=LATER)
    assert ("end_session", SID) in realm.told
    assert (FOOD.lower(), "account-李示例") not in realm.members
    assert (FOOD.lower(), "account-王示例") in realm.members, "the representative stays"


def test_a_second_mandate_keeps_the_membership(
    town: Town, representative: NaturalPerson, agent: NaturalPerson
) -> None:
    realm = RealmThatFails()
    first = accepted(town, representative, agent, MATTER)
    accepted(town, representative, agent)
    town.mandates.renounce(first.id, agent.id, at=LATER)
    town.realm_changes.catch_up(realm, at=LATER)
    assert (FOOD.lower(), "account-李示例") in realm.members


def test_what_an_agent_handed_on_falls_with_his_own(
    town: Town, representative: NaturalPerson, agent: NaturalPerson
) -> None:
    helper = town.settle("阿卜杜拉·示例")
    offer = offered(town, representative, transferable=True)
    own = town.representation.accept(offer.id, agent, at=NOW)
    handed = town.representation.name_agent(
        agent, own.id, town.named("阿卜杜拉·示例"), terms(MATTER, days=10), at=NOW
    )
    town.representation.accept(handed.id, helper, at=NOW)
    town.choices.choose("other", "account-阿卜杜拉·示例", handed.id, at=NOW)
    town.representation.recall(own.id, representative, at=LATER)
    assert town.mandates.get(handed.id).standing(LATER) is Standing.ENDED
    assert town.choices.in_use(at=LATER) == ()


def test_agents_stay_when_the_representative_changes(
    town: Town, representative: NaturalPerson, agent: NaturalPerson
) -> None:
    mandate = accepted(town, representative, agent)
    (own,) = town.mandates.of_actor(representative.id)
    town.mandates.end(own.id, at=LATER)
    assert town.mandates.valid(mandate.id, at=LATER) == mandate


def test_time_ends_what_is_held(
    town: Town, representative: NaturalPerson, agent: NaturalPerson
) -> None:
    mandate = accepted(town, representative, agent)
    offer = offered(town, representative, uscc=TRADE)
    town.choices.choose(SID, "account-李示例", mandate.id, at=NOW)
    assert town.mandates.sweep(at=LATER) == 0
    assert mandate.until is not None
    assert town.mandates.sweep(at=mandate.until) == 2
    assert town.choices.in_use(at=LATER) == ()
    after = mandate.until + MINUTE
    assert town.mandates.get(mandate.id).standing(after) is Standing.EXPIRED
    assert town.mandates.get(offer.id).standing(after) is Standing.EXPIRED
    assert town.mandates.sweep(at=after) == 0


def test_all_of_a_principal_or_an_actor_end_at_once(
    town: Town, representative: NaturalPerson, agent: NaturalPerson
) -> None:
    accepted(town, representative, agent)
    offered(town, representative, uscc=TRADE)
    assert town.mandates.end_all_of(COMPANY, at=LATER) == 2
    assert town.mandates.end_all_of_actor(agent.id, at=LATER) == 1
    assert town.mandates.end_all_of_actor(agent.id, at=LATER) == 0


def test_representing_twice_is_one_mandate(town: Town, representative: NaturalPerson) -> None:
    first = town.representation.represent(representative, FOOD, at=NOW)
    assert town.representation.represent(representative, FOOD, at=LATER) == first


@pytest.mark.parametrize(
    "spoiled",
    [
        {"sealed": b""},
        {"sm3": "0" * 64},
        {"actor": "principal"},
        {"since": NOW - timedelta(days=1)},
        {"until": None},
        {"principal": TRADE},
        {"grounds": "guardian"},
        {"content": b""},
    ],
    ids=lambda spoiled: next(iter(spoiled)),
)
def test_a_changed_row_is_damage(
    town: Town, representative: NaturalPerson, agent: NaturalPerson, spoiled: dict[str, object]
) -> None:
    mandate = accepted(town, representative, agent)
    if "actor" in spoiled:
        spoiled = {"actor": representative.id}
    with town.transactions() as connection:
        connection.execute(update(mandates).where(mandates.c.id == mandate.id).values(spoiled))
    with pytest.raises(DamagedIdentityError):
        town.mandates.get(mandate.id)


def test_a_seal_of_another_key_is_damage(
    town: Town, representative: NaturalPerson, agent: NaturalPerson
) -> None:
    mandate = accepted(town, representative, agent)
    town.seal.key = type(town.seal)().key
    with pytest.raises(DamagedIdentityError):
        town.mandates.get(mandate.id)


def test_what_was_done_about_it_only_grows(
    town: Town, representative: NaturalPerson, agent: NaturalPerson
) -> None:
    accepted(town, representative, agent)
    for statement in ("UPDATE mandate_events SET event = 'x'", "DELETE FROM mandate_events"):
        with pytest.raises(DatabaseError), town.engine.begin() as connection:
            connection.execute(text(statement))
