"""Set-up fetches the jars of the judges once for each change of what they are fetched for."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import set_up


@dataclass
class Maven:
    """Stands in for `mvn compile` on a small project: leaves one jar a build."""

    project: Path
    jars: Path
    builds: int = 0
    fails: bool = False

    def run(self, command: list[str], *, check: bool, cwd: Path) -> None:
        """Build, or fail."""
        assert (command[0], check, cwd) == ("mvn", True, self.project)
        self.builds += 1
        if self.fails:
            raise subprocess.CalledProcessError(1, command)
        (self.jars / "lib").mkdir(parents=True)
        (self.jars / "lib" / f"{self.builds}.jar").touch()


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Maven:
    maven = Maven(tmp_path / "project", tmp_path / "jars")
    (maven.project / "src").mkdir(parents=True)
    (maven.project / "pom.xml").write_text("<project/>")
    (maven.project / "src" / "Driver.java").write_text("class Driver {}")
    monkeypatch.setattr(set_up, "JAVA_PROJECT", maven.project)
    monkeypatch.setattr(set_up, "JARS", maven.jars)
    monkeypatch.setattr(subprocess, "run", maven.run)
    return maven


def test_a_second_set_up_fetches_nothing(maven: Maven) -> None:
    set_up.fetch_jars()
    set_up.fetch_jars()
    assert maven.builds == 1


@pytest.mark.parametrize("changed", ["pom.xml", "src/Driver.java", "src/New.java"])
def test_a_change_fetches_anew_and_leaves_nothing_old(maven: Maven, changed: str) -> None:
    set_up.fetch_jars()
    (maven.project / changed).write_text("changed")
    set_up.fetch_jars()
    assert [path.name for path in (maven.jars / "lib").iterdir()] == ["2.jar"]


def test_a_build_that_failed_is_tried_again(maven: Maven) -> None:
    maven.fails = True
    with pytest.raises(subprocess.CalledProcessError):
        set_up.fetch_jars()
    maven.fails = False
    set_up.fetch_jars()
    set_up.fetch_jars()
    assert maven.builds == 2
