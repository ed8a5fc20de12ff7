"""What every command shares: the data folder, languages, exit statuses."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Annotated

import typer

from api.messages import Language, Messages, messages
from api.production import ProductionRefusedError
from api.realm_site import NoRealmError
from api.settings import InvalidSettingsError, Settings
from api.settings import read_settings as read_environment
from certs.errors import (
    AlreadyIssuedError,
    CertsError,
    DrawingError,
    FaultyDataError,
    IllegalTransitionError,
    NotEntitledError,
    UnknownAuthorityError,
    UnknownCertificateError,
    UnknownTypeError,
)
from certs.reservation import OrderVoidError
from hsm.errors import CustodyError
from hsm.files import write_file
from idp.errors import (
    NotInRealmError,
    ProviderUnavailableError,
    RealmRefusedError,
    ServerStartError,
)
from signing.errors import SigningError
from verify.errors import VerifyError

DataOption = Annotated[
    Path | None, typer.Option("--data", help="The data folder (ZHENGYIN_DATA).", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


class Exit(IntEnum):
    """Exit statuses (sysexits.h where it has a word for it)."""

    OK = 0
    FAILED = 1
    BAD_DATA = 65
    UNREADABLE = 66
    UNKNOWN = 67
    CONFLICT = 69
    CANNOT_CREATE = 73
    TRY_AGAIN = 75
    CONFIGURATION = 78


_EXIT_OF: Sequence[tuple[type[Exception], Exit]] = (
    (FaultyDataError, Exit.BAD_DATA),
    (NotEntitledError, Exit.BAD_DATA),
    (DrawingError, Exit.BAD_DATA),
    (UnknownTypeError, Exit.UNKNOWN),
    (UnknownAuthorityError, Exit.UNKNOWN),
    (UnknownCertificateError, Exit.UNKNOWN),
    (AlreadyIssuedError, Exit.CONFLICT),
    (OrderVoidError, Exit.CONFLICT),
    (IllegalTransitionError, Exit.CONFLICT),
    (ProductionRefusedError, Exit.CONFIGURATION),
    (NoRealmError, Exit.CONFIGURATION),
    (NotInRealmError, Exit.UNKNOWN),
    (RealmRefusedError, Exit.CONFLICT),
    (ProviderUnavailableError, Exit.TRY_AGAIN),
    (ServerStartError, Exit.TRY_AGAIN),
    (VerifyError, Exit.UNREADABLE),
    (CertsError, Exit.TRY_AGAIN),
    (CustodyError, Exit.TRY_AGAIN),
    (SigningError, Exit.TRY_AGAIN),
)


def terminal_messages() -> Messages:
    """Return the catalogue in the terminal's language; its locale need not be installed."""
    named = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    tag = next(filter(None, named), "")
    return messages(Language.CHINESE if tag.startswith("zh") else Language.ENGLISH)


def read_settings(data: Path | None) -> Settings:
    """Return the settings with this data folder; leave with 78 when the environment is wrong."""
    try:
        return read_environment().with_data(data)
    except InvalidSettingsError as error:
        for fault in error.faults:
            complain(fault)
        raise typer.Exit(Exit.CONFIGURATION) from None


def complain(text: str) -> None:
    """Write one line to standard error."""
    sys.stderr.write(text + "\n")


def write_output(path: Path, content: bytes) -> None:
    """Write a file that was asked for; leave with 73 when it cannot be written."""
    try:
        write_file(path.resolve(), content, replace=True)
    except OSError:
        complain(f"{path}: {terminal_messages()('problem.unwritable')}")
        raise typer.Exit(Exit.CANNOT_CREATE) from None


@contextmanager
def exit_statuses() -> Iterator[None]:
    """Turn an error of the packages below into its sentence, its faults and its exit status."""
    try:
        yield
    except tuple(kind for kind, _ in _EXIT_OF) as error:
        explain(error)
        raise typer.Exit(exit_status_of(error)) from None


def exit_status_of(error: Exception) -> Exit:
    """Return the exit status for an error of ours."""
    return next(status for kind, status in _EXIT_OF if isinstance(error, kind))


def explain(error: Exception) -> None:
    """Write what an error means, and every fault it lists, to standard error."""
    code = str(getattr(error, "code", ""))
    complain(f"{terminal_messages()(f'problem.{code}')} [{code}]")
    if isinstance(error, FaultyDataError):
        for fault in error.faults:
            complain(f"  {fault.pointer or '/'}: {fault.code} {fault.detail}".rstrip())
    if isinstance(error, ServerStartError):
        complain(f"  {terminal_messages()(f'server_fault.{error.fault}', detail=error.detail)}")
    if isinstance(error, ProductionRefusedError):
        for refusal in error.refusals:
            complain(f"  {refusal}")
