"""`realm`: the Keycloak realm made as planned, compared with the plan, written out."""

import json
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
    write_output,
)
from api.realm_site import apply_realm, operator, operator_connection, plan_for
from idp.realm.convergence import changes

realm = typer.Typer(no_args_is_help=True, help="The realm of the identity server.")

BackchannelOption = Annotated[
    str | None,
    typer.Option(
        "--backchannel",
        metavar="ORIGIN",
        help="Our application as the identity server finds it, if not by the public address.",
    ),
]


@realm.command()
def apply(*, backchannel: BackchannelOption = None, data: DataOption = None) -> None:
    """Make the realm as planned and print what changes; again: nothing changes."""
    settings = read_settings(data)
    text = terminal_messages()
    count = 0
    with exit_statuses():
        for change in apply_realm(settings, backchannel_origin=backchannel):
            if change.make is None:
                complain(text("command.realm_left", change=str(change)))
                continue
            count += 1
            sys.stdout.write(f"{change}\n")
    sys.stdout.write(text("command.realm_applied", count=str(count)) + "\n")


@realm.command()
def diff(*, backchannel: BackchannelOption = None, data: DataOption = None) -> None:
    """Print what is not as planned and change nothing; leave with 1 if there is anything."""
    settings = read_settings(data)
    with exit_statuses():
        plan = plan_for(settings, backchannel_origin=backchannel)
        found = [str(change) for change in changes(operator_connection(settings), plan)]
    for change in found:
        sys.stdout.write(f"{change}\n")
    if found:
        raise typer.Exit(Exit.FAILED)
    sys.stdout.write(terminal_messages()("command.realm_as_planned") + "\n")


@realm.command()
def export(
    *,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="REALM.json", show_default=False)
    ] = None,
    data: DataOption = None,
) -> None:
    """Write the realm as it is, in the identity server's words: no people, no secrets."""
    settings = read_settings(data)
    with exit_statuses():
        found = operator(settings).export()
    content = json.dumps(found, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    if output is None:
        sys.stdout.write(content)
    else:
        write_output(output, content.encode())
