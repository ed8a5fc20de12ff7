"""The job of `make run` with Keycloak: people can sign in, and nothing is left running."""

import subprocess
import sys
from pathlib import Path

import pytest
from simulators.demonstration import start_from_a_database
from simulators.server import environment_of, free_port

pytestmark = pytest.mark.real

LONGEST_SECONDS = 300
PEOPLE = ("su.xiaoyang", "wang.shili", "li.shili", "wu.zhizheng", "zheng.yongyin")


def test_somebody_signs_in(tmp_path: Path) -> None:
    start_from_a_database(tmp_path / "data")
    port, issuer_port = free_port(), free_port()
    issuer = f"http://localhost:{issuer_port}/realms/district"
    result = subprocess.run(
        [sys.executable, "-m", "api.demonstration", "--once", "--port", str(port)],
        env={**environment_of(tmp_path / "data"), "IDP_ISSUER": issuer},
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    for username in PEOPLE:
        assert username in result.stdout
    assert f"http://localhost:{port}/login" in result.stdout
    for path in (tmp_path / "data" / "identity").iterdir():
        assert path.is_dir() or path.stat().st_mode & 0o077 == 0
    people = tmp_path / "data" / "demo" / "people.json"
    assert people.stat().st_mode & 0o077 == 0
    assert not _processes_with(str(issuer_port))


def _processes_with(word: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if word in line:
            found.append(line)
    return found
