"""What a crash leaves is finished once, whoever comes back to it, and when."""

import shutil
import threading
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from simulators.office import (
    AT,
    FOOD_LICENCE,
    MARKET_BUREAU,
    SENIOR_CARD,
    Office,
    embedded_signature,
    new_office,
    refusals,
)

from certs.acceptance import KeyedOrder
from certs.drawing import Drawing
from certs.errors import RegisterUnavailableError
from certs.issuance import Issued, Refused, Resumption
from certs.reservation import OrderVoidError, Reservation
from certs.sealing import SealedCertificate
from hsm.errors import DeadlinePassedError
from hsm.uses import UseState, UseSubject

MINUTE = timedelta(minutes=1)
FOOD_TYPE = "11999900MB0000019D001"
CARD_TYPE = "11999900MB0000019D002"
FORMS = pytest.mark.parametrize("slug", [FOOD_LICENCE, SENIOR_CARD])


def reserve(office: Office, requests: list[KeyedOrder]) -> list[Reservation]:
    """Accept orders and go no further, as a crash would have it."""
    return [
        reservation
        for reservation in office.reservations.reserve(requests, at=office.at)
        if isinstance(reservation, Reservation)
    ]


class CrashError(Exception):
    """Stands for the end of the process."""


def crash_before_entering(office: Office, requests: list[KeyedOrder]) -> None:
    """Sealed, not in the register."""
    _crash_at(office.issuance, "_enter", office, requests)


def crash_before_completing(office: Office, requests: list[KeyedOrder]) -> None:
    """In the register, the use of the key still open."""
    _crash_at(office.custodian, "complete", office, requests)


def _crash_at(part: object, method: str, office: Office, requests: list[KeyedOrder]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part, method, Mock(side_effect=CrashError))
        with pytest.raises(CrashError):
            office.try_to_issue(requests)


@FORMS
def test_an_order_that_was_only_accepted_is_finished_by_resume(office: Office, slug: str) -> None:
    requests = office.keyed(2, slug)
    reserved = reserve(office, requests)
    office.clock.at = AT + timedelta(hours=1)

    assert office.resume() == Resumption(issued=2, refused=0, closed=0)

    outcomes = office.try_to_issue(requests)
    assert [o.certificate.number for o in outcomes if isinstance(o, Issued)] == [
        reservation.number for reservation in reserved
    ]
    assert office.resume() == Resumption(issued=0, refused=0, closed=0)
    office.reconcile()


@FORMS
def test_an_open_use_is_finished_within_its_window(office: Office, slug: str) -> None:
    """The same attempt gives the same digest; nobody has to approve again."""
    requests = office.keyed(2, slug)
    crash_before_entering(office, requests)
    begun = office.uses(UseState.OPEN)
    office.clock.at = AT + 4 * MINUTE

    again = office.try_to_issue(requests)

    assert refusals(again) == [None, None]
    finished = office.uses(UseState.COMPLETED)
    assert [use.number for use in finished] == [use.number for use in begun]
    assert {use.opening.approval.officer for use in finished} == {"operator"}
    assert office.uses(UseState.ABANDONED) == []
    office.reconcile()


@pytest.mark.parametrize(
    ("slug", "late"),
    [
        (FOOD_LICENCE, 11 * MINUTE),  # the window of an open use
        (SENIOR_CARD, 6 * MINUTE),  # the time the file states would not be believed
        (SENIOR_CARD, timedelta(days=9)),
    ],
)
def test_too_late_a_use_is_abandoned_and_the_number_prepared_anew(
    office: Office, slug: str, late: timedelta
) -> None:
    requests = office.keyed(1, slug)
    crash_before_entering(office, requests)
    (begun,) = office.uses(UseState.OPEN)
    office.clock.at = AT + late

    (issued,) = office.try_to_issue(requests)

    assert isinstance(issued, Issued)
    (abandoned,) = office.uses(UseState.ABANDONED)
    (finished,) = office.uses(UseState.COMPLETED)
    assert abandoned.opening.subject == begun.opening.subject == finished.opening.subject
    assert abandoned.reason == "prepared_anew"
    assert issued.certificate.registered_at == office.at
    assert issued.certificate.issued_on == date(2026, 11, 24)  # belongs to the order
    assert issued.certificate.number[12:18] == "000001"
    if slug == SENIOR_CARD:
        assert embedded_signature(issued.data).claimed_at == office.at
    office.reconcile()


