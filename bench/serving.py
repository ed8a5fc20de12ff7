"""An application served by uvicorn in a thread of this process, as `serve` does it."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from fastapi import FastAPI

from api.commands.serving import listen

START_SECONDS = 30
IDLE_SECONDS = 300  # between two of its turns a connection waits for everybody else's


@contextmanager
def serving(app: FastAPI, *, port: int = 0) -> Iterator[int]:
    """Serve `app` on this machine, its log going nowhere; give the port, a free one for 0."""
    listener = listen("127.0.0.1", port)
    port = listener.getsockname()[1]
    config = uvicorn.Config(app, access_log=False, log_config=None, timeout_keep_alive=IDLE_SECONDS)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - a device
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(nowhere))
        thread.start()
        try:
            _wait(server)
            yield port
        finally:
            server.should_exit = True
            thread.join()


def _wait(server: uvicorn.Server) -> None:
    until = time.monotonic() + START_SECONDS
    while not server.started:
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.01)
