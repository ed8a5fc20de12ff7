"""The main job of `make run`, in this process; its whole walk is in `tests/walks`."""

import re
from pathlib import Path

import pytest
import typer
from simulators.terminal import zhengyin
from typer.testing import CliRunner, Result

from api.commands.common import Exit
from api.demonstration import main
from demo.beside import main as run_beside

NUMBER = re.compile(r"\b(?:JY|LN)\d{10,}\b")


def demonstrate() -> Result:
    command = typer.Typer()
    command.command()(main)
    environment = {"LC_ALL": "C", "COLUMNS": "200"}
    return CliRunner().invoke(command, ["--once", "--no-identity"], env=environment)


def test_every_sample_is_valid_and_then_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHENGYIN_DATA", str(tmp_path))
    first = demonstrate()
    assert first.exit_code == 0, first.output
    numbers = NUMBER.findall(first.stdout)
    monkeypatch.setenv("ZHENGYIN_PUBLIC_URL", "https://zhengzhao.example")
    again = demonstrate()
    assert again.exit_code == 0
    assert NUMBER.findall(again.stdout) == numbers
    assert "https://zhengzhao.example/c/" in again.stdout
    assert zhengyin("revoke", numbers[0], "--reason", "chexiao").status == 0
    then = demonstrate()
    assert then.exit_code == 1
    assert "Genuine, but not in force" in then.stdout


def test_no_office_that_issues_becomes_a_demonstration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It would have the demo's officers for its own, with passwords that stand in a file.
    monkeypatch.setenv("ZHENGYIN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ZHENGYIN_ENV", "production")
    refused = demonstrate()
    assert refused.exit_code == Exit.CONFIGURATION
    assert "ZHENGYIN_ENV" in refused.stderr
    assert not (tmp_path / "data").exists()
    beside = typer.Typer()
    beside.command()(run_beside)
    nice: list[int] = []
    monkeypatch.setattr("os.nice", nice.append)
    refused = CliRunner().invoke(beside, ["--port", "1"], env={"LC_ALL": "C"})
    assert refused.exit_code == Exit.CONFIGURATION
    assert not nice
