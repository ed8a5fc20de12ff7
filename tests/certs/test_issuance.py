"""Issuing: one certificate a key, numbers without a gap, nothing sealed past the ledger."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from simulators.office import (
    AT,
    CIVIL_AFFAIRS_BUREAU,
    FOOD_LICENCE,
    MARKET_BUREAU,
    OTHER_MARKET_BUREAU,
    SENIOR_CARD,
    Office,
    embedded_signature,
    refusals,
)

from certs.acceptance import KeyedOrder
from certs.catalogue import NumberSource
from certs.content import CertificateContent
from certs.drawing import Drawing
from certs.errors import (
    AlreadyIssuedError,
    DrawingError,
    Fault,
    InvalidOrderError,
    NumbersExhaustedError,
    TypeChangedError,
)
from certs.identifiers import CertificateIdentifier
from certs.issuance import Issued, Refused
from certs.reservation import OrderState, OrderVoidError
from certs.sealing import SelfCheckError
from certs.seals import SealNotUsableError
from hsm.errors import KeyDisabledError, LedgerUnavailableError
from hsm.keys import KeyRef
from hsm.uses import UseState
from signing.cms import SignedData
from signing.eseal import SealSignature
from signing.pdf.attachments import Attachment
from signing.pdf.extract import read_signed_pdf
from signing.pdf.placement import SignatureForm
from signing.pdf.prepare import PreparedPdf, SealedPdf

MINUTE = timedelta(minutes=1)
FOOD_TYPE = "11999900MB0000019D001"
CARD_TYPE = "11999900MB0000019D002"
FORMS = pytest.mark.parametrize("slug", [FOOD_LICENCE, SENIOR_CARD])


# ---- what is issued


def test_a_ses_file_is_sealed_with_the_units_certificate_in_its_seal(office: Office) -> None:
    (issued,) = office.issue(1, FOOD_LICENCE)
    signature = embedded_signature(issued.data)
    seal_signature = SealSignature.parse(signature.contents)

    assert signature.form is SignatureForm.SES
    assert signature.covers_whole_file
    assert seal_signature.signer_cert == office.pki.units[MARKET_BUREAU]
    assert seal_signature.signed_at == AT
    assert seal_signature.data_digest.hex() == issued.certificate.signed_sm3
    assert seal_signature.property_info == str(signature.byte_range)


def test_a_pades_file_states_its_time_and_carries_the_ca(office: Office) -> None:
    (issued,) = office.issue(1, SENIOR_CARD)
    signature = embedded_signature(issued.data)
    signed_data = SignedData.parse(signature.contents)

    assert signature.form is SignatureForm.PADES
    assert signature.claimed_at == AT
    assert signed_data.signer_cert == office.pki.units[CIVIL_AFFAIRS_BUREAU]
    assert office.pki.unit_ca in signed_data.certificates
    assert signed_data.message_digest.hex() == issued.certificate.signed_sm3


@FORMS
def test_what_the_register_knows_is_what_the_file_carries(office: Office, slug: str) -> None:
    (issued,) = office.issue(1, slug)
    (attachment,) = read_signed_pdf(issued.data).attachments
    assert isinstance(attachment, Attachment)
    content = json.loads(attachment.data)

    assert content == issued.certificate.content
    assert content["metadata"]["ZZBH"] == issued.certificate.number
    assert content["metadata"]["ZZBS"] == issued.certificate.identifier
    assert content["draft_sm3"] == issued.certificate.draft_sm3


def test_identifiers_name_type_authority_and_version(office: Office) -> None:
    (issued,) = office.issue()
    identifier = CertificateIdentifier.parse(issued.certificate.identifier)
    assert identifier.type_code == issued.certificate.type_code
    assert identifier.authority == MARKET_BUREAU
    assert identifier.version == issued.certificate.version == 1


@FORMS
def test_the_use_of_the_key_is_in_the_ledger_and_completed(office: Office, slug: str) -> None:
    (issued,) = office.issue(1, slug)
    (use,) = office.uses(UseState.COMPLETED)

    assert use.opening.subject.id == issued.certificate.identifier
    assert use.opening.digest == issued.certificate.signed_sm3
    assert use.opening.draft_sm3 == issued.certificate.draft_sm3
    assert use.opening.approval.officer == "operator"
    assert office.uses(UseState.OPEN) == []


def test_the_register_never_claims_a_moment_before_the_seal(office: Office) -> None:
    """Its moment is what proves the seal's time; the custodian's clock goes on meanwhile."""
    requests = office.keyed(1)
    office.clock.at = AT + timedelta(seconds=3)
    (issued,) = office.issuance.issue_unattended(requests, at=AT)
    assert isinstance(issued, Issued)
    signed_at = SealSignature.parse(embedded_signature(issued.data).contents).signed_at
    assert issued.certificate.registered_at == signed_at == AT + timedelta(seconds=3)


# ---- numbers


def test_numbers_by_rule_have_no_gap_and_count_for_each_authority(office: Office) -> None:
    ours = [i.certificate.number for i in office.issue(3)]
    theirs = [i.certificate.number for i in office.issue(2, authority=OTHER_MARKET_BUREAU)]
    ours += [i.certificate.number for i in office.issue(2)]

    assert [number[:-1] for number in ours] == [f"JY9999012026{n:06}" for n in range(1, 6)]
    assert {number[2:8] for number in theirs} == {"999902"}
    office.reconcile()


def test_counters_begin_anew_with_the_year_of_issue(office: Office) -> None:
    office.issue(2)
    order = office.order(issued_on="2025-12-31", valid_from="2026-01-01")
    (last_year,) = office.try_to_issue([KeyedOrder(order, "last-year")])
    assert isinstance(last_year, Issued)
    assert last_year.certificate.number.startswith("JY9999012025000001")


def external(office: Office, number: str) -> KeyedOrder:
    """Order a type whose numbers come from elsewhere."""
    order = office.order()
    kind = replace(order.certificate_type, number=NumberSource.EXTERNAL)
    return KeyedOrder(replace(order, certificate_type=kind, number=number), f"external-{number}")


def test_a_number_from_elsewhere_is_taken_once(office: Office) -> None:
    first = office.try_to_issue([external(office, "EXT-1"), external(office, "EXT-2")])
    assert refusals(first) == [None, None]
    again = replace(external(office, "EXT-1"), key="another-key")
    (refused,) = office.try_to_issue([again])
    assert isinstance(refused, Refused)
    assert isinstance(refused.error, InvalidOrderError)
    assert refused.error.faults == (Fault("/number", "not_unique"),)
    office.reconcile()


def test_a_number_from_elsewhere_twice_in_one_call_is_taken_once(office: Office) -> None:
    first = external(office, "EXT-1")
    outcomes = office.try_to_issue([first, replace(first, key="another-key")])
    assert refusals(outcomes) == [None, InvalidOrderError]


def test_a_number_that_a_rule_would_make_again_moves_no_counter(office: Office) -> None:
    """Somebody brought it from outside: the fault is named, and no number is skipped."""
    (number,) = (i.certificate.number for i in office.issue())
    taken = str(int(number[-7:-1]) + 1).zfill(6)
    order = office.order()
    rule = order.authority.numbering[order.certificate_type.code]
    next_number = rule.format(area=order.authority.area, year=2026, seq=int(taken))
    office.try_to_issue([external(office, next_number)])

    assert refusals(office.try_to_issue(office.keyed(2))) == [InvalidOrderError] * 2
    office.reconcile()


def test_a_counter_at_its_end_gives_no_more_numbers(office: Office) -> None:
    order = office.order()
    rule = type(order.authority.numbering[order.certificate_type.code]).parse("A{seq:1}")
    authority = replace(order.authority, numbering={order.certificate_type.code: rule})
    requests = [KeyedOrder(replace(order, authority=authority), f"key-{n}") for n in range(11)]
    expected: list[type[Exception] | None] = [None] * 9 + [NumbersExhaustedError] * 2
    assert refusals(office.try_to_issue(requests)) == expected


# ---- keys


@FORMS
def test_the_same_key_gives_the_same_bytes_for_ever(office: Office, slug: str) -> None:
    requests = office.keyed(2, slug)
    first = office.try_to_issue(requests)
    head = office.ledger.head()
    office.clock.at = AT + timedelta(days=400)

    assert office.try_to_issue(requests) == first
    assert office.ledger.head() == head


def test_the_same_order_sent_the_next_day_is_the_same_order(office: Office) -> None:
    """Today's date is a default that the caller did not write."""
    (first,) = office.try_to_issue([KeyedOrder(office.order(), "key")])
    office.clock.at = AT + timedelta(days=1)
    assert office.order().issued_on == date(2026, 11, 25)
    assert office.try_to_issue([KeyedOrder(office.order(), "key")]) == [first]


