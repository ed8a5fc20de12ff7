"""Drafts: nothing typed is lost, nothing submitted changes, and nobody reads it in the database."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulators.approvals import DRAFTER, SEALER
from simulators.desk import Desk
from simulators.office import (
    CIVIL_AFFAIRS_BUREAU,
    FOOD_LICENCE,
    MARKET_BUREAU,
    SENIOR_CARD,
    Office,
)
from sqlalchemy import Connection, Engine, select, text

from certs.content import draft_sm3
from certs.draft_entries import (
    DraftChangedError,
    DraftState,
    DraftStateError,
    Typed,
    UnknownDraftError,
)
from certs.errors import DrawingError, InvalidOrderError, NotEntitledError, UnknownAuthorityError
from certs.row_cipher import DamagedRegisterError
from certs.tables import drafts


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk.of(office)


def test_a_draft_is_kept_as_it_was_typed_with_its_faults(desk: Desk) -> None:
    typed = Typed({"holders": [{"type": "111", "number": "12 3"}], "strange": 1.5}, "no base64!")
    draft = desk.drafted(typed)
    assert draft.state is DraftState.DRAFTING
    assert draft.typed == typed.body
    assert draft.has_portrait
    assert desk.drafts.portrait(draft) == "no base64!"
    with pytest.raises(InvalidOrderError) as caught:
        desk.drafts.order_of(draft, at=desk.office.at)
    assert {"/strange", "/attributes", "/portrait"} <= {f.pointer for f in caught.value.faults}


def test_the_same_id_again_is_the_same_draft_for_its_drafter_alone(desk: Desk) -> None:
    draft = desk.drafted()
    facts = {
        "certificate_type": desk.drafts.type_of(draft),
        "authority_uscc": MARKET_BUREAU,
        "typed": Typed({}),
        "at": desk.office.at,
    }
    assert desk.drafts.create(draft.id, drafter=DRAFTER, **facts) == draft  # type: ignore[arg-type] # as above
    with pytest.raises(UnknownDraftError):
        desk.drafts.create(draft.id, drafter=SEALER, **facts)  # type: ignore[arg-type] # as above


def test_only_who_may_issue_a_type_may_draft_it(desk: Desk) -> None:
    with pytest.raises(NotEntitledError):
        desk.drafted(authority=CIVIL_AFFAIRS_BUREAU)
    with pytest.raises(UnknownAuthorityError):
        desk.drafted(authority="nobody")


def test_saving_replaces_what_was_typed_and_keeps_the_portrait(desk: Desk) -> None:
    draft = desk.drafted(slug=SENIOR_CARD, authority=CIVIL_AFFAIRS_BUREAU)
    portrait = desk.drafts.portrait(draft)
    saved = desk.drafts.save(
        draft.id, Typed({"a": "b"}), drafter=DRAFTER, revision=1, at=desk.office.at
    )
    assert (saved.typed, saved.revision) == ({"a": "b"}, 2)
    assert desk.drafts.portrait(saved) == portrait
    bare = desk.drafts.remove_portrait(draft.id, drafter=DRAFTER, revision=2, at=desk.office.at)
    assert not bare.has_portrait
    assert desk.drafts.portrait(bare) is None


def test_a_draft_is_saved_by_its_drafter_from_its_present_revision(desk: Desk) -> None:
    draft = desk.drafted()
    with pytest.raises(UnknownDraftError):
        desk.drafts.save(draft.id, Typed({}), drafter=SEALER, revision=1, at=desk.office.at)
    desk.drafts.save(draft.id, Typed({}), drafter=DRAFTER, revision=1, at=desk.office.at)
    with pytest.raises(DraftChangedError):
        desk.drafts.save(draft.id, Typed({}), drafter=DRAFTER, revision=1, at=desk.office.at)


def test_what_is_too_large_is_not_kept(desk: Desk) -> None:
    for typed, pointer in (
        (Typed({"a": "x" * 70_000}), ""),
        (Typed({}, "x" * 500_000), "/portrait"),
    ):
        with pytest.raises(InvalidOrderError) as caught:
            desk.drafted(typed)
        assert [fault.pointer for fault in caught.value.faults] == [pointer]


def test_submission_fixes_digest_and_dates(desk: Desk) -> None:
    draft = desk.submitted()
    order = desk.drafts.order_of(draft, at=desk.office.at)
    assert draft.state is DraftState.SUBMITTED
    assert draft.draft_sm3 == draft_sm3(order, draft.id)
    later = desk.drafts.order_of(draft, at=desk.office.at + timedelta(days=3))
    assert later == order
    assert later.issued_on.isoformat() == "2026-11-24"


def test_a_draft_with_faults_is_not_submitted(desk: Desk) -> None:
    draft = desk.drafted(Typed({"holders": []}))
    with pytest.raises(InvalidOrderError):
        desk.submit(draft)
    assert desk.drafts.get(draft.id) == draft


@pytest.mark.parametrize(
    ("name", "error"),
    [("\U0002a6d6示例", InvalidOrderError), ("名" * 90, DrawingError)],
    ids=["a character the fonts lack", "too long for the layout"],
)
def test_what_cannot_be_drawn_is_not_submitted(
    desk: Desk, name: str, error: type[Exception]
) -> None:
    holder = {"type": "111", "number": "11999919570312004X", "name": name}
    typed = desk.typed(SENIOR_CARD, holders=[holder])
    draft = desk.drafted(typed, slug=SENIOR_CARD, authority=CIVIL_AFFAIRS_BUREAU)
    with pytest.raises(error):
        desk.submit(draft)
    assert desk.drafts.get(draft.id).state is DraftState.DRAFTING


def test_what_is_submitted_does_not_change(desk: Desk) -> None:
    draft = desk.submitted()
    assert desk.submit(draft) == draft  # a double click
    with pytest.raises(DraftStateError):
        desk.drafts.save(draft.id, Typed({}), drafter=DRAFTER, revision=1, at=desk.office.at)
    with pytest.raises(DraftStateError):
        desk.drafts.remove_portrait(draft.id, drafter=DRAFTER, revision=1, at=desk.office.at)
    with pytest.raises(DraftStateError):
        desk.drafts.discard(draft.id, drafter=DRAFTER)
    assert desk.drafts.get(draft.id) == draft


def test_a_draft_is_submitted_by_its_drafter_in_its_present_revision(desk: Desk) -> None:
    draft = desk.drafted()
    with pytest.raises(UnknownDraftError):
        desk.submit(replace(draft, drafter=SEALER))
    with pytest.raises(DraftChangedError):
        desk.submit(replace(draft, revision=7))


def test_a_returned_draft_says_why_and_can_be_corrected(desk: Desk) -> None:
    draft = desk.submitted()
    returned = desk.drafts.return_(
        draft.id,
        officer=SEALER,
        reason=" 经营场所\n与申请不符 ",
        seen_sm3=str(draft.draft_sm3),
        at=desk.office.at,
    )
    assert returned.state is DraftState.RETURNED
    assert (returned.reason, returned.decided_by) == ("经营场所 与申请不符", SEALER)
    assert (returned.draft_sm3, returned.submitted_at) == (None, None)
    attributes = desk.typed().body["attributes"]
    assert isinstance(attributes, dict)
    typed = desk.typed(attributes=attributes | {"KZ_JYCS": "示例市青禾区样板路2号"})
    saved = desk.drafts.save(
        draft.id, typed, drafter=DRAFTER, revision=returned.revision, at=desk.office.at
    )
    assert saved.reason == returned.reason
    again = desk.submit(saved)
    assert again.reason is None
    assert again.draft_sm3 != draft.draft_sm3


@pytest.mark.parametrize("reason", ["", " \n ", "长" * 501, "hidden\u202etext"])
def test_a_reason_is_words_that_can_be_read(desk: Desk, reason: str) -> None:
    draft = desk.submitted()
    with pytest.raises(InvalidOrderError) as caught:
        desk.drafts.return_(
            draft.id,
            officer=SEALER,
            reason=reason,
            seen_sm3=str(draft.draft_sm3),
            at=desk.office.at,
        )
    assert {fault.pointer for fault in caught.value.faults} == {"/reason"}


def test_only_what_was_seen_is_returned_and_once(desk: Desk) -> None:
    draft = desk.submitted()
    facts = {"officer": SEALER, "reason": "不符", "at": desk.office.at}
    with pytest.raises(DraftChangedError):
        desk.drafts.return_(draft.id, seen_sm3="0" * 64, **facts)  # type: ignore[arg-type] # as above
    desk.drafts.return_(draft.id, seen_sm3=str(draft.draft_sm3), **facts)  # type: ignore[arg-type] # as above
    with pytest.raises(DraftStateError):
        desk.drafts.return_(draft.id, seen_sm3=str(draft.draft_sm3), **facts)  # type: ignore[arg-type] # as above


def test_drafts_are_found_by_drafter_authority_and_state(desk: Desk) -> None:
    first, second = desk.drafted(), desk.submitted()
    card = desk.submitted(slug=SENIOR_CARD, authority=CIVIL_AFFAIRS_BUREAU)
    everything = list(DraftState)
    own = desk.drafts.of_drafter(DRAFTER, states=everything, limit=9)
    assert {draft.id for draft in own} == {first.id, second.id, card.id}
    assert desk.drafts.of_drafter(SEALER, states=everything, limit=9) == []
    desk.office.clock.at += timedelta(minutes=1)
    third = desk.submitted()
    assert desk.drafts.waiting([MARKET_BUREAU], limit=9) == [second, third]
    assert desk.drafts.waiting([MARKET_BUREAU, CIVIL_AFFAIRS_BUREAU], limit=1) != []
    assert desk.drafts.waiting([], limit=9) == []
    assert len(desk.drafts.of_drafter(DRAFTER, states=everything, limit=1)) == 1


def test_a_draft_can_be_forgotten_before_it_is_handed_on(desk: Desk) -> None:
    draft = desk.drafted()
    with pytest.raises(UnknownDraftError):
        desk.drafts.discard(draft.id, drafter=SEALER)
    desk.drafts.discard(draft.id, drafter=DRAFTER)
    with pytest.raises(UnknownDraftError):
        desk.drafts.get(draft.id)


def test_what_a_request_named_is_not_forgotten(desk: Desk) -> None:
    draft = desk.submitted()
    desk.ask(draft)
    desk.drafts.return_(
        draft.id, officer=SEALER, reason="不符", seen_sm3=str(draft.draft_sm3), at=desk.office.at
    )
    with pytest.raises(DraftStateError):
        desk.drafts.discard(draft.id, drafter=DRAFTER)


def test_the_database_tells_nothing_of_persons(desk: Desk, register_engine: Engine) -> None:
    draft = desk.submitted(slug=SENIOR_CARD, authority=CIVIL_AFFAIRS_BUREAU)
    desk.drafts.return_(
        draft.id,
        officer=SEALER,
        reason="陈样例的住址不符",
        seen_sm3=str(draft.draft_sm3),
        at=desk.office.at,
    )
    with register_engine.connect() as connection:
        row = b"".join(_octets(connection))
    for secret in ("陈样例", "11999919570312004X", "示例市", "住址", "\xff\xd8"):
        assert secret.encode() not in row


def _octets(connection: Connection) -> Iterator[bytes]:
    for value in connection.execute(select(drafts)).one():
        yield bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


def test_a_body_moved_to_another_draft_does_not_open(desk: Desk, register_engine: Engine) -> None:
    one, other = desk.drafted(), desk.drafted(Typed({"a": "b"}))
    with register_engine.begin() as connection:
        connection.execute(
            text("UPDATE drafts SET body = (SELECT body FROM drafts WHERE id = :a) WHERE id = :b"),
            {"a": one.id, "b": other.id},
        )
    with pytest.raises(DamagedRegisterError):
        desk.drafts.get(other.id)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(body=st.dictionaries(st.text(), JSON, max_size=5), portrait=st.none() | st.text())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_is_typed_comes_back_and_is_judged(
    desk: Desk, body: dict[str, object], portrait: str | None
) -> None:
    """Halves of characters, fractions, strange keys: kept, and told as faults."""
    draft = desk.drafts.create(
        uuid4().hex,
        certificate_type=desk.office.catalogue.find(FOOD_LICENCE),
        authority_uscc=MARKET_BUREAU,
        drafter=DRAFTER,
        typed=Typed(body, portrait),
        at=desk.office.at,
    )
    assert draft.typed == body
    assert desk.drafts.portrait(draft) == portrait
    with pytest.raises(InvalidOrderError):
        desk.drafts.order_of(draft, at=desk.office.at)
