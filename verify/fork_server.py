"""The process that forks a child for every file.

It is a fresh interpreter, started by `verify.sandbox` with an empty environment: no key, secret or
database was ever in its memory. It has one thread, so a fork copies no lock that somebody holds.
Everything a child needs is loaded before the first fork and frozen out of its garbage collector.

A request is one datagram with two descriptors: the file, and the pipe for the answer. One child is
always forked ahead and waits; it gives up every power once it has its file, before it reads it. It
answers `DONE` and what it found, or `FAILED` and where in the program it went wrong; one that is
ended says nothing.
"""

import contextlib
import gc
import importlib
import json
import os
import platform
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from verify.confinement import (
    ConfinementError,
    Limits,
    confine,
    die_with,
    filter_program,
    make_undumpable,
)
from verify.errors import place_of

READY = b"ready"
REQUEST = b"file"
DONE, FAILED = b"+", b"!"

Answer: TypeAlias = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Worker:
    """What a child does."""

    answer: Answer
    """From file to answer."""
    rehearsal: bytes
    """A file of ours that each child reads while it waits, so that it is warm for another's."""


@dataclass(slots=True)
class _Child:
    pid: int
    pidfd: int
    seat: socket.socket
    """Where it is given its file."""
    deadline: float | None = None
    """None as long as it waits."""


class _Server:
    """Forks, watches and buries children."""

    def __init__(self, control: socket.socket, worker: Worker, limits: Limits) -> None:
        self._worker = worker
        self._control = control
        self._limits = limits
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._children: dict[int, _Child] = {}  # by pidfd

    def try_out(self) -> None:
        """Confine a child and let it reach out; raise `ConfinementError` unless it is kept in."""
        if len(os.listdir("/proc/self/task")) != 1:  # noqa: PTH208  # no need of a Path
            raise ConfinementError("more than one thread")
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            status = 1
            with contextlib.suppress(ConfinementError, OSError, ValueError):
                die_with(server)
                confine(self._limits)
                status = 0 if _is_kept_in(self._limits) else 1
            os._exit(status)
        if os.waitpid(pid, 0)[1] != 0:
            raise ConfinementError("the kernel does not keep a child in")

    def serve(self) -> None:
        """Answer until the application closes its end."""
        while True:
            if self._waiting() is None:
                self._fork()
            ready = [fd for fd, _ in self._poll.poll(self._patience())]
            for pidfd in [fd for fd in ready if fd in self._children]:
                self._bury(pidfd)
            now = time.monotonic()
            for child in self._children.values():
                if child.deadline is not None and child.deadline <= now:
                    os.kill(child.pid, signal.SIGKILL)  # not waited for: the id is still its own
            if self._control.fileno() in ready and not self._accept():
                return

    def close(self) -> None:
        """End every child."""
        for child in self._children.values():
            os.kill(child.pid, signal.SIGKILL)
        for pidfd in list(self._children):
            self._bury(pidfd)

    def _waiting(self) -> _Child | None:
        return next((child for child in self._children.values() if child.deadline is None), None)

    def _patience(self) -> float | None:
        """Return the milliseconds until the first child is overdue; None if none can be."""
        deadlines = [c.deadline for c in self._children.values() if c.deadline is not None]
        return max(0.0, min(deadlines) - time.monotonic()) * 1000 + 1 if deadlines else None

    def _bury(self, pidfd: int) -> None:
        child = self._children.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        child.seat.close()
        os.waitpid(child.pid, 0)

    def _accept(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self._control, len(REQUEST), 2)
        try:
            if not message:
                return False
            if len(descriptors) == 2:  # noqa: PLR2004  # file and pipe
                child = self._waiting() or self._fork()
                child.deadline = time.monotonic() + self._limits.seconds
                with contextlib.suppress(OSError):  # it died waiting: the pipe just ends
                    socket.send_fds(child.seat, [REQUEST], descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _fork(self) -> _Child:
        server = os.getpid()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            pid = os.fork()
            if pid == 0:
                _live(self._worker, theirs.fileno(), server, self._limits)
        child = _Child(pid, os.pidfd_open(pid), ours)
        self._children[child.pidfd] = child
        self._poll.register(child.pidfd, select.POLLIN)
        return child


def _is_kept_in(limits: Limits) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX):
        return False
    if limits.syscall_filter:
        with contextlib.suppress(PermissionError):
            os.kill(os.getpid(), 0)
            return False
    return True


def _live(worker: Worker, seat: int, server: int, limits: Limits) -> NoReturn:
    """Be a child: wait for a file, lose every power, read the file, say what was found, end."""
    try:
        gc.disable()
        die_with(server)
        os.dup2(seat, 0)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        worker.answer(worker.rehearsal)  # the memory that takes is then this child's own
        _take_place()
        size = os.fstat(0).st_size
        confine(limits)
        _say(_try(worker.answer, os.pread(0, size, 0)))
        # The application need not wait until the kernel has taken this process apart.
        os.close(1)
    finally:
        os._exit(0)


def _take_place() -> None:
    """Wait for file and pipe; make them 0 and 1. 2 stays /dev/null, all others are closed."""
    with socket.socket(fileno=os.dup(0)) as seat:
        _, (file, pipe), _, _ = socket.recv_fds(seat, len(REQUEST), 2)
    os.dup2(file, 0)
    os.dup2(pipe, 1)
    os.closerange(3, max(file, pipe) + 1)


def _try(answer: Answer, unverified_file: bytes) -> bytes:
    try:
        return DONE + answer(unverified_file)
    except BaseException as error:  # noqa: BLE001  # whatever a hostile file causes ends here
        return FAILED + place_of(error).encode()


def _say(answer: bytes) -> None:
    remaining = memoryview(answer)
    while remaining:
        remaining = remaining[os.write(1, remaining) :]


def main(descriptor: int, worker: str, limits: str) -> None:
    """Serve on the socket `descriptor`; the first datagram is `READY` or the reason why not."""
    with socket.socket(fileno=descriptor) as control:
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the application decides when to end
            make_undumpable()
            bounds = Limits(**json.loads(limits))
            if bounds.syscall_filter:
                filter_program(platform.machine())  # remembered for every child
            module, _, name = worker.partition(":")
            server = _Server(control, getattr(importlib.import_module(module), name)(), bounds)
            server.try_out()
        except Exception as error:  # noqa: BLE001  # said to the application, which refuses to serve
            control.send(f"{type(error).__name__}: {error}".encode()[:500])
            sys.exit(1)
        gc.collect()
        gc.freeze()
        control.send(READY)
        try:
            server.serve()
        finally:
            server.close()
