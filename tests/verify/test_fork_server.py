"""The fork server's own side: what it says first, whom it forks, when it ends.

What children can and cannot do, `test_sandbox` tests from outside.
"""

import gc
import json
import os
import resource
import select
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from verify import confinement, fork_server
from verify.confinement import ConfinementError, Limits
from verify.fork_server import DONE, FAILED, READY, REQUEST, Worker, main

HERE = str(Path(__file__).parent)


def shout(file: bytes) -> bytes:
    if file == b"fail":
        raise ValueError("personal data")
    return file.upper()


@pytest.fixture
def control() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(10)
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `main` run in this process without changing it for good."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(fork_server, "make_undumpable", lambda: None)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    # A test runner may have threads; the server's own interpreter has none.
    monkeypatch.setattr(os, "listdir", lambda _: ["1"])
    monkeypatch.syspath_prepend(HERE)


def hand_over(control: socket.socket, file: bytes) -> int:
    """Send a file and return where the answer is to be read."""
    reading, writing = os.pipe()
    document = os.memfd_create("document")
    os.write(document, file)
    socket.send_fds(control, [REQUEST], [document, writing])
    os.close(document)
    os.close(writing)
    return reading


def take_answer(reading: int) -> bytes:
    assert select.select([reading], [], [], 10)[0]
    answer = b""
    while block := os.read(reading, 1 << 16):
        answer += block
    os.close(reading)
    return answer


@pytest.mark.parametrize(
    ("file", "start"), [(b"%pdf", DONE + b"%PDF"), (b"fail", FAILED + b"ValueError < ")]
)
def test_a_file_is_handed_to_a_child_and_the_server_ends_with_the_application(
    control: tuple[socket.socket, socket.socket], file: bytes, start: bytes
) -> None:
    ours, theirs = control
    server = fork_server._Server(theirs, Worker(shout, b"%pdf"), Limits())
    reading = hand_over(ours, file)
    ours.shutdown(socket.SHUT_WR)
    server.serve()
    answer = take_answer(reading)
    assert answer.startswith(start)
    assert b"personal" not in answer
    server.close()
    assert server._children == {}


def test_a_child_that_takes_too_long_is_ended(
    control: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    def spin(file: bytes) -> bytes:
        while file == b"spin":
            pass
        return file

    ours, theirs = control
    server = fork_server._Server(theirs, Worker(spin, b"%PDF"), Limits(seconds=1))
    reading = hand_over(ours, b"spin")
    rounds = 0

    def accept() -> bool:
        nonlocal rounds
        rounds += 1
        return real_accept()

    real_accept = server._accept
    monkeypatch.setattr(server, "_accept", accept)
    bury = server._bury

    def bury_and_leave(pidfd: int) -> None:
        bury(pidfd)
        ours.shutdown(socket.SHUT_WR)

    monkeypatch.setattr(server, "_bury", bury_and_leave)
    server.serve()
    assert take_answer(reading) == b""
    assert rounds == 2
    monkeypatch.undo()
    server.close()


def test_a_request_without_file_and_pipe_is_passed_over(
    control: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = control
    server = fork_server._Server(theirs, Worker(shout, b"%pdf"), Limits())
    ours.send(REQUEST)
    assert server._accept()
    assert server._children == {}
    ours.shutdown(socket.SHUT_WR)
    assert not server._accept()


@pytest.mark.usefixtures("harmless")
def test_the_first_word_is_that_it_is_ready(control: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = control
    ours.shutdown(socket.SHUT_WR)
    main(os.dup(theirs.fileno()), "hostile_workers:prepare", json.dumps({"seconds": 1}))
    assert ours.recv(1024) == READY


@pytest.mark.usefixtures("harmless")
@pytest.mark.parametrize(
    ("worker", "limits", "reason"),
    [
        ("no_such_module:prepare", "{}", b"ModuleNotFoundError: "),
        ("hostile_workers:no_such_name", "{}", b"AttributeError: "),
        ("hostile_workers:prepare", '{"no_such_limit": 1}', b"TypeError: "),
    ],
)
def test_otherwise_it_is_why_not(
    control: tuple[socket.socket, socket.socket], worker: str, limits: str, reason: bytes
) -> None:
    ours, theirs = control
    with pytest.raises(SystemExit):
        main(os.dup(theirs.fileno()), worker, limits)
    assert ours.recv(1024).startswith(reason)


@pytest.mark.usefixtures("harmless")
def test_a_kernel_that_keeps_nobody_in_is_refused(
    control: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_server, "confine", lambda _: None)
    server = fork_server._Server(control[1], Worker(shout, b"%pdf"), Limits())
    with pytest.raises(ConfinementError, match="keep a child in"):
        server.try_out()


def test_a_server_with_threads_is_refused(
    control: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "listdir", lambda _: ["1", "2"])
    server = fork_server._Server(control[1], Worker(shout, b"%pdf"), Limits())
    with pytest.raises(ConfinementError, match="thread"):
        server.try_out()


def test_all_powers_are_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked of the kernel; that it does it, the sandbox's tests show."""
    bounds: dict[int, tuple[int, int]] = {}
    asked: list[int] = []
    monkeypatch.setattr(resource, "setrlimit", bounds.__setitem__)
    monkeypatch.setattr(confinement, "_prctl", lambda option, *_: asked.append(option))
    limits = Limits(memory=1 << 20, seconds=3)
    confinement.confine(limits)
    assert bounds == {
        resource.RLIMIT_AS: (1 << 20, 1 << 20),
        resource.RLIMIT_CPU: (3, 3),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_NOFILE: (3, 3),
        resource.RLIMIT_CORE: (0, 0),
    }
    assert asked == [confinement._PR_SET_NO_NEW_PRIVS, confinement._PR_SET_SECCOMP]
    confinement.confine(Limits(syscall_filter=False))
    assert asked[2:] == [confinement._PR_SET_NO_NEW_PRIVS]
    confinement.make_undumpable()
    assert asked[3:] == [confinement._PR_SET_DUMPABLE]


def test_a_child_whose_parent_is_gone_ends() -> None:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            confinement.die_with(1 << 22)
        except ConfinementError:
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


def test_what_the_kernel_refuses_is_an_error() -> None:
    with pytest.raises(ConfinementError, match="prctl"):
        confinement._prctl(-1)
