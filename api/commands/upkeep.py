"""What the operator looks at and looks after: set-up, catalogue, register, ledger, anchors."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from api.commands.common import (
    DataOption,
    Exit,
    JsonOption,
    complain,
    exit_statuses,
    read_settings,
    terminal_messages,
    write_output,
)
from api.identity import upgrade_database
from api.office import OPERATOR, initialise, open_office
from api.trust import AnchorUse, open_trust
from api.wiring import system_clock
from certs.authorities import Authorities
from certs.catalogue import Catalogue
from certs.lifecycle import LegalKind
from certs.reconciliation import NotReconciledError
from certs.type_check import check_type
from hsm.errors import LedgerBrokenError

Number = Annotated[str, typer.Argument(metavar="NUMBER", show_default=False)]


def init(*, data: DataOption = None) -> None:
    """Make databases, key store and, in development, sample authorities, seals and types."""
    settings = read_settings(data)
    with exit_statuses():
        missing = initialise(settings, clock=system_clock)
        upgrade_database(settings)
    text = terminal_messages()
    sys.stdout.write(text("command.initialised", folder=str(settings.data)) + "\n")
    for name in missing:
        sys.stdout.write(f"  {text('command.missing', folder=str(settings.data / name))}\n")


def types(
    *,
    as_json: JsonOption = False,
    check: Annotated[
        Path | None, typer.Option(metavar="DIR", help="List a folder's faults.")
    ] = None,
    data: DataOption = None,
) -> None:
    """List the catalogue, or every fault of one type's folder."""
    settings = read_settings(data)
    if check is not None:
        faults = check_type(check, at=system_clock())
        for fault in faults:
            complain(f"{check / fault.pointer}: {fault.code} {fault.detail}".rstrip())
        raise typer.Exit(Exit.BAD_DATA if faults else Exit.OK)
    with exit_statuses():
        catalogue = Catalogue.load(settings.data / "types")
    rows = [
        {
            "code": kind.code,
            "version": kind.version,
            "slug": kind.slug,
            "name": kind.name_zh,
            "name_en": kind.name_en,
            "form": kind.form.value,
            "public_register": kind.public_register,
            "sm3": kind.sm3,
        }
        for kind in catalogue
    ]
    _list(rows, as_json=as_json)


def authorities(*, as_json: JsonOption = False, data: DataOption = None) -> None:
    """List the issuing authorities."""
    settings = read_settings(data)
    with exit_statuses():
        found = Authorities.load(settings.data / "authorities")
    rows = [
        {
            "uscc": authority.uscc,
            "name": authority.name,
            "area": authority.area,
            "seal": authority.seal_id,
            "types": ", ".join(sorted(authority.types)),
        }
        for authority in found
    ]
    _list(rows, as_json=as_json)


def show(number: Number, *, as_json: JsonOption = False, data: DataOption = None) -> None:
    """Show one entry of the register, holder masked."""
    settings = read_settings(data)
    at = system_clock()
    with exit_statuses(), open_office(settings, clock=system_clock) as office:
        certificate = office.register.get(number)
        events = office.register.events(certificate)
    entry = {
        "number": certificate.number,
        "identifier": certificate.identifier,
        "type": certificate.type_name,
        "authority": certificate.authority_name,
        "status": certificate.status_at(at),
        "as_of": at.isoformat(),
        "registered_at": certificate.registered_at.isoformat(),
        "file_sm3": certificate.file_sm3,
        "page": f"{settings.origin}/c/{certificate.code}",
        **certificate.public_fields,
        "events": [
            {"act": event.act, "legal_kind": event.legal_kind, "at": event.at.isoformat()}
            for event in events
        ],
    }
    if as_json:
        json.dump(entry, sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
        return
    for name, value in entry.items():
        if name != "events":
            sys.stdout.write(f"{name:16}{value}\n")
    for event in events:
        kind = event.legal_kind.value if event.legal_kind else ""
        sys.stdout.write(f"{event.act.value:16}{event.at.isoformat()} {kind}".rstrip() + "\n")


def revoke(
    number: Number,
    *,
    reason: Annotated[LegalKind, typer.Option(help="On which ground of the law.")],
    data: DataOption = None,
) -> None:
    """Put a certificate out of force."""
    settings = read_settings(data)
    with exit_statuses(), open_office(settings, clock=system_clock) as office:
        office.register.revoke(number, reason, officer=OPERATOR, at=system_clock())
    sys.stdout.write(f"{number} {terminal_messages()(f'legal_kind.{reason}')}\n")


ledger = typer.Typer(no_args_is_help=True, help="The record of every use of a key.")


@ledger.command("verify")
def verify_ledger(*, data: DataOption = None) -> None:
    """Prove the chain of the ledger and reconcile it with the register, both ways."""
    settings = read_settings(data)
    text = terminal_messages()
    with exit_statuses(), open_office(settings, clock=system_clock) as office:
        try:
            office.ledger.verify_chain()
            office.permissions.verify_evidence()
            office.reconciliation.verify()
        except LedgerBrokenError as error:
            complain(text("command.ledger_broken", row=str(error.number)))
            raise typer.Exit(Exit.FAILED) from None
        except NotReconciledError as error:
            complain(text("command.ledger_differs", row=str(error)))
            raise typer.Exit(Exit.FAILED) from None
        head = office.ledger.head()
    sys.stdout.write(text("command.ledger_good", count=str(head.number), head=head.sm3) + "\n")


trust = typer.Typer(no_args_is_help=True, help="Anchors: ours for others, others' for us.")


@trust.command("export")
def export_trust(
    *,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="ROOTS.pem")],
    data: DataOption = None,
) -> None:
    """Write our roots: all that others need to check what we issue."""
    settings = read_settings(data)
    with exit_statuses():
        roots = open_trust(settings).export_roots()
    write_output(output, roots.encode("ascii"))


@trust.command("import")
def import_trust(
    file: Path,
    *,
    use: Annotated[AnchorUse, typer.Option(help="What they are trusted for.")],
    since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"])],
    until: Annotated[datetime, typer.Option("--until", formats=["%Y-%m-%d"])],
    data: DataOption = None,
) -> None:
    """Trust the anchors of others for a use and a time."""
    if until < since:
        raise typer.BadParameter("before --from", param_hint="--until")
    settings = read_settings(data)
    text = terminal_messages()
    try:
        unverified_pem = file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        complain(f"{file}: {text('problem.unreadable')}")
        raise typer.Exit(Exit.UNREADABLE) from None
    with exit_statuses():
        count = open_trust(settings).add(
            unverified_pem, use, since=since.date(), until=until.date()
        )
    sys.stdout.write(text("command.trusted", count=str(count)) + "\n")


def _list(rows: Sequence[Mapping[str, object]], *, as_json: bool) -> None:
    if as_json:
        json.dump(rows, sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
        return
    table = Table(box=None, header_style="bold")
    for name in rows[0] if rows else ():
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console(highlight=False).print(table)
