"""Certificates under an officer's approval: what he saw is sealed, once, come what may."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from simulators import mortal
from simulators.approvals import DRAFTER, KEEPER, OTHER_SEALER, SEALER, id_token
from simulators.mortal import Work
from simulators.office import (
    AT,
    FOOD_LICENCE,
    MARKET_BUREAU,
    OTHER_MARKET_BUREAU,
    SENIOR_CARD,
    Clock,
    Office,
    new_office,
    open_office,
    refusals,
)

from certs.acceptance import KeyedOrder
from certs.approving import NotApprovedError
from certs.content import draft_sm3, draft_sm3_of_content
from certs.errors import AlreadyIssuedError
from certs.issuance import Issued, Resumption
from certs.reconciliation import NotReconciledError
from certs.reservation import OrderState
from hsm.approvals import SealingApproval
from hsm.errors import ApprovalRejectedError, DailyCapReachedError
from hsm.ledger import Ledger
from hsm.permissions import Permissions
from hsm.permits import DraftRef, SealingAuthorisation, UnattendedUse, nonce_of
from hsm.uses import UseState

HOUR = timedelta(hours=1)
FOOD_TYPE = "11999900MB0000019D001"
FORMS = pytest.mark.parametrize("slug", [FOOD_LICENCE, SENIOR_CARD])


class CrashError(Exception):
    """Stands for the end of the process."""


def crash_at(part: object, method: str, act: Callable[[], object]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part, method, Mock(side_effect=CrashError))
        with pytest.raises(CrashError):
            act()


def seal(office: Office, approval: SealingApproval, *requests: KeyedOrder) -> list[Issued]:
    outcomes = office.issuance.issue_many(requests, approval=approval, at=office.at)
    assert refusals(outcomes) == [None] * len(requests)
    return [outcome for outcome in outcomes if isinstance(outcome, Issued)]


def refused(office: Office, approval: SealingApproval, *requests: KeyedOrder) -> None:
    """Assert that nothing is sealed, nothing accepted, nothing kept."""
    head = office.ledger.head()
    with pytest.raises(ApprovalRejectedError):
        office.issuance.issue_many(requests, approval=approval, at=office.at)
    assert office.ledger.head() == head
    assert office.reservations.next_unfinished(after="", limit=1) == []
    assert office.reservations.load([str(r.draft_id) for r in requests]) == {}


# ---- what is sealed


@FORMS
def test_what_an_officer_approved_is_sealed_in_his_name(office: Office, slug: str) -> None:
    requests = office.drafted(3, slug)
    issued = seal(office, office.approval(*requests), *requests)
    assert [i.certificate.id for i in issued] == [r.draft_id for r in requests]
    for one, request in zip(issued, requests, strict=True):
        assert one.certificate.draft_sm3 == draft_sm3(request.order, str(request.draft_id))
        (event,) = office.register.events(one.certificate)
        assert event.officer == SEALER
    uses = office.uses(UseState.COMPLETED)
    assert {u.opening.approval.kind for u in uses} == {"sealing_approval"}
    assert [(u.opening.draft_id, u.opening.draft_sm3) for u in uses] == [
        (i.certificate.id, i.certificate.draft_sm3) for i in issued
    ]
    office.reconcile()
    office.permissions.verify_evidence()


def test_a_list_is_verified_once_and_sealed_in_handfuls(office: Office) -> None:
    requests = office.drafted(4)
    approval = office.approval(*requests)
    seal(office, approval, *requests[:2])
    office.clock.at = AT + HOUR
    seal(office, approval, *requests[2:])
    assert seal(office, approval, *requests) == seal(office, approval, *requests)
    assert len({u.opening.approval.number for u in office.uses(UseState.COMPLETED)}) == 1
    office.reconcile()


@FORMS
def test_the_digest_is_that_of_what_the_sealed_file_says(office: Office, slug: str) -> None:
    requests = office.drafted(1, slug)
    (issued,) = seal(office, office.approval(*requests), *requests)
    certificate = issued.certificate
    assert draft_sm3_of_content(certificate.content, certificate.id) == certificate.draft_sm3


# ---- what is not


def changed(requests: list[KeyedOrder], office: Office) -> list[KeyedOrder]:
    return [requests[0], replace(requests[1], order=office.order(valid_to="2029-01-01"))]


def one_more(requests: list[KeyedOrder], office: Office) -> list[KeyedOrder]:
    return [*requests, *office.drafted(1)]


def without_draft(requests: list[KeyedOrder], _: Office) -> list[KeyedOrder]:
    return [requests[0], replace(requests[1], draft_id=None)]


def swapped(requests: list[KeyedOrder], office: Office) -> list[KeyedOrder]:
    other = office.order(valid_to="2029-01-01")
    return [
        replace(requests[0], order=other, draft_id=requests[1].draft_id),
        replace(requests[1], draft_id=requests[0].draft_id),
    ]


def of_another_authority(requests: list[KeyedOrder], office: Office) -> list[KeyedOrder]:
    return [requests[0], replace(requests[1], order=office.order(authority=OTHER_MARKET_BUREAU))]


@pytest.mark.parametrize(
    "change", [changed, one_more, without_draft, swapped, of_another_authority]
)
def test_other_drafts_than_those_approved_are_not_sealed_nor_any_of_the_list(
    office: Office, change: Callable[[list[KeyedOrder], Office], list[KeyedOrder]]
) -> None:
    requests = office.drafted(2)
    refused(office, office.approval(*requests), *change(requests, office))


def test_an_approval_that_is_none_seals_nothing(office: Office) -> None:
    requests = office.drafted(2)
    good = office.approval(*requests)
    theirs = tuple(replace(draft, drafter=SEALER) for draft in good.drafts)
    other = office.approval(*office.drafted(2))
    for bad in (
        replace(good, officer=OTHER_SEALER),
        replace(good, drafts=theirs),
        replace(good, id_token=other.id_token),
        replace(good, id_token=id_token(SEALER, nonce_of(good.drafts), at=AT, level=1)),
        replace(good, id_token=id_token(KEEPER, nonce_of(good.drafts), at=AT), officer=KEEPER),
        replace(good, authority=OTHER_MARKET_BUREAU),
        office.approval(*requests, officer=DRAFTER),
    ):
        refused(office, bad, *requests)
    office.clock.at = AT + timedelta(minutes=11)
    refused(office, good, *requests)


def test_a_draft_that_was_sealed_is_not_sealed_again_as_something_else(office: Office) -> None:
    (request,) = office.drafted(1)
    (issued,) = seal(office, office.approval(request), request)
    later = replace(request, order=office.order(valid_to="2029-01-01"))
    for again in (later, replace(later, key="another"), replace(request, key="another")):
        outcomes = office.issuance.issue_many(
            [again], approval=office.approval(again), at=office.at
        )
        assert refusals(outcomes) == [AlreadyIssuedError]
    assert seal(office, office.approval(request), request) == [issued]
    assert len(office.uses(UseState.COMPLETED)) == 1


def test_who_seals_something_else_under_an_approval_is_found(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Custody sees digests: an application that was taken over can lie about them, not for long."""
    (request,) = office.drafted(1)
    approval = office.approval(request)
    other = replace(request, order=office.order(valid_to="2029-01-01"))
    approved = approval.drafts[0].draft_sm3
    for place in ("certs.approving.draft_sm3", "certs.sealing.draft_sm3"):
        monkeypatch.setattr(place, lambda *_: approved)
    (issued,) = seal(office, approval, other)
    with pytest.raises(NotReconciledError) as caught:
        office.reconcile()
    assert str(caught.value) == f"certificate {issued.certificate.identifier}: not_as_approved"


