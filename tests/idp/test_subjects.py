"""Natural persons: one each, whatever they show; levels that rise by checks alone."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from simulators import postgres
from simulators.people import NOW, Town, found_town, named, sqlite_address
from sqlalchemy import select, text, update
from sqlalchemy.exc import DatabaseError

from idp.documents import IdentityDocument
from idp.errors import (
    AssuranceTooLowError,
    BaseUnavailableError,
    DamagedIdentityError,
    DataDifferError,
    DocumentHeldError,
    PersonEndedError,
    UnknownPersonError,
)
from idp.levels import IdentityLevel
from idp.persons import LevelMeans
from idp.sources import PersonState
from idp.subjects import STATE_MAY_BE_OLD, STATE_MAY_BE_OLD_IN_OUTAGE
from idp.tables import person_documents, persons, realm_changes

PASSPORT = IdentityDocument.parse("414", "E99999901")
NEW_PASSPORT = IdentityDocument.parse("414", "E99999902")
OTHER = named("示例甲", "999", "TEST-0001")
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Town]:
    sqlite = request.param == "sqlite"
    with found_town(sqlite_address(tmp_path) if sqlite else postgres.new_database()) as town:
        yield town


def test_a_person_is_found_by_account_and_by_document(town: Town) -> None:
    person = town.settle("苏小样")
    assert town.subjects.of_account("account-苏小样", at=NOW) == person
    assert town.subjects.find(person.document) == person
    assert town.subjects.get(person.id) == person
    assert (person.name, person.identity_level) == ("苏小样", IdentityLevel.ORIGINAL)
    assert town.subjects.of_account("nobody", at=NOW) is None
    assert town.subjects.find(PASSPORT) is None
    with pytest.raises(UnknownPersonError):
        town.subjects.get("person-0")


def test_several_documents_lead_to_one_person(town: Town) -> None:
    person = town.settle("苏小样")
    person = town.subjects.add_document(person.id, PASSPORT, at=NOW + MINUTE)
    found = town.subjects.find(PASSPORT)
    assert found == person
    assert [held.document.type.value for held in person.documents] == ["414", "111"]
    assert person.document.type.value == "111", "the one that the base knows best"
    again = town.subjects.add_document(person.id, PASSPORT, at=NOW + 2 * MINUTE)
    assert again == person


def test_a_replaced_passport_keeps_the_person(town: Town) -> None:
    holder = town.subjects.register(
        named("ANNA EXAMPLE", "414", PASSPORT.number),
        account="anna",
        means=LevelMeans.COUNTER_ORIGINAL,
        at=NOW,
    )
    renewed = town.subjects.replace_document(holder.id, PASSPORT, NEW_PASSPORT, at=NOW + MINUTE)
    assert renewed.id == holder.id
    assert renewed.document == NEW_PASSPORT
    assert renewed.identity_level is IdentityLevel.ORIGINAL
    for document in (PASSPORT, NEW_PASSPORT):
        found = town.subjects.find(document)
        assert found is not None
        assert found.id == holder.id
    (new, old) = renewed.documents
    assert (new.replaced_at, old.replaced_at) == (None, NOW + MINUTE)


def test_nobody_gets_the_document_of_another(town: Town) -> None:
    person, other = town.settle("苏小样"), town.settle("李示例")
    with pytest.raises(DocumentHeldError):
        town.subjects.add_document(other.id, person.document, at=NOW)
    with pytest.raises(UnknownPersonError):
        town.subjects.replace_document(other.id, person.document, PASSPORT, at=NOW)
    with pytest.raises(DocumentHeldError):
        town.subjects.replace_document(person.id, person.document, other.document, at=NOW)
    assert town.subjects.get(person.id) == person


def test_a_second_account_does_not_get_the_person(town: Town) -> None:
    town.settle("苏小样")
    with pytest.raises(DocumentHeldError):
        town.settle("苏小样", account="another")
    with pytest.raises(DocumentHeldError):
        town.settle("李示例", account="account-苏小样")
    assert town.subjects.find(town.named("李示例").document) is None, "nothing was kept"


def test_the_name_must_be_that_of_the_person_known(town: Town) -> None:
    town.settle("苏小样")
    wrong = named("苏大样", "111", town.named("苏小样").document.number)
    with pytest.raises(DataDifferError):
        town.subjects.register(wrong, account=None, means=LevelMeans.NAMED, at=NOW)


def test_a_company_is_no_person(town: Town) -> None:
    with pytest.raises(DataDifferError):
        town.subjects.register(
            named("示例", "001", "91999901MA1000017H"),
            account=None,
            means=LevelMeans.NAMED,
            at=NOW,
        )


def test_somebody_named_by_another_gets_his_account_when_he_comes(town: Town) -> None:
    noted = town.subjects.register(
        town.named("李示例"), account=None, means=LevelMeans.NAMED, at=NOW
    )
    assert (noted.account, noted.identity_level) == (None, IdentityLevel.REGISTERED)
    arrived = town.settle("李示例", means=LevelMeans.SELF_REGISTERED, at=NOW + MINUTE)
    assert (arrived.id, arrived.account) == (noted.id, "account-李示例")


def test_an_account_moves_to_one_that_is_free(town: Town) -> None:
    person, _ = town.settle("苏小样"), town.settle("李示例")
    with pytest.raises(DocumentHeldError):
        town.subjects.move_account(person.id, "account-李示例", at=NOW)
    assert town.subjects.move_account(person.id, "new", at=NOW).account == "new"
    with pytest.raises(UnknownPersonError):
        town.subjects.move_account("person-0", "other", at=NOW)


# ---- levels ----


@pytest.mark.parametrize(
    "means", [m for m in LevelMeans if m.value not in {"taken_over", "withdrawn"}]
)
def test_each_check_gives_its_level(town: Town, means: LevelMeans) -> None:
    person = town.settle("苏小样", means=LevelMeans.BASE_MATCH)
    raised = town.subjects.raise_level(person.id, means, by="clerk-1", at=NOW + MINUTE)
    assert raised.identity_level is max(IdentityLevel.MATCHED, means.level)


@pytest.mark.parametrize("means", [LevelMeans.TAKEN_OVER, LevelMeans.WITHDRAWN])
def test_these_give_no_level_by_themselves(means: LevelMeans) -> None:
    with pytest.raises(ValueError, match=means.value):
        _ = means.level


def test_a_bank_says_nothing_without_the_base(town: Town) -> None:
    person = town.settle("苏小样", means=LevelMeans.SELF_REGISTERED)
    with pytest.raises(AssuranceTooLowError):
        town.subjects.raise_level(person.id, LevelMeans.BANK, by=None, at=NOW)
    assert len(town.subjects.level_history(person.id)) == 1


def test_a_weaker_check_is_kept_and_lowers_nothing(town: Town) -> None:
    person = town.settle("苏小样")
    person = town.subjects.raise_level(person.id, LevelMeans.BASE_MATCH, by=None, at=NOW + MINUTE)
    assert person.identity_level is IdentityLevel.ORIGINAL
    history = town.subjects.level_history(person.id)
    assert [step.means.value for step in history] == ["counter_original", "base_match"]
    assert {step.level for step in history} == {IdentityLevel.ORIGINAL}


def test_a_level_taken_back_says_by_whom(town: Town) -> None:
    person = town.settle("苏小样")
    person = town.subjects.withdraw_level(
        person.id, IdentityLevel.REGISTERED, by="auditor", at=NOW + MINUTE
    )
    assert person.identity_level is IdentityLevel.REGISTERED
    step = town.subjects.level_history(person.id)[-1]
    assert (step.means, step.by, step.level) == (
        LevelMeans.WITHDRAWN,
        "auditor",
        IdentityLevel.REGISTERED,
    )
    same = town.subjects.withdraw_level(
        person.id, IdentityLevel.SEEN, by="auditor", at=NOW + 2 * MINUTE
    )
    assert same.identity_level is IdentityLevel.REGISTERED, "taking back never raises"


def test_the_history_only_grows(town: Town) -> None:
    town.settle("苏小样")
    for statement in ("UPDATE level_steps SET level = 4", "DELETE FROM level_steps"):
        with pytest.raises(DatabaseError), town.engine.begin() as connection:
            connection.execute(text(statement))


def test_an_account_is_taken_over_with_the_level_it_had(town: Town) -> None:
    level = IdentityLevel.SEEN
    person = town.subjects.take_over("account-1", town.named("苏小样"), level, at=NOW)
    assert person.identity_level is level
    assert town.subjects.level_history(person.id)[0].means is LevelMeans.TAKEN_OVER
    with town.transactions.reading() as connection:
        assert not connection.execute(select(realm_changes)).all(), "it knows already"


def test_the_base_matches_name_and_number(town: Town) -> None:
    person = town.settle("苏小样", means=LevelMeans.SELF_REGISTERED)
    assert town.subjects.match_with_base(person.id, at=NOW).identity_level is IdentityLevel.MATCHED
    with town.transactions.reading() as connection:
        (change,) = connection.execute(select(realm_changes)).all()
    assert (change.kind, change.account, change.target) == ("level", "account-苏小样", "L1")


def test_who_was_seen_without_an_account_gets_one_where_he_is_seen_again(town: Town) -> None:
    # A relative at the counter, say: whoever knows name and number must not step into his shoes.
    seen = town.settle("苏小样", account=None)
    assert seen.identity_level is IdentityLevel.ORIGINAL
    with pytest.raises(DocumentHeldError):
        town.subjects.register_matched(town.named("苏小样"), account="stranger", at=NOW)
    with pytest.raises(DocumentHeldError):
        town.subjects.take_over("listed", town.named("苏小样"), IdentityLevel.REGISTERED, at=NOW)
    assert town.subjects.get(seen.id).account is None
    assert town.subjects.of_account("stranger", at=NOW) is None
    means = LevelMeans.COUNTER_COPY
    person = town.subjects.register(town.named("苏小样"), account="his", means=means, at=NOW)
    assert (person.id, person.account) == (seen.id, "his")


def test_who_was_only_named_is_matched(town: Town) -> None:
    named_before = town.settle("苏小样", means=LevelMeans.NAMED, account=None)
    person = town.subjects.register_matched(town.named("苏小样"), account="his", at=NOW)
    assert (person.id, person.identity_level) == (named_before.id, IdentityLevel.MATCHED)


def test_what_does_not_match_raises_nothing(town: Town) -> None:
    number = town.named("苏小样").document.number
    wrong = town.subjects.register(
        named("苏大样", "111", number), account="a", means=LevelMeans.SELF_REGISTERED, at=NOW
    )
    unknown = town.subjects.register(OTHER, account="b", means=LevelMeans.SELF_REGISTERED, at=NOW)
    for person in (wrong, unknown):
        with pytest.raises(DataDifferError):
            town.subjects.match_with_base(person.id, at=NOW)
    dead = town.settle("何示例", means=LevelMeans.SELF_REGISTERED)
    with pytest.raises(PersonEndedError):
        town.subjects.match_with_base(dead.id, at=NOW)
    town.bases.away = True
    with pytest.raises(BaseUnavailableError):
        town.subjects.match_with_base(wrong.id, at=NOW)


# ---- state ----


def test_the_base_is_asked_again_after_some_minutes(town: Town) -> None:
    person = town.settle("苏小样")
    asked = town.bases.asked
    for at in (NOW, NOW + MINUTE, NOW + STATE_MAY_BE_OLD):
        assert town.subjects.verify_living(person.id, at=at).state is PersonState.LIVING
    assert town.bases.asked == asked + 1
    town.subjects.verify_living(person.id, at=NOW + STATE_MAY_BE_OLD + MINUTE)
    assert town.bases.asked == asked + 2


def test_who_has_died_does_nothing_any_more(town: Town) -> None:
    person = town.settle("苏小样")
    town.subjects.verify_living(person.id, at=NOW)
    town.bases.person("苏小样").state = PersonState.DECEASED
    later = NOW + STATE_MAY_BE_OLD + MINUTE
    for at in (later, later + MINUTE):
        with pytest.raises(PersonEndedError):
            town.subjects.verify_living(person.id, at=at)
    with town.transactions.reading() as connection:
        (change,) = connection.execute(
            select(realm_changes).where(realm_changes.c.kind != "level")
        ).all()
    assert (change.kind, change.account) == ("disable", "account-苏小样")


def test_a_base_that_is_away_is_no_answer(town: Town) -> None:
    person = town.settle("苏小样")
    town.bases.away = True
    with pytest.raises(BaseUnavailableError):
        town.subjects.verify_living(person.id, at=NOW, outage=STATE_MAY_BE_OLD_IN_OUTAGE)
    town.bases.away = False
    town.subjects.verify_living(person.id, at=NOW)
    town.bases.away = True
    later = NOW + STATE_MAY_BE_OLD + MINUTE
    with pytest.raises(BaseUnavailableError):
        town.subjects.verify_living(person.id, at=later)
    outage = STATE_MAY_BE_OLD_IN_OUTAGE
    assert town.subjects.verify_living(person.id, at=later, outage=outage).id == person.id
    with pytest.raises(BaseUnavailableError):
        town.subjects.verify_living(person.id, at=NOW + outage + MINUTE, outage=outage)


def test_a_document_that_the_base_does_not_keep_is_no_death(town: Town) -> None:
    person = town.subjects.register(OTHER, account="b", means=LevelMeans.COUNTER_ORIGINAL, at=NOW)
    assert town.subjects.verify_living(person.id, at=NOW).state is PersonState.UNKNOWN


# ---- at rest ----


def test_nothing_of_a_person_is_readable_at_rest(town: Town, tmp_path: Path) -> None:
    person = town.settle("苏小样")
    assert repr(person) == f"NaturalPerson({person.id})"
    if town.engine.dialect.name != "sqlite":
        return
    octets = b"".join(path.read_bytes() for path in tmp_path.glob("identity.db*"))
    # The account of these tests is named after the person.
    assert "苏小样".encode() not in octets.replace("account-苏小样".encode(), b"")
    assert person.document.number.encode() not in octets


def test_a_value_moved_to_another_row_is_damage(town: Town) -> None:
    person, other = town.settle("苏小样"), town.settle("李示例")
    with town.transactions() as connection:
        name = select(persons.c.name).where(persons.c.id == other.id).scalar_subquery()
        connection.execute(update(persons).where(persons.c.id == person.id).values(name=name))
    with pytest.raises(DamagedIdentityError):
        town.subjects.get(person.id)
    with town.transactions() as connection:
        connection.execute(update(person_documents).values(number=b""))
    with pytest.raises(DamagedIdentityError):
        town.subjects.get(other.id)
