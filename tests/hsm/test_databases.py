"""SQLite files that only their owner reads, whose commits last and whose readers do not wait."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from hsm import databases, events
from hsm.databases import reading, sqlite_engine, upgrade


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = sqlite_engine(tmp_path / "a?b#c.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE words (word TEXT)"))
    yield engine
    engine.dispose()


def test_every_commit_is_synced(engine: Engine) -> None:
    with engine.begin() as connection:
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert settings == ["wal", 2, 1]


@pytest.mark.usefixtures("engine")
def test_only_the_owner_reads_the_files(tmp_path: Path) -> None:
    names = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert names == {"a?b#c.db": 0o600, "a?b#c.db-wal": 0o600, "a?b#c.db-shm": 0o600}


def test_a_writer_keeps_writers_out_and_readers_in(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "BUSY_SECONDS", 0.01)
    other = sqlite_engine(tmp_path / "a?b#c.db")
    with engine.begin() as writer:
        with pytest.raises(OperationalError, match="locked"), other.begin():
            pass
        writer.execute(text("INSERT INTO words VALUES ('a')"))
        with reading(other).begin() as reader:
            assert reader.execute(text("SELECT count(*) FROM words")).scalar_one() == 0


def test_a_transaction_that_raises_leaves_nothing(engine: Engine) -> None:
    def write_and_fail() -> None:
        with engine.begin() as writer:
            writer.execute(text("INSERT INTO words VALUES ('a')"))
            writer.execute(text("CREATE TABLE more (word TEXT)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with reading(engine).begin() as reader:
        assert reader.execute(text("SELECT count(*) FROM words")).scalar_one() == 0
        assert reader.execute(text("SELECT count(*) FROM sqlite_schema")).scalar_one() == 1


def test_errors_do_not_quote_values(engine: Engine) -> None:
    with pytest.raises(OperationalError) as caught, engine.begin() as writer:
        writer.execute(text("INSERT INTO nowhere VALUES (:word)"), {"word": "confidential"})
    assert "confidential" not in str(caught.value)


def test_the_migrated_ledger_is_the_one_the_code_knows(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "ledger.db")
    upgrade(engine, "ledger")
    upgrade(engine, "ledger")
    with reading(engine).begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, events.METADATA) == []


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "ledger.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE events_of_opening (in_the_way TEXT)"))
    with pytest.raises(OperationalError):
        upgrade(engine, "ledger")
    with reading(engine).begin() as reader:
        names = reader.execute(text("SELECT name FROM sqlite_schema")).scalars().all()
    assert names == ["events_of_opening"]
