"""Every door: what it gives, what it refuses, and that nothing is signed that is not written."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from simulators import pki
from simulators.sealing_unit import (
    AT,
    KEK,
    OPERATOR,
    SEAL_MAKER,
    UNIT,
    YEAR,
    Office,
    certificate,
    certificate_request,
    seal_making_request,
)

from hsm.approvals import Approval, ApprovalRules, OperatorCommand
from hsm.custody import Custodian
from hsm.errors import (
    ApprovalRejectedError,
    CorruptStoreError,
    DeadlinePassedError,
    DeviceUnavailableError,
    KeyDisabledError,
    KeyMismatchError,
    KeyNotFoundError,
    LedgerUnavailableError,
    SubjectInUseError,
    TimeNotCredibleError,
    UnknownUseError,
    WrongPurposeError,
)
from hsm.keys import KeyPurpose, KeyRef
from hsm.stores.software import SoftwareKeyStore
from hsm.uses import ApprovalRecord, SubjectKind, UseState, UseSubject
from signing.canonical import sm3
from signing.cms import SignedData
from signing.errors import (
    MalformedSealError,
    OutsideValidityError,
    SealForgedError,
    SealNotValidThenError,
    SignerNotInSealError,
)
from signing.eseal import SealSignature
from signing.eseal_checks import (
    verify_data_digest,
    verify_maker_signature,
    verify_signature_value,
    verify_signer_in_list,
)
from signing.sm2 import Signature, Sm2PrivateKey, sign_digest
from signing.x509 import ExtendedKeyUsage
from signing.x509_build import CertTemplate, Profile
from signing.x509_path import build_path, verify_path

STRANGER = pki.Pki.create().issue_unit()
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
Tamper = Callable[[Office], dict[str, Any]]
Do = Callable[[Office], object]


def refused(office: Office, error: type[Exception], do: Do) -> None:
    """Nothing was signed and nothing written."""
    head = office.ledger.head()
    with pytest.raises(error):
        do(office)
    assert office.store.signed == 0
    assert office.ledger.head() == head


# ---- apply_seal ----


def test_a_seal_signature_is_what_was_asked_for(office: Office) -> None:
    office.clock.at = AT.replace(microsecond=987654)
    request = office.seal_request("1")
    (made,) = office.custodian.apply_seal([request])
    read = SealSignature.parse(made.der)
    verify_signature_value(read)
    verify_signer_in_list(read)
    verify_data_digest(read, request.data_digest)
    assert read.signed_at == AT
    assert read.property_info == request.property_info
    assert (read.eseal.der, read.signer_cert) == (office.eseal.der, office.unit_cert)


def test_the_ledger_keeps_what_a_seal_was_used_for(office: Office) -> None:
    request = office.seal_request("1")
    office.custodian.apply_seal([request])
    use = office.ledger.find(request.subject)
    assert use is not None
    assert (use.state, use.opened_at) == (UseState.OPEN, AT)
    assert use.opening.key == UNIT
    assert use.opening.purpose is KeyPurpose.SEALING
    assert use.opening.digest == request.data_digest.hex()
    assert use.opening.draft_sm3 == request.draft_sm3
    assert use.opening.approval == ApprovalRecord(
        "sealing_authorisation",
        OPERATOR,
        office.unattended.evidence_sm3,
        office.unattended.number,
    )


def test_a_use_is_completed_or_abandoned_by_who_asked(office: Office) -> None:
    office.custodian.apply_seal([office.seal_request(n) for n in "12"])
    office.clock.at = AT + MINUTE
    office.custodian.complete([certificate("1")])
    office.custodian.abandon(certificate("2"), "digest_changed")
    one, two = (office.ledger.find(certificate(n)) for n in "12")
    assert one is not None
    assert two is not None
    assert (one.state, one.closed_at) == (UseState.COMPLETED, AT + MINUTE)
    assert (two.state, two.reason) == (UseState.ABANDONED, "digest_changed")
    with pytest.raises(UnknownUseError):
        office.custodian.complete([certificate("3")])


def test_a_list_keeps_its_order_and_is_written_before_the_first_key_works(
    office: Office, tmp_path: Path
) -> None:
    requests = [office.seal_request(str(number)) for number in range(20)]
    requests[3] = replace(requests[3], subject=UseSubject(SubjectKind.DOCUMENT, "3"))
    written: list[int] = []

    def look_from_outside() -> None:
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as other:
            written.extend(other.execute("SELECT max(number) FROM events").fetchone())

    before = office.ledger.head().number
    office.store.before_signing = look_from_outside
    made = office.custodian.apply_seal(requests)
    assert [seal.data_digest for seal in made] == [request.data_digest for request in requests]
    assert written == [before + 20] * 20


def test_an_empty_list_is_no_use(office: Office) -> None:
    head = office.ledger.head()
    assert office.custodian.apply_seal([]) == []
    assert office.custodian.sign_cms([]) == []
    office.custodian.complete([])
    assert office.ledger.head() == head


def test_no_request_can_carry_what_is_no_digest(office: Office) -> None:
    with pytest.raises(ValueError, match="SM3"):
        office.seal_request("1", data_digest=bytes(31))


def unit_certificate(office: Office, profile: Profile, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields
    """Return another certificate of the unit's own key, and a seal that lists it."""
    public_key = office.store.describe(UNIT).public_key
    assert public_key is not None
    template = CertTemplate(
        pki.UNIT_NAME, public_key, profile, AT - MINUTE, AT + YEAR, serial_number=99
    )
    signing_cert = office.custodian.sign_certificate(
        certificate_request(
            replace(template, **changes),
            key=KeyRef("unit-ca"),
            issuer_cert=office.unit_ca_cert,
        )
    )
    return {
        "signer_cert": signing_cert,
        "eseal": office.make_seal("seal-99", listed_certs=(signing_cert,)),
    }


