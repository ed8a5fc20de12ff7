"""A person's sign-ins as files that compute nothing and lose nothing."""

import csv
import json
from datetime import UTC, datetime
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.history_export import FORMULA_SIGNS, Exported, to_csv, to_json, without_formula
from api.messages import Language, messages
from idp.history import Means, SignIn
from idp.levels import AuthenticationLevel

AT = datetime(2026, 11, 24, 17, 30, tzinfo=UTC)


def exported(service: str = "住房服务", client_id: str = "housing") -> Exported:
    entry = SignIn(
        "e1", "a1", AT, client_id, "s1", Means.PASSKEY, AuthenticationLevel.PASSKEY, ("name",)
    )
    return Exported(entry, service)


def read(table: bytes) -> list[list[str]]:
    return list(csv.reader(StringIO(table.decode("utf-8-sig"), newline="")))


def test_a_table() -> None:
    table = to_csv([exported()], messages(Language.CHINESE))
    assert table.startswith(b"\xef\xbb\xbf")
    assert table.count(b"\r\n") == 2
    assert read(table)[1] == [
        "2026-11-25T01:30:00+08:00",
        "住房服务",
        "housing",
        "通行密钥",
        "通行密钥或数字证书",
        "姓名",
    ]


def test_for_programs() -> None:
    assert json.loads(to_json([exported()])) == [
        {
            "at": "2026-11-24T17:30:00+00:00",
            "service": "住房服务",
            "client_id": "housing",
            "means": "passkey",
            "level": "al3",
            "claims": ["name"],
        }
    ]
    assert json.loads(to_json([])) == []


def test_without_a_level() -> None:
    entry = SignIn("e1", "a1", AT, "housing", "s1", Means.PASSWORD, None, ())
    (row,) = read(to_csv([Exported(entry, "x")], messages(Language.ENGLISH)))[1:]
    assert row[3:] == ["password", "", ""]
    assert json.loads(to_json([Exported(entry, "x")]))[0]["level"] is None


@pytest.mark.parametrize("sign", FORMULA_SIGNS)
def test_no_cell_is_computed(sign: str) -> None:
    table = to_csv([exported(f"{sign}1+1", f"{sign}x")], messages(Language.ENGLISH))
    assert read(table)[1][1:3] == [f"'{sign}1+1", f"'{sign}x"]


@settings(deadline=None)
@given(cell=st.text())
def test_a_cell_shows_the_same(cell: str) -> None:
    assert without_formula(cell).removeprefix("'") == cell.removeprefix("'")
    assert not without_formula(cell).startswith(FORMULA_SIGNS)


@settings(deadline=None)
@given(service=st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_whatever_a_service_is_called_it_is_one_cell(service: str) -> None:
    (row,) = read(to_csv([exported(service)], messages(Language.ENGLISH)))[1:]
    assert row[1] == without_formula(service)
    assert len(row) == 6
