"""One office for all tests of this folder: making keys and certificates takes longest."""

import pytest
from simulators.seals import SealOffice

from signing.eseal import SealSignature


@pytest.fixture(scope="session")
def office() -> SealOffice:
    """Return a seal maker, a unit and its seal; nothing in it changes."""
    return SealOffice.create()


@pytest.fixture(scope="session")
def seal_signature(office: SealOffice) -> SealSignature:
    """Return one right use of the seal, always the same octets."""
    return office.apply()