def forged_seal(office: Office) -> dict[str, Any]:
    """Return the seal, its name changed after it was signed."""
    name = "青禾区".encode()
    der = office.eseal.der.replace(name, "松汀区".encode())
    assert der != office.eseal.der
    return {"eseal": type(office.eseal).parse(der)}


def disable(office: Office) -> dict[str, Any]:
    office.store.disable(UNIT)
    return {}


def damage(office: Office) -> dict[str, Any]:
    (office.folder / "keys" / f"{UNIT}.key").write_bytes(b"{}")
    return {}


Refusals = dict[str, tuple[type[Exception], Tamper]]

COMMON_REFUSALS: Refusals = {
    "late": (DeadlinePassedError, lambda _: {"deadline": AT - SECOND}),
    "seal subject": (WrongPurposeError, lambda _: {"subject": UseSubject(SubjectKind.SEAL, "1")}),
    "x509 subject": (WrongPurposeError, lambda _: {"subject": UseSubject(SubjectKind.X509, "1")}),
    "unknown key": (KeyNotFoundError, lambda _: {"key": KeyRef("unknown")}),
    "maker's key": (WrongPurposeError, lambda _: {"key": SEAL_MAKER}),
    "disabled key": (KeyDisabledError, disable),
    "damaged key": (CorruptStoreError, damage),
    "another's certificate": (KeyMismatchError, lambda _: {"signer_cert": STRANGER.cert}),
    "another officer": (ApprovalRejectedError, lambda _: {"officer": "operator-2"}),
    "twice": (SubjectInUseError, lambda _: {"subject": certificate("0")}),
}
SEAL_REFUSALS: Refusals = {
    **COMMON_REFUSALS,
    "expired seal": (
        SealNotValidThenError,
        lambda o: {"eseal": o.make_seal("seal-2", valid_to=AT - SECOND)},
    ),
    "future seal": (
        SealNotValidThenError,
        lambda o: {"eseal": o.make_seal("seal-2", valid_from=AT + SECOND)},
    ),
    "seal made later": (
        SealNotValidThenError,
        lambda o: {"eseal": o.make_seal("seal-2", created_at=AT + SECOND)},
    ),
    "not in the list": (
        SignerNotInSealError,
        lambda o: {"eseal": o.make_seal("seal-2", listed_certs=(o.maker_cert,))},
    ),
    "forged seal": (SealForgedError, forged_seal),
    "expired certificate": (
        OutsideValidityError,
        lambda o: unit_certificate(o, Profile.UNIT, not_after=AT - SECOND),
    ),
    "certificate of a seal maker": (
        WrongPurposeError,
        lambda o: unit_certificate(o, Profile.SEAL_MAKER),
    ),
    "certificate of a CA": (WrongPurposeError, lambda o: unit_certificate(o, Profile.UNIT_CA)),
    "property text": (MalformedSealError, lambda _: {"property_info": "范围"}),
}


