"""The embedded PKI: made once, in one shape, and not by half."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from simulators.office import AT, MARKET_BUREAU, OPERATOR, Clock

from certs.pki import IncompletePkiError, Pki, PkiMaker, Unit
from hsm.approvals import ApprovalRules
from hsm.custody import Custodian
from hsm.key_encryption import parse_key_encryption_key
from hsm.keys import KeyPurpose, KeyRef
from hsm.ledger import Ledger
from hsm.stores.software import SoftwareKeyStore
from hsm.uses import SubjectKind
from signing.x509 import ExtendedKeyUsage
from signing.x509_path import build_path, verify_path

NAME = "示例市青禾区市场监督管理局"
UNIT = Unit(MARKET_BUREAU, NAME, KeyRef("unit-1"))


@dataclass(frozen=True, slots=True)
class Workshop:
    folder: Path
    store: SoftwareKeyStore
    ledger: Ledger
    maker: PkiMaker


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    kek = parse_key_encryption_key("00112233445566778899aabbccddeeff")
    store = SoftwareKeyStore.create(tmp_path / "keys", kek)
    ledger = Ledger.create(tmp_path / "ledger.db")
    custodian = Custodian(
        store=store, ledger=ledger, clock=Clock(), approvals=ApprovalRules(development=True)
    )
    folder = tmp_path / "pki"
    yield Workshop(folder, store, ledger, PkiMaker(folder, custodian, store, OPERATOR))
    ledger.close()


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*.der")}


def test_units_may_seal_and_makers_may_make_seals(workshop: Workshop) -> None:
    pki = workshop.maker.make([UNIT], at=AT)

    unit_path = build_path(pki.units[MARKET_BUREAU], pki.ca_certs, [pki.root])
    verify_path(unit_path, usage=ExtendedKeyUsage.UNIT_SEALING, at=AT)
    maker_path = build_path(pki.seal_maker, pki.ca_certs, [pki.root])
    verify_path(maker_path, usage=ExtendedKeyUsage.SEAL_MAKING, at=AT)


def test_a_unit_bears_name_and_code_and_its_own_key(workshop: Workshop) -> None:
    unit = workshop.maker.make([UNIT], at=AT).units[MARKET_BUREAU]

    assert unit.subject.organization == NAME
    assert unit.subject.uscc == MARKET_BUREAU
    info = workshop.store.describe(UNIT.key)
    assert info.purpose is KeyPurpose.SEALING
    assert info.public_key == unit.public_key


def test_made_again_nothing_changes(workshop: Workshop) -> None:
    pki = workshop.maker.make([UNIT], at=AT)
    made, head = files(workshop.folder), workshop.ledger.head()

    assert workshop.maker.make([UNIT], at=AT.replace(year=2027)) == pki
    assert files(workshop.folder) == made
    assert workshop.ledger.head() == head


@pytest.mark.parametrize(
    "lost", ["root.der", "unit-ca.der", "seal-maker.der", f"units/{MARKET_BUREAU}.der"]
)
def test_a_certificate_that_a_crash_lost_is_made_again(workshop: Workshop, lost: str) -> None:
    """Signed and in the ledger, but never written: all that builds on it stays good."""
    workshop.maker.make([UNIT], at=AT)
    (workshop.folder / lost).unlink()

    pki = workshop.maker.make([UNIT], at=AT)

    path = build_path(pki.units[MARKET_BUREAU], pki.ca_certs, [pki.root])
    verify_path(path, usage=ExtendedKeyUsage.UNIT_SEALING, at=AT)


def test_a_unit_can_join_later(workshop: Workshop) -> None:
    first = workshop.maker.make([UNIT], at=AT)
    other = Unit("11999901MB10000293", "示例市青禾区民政局", KeyRef("unit-2"))

    pki = workshop.maker.make([UNIT, other], at=AT.replace(year=2040))

    assert pki.units[MARKET_BUREAU] == first.units[MARKET_BUREAU]
    assert pki.units[other.uscc].not_after == pki.unit_ca.not_after


def test_every_certificate_is_in_the_ledger(workshop: Workshop) -> None:
    workshop.maker.make([UNIT], at=AT)
    used = [use.opening.key.id for use in workshop.ledger.completed(SubjectKind.X509)]
    assert used == ["root", "root", "root", "seal-maker-ca", "unit-ca"]


def test_certificates_of_another_key_store_are_not_gone_on_with(workshop: Workshop) -> None:
    workshop.maker.make([UNIT], at=AT)
    for path in (workshop.folder.parent / "keys").glob("root.key"):
        path.unlink()
    with pytest.raises(IncompletePkiError, match=r"root\.der"):
        workshop.maker.make([UNIT], at=AT)


def test_a_key_for_something_else_is_not_taken(workshop: Workshop) -> None:
    workshop.store.generate(UNIT.key, KeyPurpose.DATA)
    with pytest.raises(IncompletePkiError, match="unit-1"):
        workshop.maker.make([UNIT], at=AT)


@pytest.mark.parametrize("content", [None, b"", b"\x30\x00"])
def test_what_cannot_be_read_is_named(workshop: Workshop, content: bytes | None) -> None:
    workshop.maker.make([UNIT], at=AT)
    path = workshop.folder / "unit-ca.der"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(IncompletePkiError, match=r"unit-ca\.der"):
        Pki.load(workshop.folder)


def test_a_unit_under_another_units_code_is_refused(workshop: Workshop) -> None:
    workshop.maker.make([UNIT], at=AT)
    unit = workshop.folder / "units" / f"{MARKET_BUREAU}.der"
    unit.rename(unit.with_stem("11999901MB10000293"))
    with pytest.raises(IncompletePkiError):
        Pki.load(workshop.folder)
