"""What a register's database promises, on SQLite and on PostgreSQL alike."""

import threading
import traceback
from datetime import datetime, timedelta, timezone
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, delete, insert, inspect, select, update
from sqlalchemy.engine.interfaces import ReflectedIndex
from sqlalchemy.exc import DBAPIError, IntegrityError

import api.verification_log  # noqa: F401 - a table of the application stands beside ours
from certs import database, tables
from certs.database import Transactions
from certs.errors import RegisterUnavailableError

COUNTER = {"authority": "A", "type_code": "T", "year": 2026, "last": 7}


def _with_text(index: ReflectedIndex) -> dict[str, Any]:
    options = index.get("dialect_options", {})
    return {**index, "dialect_options": {name: str(option) for name, option in options.items()}}


def structure(engine: Engine) -> dict[str, Any]:
    """Return all that the database knows about its tables, but Alembic's own."""
    view = inspect(engine)

    def ordered(facts: list[Any]) -> list[str]:
        return sorted(repr(sorted(fact.items(), key=str)) for fact in facts)

    return {
        name: {
            "columns": ordered([{**c, "type": repr(c["type"])} for c in view.get_columns(name)]),
            "primary key": view.get_pk_constraint(name),
            "foreign keys": ordered(list(view.get_foreign_keys(name))),
            "unique": ordered(list(view.get_unique_constraints(name))),
            "checks": ordered(list(view.get_check_constraints(name))),
            "indexes": ordered([_with_text(index) for index in view.get_indexes(name)]),
        }
        for name in view.get_table_names()
        if name != "alembic_version"
    }


def test_migrations_lead_to_the_tables_of_the_code(empty_url: str) -> None:
    engine = database.open_engine(empty_url)
    tables.METADATA.create_all(engine)
    expected = structure(engine)
    tables.METADATA.drop_all(engine)
    assert structure(engine) == {}

    database.upgrade(engine)
    database.upgrade(engine)

    assert structure(engine) == expected
    engine.dispose()


def test_a_transaction_that_raises_leaves_nothing(register_engine: Engine) -> None:
    transactions = Transactions(register_engine)

    def fail() -> None:
        with transactions() as connection:
            connection.execute(insert(tables.counters).values(COUNTER))
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    with transactions.reading() as connection:
        assert connection.execute(select(tables.counters)).all() == []


def test_writers_wait_for_one_another_from_their_first_statement(register_engine: Engine) -> None:
    """Read, then write what was read plus one: no count is lost."""
    transactions = Transactions(register_engine)
    with transactions() as connection:
        connection.execute(insert(tables.counters).values(COUNTER | {"last": 0}))

    def count_up() -> None:
        for _ in range(10):
            with transactions() as connection:
                last = connection.execute(select(tables.counters.c.last)).scalar_one()
                connection.execute(update(tables.counters).values(last=last + 1))

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with transactions.reading() as connection:
        assert connection.execute(select(tables.counters.c.last)).scalar_one() == 40


def test_readers_neither_wait_nor_see_half_a_transaction(register_engine: Engine) -> None:
    transactions = Transactions(register_engine)
    with transactions() as writing:
        writing.execute(insert(tables.counters).values(COUNTER))
        with transactions.reading() as reading:
            assert reading.execute(select(tables.counters)).all() == []


def test_a_reader_sees_one_state_to_its_end(register_engine: Engine) -> None:
    transactions = Transactions(register_engine)
    with transactions.reading() as reading:
        assert reading.execute(select(tables.counters)).all() == []
        with transactions() as writing:
            writing.execute(insert(tables.counters).values(COUNTER))
        assert reading.execute(select(tables.counters)).all() == []