@FORMS
def test_what_would_look_different_now_is_prepared_anew(office: Office, slug: str) -> None:
    """The site got another name between crash and retry: another digest, the old use is closed."""
    requests = office.keyed(1, slug)
    crash_before_entering(office, requests)
    drawing = Drawing(public_url="https://zhengzhao.example", site_name="示例区新平台（演示）")
    office.issuance._sealing._drawing = drawing

    assert refusals(office.try_to_issue(requests)) == [None]

    assert len(office.uses(UseState.ABANDONED)) == 1
    office.reconcile()


@FORMS
@pytest.mark.parametrize("by_resume", [True, False])
def test_what_is_in_the_register_only_needs_its_use_closed(
    office: Office, slug: str, *, by_resume: bool
) -> None:
    requests = office.keyed(3, slug)
    crash_before_completing(office, requests)
    entered = {c.id: office.register.file(c) for c in office.register.walk()}
    office.clock.at = AT + timedelta(days=1)

    if by_resume:
        assert office.resume() == Resumption(issued=0, refused=0, closed=3)
    outcomes = office.try_to_issue(requests)

    assert {o.certificate.id: o.data for o in outcomes if isinstance(o, Issued)} == entered
    assert office.uses(UseState.OPEN) == []
    office.reconcile()


def test_an_order_that_can_never_be_finished_is_void_and_its_use_closed(office: Office) -> None:
    """The authority may no longer issue the type when the office comes back."""
    requests = office.keyed(2)
    crash_before_entering(office, requests)
    restarted = restart(office, without_types_of=MARKET_BUREAU)

    assert restarted.resume() == Resumption(issued=0, refused=2, closed=0)

    assert {use.reason for use in restarted.uses(UseState.ABANDONED)} == {"void"}
    assert restarted.uses(UseState.OPEN) == []
    outcomes = restarted.try_to_issue(requests)
    assert refusals(outcomes) == [OrderVoidError] * 2
    assert {str(o.error) for o in outcomes if isinstance(o, Refused)} == {"not_entitled"}
    restarted.reconcile()
    restarted.close()


def test_an_order_whose_type_is_gone_is_void(office: Office) -> None:
    requests = office.keyed(1)
    reserve(office, requests)
    shutil.rmtree(office.order().certificate_type.folder)
    restarted = restart(office)

    assert restarted.resume() == Resumption(issued=0, refused=1, closed=0)

    (outcome,) = restarted.try_to_issue(requests)
    assert isinstance(outcome, Refused)
    assert outcome.error.args == ("unknown_type",)
    restarted.close()


def test_an_order_waits_for_a_seal_that_may_be_used(office: Office) -> None:
    requests = office.keyed(1)
    reserve(office, requests)
    office.clock.at = AT + timedelta(days=5 * 366)
    assert office.resume() == Resumption(issued=0, refused=1, closed=0)
    office.clock.at = AT + timedelta(days=1)
    assert office.resume() == Resumption(issued=1, refused=0, closed=0)
    assert refusals(office.try_to_issue(requests)) == [None]


def test_a_full_disk_leaves_nothing_half_entered(tmp_path: Path) -> None:
    office = new_office(tmp_path / "office")
    requests = office.keyed(2) + office.keyed(1, SENIOR_CARD)
    reserve(office, requests)
    limit_pages(office, 0)

    with pytest.raises(RegisterUnavailableError, match="SQLITE_FULL"):
        office.try_to_issue(requests)

    assert list(office.register.walk()) == []
    assert len(office.uses(UseState.OPEN)) == 3
    limit_pages(office, 10_000)
    assert refusals(office.try_to_issue(requests)) == [None] * 3
    office.reconcile()
    office.close()


def limit_pages(office: Office, more: int) -> None:
    """Let the database grow by so many pages."""
    with office.transactions() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + more}")


# ---- several processes at the same orders


