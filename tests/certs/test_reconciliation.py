"""Whoever goes round ledger or register is found, and the first bad row is named."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from unittest.mock import Mock

import pytest
from simulators.office import AT, SENIOR_CARD, Office, new_office, open_office
from sqlalchemy import Connection, Table, delete, update

from certs.entries import ECertificate
from certs.lifecycle import LegalKind
from certs.reconciliation import NotReconciledError
from certs.reservation import Reservation
from certs.tables import certificates, files, holders, lifecycle_events, orders
from hsm.uses import SubjectKind, UseSubject
from signing.canonical import canonical_json, sm3


def difference(office: Office) -> str:
    with pytest.raises(NotReconciledError) as caught:
        office.reconcile()
    return str(caught.value)


def change(office: Office, table: Table, certificate: ECertificate, **values: object) -> None:
    key = table.c.id if "id" in table.c else table.c.certificate_id
    with office.transactions() as connection:
        connection.execute(update(table).where(key == certificate.id).values(values))


@pytest.fixture
def issued(office: Office) -> ECertificate:
    office.issue()
    return office.issue()[0].certificate


def test_a_day_of_honest_work_reconciles(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certs.reconciliation._AT_ONCE", 2)
    food, card = office.issue(3), office.issue(2, SENIOR_CARD)
    office.register.revoke(
        food[0].certificate.number, LegalKind.ZHUXIAO, officer="officer-7", at=AT
    )
    office.register.revoke(card[0].certificate.number, LegalKind.YISHI, officer="o-8", at=AT)
    office.reservations.reserve(office.keyed(1), at=AT)
    office.reconcile()


def test_work_in_progress_reconciles(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entered, its use not yet completed: what `resume` mends is no fraud."""
    monkeypatch.setattr(office.custodian, "complete", Mock(side_effect=InterruptedError))
    with pytest.raises(InterruptedError):
        office.issue()
    office.reconcile()


def test_a_certificate_past_the_ledger_is_named(tmp_path: Path) -> None:
    """An insider issues on a copy of the office and brings back the register alone."""
    new_office(tmp_path / "office").close()
    shutil.copytree(tmp_path / "office", tmp_path / "copy")
    copy = open_office(tmp_path / "copy")
    certificate = copy.issue()[0].certificate
    copy.close()
    shutil.copy(tmp_path / "copy" / "register.db", tmp_path / "office" / "register.db")
    office = open_office(tmp_path / "office")
    assert difference(office) == f"certificate {certificate.identifier}: no_use_of_a_key"
    office.close()


def test_a_use_of_a_key_past_the_register_is_named(tmp_path: Path) -> None:
    """The other way round: sealed, and entered nowhere."""
    new_office(tmp_path / "office").close()
    shutil.copytree(tmp_path / "office", tmp_path / "copy")
    copy = open_office(tmp_path / "copy")
    copy.issue()
    (use,) = copy.ledger.completed(SubjectKind.CERTIFICATE)
    copy.close()
    shutil.copy(tmp_path / "copy" / "ledger.db", tmp_path / "office" / "ledger.db")
    office = open_office(tmp_path / "office")
    assert difference(office) == f"ledger row {use.number}: no_order"
    office.close()


def test_a_certificate_that_was_removed_is_named(office: Office, issued: ECertificate) -> None:
    with office.transactions() as connection:
        _forget(connection, issued)
    numbers = [use.number for use in office.ledger.completed(SubjectKind.CERTIFICATE)]
    assert difference(office) == f"ledger row {numbers[1]}: no_certificate"


def _forget(connection: Connection, certificate: ECertificate) -> None:
    """Remove a certificate as only the owner of the database can."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
    else:
        connection.exec_driver_sql("DROP TRIGGER lifecycle_events_no_DELETE")
    for table in (lifecycle_events, holders, files):
        connection.execute(delete(table).where(table.c.certificate_id == certificate.id))
    connection.execute(delete(certificates).where(certificates.c.id == certificate.id))


def test_an_abandoned_use_is_none(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody closed as abandoned what stands in the register."""
    with monkeypatch.context() as patch:
        patch.setattr(office.custodian, "complete", Mock(side_effect=InterruptedError))
        with pytest.raises(InterruptedError):
            office.issue()
    (certificate,) = office.register.walk()
    office.custodian.abandon(UseSubject(SubjectKind.CERTIFICATE, certificate.identifier), "void")
    assert difference(office) == f"certificate {certificate.identifier}: no_use_of_a_key"


def other_digest(office: Office, issued: ECertificate) -> None:
    change(office, certificates, issued, signed_sm3="0" * 64)


def other_draft(office: Office, issued: ECertificate) -> None:
    change(office, certificates, issued, draft_sm3="0" * 64)


@pytest.mark.parametrize(
    ("tamper", "reason"), [(other_digest, "another_digest"), (other_draft, "another_draft")]
)
def test_other_digests_than_those_of_the_ledger_are_named(
    office: Office,
    issued: ECertificate,
    tamper: Callable[[Office, ECertificate], None],
    reason: str,
) -> None:
    tamper(office, issued)
    numbers = [use.number for use in office.ledger.completed(SubjectKind.CERTIFICATE)]
    assert difference(office) == f"ledger row {numbers[1]}: {reason}"


