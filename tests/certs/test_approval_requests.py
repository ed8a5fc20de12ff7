"""Approvals: one word of an officer for what he saw, used once, finished whatever happens."""

import threading
from datetime import timedelta

import pytest
from simulators.approvals import DRAFTER, OTHER_SEALER, SEALER
from simulators.desk import Desk
from simulators.office import (
    CIVIL_AFFAIRS_BUREAU,
    FOOD_LICENCE,
    OTHER_MARKET_BUREAU,
    SENIOR_CARD,
    Office,
)
from sqlalchemy import Engine, select

from certs.acceptance import KeyedOrder
from certs.approval_requests import (
    MOST_DRAFTS,
    ApprovalExpiredError,
    ApprovalMismatchError,
    ApprovalRequest,
    ApprovalUsedError,
    ApprovedRequest,
    OwnDraftError,
    RequestState,
    SeenDraft,
    UnknownApprovalRequestError,
)
from certs.approved_sealing import ApprovedSealing
from certs.draft_entries import (
    CertificateDraft,
    DraftChangedError,
    DraftState,
    DraftStateError,
    UnknownDraftError,
)
from certs.errors import InvalidOrderError
from certs.issuance import Issued
from certs.tables import approval_requests
from hsm.approvals import Approval
from hsm.errors import ApprovalRejectedError, LedgerUnavailableError
from hsm.permits import MOST_DRAFTS as MOST_IN_CUSTODY
from hsm.uses import UseState
from signing.canonical import canonical_sm3


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk.of(office)


def states(desk: Desk, *drafts: CertificateDraft) -> list[str]:
    return [desk.drafts.get(draft.id).state.value for draft in drafts]


def test_the_nonce_is_the_digest_of_what_was_seen(desk: Desk) -> None:
    drafts = sorted([desk.submitted(), desk.submitted()], key=lambda draft: draft.id)
    expected = canonical_sm3([[draft.id, draft.draft_sm3] for draft in drafts])
    assert desk.ask(*drafts).nonce == desk.ask(*reversed(drafts)).nonce == expected


def test_approved_drafts_become_certificates_of_what_was_approved(desk: Desk) -> None:
    drafts = [desk.submitted(), desk.submitted()]
    done = desk.seal(*drafts)
    assert done.state is RequestState.DONE
    assert done.results == {draft.id: "sealed" for draft in drafts}
    found = desk.office.register.get_all([draft.id for draft in drafts])
    for draft in drafts:
        assert found[draft.id].draft_sm3 == draft.draft_sm3
        kept = desk.drafts.get(draft.id)
        assert (kept.state, kept.decided_by, kept.typed) == (DraftState.SEALED, SEALER, {})
        assert not kept.has_portrait
    desk.office.reconcile()


def test_a_portrait_goes_with_its_draft(desk: Desk) -> None:
    draft = desk.submitted(slug=SENIOR_CARD, authority=CIVIL_AFFAIRS_BUREAU)
    desk.seal(draft)
    certificate = desk.office.register.get_all([draft.id])[draft.id]
    assert desk.office.register.portrait(certificate) is not None
    assert desk.drafts.portrait(desk.drafts.get(draft.id)) is None


def test_the_evidence_is_encrypted_and_forgotten_at_the_end(
    desk: Desk, register_engine: Engine
) -> None:
    request = desk.approve(desk.ask(desk.submitted()))
    query = select(approval_requests.c.evidence)
    with register_engine.connect() as connection:
        kept = bytes(connection.execute(query).scalar_one())
    id_token = desk.sign_in(request).id_token
    assert id_token.encode() not in kept
    approved = desk.requests.approved(request.id, at=desk.office.at)
    assert isinstance(approved, ApprovedRequest)
    assert approved.id_token == id_token
    desk.sealing.finish(request.id, at=desk.office.at)
    with register_engine.connect() as connection:
        assert connection.execute(query).scalar_one() is None


def test_nobody_seals_his_own_draft(desk: Desk) -> None:
    with pytest.raises(OwnDraftError):
        desk.ask(desk.submitted(), officer=DRAFTER)


def test_only_submitted_drafts_as_they_are_can_be_asked_for(desk: Desk) -> None:
    with pytest.raises(DraftStateError):
        desk.ask(desk.drafted())
    draft = desk.submitted()
    with pytest.raises(DraftChangedError):
        desk.requests.open([SeenDraft(draft.id, "0" * 64)], officer=SEALER, at=desk.office.at)
    with pytest.raises(UnknownDraftError):
        desk.requests.open([SeenDraft("0" * 32, "0" * 64)], officer=SEALER, at=desk.office.at)


def test_custody_takes_whatever_may_be_asked_for() -> None:
    assert MOST_DRAFTS <= MOST_IN_CUSTODY


