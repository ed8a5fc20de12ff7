"""An operator's desk: one to look at, one to spoil."""

from pathlib import Path

import pytest
from simulators.terminal import Desk


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk.make(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def own_desk(desk: Desk, tmp_path: Path) -> Desk:
    return desk.copy_to(tmp_path / "desk")
