"""The command `zhengyin`."""

import typer

from api.commands import issuing, org, portals, realm, serving, systems, upkeep, verifying

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a trace with local values would print personal data
    help="Electronic certificates: issued, sealed, registered, verified.",
)
app.command()(upkeep.init)
app.command()(issuing.issue)
app.command()(issuing.resume)
app.command()(verifying.verify)
app.command()(verifying.extract)
app.command()(upkeep.types)
app.command()(upkeep.authorities)
app.command()(upkeep.show)
app.command()(upkeep.revoke)
app.command()(serving.serve)
app.add_typer(upkeep.trust, name="trust")
app.add_typer(upkeep.ledger, name="ledger")
app.add_typer(org.org, name="org")
app.add_typer(realm.realm, name="realm")
app.add_typer(portals.portals, name="portals")
app.add_typer(systems.systems, name="systems")


def main() -> None:
    """Run the command line."""
    app()