def test_a_request_has_some_drafts_of_one_authority_each_once(desk: Desk) -> None:
    draft, foreign = desk.submitted(), desk.submitted(authority=OTHER_MARKET_BUREAU)
    for asked in ([], [draft, draft], [draft, foreign]):
        with pytest.raises(InvalidOrderError) as caught:
            desk.ask(*asked)
        assert [fault.pointer for fault in caught.value.faults] == ["/drafts"]


@pytest.mark.parametrize(
    "changes",
    [
        {"officer": OTHER_SEALER},
        {"nonce": "0" * 64},
        {"nonce": None},
        {"authenticated_at": "before"},
    ],
    ids=["another officer", "another nonce", "no nonce", "not fresh"],
)
def test_a_sign_in_that_was_not_made_for_it_approves_nothing(
    desk: Desk, changes: dict[str, object]
) -> None:
    draft = desk.submitted()
    request = desk.ask(draft)
    if "authenticated_at" in changes:
        changes = {"authenticated_at": desk.office.at - timedelta(seconds=1)}
    with pytest.raises(ApprovalMismatchError):
        desk.requests.approve(request.id, desk.sign_in(request, **changes), at=desk.office.at)
    assert states(desk, draft) == ["submitted"]
    assert desk.requests.get(request.id, at=desk.office.at).state is RequestState.OPEN


def test_a_request_nobody_signed_in_for_expires(desk: Desk) -> None:
    request = desk.ask(desk.submitted())
    desk.office.clock.at += timedelta(minutes=10, seconds=1)
    assert desk.requests.get(request.id, at=desk.office.at).state is RequestState.EXPIRED
    with pytest.raises(ApprovalExpiredError):
        desk.approve(request)


def test_a_request_is_approved_once(desk: Desk) -> None:
    request = desk.ask(desk.submitted())
    desk.approve(request)
    with pytest.raises(ApprovalUsedError):
        desk.approve(request)
    desk.sealing.finish(request.id, at=desk.office.at)
    with pytest.raises(ApprovalUsedError):
        desk.approve(request)


def test_an_unknown_request_is_named_so(desk: Desk) -> None:
    with pytest.raises(UnknownApprovalRequestError):
        desk.requests.get("0" * 32, at=desk.office.at)


def test_a_draft_changed_since_it_was_seen_is_not_sealed(desk: Desk) -> None:
    draft, unchanged = desk.submitted(), desk.submitted()
    request = desk.ask(draft, unchanged)
    returned = desk.drafts.return_(
        draft.id,
        officer=OTHER_SEALER,
        reason="改一处",
        seen_sm3=str(draft.draft_sm3),
        at=desk.office.at,
    )
    saved = desk.drafts.save(
        draft.id,
        desk.typed(valid_from="2026-11-25"),
        drafter=DRAFTER,
        revision=returned.revision,
        at=desk.office.at,
    )
    desk.submit(saved)
    desk.approve(request)
    done = desk.sealing.finish(request.id, at=desk.office.at)
    assert done.results == {draft.id: "draft_changed", unchanged.id: "sealed"}
    assert set(desk.office.register.get_all([draft.id, unchanged.id])) == {unchanged.id}
    assert states(desk, draft) == ["submitted"]


