"""The catalogue: the sample types, what a folder may not be, digests."""

import json
import shutil
from pathlib import Path

import pytest

from certs.catalogue import (
    FILES,
    LARGEST_FILE,
    Catalogue,
    NumberSource,
    Role,
    Sharing,
    folder_sm3,
    read_type,
)
from certs.errors import InvalidTypeError, UnknownTypeError
from idp.documents import HolderKind
from signing.canonical import sm3
from signing.pdf.placement import SignatureForm

TYPES = Path(__file__).parents[2] / "certs" / "samples" / "types"
FOOD, SENIOR = "11999900MB0000019D001", "11999900MB0000019D002"


@pytest.fixture
def types(tmp_path: Path) -> Path:
    """Return a copy of the sample types that a test may spoil."""
    return shutil.copytree(TYPES, tmp_path / "types")


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def faults(types: Path) -> set[tuple[str, str]]:
    with pytest.raises(InvalidTypeError) as caught:
        Catalogue.load(types)
    return {(fault.pointer, fault.code) for fault in caught.value.faults}


def add_version(types: Path, version: int) -> Path:
    folder = shutil.copytree(types / FOOD / "1", types / FOOD / str(version))
    rewrite(folder / "type.toml", "version = 1", f"version = {version}")
    return folder


def test_the_sample_types_are_unlike_each_other() -> None:
    food, senior = Catalogue.load(TYPES)
    assert (food.code, senior.code) == (FOOD, SENIOR)
    assert (food.form, senior.form) == (SignatureForm.SES, SignatureForm.PADES)
    assert (food.portrait, senior.portrait) == (False, True)
    assert (food.public_register, senior.public_register) == (True, False)
    assert (food.validity_years, senior.validity_years) == (5, None)
    assert (food.sharing, senior.sharing) == (Sharing.UNCONDITIONAL, Sharing.CONDITIONAL)
    assert food.holder_kinds == {HolderKind.LEGAL}
    assert senior.holder_kinds == {HolderKind.NATURAL}
    assert {kind.number for kind in (food, senior)} == {NumberSource.RULE}
    assert {kind.role for kind in (food, senior)} == {Role.ISSUED}


def test_a_type_is_found_by_code_or_short_name() -> None:
    catalogue = Catalogue.load(TYPES)
    assert catalogue.find(FOOD) is catalogue.find("food-business-licence")
    assert catalogue.find(FOOD, 1) is catalogue.find(FOOD)


@pytest.mark.parametrize(("name", "version"), [("no-such-type", None), (FOOD, 2), ("", None)])
def test_an_unknown_type_is_an_error(name: str, version: int | None) -> None:
    with pytest.raises(UnknownTypeError):
        Catalogue.load(TYPES).find(name, version)


def test_versions_stay_and_the_latest_is_the_highest_number(types: Path) -> None:
    for version in (2, 10):
        add_version(types, version)
    catalogue = Catalogue.load(types)
    assert catalogue.find(FOOD).version == 10
    assert catalogue.find(FOOD, 2).version == 2
    assert [kind.version for kind in catalogue] == [1, 2, 10, 1]


def test_the_digest_is_of_names_and_contents(types: Path) -> None:
    folder = types / FOOD / "1"
    files = {name: (folder / name).read_bytes() for name in FILES}
    listed = {name: sm3(content).hex() for name, content in sorted(files.items())}
    canonical = json.dumps(listed, separators=(",", ":")).encode()
    assert read_type(folder).sm3 == sm3(canonical).hex() == folder_sm3(files)


@pytest.mark.parametrize("name", FILES)
def test_every_file_of_the_folder_is_in_the_digest(types: Path, name: str) -> None:
    folder = types / FOOD / "1"
    before = read_type(folder).sm3
    with (folder / name).open("ab") as file:
        file.write(b"\n")
    assert read_type(folder).sm3 != before


