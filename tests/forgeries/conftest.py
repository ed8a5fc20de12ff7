"""The scene of all forgeries and the sandbox, opened once."""

from collections.abc import Iterator

import pytest
from forgeries.scene import Scene, open_scene

from verify.sandbox import Sandbox
from verify.verifier import start_sandbox


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Open an office with its register and issue what is to be forged."""
    with open_scene(tmp_path_factory.mktemp("forgeries") / "office") as scene:
        yield scene


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """Start the processes that read hostile files."""
    sandbox = start_sandbox()
    yield sandbox
    sandbox.close()
