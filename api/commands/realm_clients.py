"""What `portals apply` and `systems apply` say: faults of files, what became of clients."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import typer

from api.commands.common import Exit, complain, terminal_messages
from idp.errors import InvalidPortalError, InvalidSystemError
from idp.realm.convergence import Change


def refuse_files(error: InvalidPortalError | InvalidSystemError) -> NoReturn:
    """List every fault of the files and leave with 65."""
    text = terminal_messages()
    complain(f"{text(f'problem.{error.code}')} [{error.code}]")
    for fault in error.faults:
        words = text(f"portal_fault.{fault.kind}", detail=fault.detail)
        complain(f"  {fault.place}: {words}")
    raise typer.Exit(Exit.BAD_DATA) from None


def tell_applied(done: str, *, changes: Iterable[Change], key_file: Path | None) -> None:
    """Print what changed in the realm, then that it is `done`, and where the key lies."""
    for change in changes:
        sys.stdout.write(f"{change}\n")
    key = "" if key_file is None else f" {key_file}"
    sys.stdout.write(f"{done}{key}\n")