@pytest.mark.parametrize(("error", "tamper"), SEAL_REFUSALS.values(), ids=SEAL_REFUSALS)
def test_one_bad_request_in_a_list_and_nothing_is_sealed(
    office: Office, error: type[Exception], tamper: Tamper
) -> None:
    bad = replace(office.seal_request("2"), **tamper(office))
    office.store.signed = 0
    requests = [office.seal_request("0"), bad, office.seal_request("3")]
    refused(office, error, lambda o: o.custodian.apply_seal(requests))


def test_a_seal_is_used_up_to_its_last_second(office: Office) -> None:
    office.clock.at = office.eseal.valid_to
    request = office.seal_request("1", deadline=AT + 2 * YEAR, signer_cert=office.unit_cert)
    assert office.custodian.apply_seal([request])[0].signed_at == office.eseal.valid_to


def test_a_subject_is_sealed_once(office: Office) -> None:
    request = office.seal_request("1")
    office.custodian.apply_seal([request])
    other = replace(request, data_digest=sm3(b"other content"))
    office.store.signed = 0
    refused(office, SubjectInUseError, lambda o: o.custodian.apply_seal([other]))
    office.custodian.complete([request.subject])
    refused(office, SubjectInUseError, lambda o: o.custodian.apply_seal([request]))
    refused(office, SubjectInUseError, lambda o: o.custodian.apply_seal([other]))


def test_without_a_ledger_nothing_is_signed(office: Office) -> None:
    (office.folder / "ledger.db").rename(office.folder / "moved.db")
    for do in (
        lambda: office.custodian.apply_seal([office.seal_request("1")]),
        lambda: office.custodian.sign_cms([office.cms_request("1")]),
        lambda: office.make_seal("seal-2"),
    ):
        with pytest.raises(LedgerUnavailableError):
            do()
    assert office.store.signed == 0


def test_on_a_full_disk_nothing_is_signed(office: Office) -> None:
    with office.ledger.file._engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
    requests = [office.seal_request(str(number)) for number in range(200)]
    refused(office, LedgerUnavailableError, lambda o: o.custodian.apply_seal(requests))


def test_a_clock_without_a_time_zone_signs_nothing(office: Office) -> None:
    office.clock.at = datetime(2026, 11, 24, 1, 30)  # noqa: DTZ001 - that is the point
    refused(office, ValueError, lambda o: o.custodian.apply_seal([o.seal_request("1")]))


def test_threads_share_one_custodian(office: Office) -> None:
    def seal(worker: int) -> list[SealSignature]:
        return office.custodian.apply_seal(
            [office.seal_request(f"{worker}-{number}") for number in range(10)]
        )

    with ThreadPoolExecutor(4) as threads:
        lists = list(threads.map(seal, range(8)))
    for made in lists:
        for signature in made:
            verify_signature_value(signature)
    office.ledger.verify_chain()
    assert len(list(office.ledger.uses(SubjectKind.CERTIFICATE, UseState.OPEN))) == 80


