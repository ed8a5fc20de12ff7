"""Workers for a sandbox that do what a hostile file might make a parser do."""

import ctypes
import errno
import os
import signal
import socket
import time
import zlib
from collections.abc import Callable

from verify.fork_server import Worker


def prepare() -> Worker:
    return Worker(_do, b"echo\n")


def prepare_nothing() -> Worker:
    return Worker(lambda file: file or _nest(file), b"%PDF")


def _do(file: bytes) -> bytes:
    """Do what the file's first line names, with the rest of it."""
    if not file:
        return b"nothing to do"
    deed, _, rest = file.partition(b"\n")
    return _DEEDS[deed.decode()](rest)


def _echo(file: bytes) -> bytes:
    return file


def _measure(file: bytes) -> bytes:
    return b"%d" % len(file)


def _inflate(file: bytes) -> bytes:
    return b"%d" % len(zlib.decompress(file, -15))


def _spin(_: bytes) -> bytes:
    while True:
        pass


def _sleep(_: bytes) -> bytes:
    while True:
        signal.pause()  # refused by the filter: spins


def _nest(_: bytes) -> bytes:
    return _nest(_) + b"x"


def _crash(_: bytes) -> bytes:
    return ctypes.c_char.from_address(8).value


def _kill(_: bytes) -> bytes:
    os.abort()


def _flood(_: bytes) -> bytes:
    return bytes(50_000_000)


def _curse(_: bytes) -> bytes:
    os.write(1, b"!\x1b[2J\x07 all is well")
    os._exit(0)


_OPENING: dict[str, Callable[[], object]] = {
    "socket": lambda: socket.socket(socket.AF_INET),
    "unix socket": socket.socketpair,
    "open": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "write": lambda: os.open("/tmp/written", os.O_WRONLY | os.O_CREAT),  # noqa: S108
    "list": lambda: os.listdir("/"),  # noqa: PTH208
    "dup": lambda: os.dup(0),
    "pipe": os.pipe,
    "grow the file": lambda: os.pwrite(0, b"x", 0),
}
_ACTING: dict[str, Callable[[], object]] = {
    "kill": lambda: os.kill(os.getppid(), 0),
    "fork": os.fork,
    "run": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606
}


def _attempt(attempts: dict[str, Callable[[], object]]) -> bytes:
    """Try what a child must not be able to do; name what it could."""
    done = []
    for name, attempt in attempts.items():
        try:
            attempt()
        except OSError:
            continue
        done.append(name)
    return ",".join(done).encode() or b"nothing"


def _tell_belongings(_: bytes) -> bytes:
    """Say which of this process's environment and open descriptors are there."""
    opened = []
    for number in range(64):
        try:
            os.write(number, b"")
        except OSError as error:
            if error.errno == errno.EBADF:
                continue
        opened.append(number)
    return f"{dict(os.environ)}|{opened}".encode()


def _slow_echo(file: bytes) -> bytes:
    until = time.monotonic() + 0.05
    while time.monotonic() < until:
        pass
    return file


_DEEDS: dict[str, Callable[[bytes], bytes]] = {
    "echo": _echo,
    "measure": _measure,
    "inflate": _inflate,
    "spin": _spin,
    "sleep": _sleep,
    "nest": _nest,
    "crash": _crash,
    "kill": _kill,
    "flood": _flood,
    "curse": _curse,
    "open": lambda _: _attempt(_OPENING),
    "reach out": lambda _: _attempt(_OPENING | _ACTING),
    "tell belongings": _tell_belongings,
    "slow echo": _slow_echo,
    "tell number": lambda _: b"%d" % os.getpid(),
}
