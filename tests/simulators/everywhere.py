"""A scripted browser that goes wherever it is sent: platform, portals, Keycloak.

And what it goes to: an application served in a thread of this process.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import uvicorn
from fastapi import FastAPI
from simulators.browser_session import BrowserSession, Form, Page

START_SECONDS = 30
HERE = "127.0.0.1"


class Everywhere(BrowserSession):
    """A browser that follows every redirect on this machine."""

    def __init__(self, *, language: str = "en") -> None:
        """Open an empty jar."""
        super().__init__("http:/", language=language)
        self.client.close()
        self.client = httpx.Client(
            trust_env=False,
            timeout=20,
            headers={"Accept-Language": language, "Accept": "text/html"},
            transport=_Loopback(),
        )

    def submit(self, form: Form, **fields: str) -> Page:
        """Send a form as a browser does: with the origin of the page it stands on."""
        address = urlsplit(form.action)
        origin = f"{address.scheme}://{address.netloc}"  # every form here is sent to its own site
        data = {**form.fields, **fields}
        headers = {"Origin": origin, "Referer": f"{origin}/"}
        return self._follow(
            self.client.build_request("POST", form.action, data=data, headers=headers)
        )

    def press(self, page: Page, path: str, **fields: str) -> Page:
        """Send the form of a page that goes to `path`."""
        form = next(form for form in page.forms if urlsplit(form.action).path == path)
        return self.submit(form, **fields)

    def cookies(self) -> dict[str, str]:
        """Return the cookies of all sites; their names say whose they are."""
        return {cookie.name: cookie.value or "" for cookie in self.client.cookies.jar}


class _Loopback(httpx.HTTPTransport):
    """Finds every name under `localhost` on this machine, as browsers do."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        if host.endswith(".localhost"):
            url = request.url.copy_with(host=HERE)  # the Host header stays
            request = httpx.Request(
                request.method, url, headers=request.headers, stream=request.stream
            )
        return super().handle_request(request)


@contextmanager
def serving(app: FastAPI, port: int) -> Iterator[None]:
    """Serve an application on a port of this machine, in a thread."""
    config = uvicorn.Config(app, host=HERE, port=port, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until = time.monotonic() + START_SECONDS
        while not server.started:
            assert time.monotonic() < until, "the application did not start"
            time.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        thread.join()
