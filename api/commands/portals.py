"""`portals apply`: portals made clients of the realm and known to the platform."""

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
from api.portal_applying import apply_portals, read_portals
from api.realm_site import operator
from idp.errors import InvalidPortalError

portals = typer.Typer(no_args_is_help=True, help="Portals of departments that people sign in to.")


@portals.callback()
def describe() -> None:
    """Keep `apply` a word of its own, alone as it is."""


@portals.command()
def apply(
    files: Annotated[list[Path], typer.Argument(metavar="PORTAL.yaml…", exists=True)],
    *,
    backchannel: Annotated[
        str | None,
        typer.Option(
            metavar="ORIGIN",
            help="Our application as the identity server finds it, if not by the public address.",
        ),
    ] = None,
    data: DataOption = None,
) -> None:
    """Make each portal a client of the realm and print what changes; again: nothing changes."""
    settings = read_settings(data)
    text = terminal_messages()
    try:
        read_portals(files, settings)
    except InvalidPortalError as error:
        complain(f"{text(f'problem.{error.code}')} [{error.code}]")
        for fault in error.faults:
            words = text(f"portal_fault.{fault.kind}", detail=fault.detail)
            complain(f"  {fault.place}: {words}")
        raise typer.Exit(Exit.BAD_DATA) from None
    with exit_statuses():
        origin = backchannel or settings.origin
        for applied in apply_portals(
            files, settings, operator(settings), backchannel_origin=origin
        ):
            for change in applied.changes:
                sys.stdout.write(f"{change}\n")
            done = text("command.portal_applied", portal=applied.portal.client)
            key = "" if applied.key_file is None else f" {applied.key_file}"
            sys.stdout.write(f"{done}{key}\n")
