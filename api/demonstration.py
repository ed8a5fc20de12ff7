"""The main job of `make run`: issue every sample type, verify each file, show a table, serve.

The idempotency keys are fixed, so a second start shows the same certificates.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from pydantic import HttpUrl
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.commands.common import (
    Exit,
    exit_statuses,
    read_settings,
    terminal_messages,
)
from api.commands.serving import serve_application
from api.demonstration_identity import identity_is_ready, run_beside
from api.logs import configure_logs
from api.office import initialise
from api.production import verify_fit_for_demonstration
from api.settings import Settings
from api.wiring import Services, open_services, system_clock
from certs.issuance import Issued
from certs.orders import parse_order, read_order
from hsm.files import write_file
from idp.server.process import free_port
from verify.report import Verdict, VerificationReport


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample certificate, issued and verified."""

    file: Path
    number: str
    code: str
    type_name: str
    authority_name: str
    report: VerificationReport


def main(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    once: Annotated[bool, typer.Option(help="Stop when everything was shown.")] = False,
    identity: Annotated[bool, typer.Option(help="With Keycloak, so that people sign in.")] = True,
) -> None:
    """Set up, issue and verify the samples, print the table, then serve until Ctrl-C."""
    configure_logs()
    settings = _settings_at(port)
    with exit_statuses():
        verify_fit_for_demonstration(settings)
        initialise(settings, clock=system_clock)
        identity = identity_is_ready(settings, wanted=identity)
        with open_services(settings, clock=system_clock, identity=identity) as services:
            services.office.resume(at=system_clock())
            samples = list(issue_samples(services, settings.data / "samples"))
            print_table(samples, settings.origin)
            good = bool(samples) and all(
                sample.report.verdict is Verdict.VALID for sample in samples
            )
            if not good:
                raise typer.Exit(Exit.FAILED)
            if not identity:
                if not once:
                    serve_application(services, host="127.0.0.1", port=port)
                return
            with run_beside(settings, port=port, once=once) as beside:
                serve_application(services, host="127.0.0.1", port=port)
            if once:
                raise typer.Exit(beside.status)


def _settings_at(port: int) -> Settings:
    settings = read_settings(None)
    if "public_url" not in settings.model_fields_set:
        # The samples' QR codes lead to this very server, unless the environment says where else.
        here = HttpUrl(f"http://localhost:{port}")
        settings = settings.model_copy(update={"public_url": here})
    if settings.identity.bases_url is None:
        bases = {"bases_url": HttpUrl(f"http://127.0.0.1:{free_port()}")}
        identity = settings.identity.model_copy(update=bases)
        settings = settings.model_copy(update={"identity": identity})
    return settings


def issue_samples(services: Services, folder: Path) -> Iterator[Sample]:
    """Issue each sample type by each authority entitled to it, and verify the file it gives."""
    office = services.office
    folder.mkdir(parents=True, exist_ok=True)
    for kind in office.catalogue:
        for authority in office.authorities.entitled(kind):
            order = parse_order(
                read_order((kind.folder / "sample.json").read_bytes()),
                certificate_type=kind,
                authorities=office.authorities,
                authority_uscc=authority.uscc,
                at=services.clock(),
            )
            key = f"sample-{kind.slug}-{kind.version}-{authority.uscc}"
            result = office.issue_one(order, key=key, at=services.clock())
            if not isinstance(result, Issued):
                raise result.error
            certificate = result.certificate
            path = folder / f"{certificate.number}.pdf"
            write_file(path, result.data, replace=True)
            yield Sample(
                path,
                certificate.number,
                certificate.code,
                certificate.type_name,
                certificate.authority_name,
                services.verify(path.read_bytes()),
            )


def print_table(samples: list[Sample], origin: str) -> None:
    """Print verdict, number, file and addresses of each sample."""
    text = terminal_messages()
    console = Console(highlight=False)
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE)
    for heading in ("verdict", "number", "certificate"):
        table.add_column(text(f"command.column.{heading}"))
    for sample in samples:
        verdict = sample.report.verdict
        style = "bold green" if verdict is Verdict.VALID else "bold red"
        table.add_row(
            Text(text(f"verdict.{verdict}"), style=style),
            sample.number,
            Text(f"{sample.type_name}\n{sample.authority_name}"),
        )
    console.print(table)
    for sample in samples:
        # Addresses stand on lines of their own, so that a terminal lets one click them.
        console.out(f"{sample.file}\n  {origin}/c/{sample.code}", highlight=False)
    console.out(text("command.verify_here", address=f"{origin}/verify"), highlight=False)


if __name__ == "__main__":
    typer.run(main)
