"""`portals apply`: portals made clients of the realm and known to the platform."""

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
        refuse_files(error)
    with exit_statuses():
        origin = backchannel or settings.origin
        for applied in apply_portals(
            files, settings, operator(settings), backchannel_origin=origin
        ):
            done = text("command.portal_applied", portal=applied.portal.client)
            tell_applied(done, changes=applied.changes, key_file=applied.key_file)
