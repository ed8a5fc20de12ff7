"""`serve`: the web application until Ctrl-C."""

from typing import Annotated

import typer
import uvicorn

from api.app import create_app
from api.commands.common import DataOption, exit_statuses, read_settings
from api.logs import configure_logs
from api.wiring import Services, open_services, system_clock

# Slow clients are cut off: an idle connection costs a telephone nothing and us a place.
KEEP_ALIVE_SECONDS = 15


def serve(
    *,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    data: DataOption = None,
) -> None:
    """Serve pages and the machine interface."""
    configure_logs()
    settings = read_settings(data)
    with exit_statuses(), open_services(settings, clock=system_clock) as services:
        services.office.resume(at=system_clock())
        serve_application(services, host=host, port=port)


def serve_application(services: Services, *, host: str, port: int) -> None:
    """Serve until interrupted."""
    uvicorn.run(
        create_app(services),
        host=host,
        port=port,
        access_log=False,  # it would print paths; ours prints route templates
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
