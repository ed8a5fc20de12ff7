"""Mandates are signed by the service: each once, only whole, and known again by anyone."""

from datetime import timedelta

import pytest
from simulators.sealing_unit import AT, UNIT, Office

from hsm.approvals import ApprovalRules, OperatorCommand, SignedInPerson
from hsm.errors import (
    ApprovalRejectedError,
    KeyDisabledError,
    MalformedMandateError,
    SubjectInUseError,
    WrongPurposeError,
)
from hsm.keys import KeyPurpose, KeyRef
from hsm.mandates import MandateSealer
from hsm.use_requests import MandateRequest
from hsm.uses import SubjectKind, UseState, UseSubject
from signing.canonical import canonical_json, sm3
from signing.errors import InvalidSignatureError

KEY = KeyRef("mandate-1")
CONTENT = canonical_json({"id": "m-1", "principal": "91999901MA1000018X", "actor": "p-7"})
ACCOUNT = "5e0c6c3a-person"


@pytest.fixture
def sealer(office: Office) -> MandateSealer:
    office.store.generate(KEY, KeyPurpose.MANDATE)
    return MandateSealer.open(office.custodian, office.store, KEY)


def test_only_a_key_for_mandates_is_opened(office: Office) -> None:
    with pytest.raises(WrongPurposeError):
        MandateSealer.open(office.custodian, office.store, UNIT)


def request(**changes: object) -> MandateRequest:
    given = {
        "subject": UseSubject(SubjectKind.MANDATE, "m-1"),
        "key": KEY,
        "officer": ACCOUNT,
        "approval": SignedInPerson(ACCOUNT),
        "content": CONTENT,
    }
    return MandateRequest(**given | changes)  # type: ignore[arg-type]  # a test's changes


def test_a_mandate_is_signed_ledgered_and_known_again(
    office: Office, sealer: MandateSealer
) -> None:
    sealed = sealer.seal("m-1", CONTENT, officer=ACCOUNT)
    sealer.verify(CONTENT, sealed)
    use = office.ledger.find(UseSubject(SubjectKind.MANDATE, "m-1"))
    assert use is not None
    assert use.state is UseState.COMPLETED
    assert use.opening.digest == sm3(CONTENT).hex()
    assert (use.opening.approval.kind, use.opening.approval.officer) == (
        "signed_in_person",
        ACCOUNT,
    )
    office.ledger.verify_chain()


def test_another_content_or_signature_is_not_known(sealer: MandateSealer) -> None:
    sealed = sealer.seal("m-1", CONTENT, officer=ACCOUNT)
    for content, unverified in [(CONTENT + b" ", sealed), (CONTENT, sealed[:-1]), (CONTENT, b"")]:
        with pytest.raises(InvalidSignatureError):
            sealer.verify(content, unverified)


def test_a_mandate_is_signed_once(office: Office, sealer: MandateSealer) -> None:
    sealer.seal("m-1", CONTENT, officer=ACCOUNT)
    other = canonical_json({"id": "m-1", "principal": "another"})
    for content in (CONTENT, other):
        with pytest.raises(SubjectInUseError):
            sealer.seal("m-1", content, officer=ACCOUNT)
    assert office.store.signed == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b'{"id": "m-1"}',  # not canonical: a space
        b'{"id":"m-1","id":"m-1"}',
        b'{"id":"m-2"}',
        b'["m-1"]',
        b'"m-1"',
        b'{"id":"m-1","n":NaN}',
    ],
)
def test_only_the_canonical_json_of_this_mandate_is_signed(
    office: Office, sealer: MandateSealer, content: bytes
) -> None:
    with pytest.raises(MalformedMandateError):
        sealer.seal("m-1", content, officer=ACCOUNT)
    assert office.store.signed == 0
    assert office.ledger.find(UseSubject(SubjectKind.MANDATE, "m-1")) is None


@pytest.mark.usefixtures("sealer")
def test_no_other_key_signs_mandates_and_a_mandate_key_signs_nothing_else(office: Office) -> None:
    office.store.generate(KeyRef("data-9"), KeyPurpose.DATA)
    for key in (UNIT, KeyRef("data-9")):
        with pytest.raises(WrongPurposeError):
            office.custodian.seal_mandate(request(key=key))
    with pytest.raises(WrongPurposeError):
        office.custodian.apply_seal([office.seal_request("1", key=KEY)])
    with pytest.raises(WrongPurposeError):
        office.custodian.apply_seal(
            [office.seal_request("1", subject=UseSubject(SubjectKind.MANDATE, "m-1"))]
        )
    with pytest.raises(WrongPurposeError):
        office.custodian.seal_mandate(
            request(subject=UseSubject(SubjectKind.CERTIFICATE, "certificate-1"))
        )
    assert office.store.signed == 0


def test_a_key_out_of_use_signs_nothing(office: Office, sealer: MandateSealer) -> None:
    office.store.disable(KEY)
    with pytest.raises(KeyDisabledError):
        sealer.seal("m-1", CONTENT, officer=ACCOUNT)


def test_the_word_that_a_person_is_signed_in_allows_nothing_but_mandates(office: Office) -> None:
    request = office.seal_request("1", officer=ACCOUNT, approval=SignedInPerson(ACCOUNT))
    with pytest.raises(ApprovalRejectedError):
        office.custodian.apply_seal([request])
    assert office.store.signed == 0


@pytest.mark.usefixtures("sealer")
def test_mandates_are_signed_in_production_too(office: Office) -> None:
    production = office.with_policy(ApprovalRules(development=False))
    with pytest.raises(ApprovalRejectedError):
        production.seal_mandate(request(approval=OperatorCommand(ACCOUNT)))
    production.seal_mandate(request())


def test_what_a_crash_left_open_is_signed_again_in_time(
    office: Office, sealer: MandateSealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(office.custodian, "complete", lambda _: None)
        sealer.seal("m-1", CONTENT, officer=ACCOUNT)
    office.clock.at = AT + timedelta(minutes=9)
    sealer.verify(CONTENT, sealer.seal("m-1", CONTENT, officer=ACCOUNT))
