"""`issue` and `resume`: one certificate, in development; what a crash left."""

import json
import sys
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Any

import typer

from api.commands.common import (
    DataOption,
    Exit,
    JsonOption,
    complain,
    exit_status_of,
    exit_statuses,
    explain,
    read_settings,
    terminal_messages,
    write_output,
)
from api.office import open_office
from api.settings import Environment
from api.wiring import system_clock
from certs.entries import ECertificate
from certs.issuance import Issued
from certs.orders import parse_order, read_order
from hsm.errors import ApprovalRejectedError


def issue(  # noqa: PLR0913 - these are the command's options
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="Code or short name.")],
    order: Annotated[Path, typer.Argument(metavar="ORDER.json")],
    *,
    authority: Annotated[str | None, typer.Option(help="USCC of the issuing authority.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="OUT.pdf")] = None,
    key: Annotated[str | None, typer.Option(help="Idempotency key.")] = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Issue one sealed certificate; the same --key gives the same certificate for ever."""
    settings = read_settings(data)
    text = terminal_messages()
    try:
        unverified_order = order.read_bytes()
    except OSError:
        complain(f"{order}: {text('problem.unreadable')}")
        raise typer.Exit(Exit.UNREADABLE) from None
    with exit_statuses(), open_office(settings, clock=system_clock) as office:
        if settings.env is not Environment.DEVELOPMENT:
            raise ApprovalRejectedError("an operator issues in development only")
        parsed = parse_order(
            read_order(unverified_order),
            certificate_type=office.catalogue.find(kind),
            authorities=office.authorities,
            authority_uscc=authority,
            at=system_clock(),
        )
        if key is None:
            key = token_hex(16)
            complain(text("command.key", key=key))
        result = office.issue_one(parsed, key=key, at=system_clock())
        if not isinstance(result, Issued):
            explain(result.error)
            raise typer.Exit(exit_status_of(result.error))
    target = output or Path(f"{result.certificate.number}.pdf")
    write_output(target, result.data)
    _tell(result.certificate, target, as_json=as_json, origin=settings.origin)


def _tell(certificate: ECertificate, target: Path, *, as_json: bool, origin: str) -> None:
    facts: dict[str, Any] = {
        "number": certificate.number,
        "identifier": certificate.identifier,
        "code": certificate.code,
        "status": certificate.status_at(system_clock()),
        "file_sm3": certificate.file_sm3,
        "file": str(target),
        "page": f"{origin}/c/{certificate.code}",
    }
    if as_json:
        json.dump(facts, sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
        return
    for name, value in facts.items():
        sys.stdout.write(f"{name:12}{value}\n")


def resume(*, data: DataOption = None) -> None:
    """Finish or give up what a crash left."""
    settings = read_settings(data)
    with exit_statuses(), open_office(settings, clock=system_clock) as office:
        outcome = office.resume(at=system_clock())
    sys.stdout.write(
        terminal_messages()(
            "command.resumed",
            issued=str(outcome.issued),
            refused=str(outcome.refused),
            closed=str(outcome.closed),
        )
        + "\n"
    )
