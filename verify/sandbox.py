"""Reads hostile files in processes that can do nothing but calculate.

`Sandbox` keeps a fork server (`verify.fork_server`) and hands it files. For any file it gives an
answer of bounded size within bounded time, or None. What the answer says is still untrusted.

A sandbox may be used from many threads. A server that died is started again once; where that
fails, nothing is examined (`SandboxUnavailableError`).
"""

import dataclasses
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from types import TracebackType
from typing import Self

import structlog

from verify.confinement import Limits
from verify.errors import SandboxUnavailableError, TooManyError
from verify.fork_server import DONE, FAILED, READY, REQUEST

_START_SECONDS = 30
"""An interpreter and its imports on a busy machine."""
_GRACE_SECONDS = 1.0
"""The server ends a child in time; one that has not by then is itself out of order."""
_BLOCK = 1 << 16
_LOOK_ONLY = os.WEXITED | os.WNOHANG | os.WNOWAIT
_LONGEST_PLACE = 300

# `-I` leaves the search path to us: neither the environment nor the working folder has a say.
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from verify.fork_server import main; main(int(sys.argv[2]), sys.argv[3], sys.argv[4])"
)

_log = structlog.get_logger(__name__)


class _Server:
    """A running fork server and our end of its socket."""

    def __init__(self, worker: str, limits: Limits) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            path = json.dumps([os.path.abspath(entry) for entry in sys.path])  # noqa: PTH100
            arguments = (path, str(theirs.fileno()), worker, json.dumps(dataclasses.asdict(limits)))
            self.process = subprocess.Popen(  # noqa: S603  # our own interpreter and program
                [sys.executable, "-I", "-c", _PROGRAM, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={},
                cwd="/",
                start_new_session=True,
            )
        self.control = ours
        ours.settimeout(_START_SECONDS)
        try:
            greeting = ours.recv(1024)
        except OSError:
            greeting = b"no answer"
        if greeting != READY:
            self.close()
            raise SandboxUnavailableError(greeting.decode(errors="replace") or "it ended")
        ours.settimeout(_GRACE_SECONDS)

    def ended(self) -> bool:
        """Tell whether the server ended, once a pipe of its was closed without an answer.

        A dying server closes its end of the socket first, and with it a request nobody read; only
        then are its children killed. One of them, just forked, may still hold a copy of that end,
        so the socket alone would not tell.
        """
        poll = select.poll()
        poll.register(self.control, 0)
        if poll.poll(0):
            return True
        try:
            return os.waitid(os.P_PID, self.process.pid, _LOOK_ONLY) is not None
        except ChildProcessError:  # another thread closed it
            return True

    def close(self) -> None:
        """End the server and with it every child."""
        self.control.close()
        self.process.kill()
        self.process.wait()


class Sandbox:
    """A bounded number of places in which files are examined.

    `worker` names (`module:function`) what is called once in the server and returns its `Worker`.
    """

    def __init__(self, worker: str, limits: Limits | None = None) -> None:
        """Prepare; nothing runs before `start` or the first file."""
        self._worker = worker
        self._limits = limits or Limits()
        self._places = threading.BoundedSemaphore(self._limits.at_once)
        self._lock = threading.Lock()
        self._server: _Server | None = None

    def start(self) -> None:
        """Start the server, or raise `SandboxUnavailableError`."""
        self._running()

    def close(self) -> None:
        """End the server; a later use starts it again."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.close()

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the server."""
        self.close()

    def examine(self, unverified_file: bytes) -> bytes | None:
        """Return the child's unverified answer, or None where it failed or broke a limit.

        Raises `TooManyError` when no place becomes free, `SandboxUnavailableError` when there is no
        server and none can be started.
        """
        if not self._places.acquire(timeout=self._limits.wait_seconds):
            raise TooManyError
        try:
            return self._examine(unverified_file)
        finally:
            self._places.release()

    def try_out(self) -> None:
        """Let a child read a file of nothing, beside all others; costs some milliseconds.

        Raises `SandboxUnavailableError` unless it answers.
        """
        if self._examine(b"") is None:
            raise SandboxUnavailableError("a child gave no answer")

    def _examine(self, unverified_file: bytes) -> bytes | None:
        deadline = time.monotonic() + self._limits.seconds + _GRACE_SECONDS
        for _ in range(2):
            server = self._running()
            try:
                answer = self._ask(server, unverified_file, deadline)
            except _ServerDiedError:
                self._discard(server)
            except _OverdueError:
                self._discard(server)
                break
            else:
                return _take(answer)
        raise SandboxUnavailableError("it died or did not keep the time")

    def _running(self) -> _Server:
        with self._lock:
            if self._server is None:
                self._server = _Server(self._worker, self._limits)
            return self._server

    def _discard(self, server: _Server) -> None:
        with self._lock:
            if self._server is server:
                self._server = None
                server.close()

    def _ask(self, server: _Server, unverified_file: bytes, deadline: float) -> bytes:
        """Return what a child says: nothing where it was ended."""
        reading, writing = os.pipe()
        try:
            try:
                with open(os.memfd_create("document"), "wb", buffering=0) as file:  # noqa: PTH123
                    _write(file.fileno(), unverified_file)
                    socket.send_fds(server.control, [REQUEST], [file.fileno(), writing])
            except OSError as error:
                raise _ServerDiedError from error
            finally:
                os.close(writing)
            answer = _read(reading, limit=self._limits.answer, deadline=deadline)
        finally:
            os.close(reading)
        if not answer and server.ended():
            raise _ServerDiedError
        return answer


def _take(unverified_answer: bytes) -> bytes | None:
    """Return the answer of a child that came to its end; write down where another one failed."""
    if unverified_answer.startswith(DONE):
        return unverified_answer[len(DONE) :]
    place = unverified_answer[len(FAILED) : _LONGEST_PLACE].decode("ascii", "replace")
    _log.warning("sandbox_child_failed", place=place if place.isprintable() else "?")
    return None


class _ServerDiedError(Exception):
    """The server ended before it, or a child of it, could answer."""


class _OverdueError(Exception):
    """The server did not end a child in time."""


def _write(descriptor: int, data: bytes) -> None:
    remaining = memoryview(data)
    while remaining:
        remaining = remaining[os.write(descriptor, remaining) :]


def _read(descriptor: int, *, limit: int, deadline: float) -> bytes:
    """Read to the end; nothing where there is more than `limit`.

    Raises `_OverdueError` at the deadline.
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    answer = bytearray()
    while len(answer) <= limit:
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise _OverdueError
        block = os.read(descriptor, _BLOCK)
        if not block:
            return bytes(answer)
        answer += block
    return b""