def enter_certificate(connection: Connection) -> None:
    at = datetime(2026, 11, 2, 9, 0, tzinfo=timezone(timedelta(hours=8)))
    shared = {
        "id": "1",
        "authority": "A",
        "type_code": "T",
        "type_version": 1,
        "number": "N",
        "version": 1,
        "identifier": "I",
        "code": "C",
    }
    connection.execute(insert(tables.types).values(code="T", version=1, sm3=""))
    connection.execute(
        insert(tables.orders).values(
            shared
            | {"key_index": b"", "body_index": b"", "reserved_at": at, "prepared_at": at}
            | {"attempt": 1, "state": "issued"}
        )
    )
    connection.execute(
        insert(tables.certificates).values(
            shared
            | {"issued_on": at.date(), "registered_at": at, "state": "valid", "state_since": at}
            | {"draft_sm3": "", "signed_sm3": "", "file_sm3": "", "content": b""}
        )
    )
    connection.execute(
        insert(tables.lifecycle_events).values(
            certificate_id="1", event="issued", officer="o", at=at
        )
    )


def test_lifecycle_events_only_grow(register_engine: Engine) -> None:
    with register_engine.begin() as connection:
        enter_certificate(connection)
    for statement in (
        update(tables.lifecycle_events).values(officer="p"),
        delete(tables.lifecycle_events),
    ):
        with pytest.raises(DBAPIError, match="only grow"), register_engine.begin() as connection:
            connection.execute(statement)


def test_moments_come_back_in_utc(register_engine: Engine) -> None:
    with register_engine.begin() as connection:
        enter_certificate(connection)
        moment = connection.execute(select(tables.certificates.c.registered_at)).scalar_one()
    assert moment.isoformat() == "2026-11-02T01:00:00+00:00"


def test_a_moment_without_a_time_zone_is_refused(register_engine: Engine) -> None:
    naive = datetime(2026, 11, 2, 9, 0)  # noqa: DTZ001 - the very thing that is refused
    with pytest.raises(Exception, match="without a time zone"), register_engine.begin() as c:
        c.execute(select(tables.orders).where(tables.orders.c.reserved_at == naive))


def test_a_certificate_without_its_order_is_refused(register_engine: Engine) -> None:
    """Foreign keys hold, and the fault is not mistaken for a database that does not answer."""
    transactions = Transactions(register_engine)
    with pytest.raises(IntegrityError), transactions() as connection:
        connection.execute(
            insert(tables.holders).values(certificate_id="1", position=0, document_index=b"")
        )


@pytest.mark.parametrize("url", ["", "sqlite://", "mysql://localhost/x", "postgresql://x/y"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(RegisterUnavailableError):
        database.open_engine(url)


def test_a_folder_that_is_not_there_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(RegisterUnavailableError):
        database.open_engine(f"sqlite:///{tmp_path}/missing/register.db")


def test_a_file_that_is_no_database_is_a_named_error(tmp_path: Path) -> None:
    path = tmp_path / "register.db"
    path.write_bytes(b"not a database" * 100)
    engine = database.open_engine(f"sqlite:///{path}")
    with pytest.raises(RegisterUnavailableError, match="SQLITE_NOTADB"):
        database.upgrade(engine)
    with pytest.raises(RegisterUnavailableError), Transactions(engine)():
        raise AssertionError
    engine.dispose()


@pytest.mark.real
def test_a_server_that_is_gone_is_a_named_error(tmp_path: Path) -> None:
    engine = database.open_engine(f"postgresql+psycopg://postgres@/x?host={tmp_path}")
    with pytest.raises(RegisterUnavailableError), Transactions(engine)():
        raise AssertionError


def test_an_error_quotes_neither_a_row_nor_a_password(register_engine: Engine) -> None:
    secret = token_hex(8)  # source lines are quoted, too
    with pytest.raises(RegisterUnavailableError) as caught:
        database.open_engine(f"postgresql+psycopg://user:{secret}@host:port/x")
    assert secret not in "".join(traceback.format_exception(caught.value))
    transactions = Transactions(register_engine)
    with pytest.raises(RegisterUnavailableError) as caught, transactions() as connection:
        connection.exec_driver_sql(f"SELECT '{secret}' FROM nowhere")  # noqa: S608 - hex digits
    assert secret not in "".join(traceback.format_exception(caught.value))
