"""The server as a process: how it ends, and what it does with bodies that do not."""

import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulators.server import COMMAND, END_SECONDS, FirstRun, Server, children_of, is_alive, serve

pytestmark = pytest.mark.real


@pytest.fixture
def own_server(first_run: FirstRun, tmp_path: Path) -> Iterator[Server]:
    """Return a server that a test may end."""
    shutil.copytree(first_run.data, tmp_path / "data")
    with serve([*COMMAND, "serve"], tmp_path / "data", tmp_path / "said") as server:
        yield server


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_it_ends_and_leaves_nobody_behind(
    own_server: Server, number: signal.Signals, status: int
) -> None:
    children = children_of(own_server.process.pid)
    assert children, "the sandbox is a process of its own"
    assert own_server.end(number) == status
    deadline = time.monotonic() + END_SECONDS
    while any(is_alive(child) for child in children):
        assert time.monotonic() < deadline, "an orphan"
        time.sleep(0.02)
    assert "Traceback" not in own_server.log.read_text(encoding="utf-8")


def test_a_body_without_an_end_is_cut_off(server: Server) -> None:
    """Chunked, no length declared, 30 MB to send: the answer comes before the end."""
    piece = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    with socket.create_connection(("localhost", server.port), timeout=END_SECONDS) as connection:
        connection.sendall(
            b"POST /v1/verifications HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/pdf\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        sent = 0
        try:
            while sent < 480:
                connection.sendall(piece)
                sent += 1
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was answered, and no more is read
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"document_too_large"' in answer