# ---- a store that fails ----


def test_a_device_that_stops_answering_leaves_uses_that_the_same_list_finishes(
    office: Office,
) -> None:
    requests = [office.seal_request(str(number)) for number in range(5)]

    def fail_on_the_third() -> None:
        if office.store.signed == 2:
            raise DeviceUnavailableError

    office.store.before_signing = fail_on_the_third
    with pytest.raises(DeviceUnavailableError):
        office.custodian.apply_seal(requests)
    office.store.before_signing = None
    office.clock.at = AT + 4 * MINUTE
    made = office.custodian.apply_seal(requests)
    assert [signature.signed_at for signature in made] == [AT + 4 * MINUTE] * 5
    office.custodian.complete([request.subject for request in requests])
    office.ledger.verify_chain()


def test_after_ten_minutes_a_use_is_abandoned_and_begun_anew(office: Office) -> None:
    request = office.seal_request("1", deadline=AT + YEAR)
    office.custodian.apply_seal([request])
    office.store.signed = 0
    office.clock.at = AT + timedelta(minutes=10, seconds=1)
    refused(office, SubjectInUseError, lambda o: o.custodian.apply_seal([request]))
    office.custodian.abandon(request.subject, "window_passed")
    assert office.custodian.apply_seal([request])[0].signed_at == office.clock.at


def another_digest(office: Office, _: bytes) -> Signature:
    return SoftwareKeyStore.sign_digest(office.store, UNIT, KeyPurpose.SEALING, bytes(32))


def another_key(_: Office, digest: bytes) -> Signature:
    return sign_digest(Sm2PrivateKey.generate(), digest)


@pytest.mark.parametrize("lie", [another_digest, another_key])
def test_a_store_that_signs_something_else_is_not_believed(
    office: Office, lie: Callable[[Office, bytes], Signature]
) -> None:
    office.store.instead = lambda _ref, _purpose, digest: lie(office, digest)
    with pytest.raises(DeviceUnavailableError):
        office.custodian.apply_seal([office.seal_request("1")])
    with pytest.raises(DeviceUnavailableError):
        office.custodian.sign_cms([office.cms_request("2")])
    with pytest.raises(DeviceUnavailableError):
        office.make_seal("seal-2")


# ---- sign_cms ----


def test_a_cms_is_what_was_asked_for(office: Office) -> None:
    request = office.cms_request("1", claimed_at=AT - 5 * MINUTE)
    (made,) = office.custodian.sign_cms([request])
    read = SignedData.parse(made)
    read.verify_signature()
    read.verify_digest(request.data_digest)
    assert read.signer_cert == office.unit_cert
    assert set(read.certificates) == {office.unit_cert, office.unit_ca_cert}
    use = office.ledger.find(request.subject)
    assert use is not None
    assert (use.state, use.opening.digest) == (UseState.OPEN, request.data_digest.hex())


CMS_REFUSALS: Refusals = {
    **COMMON_REFUSALS,
    "early": (TimeNotCredibleError, lambda _: {"claimed_at": AT + 5 * MINUTE + SECOND}),
    "long ago": (TimeNotCredibleError, lambda _: {"claimed_at": AT - 5 * MINUTE - SECOND}),
    "expired certificate": (
        OutsideValidityError,
        lambda o: {
            "signer_cert": unit_certificate(o, Profile.UNIT, not_after=AT - SECOND)["signer_cert"]
        },
    ),
    "certificate of a seal maker": (
        WrongPurposeError,
        lambda o: {"signer_cert": unit_certificate(o, Profile.SEAL_MAKER)["signer_cert"]},
    ),
}


@pytest.mark.parametrize(("error", "tamper"), CMS_REFUSALS.values(), ids=CMS_REFUSALS)
def test_one_bad_request_in_a_list_and_nothing_is_signed(
    office: Office, error: type[Exception], tamper: Tamper
) -> None:
    bad = replace(office.cms_request("2"), **tamper(office))
    office.store.signed = 0
    requests = [office.cms_request("0"), bad, office.cms_request("3")]
    refused(office, error, lambda o: o.custodian.sign_cms(requests))


