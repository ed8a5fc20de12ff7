"""A ledger of the first release goes on: its chain holds across, and what it forbade stays so."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from simulators.ledger_claims import AT, opening, subject, wanted
from sqlalchemy import text

from hsm.databases import sqlite_engine
from hsm.errors import LedgerUnavailableError, SubjectInUseError
from hsm.events import GENESIS_SM3
from hsm.ledger import Ledger
from hsm.uses import UseState
from signing.canonical import canonical_sm3

ROWS = 4


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a ledger as the first release left it: one use completed, one abandoned."""
    path = tmp_path / "ledger.db"
    engine = sqlite_engine(path)
    config = Config()
    config.set_main_option("script_location", "migrations:ledger")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "ledger_0001")
        previous = GENESIS_SM3
        for row in _rows():
            content = {**row, "previous_sm3": previous}
            previous = canonical_sm3(content)
            names = [*content, "sm3"]
            values = ", ".join(f":{name}" for name in names)
            statement = f"INSERT INTO events ({', '.join(names)}) VALUES ({values})"  # noqa: S608 - names above
            connection.execute(text(statement), {**content, "sm3": previous})
    engine.dispose()
    return path


def _rows() -> list[dict[str, object]]:
    at = AT.isoformat(timespec="microseconds")
    opened: list[dict[str, object]] = [
        {
            "number": number,
            "event": "opened",
            "at": at,
            "subject_kind": "certificate",
            "subject_id": subject(number).id,
            "key": "unit-1",
            "purpose": "sealing",
            "digest": opening(number).digest,
            "officer": "operator-1",
            "approval_kind": "operator_command",
            "approval_sm3": "e" * 64,
            "draft_sm3": "d" * 64,
        }
        for number in (1, 2)
    ]
    about: dict[str, object] = {"at": at, "subject_kind": "certificate"}
    return [
        *opened,
        {"number": 3, "event": "completed", "subject_id": subject(1).id, "opening": 1, **about},
        {
            "number": ROWS,
            "event": "abandoned",
            "subject_id": subject(2).id,
            "opening": 2,
            "reason": "void",
            **about,
        },
    ]


def test_it_has_to_be_migrated_first(old: Path) -> None:
    with pytest.raises(LedgerUnavailableError):
        Ledger(old)


def test_it_opens_and_its_chain_proves_across(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        (before,) = connection.execute("SELECT sm3 FROM events WHERE number = 4").fetchone()
    ledger = Ledger.create(old)
    assert (ledger.head().number, ledger.head().sm3) == (ROWS, before)
    ledger.verify_chain()
    ledger.open([wanted(3), wanted(2)], at=AT)
    ledger.complete([subject(2), subject(3)], at=AT)
    Ledger.create(old).verify_chain()
    assert ledger.head().number == ROWS + 4
    ledger.close()


def test_what_it_knew_it_still_knows(old: Path) -> None:
    ledger = Ledger.create(old)
    with pytest.raises(SubjectInUseError):
        ledger.open([wanted(1)], at=AT)
    use = ledger.find(subject(1))
    assert use is not None
    assert (use.state, use.opening) == (UseState.COMPLETED, opening(1))
    ledger.close()


@pytest.mark.parametrize(
    "statement", ["DELETE FROM events", "UPDATE events SET officer = 'x' WHERE number = 2"]
)
def test_its_rows_still_never_change(old: Path, statement: str) -> None:
    Ledger.create(old).close()
    with (
        closing(sqlite3.connect(old)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="only grows"),
    ):
        connection.execute(statement)


def test_a_row_changed_before_is_found_after(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("DROP TRIGGER events_no_update")
        connection.execute("UPDATE events SET officer = 'x' WHERE number = 2")
        # As the release made it, so that the migration finds what it expects.
        connection.execute(
            "CREATE TRIGGER events_no_update BEFORE UPDATE ON events "
            "BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END"
        )
        connection.commit()
    ledger = Ledger.create(old)
    with pytest.raises(Exception, match="row 2"):
        ledger.verify_chain()
    ledger.close()
