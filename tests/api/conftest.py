"""An office with certificates, made once and opened once for all who only look at it."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog
from simulators.web import ServedOffice, connect, furnish

from api.wiring import Services

PREFIXES = ("ZHENGYIN_", "HSM_", "CERTS_", "VERIFY_")


@pytest.fixture(scope="session", autouse=True)
def _no_settings() -> Iterator[None]:
    """Leave nothing of the environment's settings to the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(PREFIXES)]:
            patch.delenv(name)
        yield


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Take back what a command set up for its process."""
    root, kept = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.configure(**kept)


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> ServedOffice:
    return furnish(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def services(office: ServedOffice) -> Iterator[Services]:
    with office.open() as services:
        yield services


@pytest.fixture(scope="session")
def client(services: Services) -> httpx.Client:
    return connect(services)


@pytest.fixture
def spoilt(office: ServedOffice, tmp_path: Path) -> ServedOffice:
    """Return a copy of the office that a test may spoil."""
    return office.copy_to(tmp_path / "spoilt")
