"""The job of `make run`: samples issued and verified; a second start shows the same ones."""

import re
from collections.abc import Callable

import pytest
from simulators.server import FirstRun, Server, sample_digests

pytestmark = pytest.mark.real

NUMBER = re.compile(r"\b(?:JY|LN)\d{10,}\b")


def test_the_first_start_issues_and_verifies_every_sample(
    first_run: FirstRun, record_property: Callable[[str, object], None]
) -> None:
    record_property("seconds", first_run.seconds)
    assert first_run.result.returncode == 0, first_run.result.stderr
    table = first_run.result.stdout
    assert table.count("Valid") == 3
    assert set(NUMBER.findall(table)) == set(first_run.digests)
    for authority in (
        "示例市青禾区市场监督管理局",
        "示例市松汀区市场监督管理局",
        "示例市青禾区民政局",
    ):
        assert authority in table
    assert table.count(f"http://localhost:{first_run.port}/c/") == 3


def test_a_second_start_shows_the_same_certificates(first_run: FirstRun, server: Server) -> None:
    """The server was started on the folder of the first run, and wrote the samples anew."""
    shown = server.screen.read_text(encoding="utf-8")
    assert NUMBER.findall(shown) == NUMBER.findall(first_run.result.stdout)
    assert f"Serving at {server.address}" in shown
    assert sample_digests(server.data) == first_run.digests
