"""The whole demonstration as `make run` starts it, and the people who walk through it."""

import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import set_up
from simulators.keycloak import Person
from simulators.server import Server, free_port, serve

from demo.people_of_demo import demo_people
from idp.server.first_secrets import ADMIN_PASSWORD

SECONDS_TO_JOIN = 240
"""Keycloak, its realm, its people and two portals, on a machine that does other things too."""
HOME = re.compile(r"http://([a-z]+)\.localhost:\d+")


@dataclass(frozen=True, slots=True)
class Demonstration:
    """The platform, Keycloak, the two bases and two portals, all running."""

    server: Server
    keycloak: str
    """Where Keycloak answers."""
    homes: dict[str, str]
    """Of the portals, by the name before `.localhost`."""
    people: dict[str, Person]

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.server.data

    @property
    def origin(self) -> str:
        """Where the platform answers."""
        return self.server.address

    @property
    def market(self) -> str:
        """Where the portal for food licences answers."""
        return self.homes["market"]

    @property
    def civil(self) -> str:
        """Where the portal for old-age allowances answers."""
        return self.homes["civil"]


@contextmanager
def run_demonstration(folder: Path) -> Iterator[Demonstration]:
    """Start the demonstration over an empty folder, and end it and all beside it afterwards."""
    data = folder / "data"
    start_from_a_database(data)
    keycloak = f"http://localhost:{free_port()}"
    issuer = f"IDP_ISSUER={keycloak}/realms/district"
    command = ["env", issuer, sys.executable, "-m", "api.demonstration"]
    with serve(command, data, folder / "server") as server:
        homes = _wait_until_told(server, keycloak)
        people = {
            one.username: Person("", one.username, one.password, one.secret.encode())
            for one in demo_people(data).values()
        }
        yield Demonstration(server, keycloak, homes, people)


def start_from_a_database(data: Path) -> None:
    """Put Keycloak's empty database there: making one takes as long as all the rest."""
    set_up.prepare_keycloak()
    shutil.copytree(set_up.STARTED_ONCE / "data", data / "keycloak" / "data")
    (data / "identity").mkdir(mode=0o700)
    shutil.copy(set_up.STARTED_ONCE / ADMIN_PASSWORD, data / "identity" / ADMIN_PASSWORD)


def _wait_until_told(server: Server, keycloak: str) -> dict[str, str]:
    """Return the portals' homes; Keycloak's address is the last that the screen says."""
    deadline = time.monotonic() + SECONDS_TO_JOIN
    while time.monotonic() < deadline and server.process.poll() is None:
        shown = server.screen.read_text(encoding="utf-8")
        if keycloak in shown:
            return {home[1]: home[0] for home in HOME.finditer(shown)}
        time.sleep(0.1)
    raise AssertionError(server.log.read_text(encoding="utf-8")[-2000:])
