"""Who may act for whom, who may let another act, and what the bases end."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulators.people import (
    FOOD,
    MATTER,
    MERGED,
    NOW,
    OTHER_MATTER,
    TRADE,
    RealmThatFails,
    Town,
    found_town,
    named,
    sqlite_address,
    terms,
)

from idp.documents import HolderKind, IdentityDocument
from idp.errors import (
    AssuranceTooLowError,
    BaseUnavailableError,
    InvalidMandateError,
    LegalPersonEndedError,
    MandateEndedError,
    NotPermittedError,
    PersonEndedError,
    UnknownLegalPersonError,
)
from idp.levels import IdentityLevel
from idp.mandate_terms import faults_of_handing_on, faults_of_terms
from idp.mandates import Grounds, Mandate, Standing, Terms
from idp.matters import ALL_MATTERS, Matters
from idp.persons import LevelMeans, NaturalPerson
from idp.sources import LegalState, PersonState
from idp.subjects import STATE_MAY_BE_OLD, STATE_MAY_BE_OLD_IN_OUTAGE

MINUTE = timedelta(minutes=1)
STALE = NOW + STATE_MAY_BE_OLD + MINUTE
REVOKED = "91999901MA1000068R"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with found_town(sqlite_address(tmp_path)) as town:
        yield town


@pytest.fixture
def wang(town: Town) -> NaturalPerson:
    return town.settle("王示例")


@pytest.fixture
def li(town: Town) -> NaturalPerson:
    return town.settle("李示例")


@pytest.fixture
def su(town: Town) -> NaturalPerson:
    return town.settle("苏小样")


def agent_of(town: Town, wang: NaturalPerson, li: NaturalPerson, wanted: Terms) -> Mandate:
    under = town.representation.represent(wang, FOOD, at=NOW)
    offer = town.representation.name_agent(wang, under.id, town.named("李示例"), wanted, at=NOW)
    return town.representation.accept(offer.id, li, at=NOW)


def faults_in(caught: pytest.ExceptionInfo[InvalidMandateError]) -> set[tuple[str, str]]:
    return {(fault.field, fault.code) for fault in caught.value.faults}


# ---- companies ----


def test_the_representative_chooses_among_his_companies(town: Town, wang: NaturalPerson) -> None:
    choices = town.representation.choices(wang, at=NOW)
    assert {company.uscc for company in choices.companies} == {FOOD, TRADE}
    assert choices.complete
    mandate = town.representation.represent(wang, FOOD, at=NOW)
    assert (mandate.grounds, mandate.until) == (Grounds.REPRESENTATIVE, None)
    choices = town.representation.choices(wang, at=NOW)
    assert [company.uscc for company in choices.companies] == [TRADE]
    assert choices.mandates == (mandate,)


def test_nobody_else_represents_it(town: Town, li: NaturalPerson) -> None:
    with pytest.raises(NotPermittedError):
        town.representation.represent(li, FOOD, at=NOW)
    for uscc in ("91999901MA1000018H", "91999901MB1000010X", "", "x" * 500):
        with pytest.raises(UnknownLegalPersonError):
            town.representation.represent(li, uscc, at=NOW)


def test_who_was_not_seen_represents_nothing(town: Town) -> None:
    wang = town.settle("王示例", means=LevelMeans.BASE_MATCH)
    with pytest.raises(AssuranceTooLowError) as caught:
        town.representation.represent(wang, FOOD, at=NOW)
    assert caught.value.needs is IdentityLevel.SEEN


@pytest.mark.parametrize(
    ("uscc", "state", "successor"),
    [(MERGED, "merged", FOOD), (REVOKED, "licence_revoked", None)],
)
def test_a_company_that_is_no_more_is_represented_by_nobody(
    town: Town, wang: NaturalPerson, uscc: str, state: str, successor: str | None
) -> None:
    with pytest.raises(LegalPersonEndedError) as caught:
        town.representation.represent(wang, uscc, at=NOW)
    assert (caught.value.state, caught.value.successor) == (state, successor)


def test_deregistration_ends_every_mandate_and_sign_in(
    town: Town, wang: NaturalPerson, li: NaturalPerson
) -> None:
    mandate = agent_of(town, wang, li, terms())
    town.choices.choose("s", "account-李示例", mandate.id, at=NOW)
    town.bases.company(FOOD).state = LegalState.DEREGISTERED
    town.representation.current(mandate.id, at=NOW + MINUTE)  # minutes may pass
    assert town.representation.reread(town.choices.in_use(at=STALE), at=STALE) == 1
    assert town.choices.in_use(at=STALE) == ()
    assert not town.representation.choices(li, at=STALE).mandates
    assert not town.representation.choices(wang, at=STALE).mandates
    realm = RealmThatFails()
    town.realm_changes.catch_up(realm, at=STALE)
    assert ("end_session", "s") in realm.told


def test_another_representative_ends_the_old_ones_mandate(
    town: Town, wang: NaturalPerson, su: NaturalPerson
) -> None:
    mandate = town.representation.represent(wang, FOOD, at=NOW)
    town.bases.company(FOOD).representative = town.named("苏小样")
    with pytest.raises(MandateEndedError):
        town.representation.begin(mandate.id, wang, at=STALE)
    with pytest.raises(MandateEndedError):
        town.mandates.valid(mandate.id, at=STALE)
    assert town.representation.represent(su, FOOD, at=STALE).actor == su.id


def test_the_former_representative_recalls_nobody(
    town: Town, wang: NaturalPerson, li: NaturalPerson, su: NaturalPerson
) -> None:
    mandate = agent_of(town, wang, li, terms())
    town.bases.company(FOOD).representative = town.named("苏小样")
    (own,) = town.mandates.of_actor(wang.id)
    assert town.representation.reread([own.id], at=STALE) == 1
    with pytest.raises(NotPermittedError):
        town.representation.recall(mandate.id, wang, at=STALE)
    town.representation.represent(su, FOOD, at=STALE)
    assert town.representation.recall(mandate.id, su, at=STALE).state.value == "recalled"


# ---- naming agents ----


def test_every_fault_of_an_offer_is_said(town: Town, wang: NaturalPerson) -> None:
    under = town.representation.represent(wang, FOOD, at=NOW)
    long_ago = NOW - timedelta(days=10)
    wrong = named("李样例", "111", town.named("李示例").document.number)
    with pytest.raises(InvalidMandateError) as caught:
        town.representation.name_agent(wang, under.id, wrong, terms(days=5, since=long_ago), at=NOW)
    assert faults_in(caught) == {
        ("since", "since_past"),
        ("until", "until_past"),
        ("actor", "data_differ"),
    }
    assert town.subjects.find(wrong.document) is None


@pytest.mark.parametrize(("name", "code"), [("王示例", "same_person"), ("何示例", "data_differ")])
def test_neither_himself_nor_the_dead(
    town: Town, wang: NaturalPerson, name: str, code: str
) -> None:
    under = town.representation.represent(wang, FOOD, at=NOW)
    with pytest.raises(InvalidMandateError) as caught:
        town.representation.name_agent(wang, under.id, town.named(name), terms(), at=NOW)
    assert ("actor", code) in faults_in(caught)


def test_whom_the_base_does_not_know_must_have_been_seen(town: Town, wang: NaturalPerson) -> None:
    under = town.representation.represent(wang, FOOD, at=NOW)
    foreigner = named("JOHN EXAMPLE", "999", "TEST-0009")
    with pytest.raises(InvalidMandateError):
        town.representation.name_agent(wang, under.id, foreigner, terms(), at=NOW)
    seen = town.subjects.register(
        foreigner, account="john", means=LevelMeans.COUNTER_ORIGINAL, at=NOW
    )
    offer = town.representation.name_agent(wang, under.id, foreigner, terms(), at=NOW)
    assert offer.actor == seen.id


def test_an_agent_names_nobody_unless_his_mandate_says_so(
    town: Town, wang: NaturalPerson, li: NaturalPerson
) -> None:
    mandate = agent_of(town, wang, li, terms())
    with pytest.raises(NotPermittedError):
        town.representation.name_agent(li, mandate.id, town.named("苏小样"), terms(), at=NOW)
    with pytest.raises(NotPermittedError):
        town.representation.name_agent(wang, mandate.id, town.named("苏小样"), terms(), at=NOW)


def test_handing_on_stays_within_ones_own(
    town: Town, wang: NaturalPerson, li: NaturalPerson, su: NaturalPerson
) -> None:
    mandate = agent_of(town, wang, li, terms(MATTER, days=20, transferable=True))
    beyond = Terms(Matters.parse([OTHER_MATTER]), NOW, NOW + timedelta(days=30), transferable=True)
    with pytest.raises(InvalidMandateError) as caught:
        town.representation.name_agent(li, mandate.id, town.named("苏小样"), beyond, at=NOW)
    assert faults_in(caught) == {
        ("matters", "beyond_own"),
        ("until", "beyond_own"),
        ("transferable", "handed_on_once"),
    }
    handed = town.representation.name_agent(
        li, mandate.id, town.named("苏小样"), terms(MATTER, days=10), at=NOW
    )
    assert handed.content.granted_under == (mandate.id, mandate.sm3)
    town.representation.accept(handed.id, su, at=NOW)
    with pytest.raises(NotPermittedError):
        town.representation.recall(mandate.id, li, at=NOW)
    assert town.representation.recall(handed.id, li, at=NOW).state.value == "recalled"


def test_who_was_not_matched_accepts_nothing(town: Town, wang: NaturalPerson) -> None:
    under = town.representation.represent(wang, FOOD, at=NOW)
    offer = town.representation.name_agent(wang, under.id, town.named("李示例"), terms(), at=NOW)
    li = town.settle("李示例", means=LevelMeans.SELF_REGISTERED)
    with pytest.raises(AssuranceTooLowError):
        town.representation.accept(offer.id, li, at=NOW)


def test_a_mandate_that_ended_meanwhile_grants_nothing(town: Town, wang: NaturalPerson) -> None:
    under = town.representation.represent(wang, FOOD, at=NOW)
    town.mandates.end(under.id, at=NOW)
    with pytest.raises(MandateEndedError):
        town.representation.name_agent(wang, under.id, town.named("李示例"), terms(), at=NOW)


# ---- persons ----


def test_a_person_authorises_another(town: Town, su: NaturalPerson, li: NaturalPerson) -> None:
    offer = town.representation.authorise(su, town.named("李示例"), terms(MATTER), at=NOW)
    assert (offer.grounds, offer.principal.kind) == (Grounds.PROXY, HolderKind.NATURAL)
    mandate = town.representation.accept(offer.id, li, at=NOW)
    assert town.representation.choices(li, at=NOW).mandates == (mandate,)
    assert town.representation.begin(mandate.id, li, at=NOW) == mandate
    with pytest.raises(NotPermittedError):
        town.representation.begin(mandate.id, su, at=NOW)
    with pytest.raises(NotPermittedError):
        town.representation.recall(mandate.id, li, at=NOW)
    assert town.representation.recall(mandate.id, su, at=NOW).state.value == "recalled"


def test_who_was_not_confirmed_authorises_nobody(town: Town) -> None:
    su = town.settle("苏小样", means=LevelMeans.BASE_MATCH)
    with pytest.raises(AssuranceTooLowError):
        town.representation.authorise(su, town.named("李示例"), terms(), at=NOW)


def test_the_death_of_the_principal_or_the_actor_ends_it(
    town: Town, su: NaturalPerson, li: NaturalPerson
) -> None:
    offer = town.representation.authorise(su, town.named("李示例"), terms(), at=NOW)
    mandate = town.representation.accept(offer.id, li, at=NOW)
    town.representation.current(mandate.id, at=NOW)
    town.bases.person("苏小样").state = PersonState.DECEASED
    with pytest.raises(PersonEndedError):
        town.representation.current(mandate.id, at=STALE)
    assert town.mandates.get(mandate.id).standing(STALE) is Standing.ENDED
    second = town.representation.authorise(li, town.named("王示例"), terms(), at=NOW)
    wang = town.settle("王示例")
    second = town.representation.accept(second.id, wang, at=NOW)
    town.bases.person("王示例").state = PersonState.DECEASED
    with pytest.raises(PersonEndedError):
        town.representation.current(second.id, at=STALE)
    assert town.mandates.get(second.id).standing(STALE) is Standing.ENDED


def test_a_guardian_stands_for_a_minor_until_he_is_of_age(town: Town, su: NaturalPerson) -> None:
    (ward,) = town.representation.choices(su, at=NOW).wards
    assert (ward.person.name, ward.person.account) == ("苏小小样", None)
    mandate = town.representation.stand_for(su, ward.person.id, at=NOW)
    assert (mandate.grounds, mandate.until) == (Grounds.GUARDIAN, ward.until)
    assert not town.representation.choices(su, at=NOW).wards
    assert town.representation.begin(mandate.id, su, at=NOW) == mandate
    with pytest.raises(NotPermittedError):
        town.representation.recall(mandate.id, su, at=NOW)
    with pytest.raises(MandateEndedError):
        town.representation.begin(mandate.id, su, at=ward.until)


def test_a_court_may_end_a_guardianship(town: Town, su: NaturalPerson, li: NaturalPerson) -> None:
    (ward,) = town.representation.choices(su, at=NOW).wards
    mandate = town.representation.stand_for(su, ward.person.id, at=NOW)
    with pytest.raises(NotPermittedError):
        town.representation.stand_for(li, ward.person.id, at=NOW)
    town.bases.person("苏小小样").guardians.clear()
    with pytest.raises(MandateEndedError):
        town.representation.begin(mandate.id, su, at=NOW)
    assert town.mandates.get(mandate.id).standing(NOW) is Standing.ENDED


def test_a_clerk_records_a_relative(town: Town) -> None:
    mandate = town.representation.grant_at_counter(
        "clerk-1", town.named("陈样例"), town.named("李示例"), terms(MATTER), at=NOW
    )
    assert mandate.standing(NOW) is Standing.IN_FORCE
    assert mandate.content.granted_by == "clerk:clerk-1"
    assert town.seal.sealed == ["clerk-1"]
    assert town.subjects.get(mandate.actor).identity_level is IdentityLevel.ORIGINAL
    assert town.subjects.get(mandate.principal.id).identity_level is IdentityLevel.REGISTERED
    with pytest.raises(InvalidMandateError):
        town.representation.grant_at_counter(
            "clerk-1", town.named("陈样例"), town.named("陈样例"), terms(MATTER), at=NOW
        )


# ---- bases that are away ----


def test_nobody_begins_while_a_base_is_away(
    town: Town, wang: NaturalPerson, li: NaturalPerson
) -> None:
    mandate = agent_of(town, wang, li, terms())
    town.bases.away = True
    with pytest.raises(BaseUnavailableError):
        town.representation.begin(mandate.id, li, at=STALE)
    outage = STATE_MAY_BE_OLD_IN_OUTAGE
    assert town.representation.reread([mandate.id], at=NOW + outage + MINUTE) == 0
    town.mandates.valid(mandate.id, at=STALE)  # no answer is no end
    choices = town.representation.choices(wang, at=STALE)
    assert not choices.complete
    assert len(choices.mandates) == 1


def test_who_acts_goes_on_for_a_while(town: Town, wang: NaturalPerson, li: NaturalPerson) -> None:
    mandate = agent_of(town, wang, li, terms())
    town.representation.begin(mandate.id, li, at=NOW)
    town.bases.away = True
    outage = STATE_MAY_BE_OLD_IN_OUTAGE
    assert town.representation.current(mandate.id, at=STALE, outage=outage) == mandate
    with pytest.raises(BaseUnavailableError):
        town.representation.current(mandate.id, at=NOW + outage + MINUTE, outage=outage)


def test_a_recall_waits_for_no_base(town: Town, wang: NaturalPerson, li: NaturalPerson) -> None:
    mandate = agent_of(town, wang, li, terms())
    town.bases.away = True
    assert town.representation.recall(mandate.id, wang, at=STALE).state.value == "recalled"


# ---- terms ----

periods = st.timedeltas(timedelta(days=-800), timedelta(days=2000))


@given(since=periods, until=st.none() | periods, grounds=st.sampled_from(list(Grounds)))
def test_terms_without_faults_are_terms_one_can_act_under(
    since: timedelta, until: timedelta | None, grounds: Grounds
) -> None:
    end = None if until is None else NOW + until
    wanted = Terms(ALL_MATTERS, NOW + since, end)
    if faults_of_terms(wanted, grounds, NOW):
        return
    assert end is not None
    assert grounds.longest is not None
    assert end > NOW
    assert NOW + since < end <= NOW + since + grounds.longest
    assert since >= -timedelta(days=1)


@given(
    own=st.sets(st.sampled_from([MATTER, OTHER_MATTER]), min_size=1),
    wanted=st.none() | st.sets(st.sampled_from([MATTER, OTHER_MATTER]), min_size=1),
    days=st.integers(1, 60),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_nothing_beyond_ones_own_is_handed_on(
    town: Town, own: set[str], wanted: set[str] | None, days: int
) -> None:
    wang, li = town.settle("王示例"), town.settle("李示例")
    mandate = agent_of(town, wang, li, terms(*own, days=30, transferable=True))
    matters = ALL_MATTERS if wanted is None else Matters.parse(wanted)
    terms_wanted = Terms(matters, NOW, NOW + timedelta(days=days))
    within = wanted is not None and wanted <= own and days <= 30
    assert (faults_of_handing_on(terms_wanted, mandate) == []) is within


def test_documents_of_companies_are_no_persons(town: Town, wang: NaturalPerson) -> None:
    assert IdentityDocument.parse("001", FOOD).type.holder_kind is HolderKind.LEGAL
    under = town.representation.represent(wang, FOOD, at=NOW)
    with pytest.raises(InvalidMandateError):
        town.representation.name_agent(wang, under.id, named("示例", "001", FOOD), terms(), at=NOW)
