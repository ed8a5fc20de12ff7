"""SQLite engines that keep what they were told, and the migrations of every database.

A transaction of such an engine begins with `BEGIN IMMEDIATE`: it is the only writer from its first
statement to its end, so that what it read still holds when it writes. Those who only read take
`reading(engine)`, whose transactions see one state and make nobody wait.
"""

import os
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from hsm.files import sync_folder

BUSY_SECONDS = 15.0
"""How long a writer waits for another one: a commit of a hundred rows takes milliseconds."""

_BEGIN = "zhengyin_begin"


def sqlite_engine(path: Path) -> Engine:
    """Return an engine over the SQLite file at `path`, made with mode 0600 when it is not there.

    Every commit is on the disk before it returns (WAL, `synchronous=FULL`); foreign keys hold.
    """
    _make_private_file(path)
    address = URL.create("sqlite", database=str(path))
    engine = create_engine(
        address,
        connect_args={"timeout": BUSY_SECONDS},
        hide_parameters=True,  # errors do not quote the values of a row
    )
    event.listen(engine, "connect", _set_up_connection)
    event.listen(engine, "begin", _begin)
    return engine


def reading(engine: Engine) -> Engine:
    """Return the same engine for those who only read: no transaction of it waits for a writer."""
    return engine.execution_options(**{_BEGIN: "BEGIN DEFERRED"})


def upgrade(engine: Engine, branch: str) -> None:
    """Bring the database to the newest revision of `branch`, a folder of `migrations`.

    All revisions run in one transaction: the database is the old one or the new one.
    """
    config = Config()
    config.set_main_option("script_location", f"migrations:{branch}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _make_private_file(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    os.close(descriptor)
    sync_folder(path.parent)


def _set_up_connection(dbapi_connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    dbapi_connection.isolation_level = None  # the driver begins nothing by itself: _begin does
    cursor = dbapi_connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    connection.exec_driver_sql(options.get(_BEGIN, "BEGIN IMMEDIATE"))
