"""One office for all the judges: issuing takes longest."""

import pytest
from independent.published import Published, publish


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """Return what an office published; nothing of it changes."""
    return publish(tmp_path_factory.mktemp("published"))
