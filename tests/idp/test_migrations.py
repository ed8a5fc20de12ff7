"""The identity database comes about by its migrations alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from simulators import postgres
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from certs.database import open_engine
from certs.database import upgrade as upgrade_register
from hsm.databases import upgrade
from idp.tables import METADATA


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    file = f"sqlite:///{tmp_path / 'identity.db'}"
    opened = open_engine(file if request.param == "sqlite" else postgres.new_database())
    upgrade(opened, "identity")
    yield opened
    opened.dispose()


def test_the_migrated_database_is_the_one_the_code_knows(engine: Engine) -> None:
    upgrade(engine, "identity")  # again: nothing changes
    with engine.begin() as connection:
        options = {"compare_type": True, "version_table": "identity_version"}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []


@pytest.mark.parametrize("table", ["level_steps", "mandate_events", "counter_acts"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET at = 0"])
def test_what_was_done_stays(engine: Engine, table: str, change: str) -> None:
    with engine.begin() as connection:
        columns = METADATA.tables[table].columns
        values = {
            column.name: {int: 1, str: "x", bool: True, bytes: b"x"}[column.type.python_type]
            if column.name != "at"
            else 1
            for column in columns
        }
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        else:
            connection.exec_driver_sql("SET session_replication_role = replica")
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)  # noqa: S608
        if connection.dialect.name != "sqlite":
            connection.exec_driver_sql("SET session_replication_role = origin")
        with pytest.raises(DBAPIError, match="only grows"):
            connection.execute(text(change.format(table)))
        connection.rollback()


def test_register_and_identity_share_a_database(engine: Engine) -> None:
    upgrade_register(engine)
    upgrade(engine, "identity")
    with engine.begin() as connection:
        for version in ("alembic_version", "identity_version"):
            assert connection.execute(text(f"SELECT count(*) FROM {version}")).scalar_one() == 1  # noqa: S608
