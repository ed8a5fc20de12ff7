"""The register's database: a SQLite file in an office, PostgreSQL beyond.

On both a transaction of `Transactions` is the only writer from its first statement to its end
(`BEGIN IMMEDIATE`; on PostgreSQL an advisory lock), so what was read still holds when it is
written and one way of reasoning serves both. Writers therefore keep their transactions short: none
is open while something is drawn, signed or asked of the custodian.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from certs.errors import RegisterUnavailableError
from hsm import databases

_READ_ONLY = "certs_read_only"
_WRITER_LOCK = 0x7A68656E6779696E  # "zhengyin": any number nobody else locks
# A writer holds the lock for milliseconds; who waits longer than this waits for something broken.
_POSTGRESQL_SETTINGS = {
    "lock_timeout": "15s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "synchronous_commit": "on",
    "timezone": "UTC",
}


def open_engine(url: str) -> Engine:
    """Return an engine for `sqlite:///PATH` or `postgresql+psycopg://…`.

    A commit is on the disk before it returns. Raise `RegisterUnavailableError` if `url` names no
    such database.
    """
    try:
        address = make_url(url)
    except (SQLAlchemyError, ValueError):  # the latter for a port that is no number
        # Not chained: the address may hold a password.
        raise RegisterUnavailableError("address of the database") from None
    if address.drivername == "sqlite" and address.database:
        try:
            return databases.sqlite_engine(Path(address.database))
        except OSError as error:
            raise RegisterUnavailableError("file of the database") from error
    if address.drivername != "postgresql+psycopg":
        raise RegisterUnavailableError("kind of database")
    options = " ".join(f"-c {name}={value}" for name, value in _POSTGRESQL_SETTINGS.items())
    engine = create_engine(address, connect_args={"options": options}, pool_pre_ping=True)
    event.listen(engine, "begin", _become_the_only_writer)
    return engine


def upgrade(engine: Engine) -> None:
    """Bring the register to the newest revision; again: nothing changes.

    Raise `RegisterUnavailableError` if the database does not answer.
    """
    with _translated():
        databases.upgrade(engine, "register")


class Transactions:
    """What opens transactions on the register, and tells its callers nothing of the library."""

    def __init__(self, engine: Engine) -> None:
        """Open transactions on `engine`, made by `open_engine`."""
        self._writing = engine
        self._reading = _for_reading(engine)

    @contextmanager
    def __call__(self) -> Iterator[Connection]:
        """Be the only writer; commit at the end, roll back if the block raises.

        Raise `RegisterUnavailableError` if the database does not answer, is full or locked.
        """
        with _translated(), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See one state of the register and make nobody wait.

        Raise `RegisterUnavailableError` if the database does not answer.
        """
        with _translated(), self._reading.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give back all connections."""
        self._writing.dispose()


def _for_reading(engine: Engine) -> Engine:
    if engine.dialect.name == "sqlite":
        return databases.reading(engine)
    return engine.execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True, **{_READ_ONLY: True}
    )


def _become_the_only_writer(connection: Connection) -> None:
    if not connection.get_execution_options().get(_READ_ONLY):
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_WRITER_LOCK,))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise  # a broken rule of the tables is a fault of the program, not of the database
    except SQLAlchemyError as error:
        # Not chained: the text of the error may quote the values of a row.
        raise RegisterUnavailableError(_name(error)) from None


def _name(error: SQLAlchemyError) -> str:
    """Return what the driver calls the error, which quotes nothing: SQLITE_FULL, 57P01."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    for attribute in ("sqlite_errorname", "sqlstate"):
        if name := getattr(cause, attribute, None):
            return str(name)
    return type(error).__name__