# ---- make_seal, sign_certificate ----


def test_a_seal_is_made_and_its_use_completed(office: Office) -> None:
    eseal = office.make_seal("seal-2")
    verify_maker_signature(eseal)
    assert (eseal.seal_id, eseal.maker_cert) == ("seal-2", office.maker_cert)
    use = office.ledger.find(UseSubject(SubjectKind.SEAL, "seal-2"))
    assert use is not None
    assert (use.state, use.opening.digest) == (UseState.COMPLETED, sm3(eseal.info_der).hex())
    assert use.opening.purpose is KeyPurpose.SEAL_MAKING


SEAL_MAKING_REFUSALS: Refusals = {
    "made before": (
        SubjectInUseError,
        lambda _: {"subject": UseSubject(SubjectKind.SEAL, "seal-1")},
    ),
    "another subject": (WrongPurposeError, lambda _: {"subject": certificate("1")}),
    "unit's key": (WrongPurposeError, lambda _: {"key": UNIT}),
    "unit's certificate": (KeyMismatchError, lambda o: {"maker_cert": o.unit_cert}),
    "unit's key and certificate": (
        WrongPurposeError,
        lambda o: {"key": UNIT, "maker_cert": o.unit_cert},
    ),
    "made at another time": (
        TimeNotCredibleError,
        lambda o: {
            "description": replace(
                seal_making_request("seal-2", o.maker_cert, (o.unit_cert,)).description,
                created_at=AT - timedelta(days=1),
            )
        },
    ),
    "another officer": (ApprovalRejectedError, lambda _: {"officer": "operator-2"}),
}


@pytest.mark.parametrize(
    ("error", "tamper"), SEAL_MAKING_REFUSALS.values(), ids=SEAL_MAKING_REFUSALS
)
def test_no_seal_is_made_against_the_rules(
    office: Office, error: type[Exception], tamper: Tamper
) -> None:
    request = seal_making_request("seal-2", office.maker_cert, (office.unit_cert,))
    bad = replace(request, **tamper(office))
    refused(office, error, lambda o: o.custodian.make_seal(bad))


def test_a_maker_whose_certificate_expired_makes_no_seal(office: Office) -> None:
    office.clock.at = AT + 2 * YEAR
    request = seal_making_request("seal-2", office.maker_cert, (office.unit_cert,))
    late = replace(request, description=replace(request.description, created_at=office.clock.at))
    refused(office, OutsideValidityError, lambda o: o.custodian.make_seal(late))


def test_certificates_are_issued_down_from_the_root(office: Office) -> None:
    for leaf, usage in (
        (office.unit_cert, ExtendedKeyUsage.UNIT_SEALING),
        (office.maker_cert, ExtendedKeyUsage.SEAL_MAKING),
    ):
        path = build_path(
            leaf, (office.unit_ca_cert, office.seal_maker_ca_cert), (office.root_cert,)
        )
        verify_path(path, usage=usage, at=AT)
    root, *others = office.ledger.completed(SubjectKind.X509)
    assert root.opening.digest == sm3(office.root_cert.tbs).hex()
    assert len(others) == 4


def template(office: Office) -> CertTemplate:
    public_key = office.store.describe(UNIT).public_key
    assert public_key is not None
    return CertTemplate(pki.UNIT_NAME, public_key, Profile.UNIT, AT, AT + YEAR, 77)


CERTIFICATE_REFUSALS: Refusals = {
    "another subject": (WrongPurposeError, lambda _: {"subject": certificate("1")}),
    "the unit itself": (WrongPurposeError, lambda _: {"key": UNIT, "issuer_cert": None}),
    "no CA": (WrongPurposeError, lambda o: {"key": UNIT, "issuer_cert": o.unit_cert}),
    "another CA": (KeyMismatchError, lambda o: {"issuer_cert": o.root_cert}),
    "another's self-signed": (KeyMismatchError, lambda _: {"issuer_cert": None}),
    "another officer": (ApprovalRejectedError, lambda _: {"officer": "operator-2"}),
}