# ---- crashes


@FORMS
def test_a_draft_that_was_only_accepted_is_finished_under_its_approval(
    office: Office, slug: str
) -> None:
    """Its authorisations do not matter: it was an officer who approved it."""
    requests = office.drafted(2, slug)
    approval = office.approval(*requests)
    crash_at(
        office.custodian,
        "apply_seal" if slug == FOOD_LICENCE else "sign_cms",
        lambda: seal(office, approval, *requests),
    )
    office.clock.at = AT + HOUR
    assert office.resume() == Resumption(issued=2, refused=0, closed=0)
    uses = office.uses(UseState.COMPLETED)
    assert {u.opening.approval.officer for u in uses} == {SEALER}
    office.reconcile()


@FORMS
@pytest.mark.parametrize("by_resume", [True, False])
def test_what_was_begun_is_prepared_anew_under_its_approval_whenever(
    office: Office, slug: str, *, by_resume: bool
) -> None:
    requests = office.drafted(1, slug)
    approval = office.approval(*requests)
    crash_at(office.issuance, "_enter", lambda: seal(office, approval, *requests))
    office.clock.at = AT + timedelta(days=3)
    if by_resume:
        assert office.resume() == Resumption(issued=1, refused=0, closed=0)
    else:
        seal(office, approval, *requests)
    (abandoned,) = office.uses(UseState.ABANDONED)
    (completed,) = office.uses(UseState.COMPLETED)
    assert abandoned.opening.approval == completed.opening.approval
    office.reconcile()


