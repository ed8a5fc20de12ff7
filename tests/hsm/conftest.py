"""The office that the tests of custody work in."""

from pathlib import Path

import pytest
from simulators.sealing_unit import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office.create(tmp_path)