@FORMS
def test_who_was_overtaken_gets_what_the_other_one_issued(
    office: Office, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped between seal and register for eleven minutes; meanwhile somebody began anew."""
    requests = office.keyed(2, slug)
    other = office.again()
    enter = office.issuance._enter
    overtaking: list[list[Issued | Refused]] = []

    def stop_then_enter(
        sealed: Sequence[SealedCertificate], at: datetime
    ) -> dict[str, Issued | Refused]:
        office.clock.at = other.clock.at = AT + 11 * MINUTE
        overtaking.append(other.try_to_issue(requests))
        return enter(sealed, at)

    monkeypatch.setattr(office.issuance, "_enter", stop_then_enter)
    outcomes = office.try_to_issue(requests)

    assert refusals(outcomes) == [None, None]
    assert outcomes == overtaking[0]
    assert len(office.uses(UseState.ABANDONED)) == 2
    office.reconcile()
    other.close()


@FORMS
def test_who_was_shut_out_enters_nothing(
    office: Office, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped between seal and register; somebody began anew, and died before he was done.

    Who wakes so late is too late for the custodian, too: his caller asks again.
    """
    requests = office.keyed(2, slug)
    other = office.again()
    other.clock.at = AT + 11 * MINUTE
    enter = office.issuance._enter
    entered: list[dict[str, Issued | Refused]] = []

    def stop_then_enter(
        sealed: Sequence[SealedCertificate], at: datetime
    ) -> dict[str, Issued | Refused]:
        monkeypatch.setattr(office.issuance, "_enter", enter)
        office.clock.at = other.clock.at
        crash_before_entering(other, requests)
        entered.append(enter(sealed, at))
        return entered[0]

    monkeypatch.setattr(office.issuance, "_enter", stop_then_enter)
    with pytest.raises(DeadlinePassedError):
        office.try_to_issue(requests)

    assert entered == [{}]
    assert refusals(office.try_to_issue(requests)) == [None, None]
    office.reconcile()
    other.close()


@FORMS
def test_who_is_slow_to_abandon_does_not_close_what_was_begun_after(
    office: Office, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = office.keyed(1, slug)
    crash_before_entering(office, requests)
    office.clock.at = AT + 11 * MINUTE
    other = office.again()
    other.clock.at = office.at
    abandon = office.custodian.abandon
    overtaking: list[list[Issued | Refused]] = []

    def stop_then_abandon(subject: UseSubject, reason: str, *, number: int | None = None) -> None:
        overtaking.append(other.try_to_issue(requests))
        abandon(subject, reason, number=number)

    monkeypatch.setattr(office.custodian, "abandon", stop_then_abandon)
    outcomes = office.try_to_issue(requests)

    assert refusals(outcomes) == [None]
    assert outcomes == overtaking[0]
    office.reconcile()
    other.close()


@FORMS
def test_nobody_goes_on_with_a_use_that_another_is_about_to_abandon(
    office: Office, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the one the window is over, for the other, whose clock is behind, not yet."""
    requests = office.keyed(1, slug)
    crash_before_entering(office, requests)
    office.clock.at = AT + 11 * MINUTE
    other = office.again()
    other.clock.at = AT + 9 * MINUTE
    sealed, abandoned = threading.Event(), threading.Event()
    enter, abandon = other.issuance._enter, office.custodian.abandon
    outcomes: list[list[Issued | Refused]] = []
    thread = threading.Thread(target=lambda: outcomes.append(other.try_to_issue(requests)))

    def stop_then_enter(
        certificates: Sequence[SealedCertificate], at: datetime
    ) -> dict[str, Issued | Refused]:
        sealed.set()
        abandoned.wait(timeout=10)
        return enter(certificates, at)

    def stop_then_abandon(subject: UseSubject, reason: str, *, number: int | None = None) -> None:
        thread.start()
        assert sealed.wait(timeout=10)
        abandon(subject, reason, number=number)
        abandoned.set()
        thread.join()

    monkeypatch.setattr(other.issuance, "_enter", stop_then_enter)
    monkeypatch.setattr(office.custodian, "abandon", stop_then_abandon)
    outcomes.append(office.try_to_issue(requests))

    assert [refusals(outcome) for outcome in outcomes] == [[None], [None]]
    assert outcomes[0] == outcomes[1]
    office.reconcile()
    other.close()


@FORMS
def test_two_who_resume_at_once_finish_everything_once(office: Office, slug: str) -> None:
    requests = office.keyed(6, slug)
    reserve(office, requests[:2])
    crash_before_entering(office, requests[2:4])
    crash_before_completing(office, requests[4:])
    others = [office.again(), office.again()]
    for one in others:
        one.clock.at = AT + 7 * MINUTE
    errors: list[Exception] = []

    def run(one: Office) -> None:
        try:
            one.resume()
        except Exception as error:  # noqa: BLE001 - told to the test below
            errors.append(error)

    threads = [threading.Thread(target=run, args=[one]) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert len(list(office.register.walk())) == 6
    assert office.uses(UseState.OPEN) == []
    assert len(office.uses(UseState.COMPLETED)) == 6
    office.reconcile()
    for one in others:
        one.close()


def restart(office: Office, *, without_types_of: str | None = None) -> Office:
    """Open the office anew; `without_types_of` names an authority that lost its types."""
    if without_types_of is not None:
        path = office.folder / "authorities" / f"{without_types_of}.toml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.partition("[numbering")[0].replace(FOOD_TYPE, CARD_TYPE), "utf-8")
    return office.again()
