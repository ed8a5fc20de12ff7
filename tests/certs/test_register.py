"""What the register finds, gives back, changes, and does not tell a thief."""

import re
import sqlite3
import zlib
from datetime import timedelta
from pathlib import Path

import pytest
from simulators.office import (
    AT,
    FOOD_LICENCE,
    MARKET_BUREAU,
    OTHER_MARKET_BUREAU,
    SENIOR_CARD,
    Office,
    new_office,
)
from sqlalchemy import update

from certs.entries import ECertificate
from certs.errors import IllegalTransitionError, UnknownCertificateError
from certs.lifecycle import Act, LegalKind, LifecycleEvent, Status
from certs.register import Register
from certs.row_cipher import DamagedRegisterError, RowCipher
from certs.tables import certificates, files
from idp.documents import DocumentType, IdentityDocument
from signing.canonical import sm3
from signing.envelope import DataKey


def test_a_certificate_is_found_by_number_and_code(office: Office) -> None:
    issued = office.issue()[0].certificate
    assert office.register.get(issued.number) == issued
    assert office.register.find(issued.number, MARKET_BUREAU) == issued
    assert office.register.find_by_code(issued.code) == issued


def test_nobody_elses_number_or_code_finds_it(office: Office) -> None:
    issued = office.issue()[0].certificate
    assert office.register.find(issued.number, OTHER_MARKET_BUREAU) is None
    assert office.register.find(issued.number + "0") is None
    assert office.register.find_by_code(issued.code[:-1]) is None
    with pytest.raises(UnknownCertificateError):
        office.register.get(issued.code)


def test_the_register_knows_what_was_issued(office: Office) -> None:
    issued = office.issue(1, SENIOR_CARD)[0]
    certificate = issued.certificate
    order = office.order(SENIOR_CARD)
    holder = order.holders[0]

    assert sm3(office.register.file(certificate)).hex() == certificate.file_sm3
    assert office.register.file(certificate) == issued.data
    assert office.register.portrait(certificate) == order.portrait
    assert certificate.authority_name == order.authority.name
    assert certificate.type_name == "老年人优待证"
    assert certificate.content["metadata"]["holders"][0]["CZZT"] == holder.name
    assert certificate.public_fields == {"CZZT": holder.public_name}
    assert certificate.status_at(AT) is Status.VALID
    assert certificate.registered_at == AT


def test_a_certificate_without_portrait_has_none(office: Office) -> None:
    assert office.register.portrait(office.issue()[0].certificate) is None


def test_codes_are_128_random_bits(office: Office) -> None:
    codes = {issued.certificate.code for issued in office.issue(20)}
    assert len(codes) == 20
    assert all(re.fullmatch("[a-z2-7]{26}", code) for code in codes)


def test_holders_find_their_certificates_and_no_others(office: Office) -> None:
    food = office.issue(2)
    card = office.issue(1, SENIOR_CARD)
    company = office.order(FOOD_LICENCE).holders[0].document
    person = office.order(SENIOR_CARD).holders[0].document

    assert {c.id for c in office.register.find_by_holder(company)} == {
        issued.certificate.id for issued in food
    }
    assert [c.id for c in office.register.find_by_holder(person)] == [card[0].certificate.id]
    same_number = IdentityDocument(DocumentType.OTHER_NATURAL, person.number)
    assert office.register.find_by_holder(same_number) == []


