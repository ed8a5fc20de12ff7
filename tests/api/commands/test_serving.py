"""`serve` where it cannot; where it can, it is a process of its own (`tests/walks`)."""

import socket

import pytest
from simulators.terminal import Desk

from api.commands.serving import listen


def test_a_port_that_is_taken_is_said(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = desk.run("serve", "--port", str(port))
    assert told.status == 75
    assert f"Port {port} of 127.0.0.1 cannot be had (Address already in use)" in told.err


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_port_that_is_none_is_refused(desk: Desk, port: str) -> None:
    assert desk.run("serve", "--port", port).status == 2


def test_answers_do_not_wait_to_be_acknowledged_piece_by_piece() -> None:
    with listen("127.0.0.1", 0) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
        with client, accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
