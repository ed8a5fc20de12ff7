"""`systems apply`: departments' own systems made clients of the realm and known here."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from api.commands.common import (
    DataOption,
    Exit,
    complain,
    exit_statuses,
    read_settings,
    terminal_messages,
)
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
        complain(f"{text(f'problem.{error.code}')} [{error.code}]")
        for fault in error.faults:
            words = text(f"portal_fault.{fault.kind}", detail=fault.detail)
            complain(f"  {fault.place}: {words}")
        raise typer.Exit(Exit.BAD_DATA) from None
    with exit_statuses():
        for applied in apply_systems(files, settings, operator(settings)):
            for change in applied.changes:
                sys.stdout.write(f"{change}\n")
            done = text("command.system_applied", system=applied.system.client)
            key = "" if applied.key_file is None else f" {applied.key_file}"
            sys.stdout.write(f"{done}{key}\n")