def put_file(office: Office, issued: ECertificate, data: bytes) -> None:
    sealed = office.cipher.encrypt(data, files.c.sealed, issued.id)
    change(office, files, issued, sealed=sealed)


def put_file_and_digest(office: Office, issued: ECertificate, data: bytes) -> None:
    put_file(office, issued, data)
    change(office, certificates, issued, file_sm3=sm3(data).hex())


def put_no_pdf(office: Office, issued: ECertificate, _: bytes) -> None:
    put_file_and_digest(office, issued, b"%PDF-1.7 or not")


def put_unsealed_file(office: Office, issued: ECertificate, sealed: bytes) -> None:
    drawn = b"".join(sealed.partition(b"%%EOF\n")[:2])
    put_file_and_digest(office, issued, drawn)


def tell_of_another_person(office: Office, issued: ECertificate, _: bytes) -> None:
    content = {**issued.content, "attributes": {"KZ_FDDBR": "李示例"}}
    value = canonical_json({"certificate": content, "public_fields": dict(issued.public_fields)})
    encrypted = office.cipher.encrypt(value, certificates.c.content, issued.id)
    change(office, certificates, issued, content=encrypted)


def give_another_number(office: Office, issued: ECertificate, _: bytes) -> None:
    change(office, certificates, issued, number="JY0")


def prolong(office: Office, issued: ECertificate, _: bytes) -> None:
    change(office, certificates, issued, valid_to=date(2099, 12, 31))


def make_older(office: Office, issued: ECertificate, _: bytes) -> None:
    change(office, certificates, issued, issued_on=date(2020, 1, 1), valid_from=date(2020, 1, 1))


def give_to_another_authority(office: Office, issued: ECertificate, _: bytes) -> None:
    change(office, certificates, issued, authority="11999902MB20000121")


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (put_file, "another_file"),
        (put_file_and_digest, "another_digest"),
        (put_no_pdf, "unreadable_file"),
        (put_unsealed_file, "unreadable_file"),
        (tell_of_another_person, "another_content"),
        (give_another_number, "another_content"),
        (prolong, "another_content"),
        (make_older, "another_content"),
        (give_to_another_authority, "another_content"),
    ],
)
def test_what_an_insider_with_the_registers_keys_changes_is_named(
    office: Office,
    issued: ECertificate,
    tmp_path: Path,
    tamper: Callable[[Office, ECertificate, bytes], None],
    reason: str,
) -> None:
    """Up to putting in a file that the same seal sealed, elsewhere."""
    elsewhere = new_office(tmp_path / "elsewhere")
    tamper(office, issued, elsewhere.issue()[0].data)
    elsewhere.close()
    assert difference(office) == f"certificate {issued.identifier}: {reason}"


def test_a_number_that_vanished_is_named(office: Office) -> None:
    """An accepted order is removed to hide that it ever was."""
    (reserved, kept) = office.reservations.reserve(office.keyed(2), at=AT)
    assert isinstance(reserved, Reservation)
    assert isinstance(kept, Reservation)
    office.reconcile()
    with office.transactions() as connection:
        connection.execute(delete(orders).where(orders.c.id == reserved.id))
    assert difference(office).endswith(": numbers_missing")


def test_a_number_beyond_the_counter_is_named(office: Office) -> None:
    office.issue(2)
    with office.transactions() as connection:
        connection.execute(update(orders).where(orders.c.serial == 2).values(serial=3))
    assert difference(office).endswith(": numbers_missing")


def test_an_order_without_its_certificate_is_named(office: Office) -> None:
    (reserved,) = office.reservations.reserve(office.keyed(1), at=AT)
    assert isinstance(reserved, Reservation)
    with office.transactions() as connection:
        connection.execute(update(orders).values(state="issued"))
    assert difference(office) == f"{reserved.identifier}: order_without_certificate"


def test_a_certificate_of_an_unfinished_order_is_named(
    office: Office, issued: ECertificate
) -> None:
    with office.transactions() as connection:
        this = orders.c.id == issued.id
        connection.execute(update(orders).where(this).values(state="void", void_reason="x"))
    assert difference(office) == f"{issued.identifier}: certificate_without_order"


def test_a_revocation_that_was_taken_back_is_named(office: Office, issued: ECertificate) -> None:
    office.register.revoke(issued.number, LegalKind.DIAOXIAO, officer="officer-7", at=AT)
    office.reconcile()
    change(office, certificates, issued, state="valid", legal_kind=None)
    assert difference(office) == f"{issued.identifier}: state_without_event"


def test_a_revocation_nobody_made_is_named(office: Office, issued: ECertificate) -> None:
    change(office, certificates, issued, state="revoked", legal_kind="diaoxiao")
    assert difference(office) == f"{issued.identifier}: state_without_event"
