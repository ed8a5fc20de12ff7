"""`serve`: the web application until Ctrl-C or SIGTERM."""

import os
import signal
import socket
import sys
from contextlib import suppress
from typing import Annotated

import typer
import uvicorn

from api.app import create_app
from api.commands.common import (
    DataOption,
    Exit,
    complain,
    exit_statuses,
    read_settings,
    terminal_messages,
)
from api.jobs import running_jobs
from api.logs import configure_logs
from api.wiring import Services, open_services, system_clock

# Slow clients are cut off: an idle connection costs a telephone nothing and us a place.
KEEP_ALIVE_SECONDS = 15
GRACEFUL_SECONDS = 10  # the longest verification
# Each takes some 100 kB while it waits; a hall full of telephones has fewer at a time.
MOST_CONNECTIONS = 1_000


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
    """Serve until interrupted; leave with 75 when the address cannot be had."""
    text = terminal_messages()
    try:
        listener = listen(host, port)
    except OSError as error:
        complain(
            text(
                "command.cannot_listen",
                host=host,
                port=str(port),
                why=os.strerror(error.errno or 0),
            )
        )
        raise typer.Exit(Exit.TRY_AGAIN) from None
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(services),
            access_log=False,  # it would print paths; ours prints route templates
            log_config=None,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
        )
    )
    sys.stdout.write(text("command.serving", address=services.settings.origin) + "\n")
    sys.stdout.flush()
    # Both end it alike, so that databases and sandbox are closed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with listener, running_jobs(services), suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; raise `OSError` when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    # What is accepted inherits it. asyncio would set it only on sockets that it made itself, and
    # the second piece of an answer would wait 40 ms for the client to acknowledge the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