@pytest.mark.parametrize(
    ("error", "tamper"), CERTIFICATE_REFUSALS.values(), ids=CERTIFICATE_REFUSALS
)
def test_no_certificate_is_issued_against_the_rules(
    office: Office, error: type[Exception], tamper: Tamper
) -> None:
    request = certificate_request(
        template(office), key=KeyRef("unit-ca"), issuer_cert=office.unit_ca_cert
    )
    bad = replace(request, **tamper(office))
    refused(office, error, lambda o: o.custodian.sign_certificate(bad))


def test_an_expired_ca_issues_nothing(office: Office) -> None:
    office.clock.at = AT + 2 * YEAR
    request = certificate_request(
        template(office), key=KeyRef("unit-ca"), issuer_cert=office.unit_ca_cert
    )
    refused(office, OutsideValidityError, lambda o: o.custodian.sign_certificate(request))


# ---- approvals ----


@dataclass(frozen=True)
class AnotherApproval:
    """An approval of another kind."""

    officer: str = OPERATOR
    kind: str = "another_kind"


@dataclass
class OneTimePolicy:
    """Takes each approval once, as one that consumes drafts does."""

    development = True
    asked: list[tuple[UseSubject, str | None, datetime]] = field(default_factory=list)

    def verify_approval(
        self, approval: Approval, *, subject: UseSubject, draft_sm3: str | None, at: datetime
    ) -> ApprovalRecord:
        if any(subject == known for known, _, _ in self.asked):
            raise ApprovalRejectedError
        self.asked.append((subject, draft_sm3, at))
        return ApprovalRecord(approval.kind, approval.officer, sm3(b"{}").hex())


def test_an_operators_command_counts_in_development_only(office: Office) -> None:
    production = office.with_policy(ApprovalRules(development=False))
    refused(office, ApprovalRejectedError, lambda o: production.apply_seal([o.seal_request("1")]))


def test_the_operators_policy_takes_no_other_approval(office: Office) -> None:
    request = office.seal_request("1", approval=AnotherApproval())
    refused(office, ApprovalRejectedError, lambda o: o.custodian.apply_seal([request]))


def test_another_officers_command_is_not_taken_for_this_officers(office: Office) -> None:
    request = office.seal_request("1", approval=OperatorCommand("operator-2"))
    refused(office, ApprovalRejectedError, lambda o: o.custodian.apply_seal([request]))


def test_a_policy_of_others_is_asked_once_and_a_resumed_use_keeps_its_record(
    office: Office,
) -> None:
    policy = OneTimePolicy()
    custodian = office.with_policy(policy)
    request = office.seal_request("1", approval=AnotherApproval())
    custodian.apply_seal([request])
    custodian.apply_seal([request])
    assert policy.asked == [(request.subject, request.draft_sm3, AT)]
    use = office.ledger.find(request.subject)
    assert use is not None
    assert use.opening.approval.kind == "another_kind"
    impostor = replace(request, officer="operator-2")
    with pytest.raises(ApprovalRejectedError):
        custodian.apply_seal([impostor])


def test_another_process_finds_the_office_as_it_was_left(office: Office) -> None:
    """Keys and ledger outlive the process; an open use is finished by the next one."""
    request = office.seal_request("1")
    office.custodian.apply_seal([request])
    ledger = type(office.ledger)(office.folder / "ledger.db")
    store = type(office.store)(office.folder / "keys", KEK)
    later = Custodian(
        store=store, ledger=ledger, clock=office.clock, approvals=ApprovalRules(development=True)
    )
    later.apply_seal([request])
    later.complete([request.subject])
    ledger.verify_chain()
