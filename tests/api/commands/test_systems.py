"""`systems apply`: every fault is named before anything is done."""

from pathlib import Path

import pytest
from simulators.terminal import zhengyin

from api.commands.common import Exit

SYSTEM = Path(__file__).parents[3] / "demo" / "systems" / "civil.yaml"


def test_faults_of_all_files_are_listed_and_nothing_is_done(tmp_path: Path) -> None:
    faulty = tmp_path / "faulty.yaml"
    faulty.write_text("kind: system\nclient: secret\n", encoding="utf-8")
    told = zhengyin("systems", "apply", faulty, "--data", tmp_path / "data")
    assert told.status == Exit.BAD_DATA
    assert "[invalid_system]" in told.err
    assert "faulty.yaml/authority:" in told.err
    assert "secret" not in told.err
    assert not (tmp_path / "data" / "systems").exists()
    twice = zhengyin("systems", "apply", SYSTEM, SYSTEM, "--data", tmp_path / "data")
    assert twice.status == Exit.BAD_DATA
    assert "/client:" in twice.err


def test_an_issuer_that_is_no_realm_has_no_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDP_ISSUER", "https://provider.example")
    told = zhengyin("systems", "apply", SYSTEM, "--data", tmp_path)
    assert told.status == Exit.CONFIGURATION
    assert not list(tmp_path.rglob("*.yaml"))


@pytest.mark.parametrize(
    "variable", ["IDP_CLIENT_ID", "IDP_APPROVAL_CLIENT_ID", "IDP_API_AUDIENCE"]
)
def test_no_system_takes_the_place_of_the_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "system-civil")
    told = zhengyin("systems", "apply", SYSTEM, "--data", tmp_path / "data")
    assert told.status == Exit.BAD_DATA
    assert "system-civil/client: " in told.err