def test_certificates_are_walked_once_each(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certs.register._AT_ONCE", 2)
    issued = {i.certificate.id for i in office.issue(5)}
    assert [c.id for c in office.register.walk()] == sorted(issued)


def revoke(office: Office, certificate: ECertificate) -> ECertificate:
    return office.register.revoke(
        certificate.number, LegalKind.DIAOXIAO, officer="officer-7", at=AT + timedelta(hours=1)
    )


def test_a_revoked_certificate_is_out_of_force_from_then_on(office: Office) -> None:
    revoked = revoke(office, office.issue()[0].certificate)

    assert office.register.get(revoked.number) == revoked
    assert revoked.standing.legal_kind is LegalKind.DIAOXIAO
    assert revoked.status_at(AT) is Status.VALID
    assert revoked.status_at(AT + timedelta(hours=1)) is Status.REVOKED


def test_every_act_leaves_an_event(office: Office) -> None:
    certificate = office.issue()[0].certificate
    revoke(office, certificate)
    assert office.register.events(certificate) == [
        LifecycleEvent(Act.ISSUED, None, "operator", AT),
        LifecycleEvent(Act.REVOKED, LegalKind.DIAOXIAO, "officer-7", AT + timedelta(hours=1)),
    ]


def test_what_is_out_of_force_is_not_revoked_again(office: Office) -> None:
    certificate = office.issue()[0].certificate
    revoke(office, certificate)
    with pytest.raises(IllegalTransitionError):
        office.register.revoke(
            certificate.number, LegalKind.YISHI, officer="officer-8", at=AT + timedelta(hours=2)
        )
    assert office.register.get(certificate.number).standing.legal_kind is LegalKind.DIAOXIAO
    assert len(office.register.events(certificate)) == 2


def test_an_unknown_number_is_not_revoked(office: Office) -> None:
    with pytest.raises(UnknownCertificateError):
        office.register.revoke("JY0", LegalKind.YISHI, officer="officer-8", at=AT)


def test_a_value_that_was_moved_to_another_row_does_not_open(office: Office) -> None:
    one, other = (issued.certificate for issued in office.issue(2))
    with office.transactions() as connection:
        for column, key in (
            (certificates.c.content, certificates.c.id),
            (files.c.sealed, files.c.certificate_id),
        ):
            query = column.table.select().where(key == other.id)
            moved = connection.execute(query).mappings().one()[column.name]
            statement = update(column.table).where(key == one.id).values({column.name: moved})
            connection.execute(statement)
    with pytest.raises(DamagedRegisterError):
        office.register.get(one.number)
    with pytest.raises(DamagedRegisterError):
        office.register.file(one)
    assert office.register.get(other.number) == other


def test_another_key_opens_nothing(office: Office) -> None:
    certificate = office.issue()[0].certificate
    cipher = RowCipher(DataKey.generate("data-1"), office.cipher.index_key)
    with pytest.raises(DamagedRegisterError):
        Register(office.transactions, cipher).get(certificate.number)


def test_a_stolen_database_tells_nothing_about_persons(tmp_path: Path) -> None:
    """Not even after every stream in it is inflated; orders that never ended included."""
    office = new_office(tmp_path / "office")
    order = office.order(SENIOR_CARD)
    issued = office.issue(1, SENIOR_CARD)[0]
    office.reservations.reserve(office.keyed(1, SENIOR_CARD), at=AT)
    assert order.portrait is not None
    secrets = [
        order.holders[0].name.encode(),
        order.holders[0].document.number.encode(),
        order.portrait[100:200],
        issued.data[100:200],
        order.body_sm3.encode(),
        bytes.fromhex(order.body_sm3),
    ]
    secrets += [str(value).encode() for value in order.attributes.values() if len(str(value)) > 1]
    assert len(secrets) > 6
    office.close()

    with sqlite3.connect(tmp_path / "office" / "register.db") as connection:
        dump = "\n".join(connection.iterdump()).encode()
    stolen = dump + b"".join(
        path.read_bytes() for path in (tmp_path / "office").glob("*.db*") if path.is_file()
    )
    stolen += b"".join(bytes.fromhex(blob.decode()) for blob in re.findall(rb"X'(\w+)'", dump))
    inflated = b"".join(
        _inflate(stolen[m.start() :]) for m in re.finditer(rb"\x78[\x01\x9c\xda]", stolen)
    )
    for secret in secrets:
        assert secret not in stolen
        assert secret not in inflated
    assert issued.certificate.number.encode() in stolen  # the office works by numbers


def _inflate(octets: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(octets, 100_000)
    except zlib.error:
        return b""
