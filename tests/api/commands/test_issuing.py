"""`issue` and `resume`: exit statuses, and that the same key is the same certificate."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from simulators.office import CIVIL_AFFAIRS_BUREAU, FOOD_LICENCE, MARKET_BUREAU, OTHER_MARKET_BUREAU
from simulators.terminal import Desk, zhengyin

from hsm.ledger import Ledger
from signing.canonical import sm3

KEY = re.compile(r"Idempotency key: ([0-9a-f]{32}) ")


def test_it_tells_what_was_issued(own_desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "out.pdf"
    told = own_desk.issue("-o", out, "--json")
    assert told.status == 0
    assert set(told.json) == {
        *("number", "identifier", "code", "status", "file_sm3", "file", "page"),
    }
    assert told.json["file"] == str(out)
    assert told.json["file_sm3"] == sm3(out.read_bytes()).hex()
    assert told.json["page"] == f"http://localhost:8000/c/{told.json['code']}"
    assert told.json["status"] == "valid"
    assert out.stat().st_mode & 0o777 == 0o600


def test_without_a_key_the_key_it_made_is_told(own_desk: Desk, tmp_path: Path) -> None:
    first, again = tmp_path / "first.pdf", tmp_path / "again.pdf"
    told = own_desk.issue("-o", first)
    found = KEY.search(told.err)
    assert found
    assert own_desk.issue("-o", again, "--key", found[1]).status == 0
    assert again.read_bytes() == first.read_bytes()


def test_the_same_key_is_the_same_certificate_and_the_same_file(
    own_desk: Desk, tmp_path: Path
) -> None:
    first, again = tmp_path / "first.pdf", tmp_path / "again.pdf"
    told = own_desk.issue("-o", first, "--key", "k", "--json")
    retold = own_desk.issue("-o", again, "--key", "k", "--json")
    assert (told.status, retold.status) == (0, 0)
    assert told.json | {"file": ""} == retold.json | {"file": ""}
    assert first.read_bytes() == again.read_bytes()
    assert "key" not in retold.err


def test_the_same_key_for_another_order_is_a_conflict(own_desk: Desk, tmp_path: Path) -> None:
    assert own_desk.issue("-o", tmp_path / "first.pdf", "--key", "k").status == 0
    own_desk.change_order(valid_to="2029-01-01")
    told = own_desk.issue("-o", tmp_path / "second.pdf", "--key", "k")
    assert told.status == 69
    assert "[already_issued]" in told.err
    assert not (tmp_path / "second.pdf").exists()


def test_keys_of_two_authorities_are_two_keys(own_desk: Desk, tmp_path: Path) -> None:
    other = ("issue", FOOD_LICENCE, own_desk.order, "--authority", OTHER_MARKET_BUREAU)
    first = own_desk.issue("-o", tmp_path / "a.pdf", "--key", "k", "--json")
    second = own_desk.run(*other, "-o", tmp_path / "b.pdf", "--key", "k", "--json")
    assert (first.status, second.status) == (0, 0)
    assert first.json["number"] != second.json["number"]


def test_without_a_name_the_file_is_named_by_its_number(
    own_desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = own_desk.issue()
    assert told.status == 0
    (made,) = tmp_path.glob("*.pdf")
    assert f"number      {made.stem}" in told.out


def test_every_fault_of_an_order_is_listed(own_desk: Desk, tmp_path: Path) -> None:
    own_desk.change_order(
        holders=[{"type": "001", "number": "91999901MA1000017X", "name": "甲"}],
        attributes={"KZ_FDDBR": 7},
        colour="red",
        valid_from="yesterday",
    )
    told = own_desk.issue("-o", tmp_path / "out.pdf")
    assert told.status == 65
    assert "[invalid_order]" in told.err
    for pointer in (
        "/holders/0/number: ",
        "/attributes/KZ_FDDBR: ",
        "/colour: ",
        "/valid_from: ",
    ):
        assert f"  {pointer}" in told.err
    assert not (tmp_path / "out.pdf").exists()


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"holders": [], "holders": []}'])
def test_what_is_no_order_is_bad_data(own_desk: Desk, text: str) -> None:
    own_desk.order.write_text(text, encoding="utf-8")
    assert own_desk.issue().status == 65


def test_an_authority_that_may_not_issue_it_is_refused(desk: Desk, tmp_path: Path) -> None:
    told = desk.run(
        *("issue", FOOD_LICENCE, desk.order, "--authority", CIVIL_AFFAIRS_BUREAU),
        *("-o", tmp_path / "out.pdf"),
    )
    assert told.status == 65
    assert "[not_entitled]" in told.err


@pytest.mark.parametrize(
    ("kind", "authority", "code"),
    [
        ("no-such-type", MARKET_BUREAU, "unknown_type"),
        (FOOD_LICENCE, "11999909MB00000000", "unknown_authority"),
    ],
)
def test_an_unknown_type_or_authority_is_named(
    desk: Desk, kind: str, authority: str, code: str
) -> None:
    told = desk.run("issue", kind, desk.order, "--authority", authority)
    assert told.status == 67
    assert f"[{code}]" in told.err


def test_the_order_may_name_the_authority(own_desk: Desk, tmp_path: Path) -> None:
    own_desk.change_order(authority=MARKET_BUREAU)
    arguments = ("issue", FOOD_LICENCE, own_desk.order, "-o", tmp_path / "out.pdf")
    assert own_desk.run(*arguments).status == 0


def test_an_order_that_cannot_be_read_is_unreadable(desk: Desk, tmp_path: Path) -> None:
    told = desk.run("issue", FOOD_LICENCE, tmp_path / "nothing.json")
    assert told.status == 66


@pytest.mark.parametrize(
    ("lost", "code"),
    [("ledger.db", "ledger_unavailable"), ("register.db", "register_unavailable")],
)
def test_without_ledger_or_register_nothing_is_sealed(
    own_desk: Desk, tmp_path: Path, lost: str, code: str
) -> None:
    own_desk.lose(lost)
    told = own_desk.issue("-o", tmp_path / "out.pdf")
    assert told.status == 75
    assert f"[{code}]" in told.err
    assert not (tmp_path / "out.pdf").exists()


def test_without_its_key_nothing_is_sealed_and_resuming_later_finishes_it(
    own_desk: Desk, tmp_path: Path
) -> None:
    (key,) = (own_desk.data / "keys").glob(f"*{MARKET_BUREAU.lower()}*")
    put_away = tmp_path / "key"
    key.rename(put_away)
    told = own_desk.issue("-o", tmp_path / "out.pdf", "--key", "k")
    assert told.status == 75
    assert not (tmp_path / "out.pdf").exists()
    put_away.rename(key)
    resumed = own_desk.run("resume")
    assert resumed.status == 0
    assert resumed.out.startswith("Resumed: 1 issued, 0 not issued")
    assert own_desk.issue("-o", tmp_path / "out.pdf", "--key", "k").status == 0
    assert own_desk.run("verify", tmp_path / "out.pdf").status == 0
    assert own_desk.run("ledger", "verify").status == 0


def test_a_file_that_cannot_be_written_is_fetched_with_its_key(
    own_desk: Desk, tmp_path: Path
) -> None:
    told = own_desk.issue("-o", tmp_path / "no" / "folder.pdf", "--key", "k")
    assert told.status == 73
    assert own_desk.issue("-o", tmp_path / "out.pdf", "--key", "k").status == 0


def test_without_a_data_folder_nothing_is_issued(tmp_path: Path, desk: Desk) -> None:
    arguments = ("issue", FOOD_LICENCE, desk.order, "--data", tmp_path / "nothing")
    told = zhengyin(*arguments)
    assert told.status == 75
    assert not (tmp_path / "nothing").exists()


def test_nothing_to_resume(own_desk: Desk) -> None:
    told = own_desk.run("resume")
    assert told.status == 0
    assert told.out == "Resumed: 0 issued, 0 not issued, 0 uses of keys closed.\n"


def test_a_name_never_reaches_the_terminal(own_desk: Desk, tmp_path: Path) -> None:
    """Faults are told by place and kind; what the order says of people is not repeated."""
    holder = {"type": "111", "number": "119999199003070000", "name": "陈示例"}
    own_desk.change_order(holders=[holder])
    told = own_desk.issue("-o", tmp_path / "out.pdf")
    assert told.status == 65
    assert holder["number"] not in told.out + told.err
    assert holder["name"] not in told.out + told.err
    assert json.loads(own_desk.order.read_bytes())["holders"] == [holder]


def test_in_production_an_operator_issues_nothing(
    own_desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHENGYIN_ENV", "production")
    told = own_desk.issue("-o", tmp_path / "out.pdf")
    assert told.status == 78, "all that is of development is told first"
    assert "an authorisation of development" in told.err
    monkeypatch.setattr("api.office.verify_fit_for_production", lambda *_: None)
    told = own_desk.issue("-o", tmp_path / "out.pdf")
    assert told.status == 75
    assert "[approval_rejected]" in told.err
    assert not (tmp_path / "out.pdf").exists()


def test_making_everything_again_authorises_nothing_twice(own_desk: Desk) -> None:
    ledger = Ledger(own_desk.data / "ledger.db")
    head = ledger.head()
    assert own_desk.run("init").status == 0
    assert ledger.head() == head
    ledger.close()


def test_an_approval_that_was_tampered_with_breaks_the_ledger(own_desk: Desk) -> None:
    with closing(sqlite3.connect(own_desk.data / "ledger.db")) as connection:
        connection.execute("DROP TRIGGER events_no_update")
        connection.execute("UPDATE events SET content = '{}' WHERE event = 'authorised'")
        connection.commit()
    told = own_desk.run("ledger", "verify")
    assert told.status == 1