def test_what_was_approved_and_not_begun_within_a_day_waits_for_another_approval(
    office: Office,
) -> None:
    requests = office.drafted(1)
    first = office.approval(*requests)
    crash_at(office.custodian, "apply_seal", lambda: seal(office, first, *requests))
    office.clock.at = AT + timedelta(days=2)
    assert office.resume() == Resumption(issued=0, refused=1, closed=0)
    outcomes = office.issuance.issue_many(requests, approval=first, at=office.at)
    assert refusals(outcomes) == [NotApprovedError]
    seal(office, office.approval(*requests, officer=OTHER_SEALER), *requests)
    (use,) = office.uses(UseState.COMPLETED)
    assert use.opening.approval.officer == OTHER_SEALER
    office.reconcile()


def test_one_order_that_waits_holds_up_no_other(office: Office) -> None:
    food = [u for u in office.permissions.authorisations() if _is_for(u, MARKET_BUREAU)]
    requests = [*office.keyed(2), *office.keyed(2, SENIOR_CARD)]
    office.reservations.reserve(requests, at=AT)
    for use in food:
        office.permissions.recall(use.number, officer=KEEPER, reason="recalled")
    assert office.resume() == Resumption(issued=2, refused=2, closed=0)
    assert len(office.reservations.next_unfinished(after="", limit=9)) == 2
    office.reconcile()


def _is_for(use: UnattendedUse, authority: str) -> bool:
    return use.authorisation.authority == authority


# ---- unattended


def restrict(office: Office, daily_cap: int) -> UnattendedUse:
    """Let the keeper give an authorisation of his own, and recall what there was."""
    for use in office.permissions.authorisations():
        if _is_for(use, MARKET_BUREAU):
            office.permissions.recall(use.number, officer=KEEPER, reason="restricted")
    terms = SealingAuthorisation(
        id="1" * 32,
        authority=MARKET_BUREAU,
        type_code=FOOD_TYPE,
        since=AT,
        until=AT + timedelta(days=30),
        daily_cap=daily_cap,
    )
    return office.permissions.authorise(
        terms, keeper=KEEPER, id_token=id_token(KEEPER, terms.nonce, at=AT), asked_at=AT
    )


def test_the_daily_cap_is_found_out_before_anything_is_accepted(office: Office) -> None:
    restrict(office, daily_cap=3)
    requests = office.keyed(4)
    with pytest.raises(DailyCapReachedError):
        office.try_to_issue(requests)
    assert office.reservations.next_unfinished(after="", limit=1) == []
    first = office.try_to_issue(requests[:3])
    assert refusals(first) == [None] * 3
    with pytest.raises(DailyCapReachedError):
        office.try_to_issue(requests)
    assert office.try_to_issue(requests[:3]) == first, "what was issued is answered"
    office.clock.at = AT + timedelta(days=1)
    assert refusals(office.try_to_issue(requests)) == [None] * 4
    office.reconcile()


