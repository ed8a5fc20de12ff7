"""`verify` and `extract`: the report on files, and the data of those that pass."""

import json
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TextIO

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
from api.messages import Messages
from api.rendering import format_moment
from api.settings import Settings
from api.verification_log import new_verification_id
from api.wiring import open_verifier, system_clock
from verify.errors import VerifyError
from verify.pdf import extract_sealed_data
from verify.policy import POLICIES
from verify.report import Depth, VerificationReport
from verify.verifier import MAX_FILE_OCTETS, Verifier

_STYLES = {
    "valid": "bold green",
    "genuine": "bold blue",
    "changed_later": "bold magenta",
    "not_in_force": "bold yellow",
    "cannot_confirm": "bold white",
    "invalid": "bold red",
}
# Worst first: one unreadable file outweighs every verdict.
_WORST = (Exit.UNREADABLE, 1, 2, 0)

Files = Annotated[list[Path], typer.Argument(help="PDF files.", show_default=False)]
MomentOption = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
        help="Judge as of this moment; UTC unless it names an offset.",
        show_default=False,
    ),
]
TrustOption = Annotated[
    Path | None, typer.Option("--trust", help="Anchors as PEM instead of our own.")
]


class PolicyName(StrEnum):
    """The policies to choose from."""

    OFFICE = "office"
    SEAL_ONLY = "seal-only"


def verify(  # noqa: PLR0913 - these are the command's options
    files: Files,
    *,
    data: DataOption = None,
    as_json: JsonOption = False,
    at: MomentOption = None,
    trust: TrustOption = None,
    policy: Annotated[PolicyName | None, typer.Option(help="By which rules.")] = None,
    depth: Annotated[Depth, typer.Option(help="How much JSON tells.")] = Depth.DETAILED,
) -> None:
    """Say of each FILE whether it is genuine, unchanged and in force."""
    settings = read_settings(data)
    moment = at or system_clock()
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    chosen = policy or default_policy(settings, trust)
    with exit_statuses(), open_verifier(settings, POLICIES[chosen], trust, at=moment) as verifier:
        outcomes = [_verify_file(verifier, _read_file(path), moment) for path in files]
    if as_json:
        reports = [
            {"file": str(path)} | (_as_dict(outcome, depth))
            for path, outcome in zip(files, outcomes, strict=True)
        ]
        json.dump(reports, sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
    else:
        _print_reports(list(zip(files, outcomes, strict=True)), terminal_messages())
    statuses = {
        outcome.exit_status if isinstance(outcome, VerificationReport) else Exit.UNREADABLE
        for outcome in outcomes
    }
    raise typer.Exit(next(status for status in _WORST if status in statuses))


def extract(
    file: Annotated[Path, typer.Argument(help="A sealed PDF.", show_default=False)],
    *,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Else to the screen.")
    ] = None,
    data: DataOption = None,
    trust: TrustOption = None,
) -> None:
    """Write the sealed data of FILE, only if the file passes."""
    settings = read_settings(data)
    at = system_clock()
    policy = default_policy(settings, trust)
    with exit_statuses(), open_verifier(settings, POLICIES[policy], trust, at=at) as verifier:
        unverified_file = _read_file(file)
        outcome = _verify_file(verifier, unverified_file, at)
    if unverified_file is None or isinstance(outcome, str):
        complain(f"{file}: {terminal_messages()(f'problem.{outcome}')}")
        raise typer.Exit(Exit.UNREADABLE)
    if outcome.exit_status != Exit.OK:
        _print_reports([(file, outcome)], terminal_messages(), stream=sys.stderr)
        raise typer.Exit(outcome.exit_status)
    sealed = extract_sealed_data(unverified_file)
    if sealed is None:
        complain(terminal_messages()("command.no_data"))
        raise typer.Exit(Exit.BAD_DATA)
    if output is None:
        sys.stdout.write(sealed.decode() + "\n")
    else:
        write_output(output, sealed)


def default_policy(settings: Settings, trust: Path | None) -> PolicyName:
    """Return `office` where a register is configured and no anchors are given."""
    asks = settings.keeps_a_register and trust is None
    return PolicyName.OFFICE if asks else PolicyName.SEAL_ONLY


def _read_file(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_OCTETS + 1)
    except OSError:
        return None


def _verify_file(
    verifier: Verifier, unverified_file: bytes | None, at: datetime
) -> VerificationReport | str:
    if unverified_file is None:
        return "unreadable"
    try:
        return verifier.verify(unverified_file, at=at, report_id=new_verification_id())
    except VerifyError as error:
        return error.code


def _as_dict(outcome: VerificationReport | str, depth: Depth) -> dict[str, Any]:
    return {"error": outcome} if isinstance(outcome, str) else outcome.as_dict(depth)


def _print_reports(
    outcomes: list[tuple[Path, VerificationReport | str]],
    text: Messages,
    stream: TextIO | None = None,
) -> None:
    console = Console(file=stream, highlight=False)
    for path, outcome in outcomes:
        if isinstance(outcome, str):
            console.print(f"{path}: {text(f'problem.{outcome}')}", style="bold red", markup=False)
            continue
        console.print(f"{path}", markup=False)
        console.print(
            f"  {text(f'verdict.{outcome.verdict}')}", style=_STYLES[outcome.verdict], markup=False
        )
        kind = outcome.certificate.legal_kind if outcome.certificate else None
        filled = {"legal_kind": text(f"legal_kind.{kind}") if kind else text("status.revoked")}
        for reason in outcome.reason_codes:
            console.print(f"  {text(f'reason.{reason}.why', **filled)} [{reason}]", markup=False)
        console.print(f"  {text(f'reason.{outcome.reason_code}.next')}", markup=False)
        _print_table(console, outcome, text)


def _print_table(console: Console, report: VerificationReport, text: Messages) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2))
    certificate = report.certificate
    if certificate:
        table.add_row(text("page.report.certificate"), certificate.type_name)
        table.add_row(text("page.report.number"), certificate.number)
        table.add_row(text("page.report.authority"), certificate.authority_name)
    as_of = report.status_as_of
    table.add_row(
        text("page.report.status_as_of"),
        format_moment(as_of) if as_of else text("page.report.not_asked"),
    )
    table.add_row(text("page.report.policy"), text(f"policy.{report.policy.name}"))
    table.add_row(text("page.report.id"), report.id)
    console.print(table)
