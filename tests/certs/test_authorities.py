"""Issuing authorities: the samples, and files that describe none."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from certs.authorities import Authorities, IssuingAuthority, Level
from certs.catalogue import Catalogue, CertificateType, NumberSource, Role
from certs.errors import InvalidAuthorityError, NotEntitledError, UnknownAuthorityError

SAMPLES = Path(__file__).parents[2] / "certs" / "samples"
QINGHE_MARKET, SONGTING_MARKET = "11999901MB10000106", "11999902MB20000121"
QINGHE_CIVIL = "11999901MB10000293"
FOOD = "11999900MB0000019D001"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the sample authorities that a test may spoil."""
    return shutil.copytree(SAMPLES / "authorities", tmp_path / "authorities")


@pytest.fixture(scope="module")
def food() -> CertificateType:
    return Catalogue.load(SAMPLES / "types").find("food-business-licence")


def spoil(folder: Path, old: str, new: str) -> set[tuple[str, str]]:
    path = folder / f"{QINGHE_MARKET}.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InvalidAuthorityError) as caught:
        Authorities.load(folder)
    return {(fault.pointer, fault.code) for fault in caught.value.faults}


def test_the_samples_are_three_offices_of_two_districts() -> None:
    authorities = Authorities.load(SAMPLES / "authorities")
    assert [authority.uscc for authority in authorities] == [
        QINGHE_MARKET,
        QINGHE_CIVIL,
        SONGTING_MARKET,
    ]
    assert {authority.area for authority in authorities} == {"999901", "999902"}
    assert {authority.level for authority in authorities} == {Level.DISTRICT}


def test_two_bureaus_number_one_type_by_their_own_rules(food: CertificateType) -> None:
    authorities = Authorities.load(SAMPLES / "authorities")
    numbers = [
        authority.numbering[food.code].format(area=authority.area, year=2026, seq=1)
        for authority in authorities.entitled(food)
    ]
    assert numbers == ["JY99990120260000011", "JY99990200000013"]


def test_an_authority_issues_only_what_it_may(food: CertificateType) -> None:
    authorities = Authorities.load(SAMPLES / "authorities")
    authorities.find(QINGHE_MARKET).require_entitled(food)
    with pytest.raises(NotEntitledError):
        authorities.find(QINGHE_CIVIL).require_entitled(food)


def test_nobody_issues_what_is_only_collected(food: CertificateType) -> None:
    authority = Authorities.load(SAMPLES / "authorities").find(QINGHE_MARKET)
    with pytest.raises(NotEntitledError):
        authority.require_entitled(replace(food, role=Role.COLLECTED))


def test_a_rule_is_needed_only_for_what_is_numbered_here(food: CertificateType) -> None:
    authority: IssuingAuthority = replace(
        Authorities.load(SAMPLES / "authorities").find(QINGHE_MARKET), numbering={}
    )
    authority.require_entitled(replace(food, number=NumberSource.EXTERNAL))
    with pytest.raises(NotEntitledError):
        authority.require_entitled(food)


def test_an_unknown_code_is_no_authority() -> None:
    with pytest.raises(UnknownAuthorityError):
        Authorities.load(SAMPLES / "authorities").find("11100000000013338W")


FILE = f"{QINGHE_MARKET}.toml"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("uscc", "[", (FILE, "not_toml")),
        ("uscc", "usc", (f"{FILE}#/uscc", "required")),
        (
            f'uscc = "{QINGHE_MARKET}"',
            f'uscc = "{QINGHE_CIVIL}"',
            (f"{FILE}#/uscc", "not_the_file"),
        ),
        ("000106", "000107", (f"{FILE}#/uscc", "wrong_check_digit")),
        ("区县", "区", (f"{FILE}#/level", "enum")),
        ('name = "', 'name = " ', (f"{FILE}#/name", "outer_space")),
        ("{seq:6}", "", (f"{FILE}#/numbering/{FOOD}/rule", "invalid_number_rule")),
        ("[numbering.1199", "[numbering.1299", (f"{FILE}#/numbering/12{FOOD[2:]}", "not_entitled")),
        ("[seal]", "[seal]\nextra = 1", (f"{FILE}#/seal/extra", "unknown_key")),
        ("99990100000001", "99990200000001", (f"{SONGTING_MARKET}.toml#/seal/id", "not_unique")),
        ('106"\n\n#', '293"\n\n#', (f"{QINGHE_CIVIL}.toml#/seal/key", "not_unique")),
    ],
)
def test_a_file_that_describes_no_authority_is_told(
    folder: Path, old: str, new: str, fault: tuple[str, str]
) -> None:
    assert fault in spoil(folder, old, new)


def test_two_authorities_cannot_give_the_same_numbers(folder: Path) -> None:
    faults = spoil(folder, "JY{area}{yyyy}{seq:6}", "JY999902{seq:7}")
    assert faults == {(f"{SONGTING_MARKET}.toml#/numbering/{FOOD}", "not_unique")}
