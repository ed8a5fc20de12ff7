"""The ledger's SQLite file: short transactions, and never another file than the one opened."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from hsm.databases import reading, sqlite_engine, upgrade
from hsm.errors import LedgerUnavailableError


class LedgerFile:
    """The file at `path`, which must be there. Threads and processes may share it."""

    def __init__(self, path: Path) -> None:
        """Open the file; raise `LedgerUnavailableError` if there is none."""
        self._path = path
        self._file = self._identify()
        self._engine = sqlite_engine(path)
        event.listen(self._engine, "connect", _show_damaged_text)
        self._writer = Lock()  # threads queue here instead of polling SQLite's lock

    def close(self) -> None:
        """Give back the file."""
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Be the only writer; what was written is on the disk on leaving."""
        with self._writer, self._begin(self._engine) as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """See one state of the ledger and make nobody wait."""
        with self._begin(reading(self._engine)) as connection:
            yield connection

    def _identify(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except OSError as error:
            raise LedgerUnavailableError(type(error).__name__) from error
        return status.st_dev, status.st_ino

    @contextmanager
    def _begin(self, engine: Engine) -> Iterator[Connection]:
        """Commit on leaving. Whatever SQLite says against it is a `LedgerUnavailableError`."""
        # An open connection goes on writing to a file that was removed or replaced meanwhile.
        if self._identify() != self._file:
            raise LedgerUnavailableError("another file has taken the ledger's place")
        try:
            with engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise LedgerUnavailableError(type(error).__name__) from error


def create_ledger_file(path: Path) -> None:
    """Make the ledger when there is none, and migrate it when it is an older one.

    Raise `LedgerUnavailableError`.
    """
    try:
        engine = sqlite_engine(path)
        upgrade(engine, "ledger")
        engine.dispose()
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise LedgerUnavailableError(type(error).__name__) from error


def _show_damaged_text(dbapi_connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Let text that is no UTF-8 through, so that `verify_chain` can name its row."""
    dbapi_connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
