"""Checking a type's folder: the samples are good, and every fault is told."""

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest

from certs.type_check import check_type

TYPES = Path(__file__).parents[2] / "certs" / "samples" / "types"
AT = dt.datetime(2026, 11, 24, 4, tzinfo=dt.UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the food business licence that a test may spoil."""
    source = TYPES / "11999900MB0000019D001" / "1"
    return shutil.copytree(source, tmp_path / source.parent.name / source.name)


def change_sample(folder: Path, **members: object) -> None:
    path = folder / "sample.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **members}), encoding="utf-8")


def found(folder: Path) -> set[tuple[str, str]]:
    return {(fault.pointer, fault.code) for fault in check_type(folder, at=AT)}


@pytest.mark.parametrize("folder", sorted(TYPES.glob("*/*")), ids=lambda path: path.parent.name)
def test_the_samples_have_no_fault(folder: Path) -> None:
    assert check_type(folder, at=AT) == ()


def test_the_sample_is_judged_beside_the_other_files(folder: Path) -> None:
    (folder / "layout.typ").unlink()
    change_sample(folder, attributes={}, number="1", extra=1)
    pointers = {
        "sample.json#/attributes/KZ_FDDBR",
        "sample.json#/number",
        "sample.json#/extra",
        "layout.typ",
    }
    assert pointers <= {pointer for pointer, _ in found(folder)}


def test_a_sample_that_is_no_json_is_told(folder: Path) -> None:
    (folder / "sample.json").write_text("{", encoding="utf-8")
    assert found(folder) == {("sample.json#", "not_json")}


def test_a_sample_leaves_the_authority_open(folder: Path) -> None:
    change_sample(folder, authority="11999901MB10000106")
    assert found(folder) == {("sample.json#/authority", "unknown_authority")}


def test_a_type_that_is_collected_has_a_sample_too(folder: Path) -> None:
    description = folder / "type.toml"
    text = description.read_text(encoding="utf-8")
    description.write_text(text.replace('"issued"', '"collected"'), encoding="utf-8")
    assert found(folder) == set()


def test_what_is_no_folder_is_told(tmp_path: Path) -> None:
    assert found(tmp_path / "nothing") == {("", "not_a_folder")}
