"""Whatever a file makes its reader do, an answer comes in time and nothing else happens."""

import os
import signal
import socket
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from verify.confinement import ConfinementError, Limits, filter_program
from verify.errors import SandboxUnavailableError, TooManyError
from verify.sandbox import Sandbox

HERE = str(Path(__file__).parent)
LIMITS = Limits(seconds=1, at_once=2, wait_seconds=5)


def sandbox_with(limits: Limits, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    monkeypatch.syspath_prepend(HERE)  # the server is given our search path
    return Sandbox("hostile_workers:prepare", limits)


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with sandbox_with(LIMITS, monkeypatch) as started:
        yield started


def ask(sandbox: Sandbox, deed: str, file: bytes = b"file") -> bytes | None:
    return sandbox.examine(deed.encode() + b"\n" + file)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def children(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(child) for child in text.split()]


def eventually(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + 5
    while not (held := condition()) and time.monotonic() < until:
        time.sleep(0.005)
    return held


def ended(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2]
    except FileNotFoundError:
        return True
    return state.split()[0] == "Z"  # whoever inherited it has not looked yet


def server_of(sandbox: Sandbox) -> int:
    assert sandbox._server is not None
    return sandbox._server.process.pid


def test_the_child_is_given_the_file(sandbox: Sandbox) -> None:
    file = os.urandom(3 << 20)
    assert ask(sandbox, "echo", b"%PDF") == b"%PDF"
    assert ask(sandbox, "measure", file) == b"%d" % len(file)


@pytest.mark.parametrize("deed", ["nest", "crash", "kill", "flood", "no such deed"])
def test_a_child_that_breaks_gives_no_answer(sandbox: Sandbox, deed: str) -> None:
    assert ask(sandbox, deed) is None
    assert ask(sandbox, "echo") == b"file"


@pytest.mark.parametrize(
    ("deed", "place"),
    [("no such deed", "KeyError < hostile_workers.py:"), ("nest", "RecursionError < ")],
)
def test_a_child_says_where_it_failed_and_nothing_of_the_file(
    sandbox: Sandbox, deed: str, place: str
) -> None:
    with capture_logs() as logs:
        assert ask(sandbox, deed, b"personal data") is None
    (entry,) = logs
    assert entry["event"] == "sandbox_child_failed"
    assert entry["place"].startswith(place)
    assert "personal" not in str(entry)
    assert "deed" not in str(entry)


@pytest.mark.parametrize("deed", ["curse", "crash"])
def test_a_child_that_says_anything_else_is_not_quoted(sandbox: Sandbox, deed: str) -> None:
    with capture_logs() as logs:
        assert ask(sandbox, deed) is None
    assert [entry["place"] for entry in logs] == ["?" if deed == "curse" else ""]


def test_it_can_be_tried_out_while_all_places_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(seconds=1, at_once=1, wait_seconds=0.05)
    with sandbox_with(limits, monkeypatch) as narrow:
        busy = threading.Thread(target=ask, args=(narrow, "spin"))
        busy.start()
        time.sleep(0.2)
        narrow.try_out()
        busy.join()


def test_trying_out_finds_a_worker_that_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(HERE)
    with (
        Sandbox("hostile_workers:prepare_nothing", LIMITS) as useless,
        pytest.raises(SandboxUnavailableError),
    ):
        useless.try_out()


def test_a_bomb_of_two_gibibytes_bursts_inside(sandbox: Sandbox) -> None:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    mebibyte = deflate.compress(bytes(1 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    bomb = mebibyte * 2048 + deflate.flush()
    assert ask(sandbox, "inflate", bomb) is None


@pytest.mark.parametrize("deed", ["spin", "sleep"])
def test_a_loop_ends_with_its_time(sandbox: Sandbox, deed: str) -> None:
    started = time.monotonic()
    assert ask(sandbox, deed) is None
    assert time.monotonic() - started < LIMITS.seconds + 1
    assert eventually(lambda: len(children(server_of(sandbox))) == 1)  # the one that waits


def test_a_child_reaches_nothing(sandbox: Sandbox) -> None:
    assert ask(sandbox, "reach out") == b"nothing"


def test_no_two_files_meet_in_one_process(sandbox: Sandbox) -> None:
    readers = {ask(sandbox, "tell number") for _ in range(5)}
    assert len(readers) == 5


def test_a_child_inherits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHENGYIN_SECRET", "not for children")
    with sandbox_with(LIMITS, monkeypatch) as fresh:
        answer = ask(fresh, "tell belongings") or b""
    environment, opened = answer.decode().split("|")
    assert "SECRET" not in environment
    assert opened == "[0, 1, 2]"


def test_without_the_filter_nothing_can_be_opened_either(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(seconds=1, syscall_filter=False)
    with sandbox_with(limits, monkeypatch) as unfiltered:
        assert ask(unfiltered, "open") == b"nothing"


def test_fifty_at_once_are_answered_or_told_to_come_again(sandbox: Sandbox) -> None:
    def one(number: int) -> bytes | None:
        return ask(sandbox, "slow echo", b"%d" % number)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(one, range(50)))
    assert answers == [b"%d" % number for number in range(50)]


def test_too_many_at_once_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(seconds=1, at_once=1, wait_seconds=0.05)
    with sandbox_with(limits, monkeypatch) as narrow:
        busy = threading.Thread(target=ask, args=(narrow, "spin"))
        busy.start()
        time.sleep(0.2)
        with pytest.raises(TooManyError):
            ask(narrow, "echo")
        busy.join()
        assert ask(narrow, "echo") == b"file"


def test_nothing_is_left_open(sandbox: Sandbox) -> None:
    server = server_of(sandbox)

    def opened() -> tuple[int, int]:
        assert eventually(lambda: len(children(server)) == 1)
        return descriptors(), len(os.listdir(f"/proc/{server}/fd"))  # noqa: PTH208

    before = opened()
    for deed in ["echo", "crash", "flood", "kill"] * 5:
        ask(sandbox, deed)
    assert opened() == before


def test_a_server_that_died_is_started_again(sandbox: Sandbox) -> None:
    first = server_of(sandbox)
    os.kill(first, signal.SIGKILL)
    assert ask(sandbox, "echo") == b"file"
    assert server_of(sandbox) != first


def test_a_server_that_dies_while_it_works_is_started_again(sandbox: Sandbox) -> None:
    first = server_of(sandbox)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, sandbox, "slow echo")
        while len(children(first)) < 2:  # one works, one waits
            time.sleep(0.001)
        os.kill(first, signal.SIGKILL)
        assert answer.result() == b"file"


def test_a_dead_server_is_known_while_a_child_holds_its_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held: list[socket.socket] = []  # as a child holds it that was forked a moment ago

    def pair(family: int, kind: int) -> tuple[socket.socket, socket.socket]:
        ours, theirs = socketpair(family, kind)
        held.append(theirs.dup())
        return ours, theirs

    socketpair = socket.socketpair
    with monkeypatch.context() as patched:
        patched.setattr(socket, "socketpair", pair)
        sandbox = sandbox_with(LIMITS, monkeypatch)
        sandbox.start()
    with sandbox, ThreadPoolExecutor(1) as pool:
        first = server_of(sandbox)
        answer = pool.submit(ask, sandbox, "slow echo")
        while len(children(first)) < 2:  # one works, one waits
            time.sleep(0.001)
        os.kill(first, signal.SIGKILL)
        answered = answer.result()
    for end in held:
        end.close()
    assert answered == b"file"


def test_children_die_with_their_server(sandbox: Sandbox) -> None:
    server = server_of(sandbox)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, sandbox, "spin")
        while len(spinning := children(server)) < 2:  # one works, one waits
            time.sleep(0.001)
        os.kill(server, signal.SIGKILL)
        assert answer.result() is None  # tried once more, on a new server, until its time was up
    assert eventually(lambda: all(map(ended, spinning)))


def test_a_server_that_hangs_is_an_error_and_no_verdict(sandbox: Sandbox) -> None:
    hung = server_of(sandbox)
    os.kill(hung, signal.SIGSTOP)
    with pytest.raises(SandboxUnavailableError):
        ask(sandbox, "echo")
    assert ask(sandbox, "echo") == b"file"


def test_a_server_that_cannot_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SandboxUnavailableError, match="ModuleNotFoundError"):
        Sandbox("no_such_module:prepare", LIMITS).start()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(SandboxUnavailableError):
        sandbox_with(LIMITS, monkeypatch).start()


def test_the_server_ends_with_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = sandbox_with(LIMITS, monkeypatch)
    sandbox.start()
    assert sandbox._server is not None
    sandbox._server.control.close()
    assert sandbox._server.process.wait(timeout=5) == 0
    sandbox.close()


def test_unknown_machines_have_no_filter() -> None:
    assert len(filter_program("x86_64")) == len(filter_program("aarch64"))
    with pytest.raises(ConfinementError):
        filter_program("pdp11")