def test_a_recall_stops_at_once_what_is_new(office: Office) -> None:
    use = restrict(office, daily_cap=10)
    requests = office.keyed(2)
    first = office.try_to_issue(requests[:1])
    office.permissions.recall(use.number, officer=KEEPER, reason="keeper_left")
    with pytest.raises(ApprovalRejectedError):
        office.try_to_issue(requests)
    assert office.try_to_issue(requests[:1]) == first
    office.reconcile()


def test_what_others_took_meanwhile_makes_an_order_wait(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    use = restrict(office, daily_cap=1)
    first, second = office.keyed(1), office.keyed(1)
    assert refusals(office.try_to_issue(first)) == [None]
    monkeypatch.setattr(Permissions, "room", lambda *_, **__: (use, 9))
    assert refusals(office.try_to_issue(second)) == [NotApprovedError]
    assert office.resume() == Resumption(issued=0, refused=1, closed=0)
    office.clock.at = AT + timedelta(days=1)
    assert office.resume() == Resumption(issued=1, refused=0, closed=0)
    office.reconcile()


# ---- processes


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, str]:
    """Return a folder and its register, with nobody at work there."""
    folder = tmp_path / "processes"
    url = f"sqlite:///{folder / 'register.db'}"
    new_office(folder, register_url=url).close()
    return folder, url


@pytest.mark.real
def test_two_processes_with_one_approval_seal_each_draft_once(place: tuple[Path, str]) -> None:
    keys = tuple(f"{n:032x}" for n in range(12))
    works = [Work(*place, AT, some, at_once=4, approved=True) for some in (keys, keys[::-1], keys)]
    processes = [mortal.start(work) for work in works]
    for process in processes:
        process.join(mortal.LIVES_LONG_ENOUGH)
        assert process.exitcode == 0
    _judge(place, keys)


@pytest.mark.real
def test_killed_after_every_durable_step_an_approved_list_is_finished(
    tmp_path: Path,
) -> None:
    keys = ("0" * 32, "1" * 32)
    for steps in range(1, 20):
        folder = tmp_path / f"office-{steps}"
        place = (folder, f"sqlite:///{folder / 'register.db'}")
        new_office(folder, register_url=place[1]).close()
        if mortal.run(Work(*place, AT, keys, approved=True, dies_after=steps)):
            break
        assert mortal.run(Work(*place, AT + HOUR))
        if steps == 1:  # the approval alone was kept: nothing was ordered yet
            assert mortal.run(Work(*place, AT + HOUR, keys, approved=True))
        _judge(place, keys)
    assert steps == 6, "approval, reserve, open, enter, complete"


def _judge(place: tuple[Path, str], keys: tuple[str, ...]) -> None:
    office = open_office(place[0], register_url=place[1], clock=Clock(AT + HOUR))
    assert {c.id for c in office.register.walk()} == set(keys)
    assert office.uses(UseState.OPEN) == []
    completed = office.uses(UseState.COMPLETED)
    assert {u.opening.draft_id for u in completed} == set(keys)
    assert len({u.opening.approval for u in completed}) == 1
    assert {o.state for o in office.reservations.load(keys).values()} == {OrderState.ISSUED}
    office.reconcile()
    office.close()


def test_a_ledger_of_its_own_is_no_way_round(office: Office, tmp_path: Path) -> None:
    """An approval recorded in another ledger is none in this one."""
    requests = office.drafted(1)
    elsewhere = Permissions(
        Ledger.create(tmp_path / "elsewhere.db"),
        clock=office.clock,
        evidence_key=office.permissions._evidence_key,
        development=True,
    )
    elsewhere.introduce(office.sign_ins)
    approval = office.approval(*requests)
    recorded = elsewhere.record(approval)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(office.permissions, "record", lambda _: recorded)
        outcomes = office.issuance.issue_many(requests, approval=approval, at=AT)
    assert refusals(outcomes) == [NotApprovedError]
    drafts = [DraftRef(str(r.draft_id), draft_sm3(r.order, str(r.draft_id)), "d") for r in requests]
    assert office.permissions.of_drafts([d.draft_id for d in drafts]) == {}
    elsewhere._ledger.close()