def test_a_new_type_needs_a_folder_and_no_code(types: Path) -> None:
    code = f"{FOOD[:18]}003"
    folder = shutil.copytree(types / FOOD / "1", types / code / "1")
    rewrite(folder / "type.toml", FOOD, code)
    rewrite(folder / "type.toml", "food-business-licence", "another-licence")
    assert Catalogue.load(types).find("another-licence").code == code


def test_a_short_name_belongs_to_one_type(types: Path) -> None:
    rewrite(types / SENIOR / "1" / "type.toml", "senior-citizen-card", "food-business-licence")
    assert faults(types) == {(f"{FOOD}/1/type.toml#/slug", "not_unique")}


def test_all_faults_of_all_folders_are_told_at_once(types: Path) -> None:
    (types / FOOD / "1" / "layout.typ").unlink()
    (types / FOOD / "1" / "notes.txt").touch()
    rewrite(types / FOOD / "1" / "type.toml", "four_eyes = true", "four_eyes = 1\nextra = 2")
    rewrite(types / SENIOR / "1" / "schema.json", '"x-mask": "hidden"', '"x-mask": "some"')
    (types / "stray" / "1").mkdir(parents=True)
    found = faults(types)
    assert {
        (f"{FOOD}/1/layout.typ", "missing_file"),
        (f"{FOOD}/1/notes.txt", "unexpected_file"),
        (f"{FOOD}/1/type.toml#/four_eyes", "type"),
        (f"{FOOD}/1/type.toml#/extra", "unknown_key"),
        (f"{SENIOR}/1/schema.json#/properties/KZ_XB/x-mask", "enum"),
        ("stray/1/type.toml", "missing_file"),
    } <= found


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("version = 1", "version = 2", ("#/version", "not_the_folder")),
        ("version = 1", "version = true", ("#/version", "type")),
        (f'code = "{FOOD}"', f'code = "{SENIOR}"', ("#/code", "not_the_folder")),
        ("019D001", "018D001", ("#/code", "wrong_check_digit")),
        ('form = "ses"', 'form = "xades"', ("#/form", "enum")),
        ('name_zh = "', 'name_zh = " ', ("#/name_zh", "outer_space")),
        ('validity = "5年"', 'validity = "0年"', ("#/validity", "pattern")),
        ('slug = "food', 'slug = "Food', ("#/slug", "pattern")),
        ("left_mm", "right_mm", ("#/seal/left_mm", "required")),
        ("page = 0", "page = -1", ("#/seal/page", "minimum")),
        ("page = 0", "page = nan", ("", "not_toml")),
        ("[seal]", "[seal", ("", "not_toml")),
    ],
)
def test_what_a_description_may_not_say_is_told(
    types: Path, old: str, new: str, fault: tuple[str, str]
) -> None:
    rewrite(types / FOOD / "1" / "type.toml", old, new)
    assert (f"{FOOD}/1/type.toml{fault[0]}", fault[1]) in faults(types)


def test_a_folder_holds_files_of_its_own_only(types: Path) -> None:
    layout = types / FOOD / "1" / "layout.typ"
    layout.unlink()
    layout.symlink_to(types / SENIOR / "1" / "layout.typ")
    assert faults(types) == {(f"{FOOD}/1/layout.typ", "not_a_file")}


def test_a_file_is_bounded(types: Path) -> None:
    (types / FOOD / "1" / "background.svg").write_bytes(bytes(LARGEST_FILE + 1))
    (types / SENIOR / "1" / "schema.json").unlink()
    assert faults(types) == {
        (f"{FOOD}/1/background.svg", "too_large"),
        (f"{SENIOR}/1/schema.json", "missing_file"),
    }


def test_a_file_in_the_place_of_a_folder_is_told(types: Path) -> None:
    (types / FOOD / "README").touch()
    assert faults(types) == {(f"{FOOD}/README/", "not_a_folder")}


def test_a_schema_is_read_as_strictly_as_an_order(types: Path) -> None:
    rewrite(types / FOOD / "1" / "schema.json", '"type": "object",', '"type": "object", "type": 1,')
    assert faults(types) == {(f"{FOOD}/1/schema.json#", "duplicate_key")}