def test_of_two_officers_at_once_one_gets_the_draft(desk: Desk) -> None:
    draft = desk.submitted()
    requests = [desk.ask(draft, officer=officer) for officer in (SEALER, OTHER_SEALER)]
    finished: list[ApprovalRequest] = []

    def approve(request: ApprovalRequest) -> None:
        desk.approve(request)
        finished.append(desk.sealing.finish(request.id, at=desk.office.at))

    threads = [threading.Thread(target=approve, args=[request]) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(str(done.results[draft.id]) for done in finished) == ["draft_state", "sealed"]
    assert len(desk.office.uses(UseState.COMPLETED)) == 1
    desk.office.reconcile()


def test_what_was_approved_before_a_crash_is_finished_and_once(desk: Desk) -> None:
    draft = desk.submitted()
    desk.approve(desk.ask(draft))
    again = Desk.of(desk.office.again())
    assert again.sealing.resume(at=again.office.at) == 0
    assert again.sealing.resume(at=again.office.at) == 0
    assert states(again, draft) == ["sealed"]
    assert again.office.register.count() == 1
    again.office.close()


def test_what_was_sealed_before_a_crash_is_found_sealed(desk: Desk) -> None:
    """The certificate is in the register, the result not yet written down."""
    draft = desk.submitted()
    request = desk.approve(desk.ask(draft))
    with pytest.raises(InterruptedError):
        interrupted(desk).finish(request.id, at=desk.office.at)
    assert desk.office.register.count() == 1
    assert states(desk, draft) == ["sealing"]
    done = desk.sealing.finish(request.id, at=desk.office.at)
    assert done.results == {draft.id: "sealed"}
    assert desk.office.register.count() == 1
    desk.office.reconcile()


def interrupted(desk: Desk) -> ApprovedSealing:
    """Return the sealing of a process that dies before it writes down a result."""

    class Dying:
        def __getattr__(self, name: str) -> object:
            if name == "settle":
                raise InterruptedError
            return getattr(desk.requests, name)

    return sealing_with(desk, requests=Dying())


def sealing_with(desk: Desk, **parts: object) -> ApprovedSealing:
    whole: dict[str, object] = {
        "drafts": desk.drafts,
        "requests": desk.requests,
        "issuance": desk.office.issuance,
        "reservations": desk.office.reservations,
        "approval_of": desk.sealing._approval_of,
    }
    return ApprovedSealing(**(whole | parts))  # type: ignore[arg-type] # the test's own parts


def test_an_approval_that_does_not_count_gives_the_draft_back(desk: Desk) -> None:
    draft = desk.submitted()
    request = desk.approve(desk.ask(draft))

    def worthless(_approved: ApprovedRequest) -> Approval:
        raise ApprovalRejectedError("not this officer's")

    done = sealing_with(desk, approval_of=worthless).finish(request.id, at=desk.office.at)
    assert done.state is RequestState.DONE
    assert done.results == {draft.id: "approval_rejected"}
    assert states(desk, draft) == ["submitted"]
    assert desk.office.register.count() == 0
    desk.seal(desk.drafts.get(draft.id))
    assert states(desk, draft) == ["sealed"]


def test_a_ledger_that_does_not_answer_leaves_it_to_be_finished(desk: Desk) -> None:
    draft = desk.submitted()
    request = desk.approve(desk.ask(draft))

    def gone(_approved: ApprovedRequest) -> Approval:
        raise LedgerUnavailableError

    broken = sealing_with(desk, approval_of=gone)
    with pytest.raises(LedgerUnavailableError):
        broken.finish(request.id, at=desk.office.at)
    assert broken.resume(at=desk.office.at) == 1
    assert states(desk, draft) == ["sealing"]
    assert desk.sealing.resume(at=desk.office.at) == 0
    assert states(desk, draft) == ["sealed"]


def test_a_callers_own_key_never_takes_the_place_of_a_draft(desk: Desk) -> None:
    draft = desk.submitted()
    order = desk.office.order(FOOD_LICENCE)  # by the same authority
    (outcome,) = desk.office.issuance.issue_unattended(
        [KeyedOrder(order, key=draft.id)], at=desk.office.at
    )
    assert isinstance(outcome, Issued)
    assert desk.seal(draft).results == {draft.id: "sealed"}


def test_an_order_given_up_ends_its_draft_with_the_reason(desk: Desk) -> None:
    """Its number is spent and its id is taken: it is written anew, from what was typed."""
    draft = desk.submitted()
    request = desk.approve(desk.ask(draft))
    drawing = desk.office.catalogue.find(draft.type_code).folder / "layout.typ"
    whole = drawing.read_bytes()
    drawing.write_bytes(b"#let draw(inputs) = panic()")
    done = desk.sealing.finish(request.id, at=desk.office.at)
    drawing.write_bytes(whole)
    assert done.results == {draft.id: "drawing_failed"}
    kept = desk.drafts.get(draft.id)
    assert (kept.state, kept.refusal) == (DraftState.REFUSED, "drawing_failed")
    assert kept.typed == draft.typed
    assert desk.office.register.count() == 0


def test_a_type_that_changed_since_gives_the_draft_back(desk: Desk) -> None:
    draft = desk.submitted()
    request = desk.approve(desk.ask(draft))

    class Changed:
        def __getattr__(self, name: str) -> object:
            return getattr(desk.drafts, name)

        def order_of(self, draft: CertificateDraft, *, at: object) -> object:
            return desk.office.order(valid_from="2026-11-25")

    done = sealing_with(desk, drafts=Changed()).finish(request.id, at=desk.office.at)
    assert done.results == {draft.id: "draft_changed"}
    assert states(desk, draft) == ["submitted"]


def test_a_finished_request_stays_as_it_is(desk: Desk) -> None:
    draft = desk.submitted()
    done = desk.seal(draft)
    assert desk.sealing.finish(done.id, at=desk.office.at) == done
    desk.requests.settle(done.id, refused={draft.id: "drawing_failed"}, at=desk.office.at)
    assert desk.requests.get(done.id, at=desk.office.at) == done
    assert states(desk, draft) == ["sealed"]


def test_many_drafts_are_sealed_in_handfuls(desk: Desk) -> None:
    drafts = [desk.submitted() for _ in range(25)]
    seen: list[int] = []

    def counting(approved: ApprovedRequest) -> Approval:
        seen.append(len(approved.drafts))
        return desk.sealing._approval_of(approved)

    request = desk.approve(desk.ask(*drafts))
    done = sealing_with(desk, approval_of=counting).finish(request.id, at=desk.office.at)
    assert seen == [25, 25]  # two handfuls under the word for all
    assert set(done.results.values()) == {"sealed"}
