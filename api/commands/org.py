"""`org import`: departments and officers out of two files; `org enrol`: the first clerk."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
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
from api.identity import Identity, open_identity, upgrade_database
from api.messages import Messages
from api.office import open_office
from api.qr_picture import in_fours, qr_lines
from api.settings import Settings
from api.wiring import system_clock
from hsm.files import write_file
from idp.enrolment import MOST_TRIES
from idp.errors import IdentityError, NotInRealmError, ProviderUnavailableError
from idp.first_clerk import FirstClerk, FirstEnrolment
from idp.one_time_codes import WrongCodeError
from idp.one_time_passwords import new_one_time_password
from idp.org_files import DEPARTMENTS, OFFICERS
from idp.org_import import (
    Change,
    InvalidOrganisationError,
    OrganisationChangedError,
    OrganisationImport,
)
from idp.realm.admin import RealmAdmin
from idp.unverified_csv import LARGEST_FILE, CellFault, Encoding

org = typer.Typer(no_args_is_help=True, help="Departments, officers and their posts.")

_TRY_AGAIN = (ProviderUnavailableError, OrganisationChangedError)


@org.command("import")
def import_organisation(
    departments: Annotated[Path, typer.Argument(metavar="DEPARTMENTS.csv")],
    officers: Annotated[Path, typer.Argument(metavar="OFFICERS.csv")],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would change and change nothing.")
    ] = False,
    encoding: Annotated[
        Encoding, typer.Option(help="In which encoding both files were saved.")
    ] = Encoding.UTF_8,
    data: DataOption = None,
) -> None:
    """Make departments, officers and posts what the two files say; leavers are signed out."""
    settings = read_settings(data)
    text = terminal_messages()
    files = _read(departments, text), _read(officers, text)
    with (
        exit_statuses(),
        _refusals(text, {DEPARTMENTS: departments, OFFICERS: officers}),
        _open(settings, text) as (identity, admin),
    ):
        road = OrganisationImport(
            identity.transactions,
            identity.personal_data,
            admin,
            end_sessions=identity.sessions.end_by_account,
        )
        plan = road.plan(*files, encoding=encoding)
        for change in plan.changes:
            sys.stdout.write(_line(change, text) + "\n")
        if not plan.changes:
            sys.stdout.write(text("org.unchanged") + "\n")
        elif dry_run:
            sys.stdout.write(text("org.dry_run", count=str(len(plan.changes))) + "\n")
        if dry_run or not plan.changes:
            return
        waiting = road.apply(plan, at=system_clock())
        if waiting:
            _open_accounts(road, waiting, settings, text)
        sys.stdout.write(text("org.done", count=str(len(plan.changes))) + "\n")


@org.command("enrol")
def enrol_first_clerk(
    username: Annotated[str, typer.Argument(metavar="USERNAME", show_default=False)],
    *,
    data: DataOption = None,
) -> None:
    """Bind the first clerk's authenticator, while no clerk has one who may serve officers."""
    settings = read_settings(data)
    text = terminal_messages()
    with exit_statuses(), _refusals(text, {}), _open(settings, text) as (identity, admin):
        first = FirstClerk(identity.transactions, admin, identity.officers, identity.leaving.alarms)
        enrolment = first.begin(username, at=system_clock())
        secret = enrolment.secret
        address = secret.address(service=settings.site_name, username=enrolment.username)
        sys.stdout.write(text("org.enrol_scan", username=enrolment.username) + "\n\n")
        sys.stdout.write(qr_lines(address))
        sys.stdout.write(text("org.enrol_by_hand", key=in_fours(secret.base32)) + "\n")
        _prove(first, enrolment, text)
        sys.stdout.write(text("org.enrolled", username=enrolment.username) + "\n")


