"""How far an order has come, and who may still bring it further."""

from datetime import timedelta

import pytest
from simulators.office import AT, Office

from certs.acceptance import KeyedOrder
from certs.content import draft_sm3
from certs.errors import AlreadyIssuedError, CertsError
from certs.issuance import Issued
from certs.reservation import OrderState, OrderVoidError, Reservation, settle

LATER = AT + timedelta(minutes=11)


@pytest.fixture
def accepted(office: Office) -> Reservation:
    (reservation,) = office.reservations.reserve(office.keyed(1), at=AT)
    assert isinstance(reservation, Reservation)
    return reservation


def load(office: Office, reservation: Reservation) -> Reservation:
    return office.reservations.load([reservation.id])[reservation.id]


def test_a_new_attempt_shuts_out_all_earlier_ones(office: Office, accepted: Reservation) -> None:
    second = office.reservations.begin_anew(accepted, at=LATER)
    assert second is not None
    assert (second.attempt, second.prepared_at) == (2, LATER)
    third = office.reservations.begin_anew(second, at=LATER)
    assert third is not None

    for late in (accepted, second):
        assert office.reservations.begin_anew(late, at=LATER) is None
        with office.transactions() as connection:
            assert settle(connection, [late]) == set()
    assert load(office, accepted).attempt == 3
    with office.transactions() as connection:
        assert settle(connection, [third]) == {accepted.id}


def test_what_has_ended_is_begun_by_nobody(office: Office, accepted: Reservation) -> None:
    voided = office.reservations.void(accepted, "drawing_failed")
    assert (voided.state, voided.void_reason) == (OrderState.VOID, "drawing_failed")
    assert office.reservations.begin_anew(accepted, at=LATER) is None
    with office.transactions() as connection:
        assert settle(connection, [accepted]) == set()
    assert office.reservations.void(accepted, "other_reason").void_reason == "drawing_failed"


def test_what_is_issued_is_not_given_up(office: Office, accepted: Reservation) -> None:
    office.issuance.resume(at=AT)
    assert office.reservations.void(accepted, "drawing_failed").state is OrderState.ISSUED


def test_an_order_is_kept_no_longer_than_it_is_needed(
    office: Office, accepted: Reservation
) -> None:
    (other,) = office.reservations.reserve(office.keyed(1), at=AT)
    assert isinstance(other, Reservation)
    office.reservations.void(other, "drawing_failed")
    office.issuance.resume(at=AT)
    for ended in (accepted, other):
        assert load(office, ended).body is None
        with pytest.raises(OrderVoidError):
            office.reservations.understand(load(office, ended))


def test_unfinished_orders_are_found_page_by_page(office: Office) -> None:
    reserved = office.reservations.reserve(office.keyed(3), at=AT)
    ids = sorted(r.id for r in reserved if isinstance(r, Reservation))
    first = office.reservations.next_unfinished(after="", limit=2)
    rest = office.reservations.next_unfinished(after=first[-1].id, limit=2)
    assert [r.id for r in (*first, *rest)] == ids


def test_a_stored_order_is_understood_as_it_was_given(
    office: Office, accepted: Reservation
) -> None:
    """Dates that were defaults on the day it came in stay what they were."""
    office.clock.at = AT + timedelta(days=30)
    understood = office.reservations.understand(load(office, accepted))
    assert accepted.order is not None
    assert understood == accepted.order


def test_nothing_about_an_order_is_told_by_its_name(accepted: Reservation) -> None:
    assert repr(accepted) == f"Reservation({accepted.identifier}, reserved)"


# ---- drafts ----


DRAFT = "0123456789abcdef0123456789abcdef"


def drafted(
    office: Office, key: str, draft_id: str | None = DRAFT, **changes: object
) -> KeyedOrder:
    return KeyedOrder(office.order(**changes), key, draft_id)  # type: ignore[arg-type]  # members


def outcomes(office: Office, *requests: KeyedOrder) -> list[type[CertsError] | str]:
    reserved = office.reservations.reserve(requests, at=AT)
    return [r.id if isinstance(r, Reservation) else type(r) for r in reserved]


def test_the_order_of_a_draft_has_the_drafts_id(office: Office) -> None:
    """So what is sealed carries the digest that was approved."""
    (issued,) = office.try_to_issue([drafted(office, DRAFT)])
    assert isinstance(issued, Issued)
    assert issued.certificate.id == DRAFT
    assert f".{DRAFT.upper()}." in issued.certificate.identifier
    assert issued.certificate.draft_sm3 == draft_sm3(office.order(), DRAFT)


def test_a_draft_is_ordered_once_whatever_the_key(office: Office) -> None:
    first, again, other_key = (drafted(office, key) for key in ("k", "k", "other"))
    assert outcomes(office, first, again, other_key) == [DRAFT, DRAFT, AlreadyIssuedError]
    assert outcomes(office, other_key, first) == [AlreadyIssuedError, DRAFT]
    assert outcomes(office, drafted(office, "k", None)) == [DRAFT]


def test_a_key_that_served_another_draft_is_refused(office: Office) -> None:
    assert outcomes(office, drafted(office, "k")) == [DRAFT]
    assert outcomes(office, drafted(office, "k", "f" * 32)) == [AlreadyIssuedError]
    assert outcomes(office, drafted(office, "k", valid_to="2029-01-01")) == [AlreadyIssuedError]


@pytest.mark.parametrize("draft_id", ["", "f" * 31, "F" * 32, "f" * 32 + "\n", "张" * 32])
def test_what_is_no_id_of_a_draft_is_none(office: Office, draft_id: str) -> None:
    with pytest.raises(ValueError, match="not the id of a draft"):
        drafted(office, "k", draft_id)
