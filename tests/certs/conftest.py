"""Registers to test on: every test that takes `register_url` runs on both databases."""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from simulators import postgres
from simulators.office import Office, new_office
from sqlalchemy import Engine, make_url

from certs import database

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.real)]


@cache
def postgres_template() -> str:
    """Return the name of a PostgreSQL database that holds an empty register."""
    url = postgres.new_database()
    engine = database.open_engine(url)
    database.upgrade(engine)
    engine.dispose()  # a database in use cannot be copied
    name = make_url(url).database
    assert name is not None
    return name


@pytest.fixture(params=DATABASES)
def new_register(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Return what makes empty registers that nobody else uses, and gives their addresses."""
    numbers = count(1)

    def make() -> str:
        if request.param == "postgresql":
            return postgres.new_database(postgres_template())
        url = f"sqlite:///{tmp_path / f'register-{next(numbers)}.db'}"
        engine = database.open_engine(url)
        database.upgrade(engine)
        engine.dispose()
        return url

    return make


@pytest.fixture
def register_url(new_register: Callable[[], str]) -> str:
    """Return the address of an empty register that nobody else uses."""
    return new_register()


@pytest.fixture
def register_engine(register_url: str) -> Iterator[Engine]:
    """Open the register of the test."""
    engine = database.open_engine(register_url)
    yield engine
    engine.dispose()


@pytest.fixture
def office(register_url: str, tmp_path: Path) -> Iterator[Office]:
    """Open a whole office on that register."""
    office = new_office(tmp_path / "office", register_url=register_url)
    yield office
    office.close()


@pytest.fixture(params=DATABASES)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a database without tables."""
    if request.param == "postgresql":
        return postgres.new_database()
    return f"sqlite:///{tmp_path / 'register.db'}"
