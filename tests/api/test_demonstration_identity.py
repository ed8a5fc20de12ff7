"""Where Keycloak is not to be had the demonstration says so, and goes on without."""

from pathlib import Path

import pytest

from api.demonstration_identity import identity_is_ready
from api.settings import Settings
from idp.server import distribution
from idp.server.process import free_port


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return those of a machine on which nothing is installed."""
    monkeypatch.setattr("api.demonstration_identity.CACHE", tmp_path / "cache")
    monkeypatch.setattr("idp.server.java.find_spec", lambda _: None)
    monkeypatch.setattr(distribution, "RELEASE", f"http://127.0.0.1:{free_port()}/keycloak.zip")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("JAVA_HOME", "KEYCLOAK_HOME", "IDP_KEYCLOAK_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "data").mkdir()
    return Settings(data=tmp_path / "data")


def install_java(folder: Path) -> None:
    folder.mkdir()
    java = folder / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"21.0.1\"' >&2\n")
    java.chmod(0o755)


def test_it_may_be_left_out(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert not identity_is_ready(settings, wanted=False)
    assert "IDP=off" in capsys.readouterr().out
    assert not settings.lets_people_in


def test_no_java(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert not identity_is_ready(settings, wanted=True)
    assert "apt install openjdk-17-jre-headless" in capsys.readouterr().out
    assert not settings.lets_people_in


def test_no_keycloak_and_no_maven(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install_java(tmp_path / "bin")
    assert not identity_is_ready(settings, wanted=True)
    assert "apt install maven" in capsys.readouterr().out
    assert not settings.lets_people_in