def _prove(first: FirstClerk, enrolment: FirstEnrolment, text: Messages) -> None:
    """Ask for codes until one is right; leave with 65 when none was, or nobody typed any."""
    try:
        for _ in range(MOST_TRIES):
            code = typer.prompt(text("org.enrol_code"))
            try:
                first.prove(enrolment, code, at=system_clock())
            except WrongCodeError as error:
                complain(f"{text('problem.wrong_code')} [{error.code}]")
            else:
                return
    except typer.Abort:
        first.give_up(enrolment, at=system_clock())
        raise
    first.give_up(enrolment, at=system_clock())
    complain(text("org.enrol_over"))
    raise typer.Exit(Exit.BAD_DATA)


def _read(path: Path, text: Messages) -> bytes:
    """Return the file; one octet more than the limit is enough to see that it is too large."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except OSError:
        complain(f"{path}: {text('problem.unreadable')}")
        raise typer.Exit(Exit.UNREADABLE) from None


@contextmanager
def _open(settings: Settings, text: Messages) -> Iterator[tuple[Identity, RealmAdmin]]:
    if not settings.lets_people_in:
        complain(text("org.nobody_signs_in"))
        raise typer.Exit(Exit.CONFIGURATION)
    upgrade_database(settings)
    with (
        open_office(settings, clock=system_clock) as office,
        open_identity(settings, office.store, office.mandate_sealer, system_clock) as identity,
    ):
        if identity.admin is None:
            complain(text("org.no_administration"))
            raise typer.Exit(Exit.CONFIGURATION)
        yield identity, identity.admin


@contextmanager
def _refusals(text: Messages, paths: Mapping[str, Path]) -> Iterator[None]:
    try:
        yield
    except InvalidOrganisationError as error:
        complain(text("org.refused", count=str(len(error.faults))))
        for fault in error.faults:
            complain("  " + _fault_line(fault, paths, text))
        raise typer.Exit(Exit.BAD_DATA) from None
    except NotInRealmError:
        raise  # it has an exit status of its own
    except IdentityError as error:
        complain(f"{text(f'problem.{error.code}')} [{error.code}]")
        again = isinstance(error, _TRY_AGAIN)
        raise typer.Exit(Exit.TRY_AGAIN if again else Exit.CONFLICT) from None


def _fault_line(fault: CellFault, paths: Mapping[str, Path], text: Messages) -> str:
    place = [str(paths[fault.file])]
    if fault.row:
        place.append(text("org.row", number=str(fault.row)))
    if fault.column:
        place.append(fault.column)
    what = text(f"org.fault.{fault.code}", detail=fault.detail)
    return f"{' '.join(place)}: {what} [{fault.code}]"


def _line(change: Change, text: Messages) -> str:
    line = text(f"org.change.{change.kind.value}", subject=change.subject)
    post = change.post
    if post is None:
        return line
    parts = [
        line,
        text(f"post.{post.post.value}"),
        post.authority,
        post.department,
        f"{post.since:%Y-%m-%d} – {post.until:%Y-%m-%d}"
        if post.until
        else f"{post.since:%Y-%m-%d} –",
    ]
    if post.stand_in_for is not None:
        parts.append(text("org.stands_in", subject=post.stand_in_for))
    return ", ".join(parts)


def _open_accounts(
    road: OrganisationImport,
    waiting: Sequence[tuple[str, str]],
    settings: Settings,
    text: Messages,
) -> None:
    """Write the passwords down before the first of them counts."""
    passwords = {username: new_one_time_password() for username, _ in waiting}
    lines = "".join(f"{username} {password}\n" for username, password in passwords.items())
    path = settings.identity_folder / f"passwords-{system_clock():%Y%m%dT%H%M%SZ}-{token_hex(3)}"
    try:
        write_file(path.resolve(), lines.encode())
    except OSError:
        complain(f"{path}: {text('problem.unwritable')}")
        raise typer.Exit(Exit.CANNOT_CREATE) from None
    sys.stdout.write(text("org.passwords", file=str(path), count=str(len(waiting))) + "\n")
    for username, account in waiting:
        road.open_account(account, passwords[username], at=system_clock())
