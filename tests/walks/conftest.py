"""One application for all walks: started as `make run` starts it, on a folder where nothing was."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from simulators.server import (
    DEMONSTRATION,
    FirstRun,
    Server,
    environment_of,
    free_port,
    sample_digests,
    serve,
)


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    data, port = tmp_path_factory.mktemp("walks") / "data", free_port()
    began = time.monotonic()
    result = subprocess.run(
        [*DEMONSTRATION, "--once", "--port", str(port)],
        env=environment_of(data),
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = round(time.monotonic() - began, 1)
    return FirstRun(data, port, result, seconds, sample_digests(data))


@pytest.fixture(scope="session")
def server(first_run: FirstRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return the application, started a second time and serving."""
    folder = tmp_path_factory.mktemp("server")
    with serve(DEMONSTRATION, first_run.data, folder, port=first_run.port) as server:
        yield server


@pytest.fixture(scope="session")
def visitor(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.address, trust_env=False) as visitor:
        yield visitor


@pytest.fixture(scope="session")
def samples(server: Server) -> dict[str, Path]:
    """Return the sample certificates by the number on their face."""
    return {path.stem: path for path in sorted((server.data / "samples").glob("*.pdf"))}
