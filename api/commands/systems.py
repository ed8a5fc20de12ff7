"""`systems apply`: departments' own systems made clients of the realm and known here."""

from pathlib import Path
from typing import Annotated

import typer

from api.commands.common import (
    DataOption,
    exit_statuses,
    read_settings,
    terminal_messages,
)
from api.commands.realm_clients import refuse_files, tell_applied
from api.realm_site import operator
from api.system_applying import apply_systems, read_systems
from idp.errors import InvalidSystemError

systems = typer.Typer(no_args_is_help=True, help="Departments' own systems that issue and read.")


@systems.callback()
def describe() -> None:
    """Keep `apply` a word of its own, alone as it is."""


@systems.command()
def apply(
    files: Annotated[list[Path], typer.Argument(metavar="SYSTEM.yaml…", exists=True)],
    *,
    data: DataOption = None,
) -> None:
    """Make each system a client of the realm and print what changes; again: nothing changes."""
    settings = read_settings(data)
    text = terminal_messages()
    try:
        read_systems(files, settings)
    except InvalidSystemError as error:
        refuse_files(error)
    with exit_statuses():
        for applied in apply_systems(files, settings, operator(settings)):
            done = text("command.system_applied", system=applied.system.client)
            tell_applied(done, changes=applied.changes, key_file=applied.key_file)
