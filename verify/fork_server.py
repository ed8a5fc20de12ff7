"""The process that forks a child for every file.

It is a fresh interpreter, started by `verify.sandbox` with an empty environment: no key, secret or
database was ever in its memory. It has one thread, so a fork copies no lock that somebody holds.
Everything a child needs is loaded before the first fork and frozen out of its garbage collector.

A request is one datagram with two descriptors: the file, and the pipe for the answer. A child
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
"""What a worker returns when it is prepared: from file to answer."""


class _Server:
    """Forks, watches and buries children."""

    def __init__(self, control: socket.socket, worker: str, limits: Limits) -> None:
        module, _, name = worker.partition(":")
        self._answer: Answer = getattr(importlib.import_module(module), name)()
        self._control = control
        self._limits = limits
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._children: dict[int, tuple[int, float]] = {}  # pidfd: (pid, deadline)

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
            soonest = min((deadline for _, deadline in self._children.values()), default=None)
            wait = None if soonest is None else max(0.0, soonest - time.monotonic()) * 1000 + 1
            ready = [fd for fd, _ in self._poll.poll(wait)]
            for pidfd in [fd for fd in ready if fd in self._children]:
                self._bury(pidfd)
            now = time.monotonic()
            for pid, deadline in self._children.values():
                if deadline <= now:
                    os.kill(pid, signal.SIGKILL)  # not yet waited for, so the id is still its own
            if self._control.fileno() in ready and not self._accept():
                return

    def close(self) -> None:
        """End every child."""
        for pid, _ in self._children.values():
            os.kill(pid, signal.SIGKILL)
        for pidfd in list(self._children):
            self._bury(pidfd)

    def _bury(self, pidfd: int) -> None:
        pid, _ = self._children.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        os.waitpid(pid, 0)

    def _accept(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self._control, len(REQUEST), 2)
        try:
            if not message:
                return False
            if len(descriptors) == 2:  # noqa: PLR2004  # file and pipe
                self._fork(*descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _fork(self, file: int, pipe: int) -> None:
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            _child(self._answer, (file, pipe), server, self._limits)
        pidfd = os.pidfd_open(pid)
        self._children[pidfd] = (pid, time.monotonic() + self._limits.seconds)
        self._poll.register(pidfd, select.POLLIN)


def _is_kept_in(limits: Limits) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX):
        return False
    if limits.syscall_filter:
        with contextlib.suppress(PermissionError):
            os.kill(os.getpid(), 0)
            return False
    return True


def _child(
    answer: Answer,
    descriptors: tuple[int, int],
    server: int,
    limits: Limits,
) -> NoReturn:
    try:
        gc.disable()
        _keep_only(*descriptors)
        die_with(server)
        size = os.fstat(0).st_size
        confine(limits)
        _say(_try(answer, os.pread(0, size, 0)))
        # The application need not wait until the kernel has taken this process apart.
        os.close(1)
    finally:
        os._exit(0)


def _try(answer: Answer, unverified_file: bytes) -> bytes:
    try:
        return DONE + answer(unverified_file)
    except BaseException as error:  # noqa: BLE001  # whatever a hostile file causes ends here
        return FAILED + place_of(error).encode()


def _keep_only(file: int, pipe: int) -> None:
    """Make the file descriptor 0 and the pipe 1; 2 stays /dev/null, all others are closed."""
    os.dup2(file, 0)
    os.dup2(pipe, 1)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))


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
            server = _Server(control, worker, bounds)
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
