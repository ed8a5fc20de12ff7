"""What every test shares: no network but this machine's own, and no skip that nobody allowed."""

from pathlib import Path

import pytest
from pytest_socket import socket_allow_hosts

pytest_plugins = ("simulators.keycloak_fixtures",)

LOOPBACK = ["127.0.0.0/8", "::1", "localhost"]
ALLOWED_SKIPS = Path(__file__).with_name("allowed_skips.txt")

_resolved: dict[str, set[str]] = {}


@pytest.hookimpl(tryfirst=True)  # before any fixture is made
def pytest_runtest_setup() -> None:
    socket_allow_hosts(LOOPBACK, allow_unix_socket=True, resolution_cache=_resolved)


def pytest_configure(config: pytest.Config) -> None:
    lines = ALLOWED_SKIPS.read_text(encoding="utf-8").splitlines()
    allowed = {line for line in lines if line and not line.startswith("#")}
    config.pluginmanager.register(_Skips(allowed), "skips")


class _Skips:
    """Makes a run fail in which something was left out (skip or expected failure) unasked."""

    def __init__(self, allowed: set[str]) -> None:
        self._allowed = allowed
        self._unexpected: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and report.nodeid not in self._allowed:
            self._unexpected.append(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._unexpected and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._unexpected:
            terminalreporter.section("skips that tests/allowed_skips.txt does not allow")
            for nodeid in self._unexpected:
                terminalreporter.line(nodeid)
