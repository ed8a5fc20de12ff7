"""Nothing starts on cryptography that gives wrong answers."""

from pathlib import Path

import pytest
from simulators.office import AT, new_office
from simulators.terminal import zhengyin

from api.office import initialise, open_office
from api.settings import Settings
from api.wiring import open_verifier
from signing import sm2
from signing.errors import BackendUnavailableError
from verify.policy import SEAL_ONLY


@pytest.fixture
def wrong_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process's SM3 differ from the known answer."""
    monkeypatch.setattr(sm2, "_KNOWN_DIGEST", "00" * 32)


@pytest.mark.usefixtures("wrong_answers")
def test_init_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailableError):
        initialise(Settings(data=tmp_path / "data"), clock=lambda: AT)
    assert not (tmp_path / "data").exists()


@pytest.mark.usefixtures("wrong_answers")
def test_no_office_opens(tmp_path: Path) -> None:
    settings = Settings(data=new_office(tmp_path).folder)
    with (
        pytest.raises(BackendUnavailableError),
        open_office(settings, clock=lambda: AT),
    ):
        pytest.fail("it opened")


@pytest.mark.usefixtures("wrong_answers")
def test_no_verifier_opens_without_an_office_either(tmp_path: Path) -> None:
    with (
        pytest.raises(BackendUnavailableError),
        open_verifier(Settings(data=tmp_path), SEAL_ONLY, None, at=AT),
    ):
        pytest.fail("it opened")


@pytest.mark.usefixtures("wrong_answers")
def test_the_command_line_says_so(tmp_path: Path) -> None:
    told = zhengyin("init", "--data", str(tmp_path / "data"))
    assert told.status == 75
    assert "sm2_unavailable" in told.err
