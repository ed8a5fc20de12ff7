"""The application as a process of its own, with all that belongs to it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import httpx

START_SECONDS = 60
"""An interpreter, its imports and a sandbox on a machine that does other things too."""
END_SECONDS = 20


DEMONSTRATION = (sys.executable, "-m", "api.demonstration", "--no-identity")
"""Without Keycloak: `tests/walks/test_demonstration_identity.py` has it."""
COMMAND = (Path(sys.executable).with_name("zhengyin"),)


def environment_of(data: Path) -> dict[str, str]:
    """Return an environment with this data folder and no other setting of ours."""
    prefixes = ("ZHENGYIN_", "HSM_", "CERTS_", "IDP_", "VERIFY_")
    rest = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    return rest | {"ZHENGYIN_DATA": str(data), "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}


def sample_digests(data: Path) -> dict[str, str]:
    """Return the digest of every sample certificate, by its number."""
    files = sorted((data / "samples").glob("*.pdf"))
    return {path.stem: sha256(path.read_bytes()).hexdigest() for path in files}


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def children_of(pid: int) -> set[int]:
    """Return the processes that descend from `pid`."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended
        parents[int(status.parent.name)] = int(fields[1])
    found, layer = set[int](), {pid}
    while layer:
        layer = {child for child, parent in parents.items() if parent in layer}
        found |= layer
    return found


def is_alive(pid: int) -> bool:
    """Tell whether a process still runs; one that only waits to be buried does not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z"


@dataclass(frozen=True, slots=True)
class FirstRun:
    """The main job on an empty folder: `make run ONCE=1`."""

    data: Path
    port: int
    """To which the QR codes of the certificates lead."""
    result: subprocess.CompletedProcess[str]
    seconds: float
    digests: dict[str, str]
    """Of the samples it wrote, by their numbers."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running application."""

    process: subprocess.Popen[bytes]
    port: int
    data: Path
    log: Path
    """What it wrote to standard error."""
    screen: Path
    """What it wrote to standard output."""

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://localhost:{self.port}"

    def get(self, path: str) -> httpx.Response:
        """Ask for a page."""
        return httpx.get(self.address + path, trust_env=False)

    def wait_until_ready(self) -> None:
        """Return when it answers; fail with its last words when it ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.get("/readyz").status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(self.log.read_text(encoding="utf-8")[-2000:])

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(END_SECONDS)


@contextmanager
def serve(
    command: Sequence[str | Path], data: Path, folder: Path, *, port: int | None = None
) -> Iterator[Server]:
    """Run `command` on `port`, and end it afterwards; what it says lies in `folder`."""
    port = port or free_port()
    folder.mkdir(exist_ok=True)
    log, screen = folder / "log", folder / "screen"
    with log.open("wb") as log_file, screen.open("wb") as screen_file:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            env=environment_of(data),
            stdin=subprocess.DEVNULL,
            stdout=screen_file,
            stderr=log_file,
        )
    server = Server(process, port, data, log, screen)
    try:
        server.wait_until_ready()
        yield server
    finally:
        if process.poll() is None:
            server.end()
