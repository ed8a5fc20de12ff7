"""Seals: made once by the seal maker, and nothing but a seal in order is used."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from simulators.office import (
    AT,
    CIVIL_AFFAIRS_BUREAU,
    MARKET_BUREAU,
    OPERATOR,
    Office,
    new_office,
)

from certs.pki import SEAL_MAKER_KEY, PkiMaker
from certs.seals import UNIT_SEAL, SealApplication, SealBook, SealMaker, SealNotUsableError
from hsm.approvals import ApprovalRules
from hsm.custody import Custodian
from hsm.key_encryption import parse_key_encryption_key
from hsm.ledger import Ledger
from hsm.stores.software import SoftwareKeyStore
from hsm.uses import SubjectKind
from signing.eseal import CertListKind
from signing.x509 import SigningCert

SEAL_ID = "99990100000001"


@pytest.fixture
def office(tmp_path: Path) -> Iterable[Office]:
    """Open an office; seals know nothing of databases, so one will do."""
    office = new_office(tmp_path / "office")
    yield office
    office.close()


def load(office: Office, **changes: Iterable[SigningCert]) -> SealBook:
    certs = {
        "signer_certs": list(office.pki.units.values()),
        "ca_certs": list(office.pki.ca_certs),
        "anchors": [office.pki.root],
    }
    certs |= {name: list(changed) for name, changed in changes.items()}
    return SealBook.load(office.folder / "seals", **certs)


def maker(office: Office) -> SealMaker:
    return SealMaker(
        folder=office.folder / "seals",
        custodian=office.custodian,
        key=SEAL_MAKER_KEY,
        maker_cert=office.pki.seal_maker,
        ca_certs=office.pki.ca_certs,
        draw=lambda _: office.seals.find(SEAL_ID).picture,
        approval=OPERATOR,
    )


def test_a_seal_bears_the_authority_and_lists_its_certificate(office: Office) -> None:
    unit_seal = load(office).find(SEAL_ID)
    eseal = unit_seal.eseal

    assert eseal.name == office.authorities.find(MARKET_BUREAU).name
    assert eseal.kind == UNIT_SEAL
    assert eseal.cert_list_kind is CertListKind.CERTS
    assert eseal.listed_certs == (office.pki.units[MARKET_BUREAU].der,)
    assert eseal.maker_cert == office.pki.seal_maker
    assert eseal.picture_data == unit_seal.picture.png
    assert unit_seal.signer_cert == office.pki.units[MARKET_BUREAU]
    assert unit_seal.ca_certs == (office.pki.unit_ca,)


def test_a_verifier_who_holds_the_root_alone_finds_all_cas_in_the_seal(office: Office) -> None:
    assert set(load(office).find(SEAL_ID).eseal.ca_certs) == set(office.pki.ca_certs)


def test_a_seal_that_is_there_is_not_made_again(office: Office) -> None:
    path = office.folder / "seals" / f"{SEAL_ID}.esl"
    made, head = path.read_bytes(), office.ledger.head()
    application = SealApplication(SEAL_ID, "示例", office.pki.units[MARKET_BUREAU])

    maker(office).make([application], at=AT)

    assert path.read_bytes() == made
    assert office.ledger.head() == head


def test_a_seal_that_a_crash_lost_is_made_again(office: Office) -> None:
    """Signed and in the ledger, but never written."""
    path = office.folder / "seals" / f"{SEAL_ID}.esl"
    path.unlink()
    application = SealApplication(SEAL_ID, "示例", office.pki.units[MARKET_BUREAU])

    maker(office).make([application], at=AT)

    assert load(office).find(SEAL_ID).eseal.name == "示例"
    made = [use.opening.subject.id for use in office.ledger.completed(SubjectKind.SEAL)]
    assert len(made) == 4
    assert sum(subject.startswith(f"{SEAL_ID}.") for subject in made) == 2


def test_a_seal_may_be_used_from_first_to_last_day_by_its_unit(office: Office) -> None:
    unit_seal = load(office).find(SEAL_ID)
    last = unit_seal.eseal.valid_to

    unit_seal.verify_usable(uscc=MARKET_BUREAU, at=AT)
    unit_seal.verify_usable(uscc=MARKET_BUREAU, at=last)
    for at in (AT - timedelta(seconds=1), last + timedelta(seconds=1)):
        with pytest.raises(SealNotUsableError):
            unit_seal.verify_usable(uscc=MARKET_BUREAU, at=at)
    with pytest.raises(SealNotUsableError):
        unit_seal.verify_usable(uscc=CIVIL_AFFAIRS_BUREAU, at=AT)


def test_a_seal_outlives_no_certificate_above_it(office: Office) -> None:
    """The seal itself would still be good: the unit's certificate is not."""
    unit_seal = load(office).find(SEAL_ID)
    expired = replace(unit_seal.signer_cert, not_after=AT - timedelta(days=1))
    stale = replace(unit_seal, signer_path=(expired, *unit_seal.signer_path[1:]))
    with pytest.raises(SealNotUsableError, match="certificate_not_valid_then"):
        stale.verify_usable(uscc=MARKET_BUREAU, at=AT)


def test_there_is_no_seal_that_is_not_there(office: Office) -> None:
    with pytest.raises(SealNotUsableError):
        load(office).find("99990100009999")


def test_a_seal_that_was_changed_is_not_loaded(office: Office) -> None:
    path = office.folder / "seals" / f"{SEAL_ID}.esl"
    forged = path.read_bytes().replace("青禾区市场".encode(), "松汀区市场".encode())
    assert forged != path.read_bytes()
    path.write_bytes(forged)
    with pytest.raises(SealNotUsableError, match=rf"{SEAL_ID}.*seal_forged"):
        load(office)


def test_a_file_that_is_no_seal_is_not_loaded(office: Office) -> None:
    (office.folder / "seals" / f"{SEAL_ID}.esl").write_bytes(b"\x30\x00")
    with pytest.raises(SealNotUsableError, match="malformed_seal"):
        load(office)


def test_a_seal_under_another_seals_code_is_not_loaded(office: Office) -> None:
    path = office.folder / "seals" / f"{SEAL_ID}.esl"
    path.rename(path.with_stem("99990100009999"))
    with pytest.raises(SealNotUsableError, match="99990100009999"):
        load(office)


def test_a_seal_of_an_unknown_maker_is_not_loaded(office: Office, tmp_path: Path) -> None:
    """Same names, other keys."""
    kek = parse_key_encryption_key("00112233445566778899aabbccddeeff")
    store = SoftwareKeyStore.create(tmp_path / "keys", kek)
    ledger = Ledger.create(tmp_path / "ledger.db")
    approvals = ApprovalRules(development=True)
    custodian = Custodian(store=store, ledger=ledger, clock=office.clock, approvals=approvals)
    stranger = PkiMaker(tmp_path / "pki", custodian, store, OPERATOR).make([], at=AT)
    ledger.close()
    with pytest.raises(SealNotUsableError, match="unknown_anchor"):
        load(office, anchors=[stranger.root])


def test_a_seal_whose_maker_leads_to_no_anchor_is_not_loaded(office: Office) -> None:
    """What the seal carries along proves nothing."""
    with pytest.raises(SealNotUsableError, match="unknown_anchor"):
        load(office, ca_certs=[office.pki.unit_ca])


def test_a_seal_for_no_unit_of_the_office_is_not_loaded(office: Office) -> None:
    others = [cert for uscc, cert in office.pki.units.items() if uscc != MARKET_BUREAU]
    with pytest.raises(SealNotUsableError):
        load(office, signer_certs=others)