def test_the_same_key_with_another_order_is_refused(office: Office) -> None:
    first = office.try_to_issue([KeyedOrder(office.order(), "key")])
    changed = office.order(valid_from="2026-12-01")
    assert refusals(office.try_to_issue([KeyedOrder(changed, "key")])) == [AlreadyIssuedError]
    assert office.try_to_issue([KeyedOrder(office.order(), "key")]) == first


def test_keys_belong_to_their_authority(office: Office) -> None:
    ours, theirs = office.try_to_issue(
        [
            KeyedOrder(office.order(authority=MARKET_BUREAU), "key"),
            KeyedOrder(office.order(authority=OTHER_MARKET_BUREAU), "key"),
        ]
    )
    assert isinstance(ours, Issued)
    assert isinstance(theirs, Issued)
    assert ours.certificate.id != theirs.certificate.id


def test_a_key_twice_in_one_call_is_one_certificate(office: Office) -> None:
    order = office.order()
    other = office.order(valid_from="2026-12-01")
    outcomes = office.try_to_issue(
        [KeyedOrder(order, "key"), KeyedOrder(order, "key"), KeyedOrder(other, "key")]
    )
    assert refusals(outcomes) == [None, None, AlreadyIssuedError]
    assert outcomes[0] == outcomes[1]
    assert len(office.uses(UseState.COMPLETED)) == 1


