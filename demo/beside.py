"""What runs beside the platform in the demonstration: Keycloak, the two bases, two portals.

    python -m demo.beside --port 8000 [--once]

Started by `make run` when the platform is about to serve; ends with it. It brings Keycloak up,
makes the realm, lets the demo's people in, starts the portals, signs somebody in, and says how.
"""

import contextlib
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from api.commands.common import Exit, exit_statuses, read_settings, terminal_messages
from api.commands.org import import_organisation
from api.identity import open_identity
from api.keycloak_beside import CACHE, keycloak_instance
from api.office import open_office
from api.portal_applying import apply_portals, portal_folder
from api.production import verify_fit_for_demonstration
from api.realm_site import apply_realm, operator, server_url
from api.settings import Settings
from api.wiring import system_clock
from demo.people_of_demo import DemoPerson, appoint_agents, demo_people, let_in
from demo.scripted_sign_in import SignInFailedError, sign_in
from idp.server.process import KeycloakProcess, free_port

DEMO = Path(__file__).parent
SECONDS_TO_START = 180
SECONDS_TO_STOP = 10
POLITENESS = 10
"""The platform serves at once; this may take its time."""


def main(
    *,
    port: Annotated[int, typer.Option(help="Where the platform serves.")],
    once: Annotated[bool, typer.Option(help="End after the sign-in.")] = False,
) -> None:
    """Run what belongs beside the platform, until told to end."""
    settings = read_settings(None)
    with exit_statuses():
        verify_fit_for_demonstration(settings)
    os.nice(POLITENESS)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    platform = f"http://localhost:{port}"
    with exit_statuses(), contextlib.suppress(KeyboardInterrupt), ExitStack() as stack:
        _start_bases(stack, settings)
        if settings.identity.keycloak_url is None:
            keycloak = stack.enter_context(KeycloakProcess(keycloak_instance(settings, CACHE)))
            keycloak.wait_until_ready(SECONDS_TO_START)
        people = _prepare(settings, platform)
        homes = _start_portals(stack, settings, platform)
        try:
            sign_in(platform, people["su.xiaoyang"])
        except SignInFailedError as error:
            sys.stderr.write(terminal_messages()("demo.sign_in_failed", why=str(error)) + "\n")
            raise typer.Exit(Exit.FAILED) from None
        _tell(people, platform, homes, settings)
        if not once:
            signal.pause()


def _prepare(settings: Settings, platform: str) -> dict[str, DemoPerson]:
    """Make the realm and let people in."""
    for _ in apply_realm(settings, backchannel_origin=platform):
        pass
    with contextlib.redirect_stdout(io.StringIO()):
        import_organisation(DEMO / "org" / "departments.csv", DEMO / "org" / "officers.csv")
    people = demo_people(settings.data)
    admin = operator(settings)
    let_in(admin, people)
    with (
        open_office(settings, clock=system_clock) as office,
        open_identity(settings, office.store, office.mandate_sealer, system_clock) as identity,
    ):
        appoint_agents(identity, admin, people, at=system_clock())
    return people


def _start_bases(stack: ExitStack, settings: Settings) -> None:
    address = settings.identity.bases_url
    if address is not None and address.host in {"127.0.0.1", "localhost"}:
        command = [sys.executable, "-m", "demo.population", "--port", str(address.port)]
        stack.enter_context(_running(command))


def _start_portals(stack: ExitStack, settings: Settings, platform: str) -> list[str]:
    folder = settings.data / "demo" / "portals"
    folder.mkdir(parents=True, exist_ok=True)
    files = [_at_free_ports(path, folder) for path in sorted((DEMO / "portals").glob("*.yaml"))]
    homes = []
    for applied in apply_portals(files, settings, operator(settings), backchannel_origin=platform):
        portal = applied.portal
        key = portal_folder(settings, portal.client) / "client.pem"
        command = [sys.executable, "-m", "demo.portal", str(folder / f"{portal.client}.yaml")]
        command += ["--key", str(key), "--data", str(settings.data / "demo" / portal.client)]
        command += ["--issuer", settings.identity.issuer_text, "--platform", platform]
        stack.enter_context(_running(command))
        homes.append(portal.home)
    return homes


def _at_free_ports(path: Path, folder: Path) -> Path:
    """Return a copy of the portal's file, at a free port where its own is taken."""
    text = path.read_text(encoding="utf-8")
    home = next(line for line in text.splitlines() if line.startswith("home:"))
    client = next(line for line in text.splitlines() if line.startswith("client:"))
    port = urlsplit(home.split()[1]).port
    if port is not None and not _is_free(port):
        text = text.replace(f":{port}", f":{free_port()}")
    copy = folder / f"{client.split()[1]}.yaml"
    copy.write_text(text, encoding="utf-8")
    return copy


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@contextmanager
def _running(command: Sequence[str]) -> Iterator[None]:
    setpriv = [shutil.which("setpriv") or "setpriv", "--pdeathsig", "TERM", "--"]
    with subprocess.Popen(  # noqa: S603  # our own words
        [*setpriv, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(SECONDS_TO_STOP)


def _tell(
    people: dict[str, DemoPerson], platform: str, homes: list[str], settings: Settings
) -> None:
    """Say with whom the demonstration can be entered; these passwords are worth nothing else."""
    text = terminal_messages()
    console = Console(highlight=False)
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE)
    for heading in ("role", "username", "password"):
        table.add_column(text(f"demo.column.{heading}"))
    for person in people.values():
        table.add_row(text(f"demo.role.{person.role}"), person.username, person.password)
    console.print(table)
    console.out(text("demo.sign_in_here", address=f"{platform}/login"), highlight=False)
    console.out(text("demo.code", command="make code WHO=su.xiaoyang"), highlight=False)
    for home in homes:
        console.out(text("demo.portal", address=home), highlight=False)
    console.out(text("demo.keycloak", address=server_url(settings)), highlight=False)


if __name__ == "__main__":
    typer.run(main)
