"""Fixtures for whoever needs the real Keycloak; `tests/conftest.py` makes them known everywhere."""

from collections.abc import Iterator

import pytest
from simulators.keycloak import KeycloakServer, RealmForTests, new_realm, server


@pytest.fixture(scope="session")
def keycloak() -> KeycloakServer:
    """Return the server of this test run."""
    return server()


@pytest.fixture(scope="module")
def realm() -> Iterator[RealmForTests]:
    """Return a realm of this module's own, as `realm apply` makes it."""
    with new_realm() as realm:
        yield realm