def test_many_threads_with_one_key_get_one_certificate(office: Office) -> None:
    requests = office.keyed(3) + office.keyed(3, SENIOR_CARD)
    outcomes: list[list[Issued | Refused]] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(office.try_to_issue(requests)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(outcomes) == 4
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert len(list(office.register.walk())) == 6
    assert office.uses(UseState.OPEN) == []
    office.reconcile()


# ---- refusals


def test_one_bad_order_does_not_stop_the_others(office: Office) -> None:
    good, other = office.keyed(2)
    sample = office.order().attributes
    missing = KeyedOrder(office.order(attributes={**sample, "KZ_FDDBR": "王\U0002b7d6"}), "missing")
    outcomes = office.try_to_issue([good, missing, other])

    assert refusals(outcomes) == [None, InvalidOrderError, None]
    assert isinstance(outcomes[1], Refused)
    assert isinstance(outcomes[1].error, InvalidOrderError)
    (fault,) = outcomes[1].error.faults
    assert (fault.pointer, fault.code) == ("/attributes/KZ_FDDBR", "missing_character")
    assert "2B7D6" in fault.detail
    office.reconcile()  # and no number was lost


def test_what_cannot_be_drawn_is_void_with_its_reason(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, good = office.keyed(2)
    draw = Drawing.draw

    def fail_the_first(drawing: Drawing, content: CertificateContent, *, sample: bool) -> bytes:
        if content.number[12:18] == "000001":
            raise DrawingError("does not fit")
        return draw(drawing, content, sample=sample)

    monkeypatch.setattr(Drawing, "draw", fail_the_first)
    outcomes = office.try_to_issue([request, good])

    assert refusals(outcomes) == [DrawingError, None]
    (again,) = office.try_to_issue([request])
    assert isinstance(again, Refused)
    assert isinstance(again.error, OrderVoidError)
    assert again.error.reason == "drawing_failed"
    office.reconcile()  # its number is accounted for


def test_a_type_that_changed_under_its_version_is_refused(office: Office) -> None:
    office.issue()
    order = office.order()
    changed = replace(order.certificate_type, sm3="0" * 64)
    request = KeyedOrder(replace(order, certificate_type=changed), "changed")
    assert refusals(office.try_to_issue([request])) == [TypeChangedError]


def test_without_a_seal_that_may_be_used_nothing_is_accepted(office: Office) -> None:
    requests = office.keyed(1)
    office.clock.at = AT + timedelta(days=5 * 366)
    assert refusals(office.try_to_issue(requests)) == [SealNotUsableError]
    office.clock.at = AT
    assert refusals(office.try_to_issue(requests)) == [None]


def test_without_its_key_nothing_is_sealed_and_the_order_waits(office: Office) -> None:
    requests = office.keyed(1)
    office.store.disable(KeyRef(office.authorities.find(MARKET_BUREAU).key))
    with pytest.raises(KeyDisabledError):
        office.try_to_issue(requests)
    assert office.uses(UseState.OPEN) == []
    assert list(office.register.walk()) == []
    (waiting,) = office.reservations.next_unfinished(after="", limit=10)
    assert waiting.state is OrderState.RESERVED


def test_without_its_ledger_nothing_is_sealed_and_the_key_finishes_later(office: Office) -> None:
    requests = office.keyed(2)
    ledger = office.folder / "ledger.db"
    ledger.rename(ledger.with_suffix(".away"))
    with pytest.raises(LedgerUnavailableError):
        office.try_to_issue(requests)
    assert list(office.register.walk()) == []
    ledger.with_suffix(".away").rename(ledger)
    assert refusals(office.try_to_issue(requests)) == [None, None]
    office.reconcile()


def flip_signed_octet(prepared: PreparedPdf, contents_der: bytes) -> SealedPdf:
    sealed = EMBED(prepared, contents_der)
    return replace(sealed, data=bytes([sealed.data[0] ^ 1]) + sealed.data[1:])


def flip_signature(prepared: PreparedPdf, contents_der: bytes) -> SealedPdf:
    return EMBED(prepared, contents_der[:-1] + bytes([contents_der[-1] ^ 1]))


EMBED = PreparedPdf.embed


@FORMS
@pytest.mark.parametrize("tamper", [flip_signed_octet, flip_signature])
def test_a_file_that_fails_its_own_check_is_not_handed_out(
    office: Office,
    slug: str,
    tamper: Callable[[PreparedPdf, bytes], SealedPdf],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requests = office.keyed(1, slug)
    with monkeypatch.context() as patch:
        patch.setattr(PreparedPdf, "embed", tamper)
        with pytest.raises(SelfCheckError):
            office.try_to_issue(requests)
    assert list(office.register.walk()) == []
    assert refusals(office.try_to_issue(requests)) == [None]
    office.reconcile()
