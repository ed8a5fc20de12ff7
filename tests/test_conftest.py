"""The rules of `conftest.py` bite: each is tried on a run of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def run(folder: Path, tests: str, *, allowed: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "tests").mkdir()
    shutil.copy(HERE / "conftest.py", folder / "tests")
    (folder / "tests" / "simulators").mkdir()
    (folder / "tests" / "simulators" / "keycloak_fixtures.py").touch()  # not needed here
    (folder / "tests" / "allowed_skips.txt").write_text(allowed, encoding="utf-8")
    (folder / "tests" / "test_it.py").write_text(tests, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-o",
        "pythonpath=tests",
    ]
    return subprocess.run(
        [*command, "tests"],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # they take seconds to load
        capture_output=True,
        text=True,
        check=False,
    )


SKIPPED = "import pytest\n\n@pytest.mark.skip\ndef test_left_out(): ...\n"


def test_a_skip_fails_the_run(tmp_path: Path) -> None:
    result = run(tmp_path, SKIPPED)
    assert result.returncode == pytest.ExitCode.TESTS_FAILED
    assert "tests/test_it.py::test_left_out" in result.stdout


def test_a_skip_may_be_allowed(tmp_path: Path) -> None:
    allowed = "# why\ntests/test_it.py::test_left_out\n"
    assert run(tmp_path, SKIPPED, allowed=allowed).returncode == pytest.ExitCode.OK


def test_an_expected_failure_is_a_skip(tmp_path: Path) -> None:
    tests = "import pytest\n\n@pytest.mark.xfail\ndef test_it(): assert False\n"
    assert run(tmp_path, tests).returncode == pytest.ExitCode.TESTS_FAILED


def test_no_test_reaches_another_machine(tmp_path: Path) -> None:
    # 192.0.2.0/24 is nobody's (RFC 5737): without the rule this would wait and time out.
    tests = (
        "import socket\n\ndef test_it(): socket.create_connection(('192.0.2.1', 9), timeout=2)\n"
    )
    result = run(tmp_path, tests)
    assert result.returncode == pytest.ExitCode.TESTS_FAILED
    assert "SocketConnectBlockedError" in result.stdout
