"""Row 6: a page behind a session, beside a route that renders the same template for nobody."""

import http.client
from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from simulators.signed_in import hand_made, identity_of
from simulators.web import BROWSER, CHINESE

from api.app import create_app
from api.identity import upgrade_database
from api.office import initialise
from api.pages.signing_in import DOORS
from api.rendering import render
from api.settings import Settings
from api.visitors import Visitor
from api.wiring import Services, open_services
from bench.measuring import Work, compare
from bench.office import scratch
from bench.rows import Goal, Row, compare_table
from bench.serving import serving
from idp.client_authentication import generate_client_key
from idp.sessions import session_cookie

ROUNDS = 15
REPEATS = 100
LEAST = 0.6
BARE_PATH = "/bare"
BEHIND, BARE = "`/me` behind a session", "the same template, bare"

NOTES = """
- uvicorn with one worker, our whole application, a client on one kept connection; both routes on
  the same worker and through the same middleware, {octets} octets each.
- Behind a session: the cookie's SM3, the row of the session (SQLite), its limits, the claims
  decrypted (SM4) for the name in the header; for whom the person acts, and his posts.
- Bare: a route without dependencies; who the template speaks of was looked up once, before.
"""


def measure() -> Row:
    """Measure the row."""
    started = datetime.now(UTC)
    with scratch() as folder:
        settings = Settings(data=folder)
        initialise(settings, clock=lambda: started)
        upgrade_database(settings)
        key_file = settings.client_key_file
        key_file.parent.mkdir(exist_ok=True)
        key_file.write_bytes(generate_client_key())
        with open_services(settings, clock=lambda: started) as services:
            return _measure(services, started)


def _measure(services: Services, at: datetime) -> Row:
    identity = identity_of(services)
    session, cookie = identity.sessions.open(hand_made(at=at), at=at)
    app = create_app(services, rate_limited=False)
    _add_bare_route(app, Visitor(session, identity, at))
    name = session_cookie(services.settings.identity.client_id)
    with serving(app) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        headers = {**BROWSER, **CHINESE, "Cookie": f"{name}={cookie}"}

        def get(path: str) -> bytes:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != HTTPStatus.OK:
                raise ValueError(answer.status)
            return body

        octets = _verify_same(get("/me"), get(BARE_PATH))
        timings = compare(
            {
                BEHIND: Work(lambda: get("/me"), REPEATS),
                BARE: Work(lambda: get(BARE_PATH), REPEATS),
            },
            rounds=ROUNDS,
        )
        connection.close()
    share = 1 / timings[BEHIND].wall_ratio(timings[BARE])
    goal = Goal("requests a second beside bare", f"≥ {LEAST:.0%}", f"{share:.0%}", share >= LEAST)
    return Row(
        "6 · A page behind a session",
        [goal],
        [compare_table(timings, timings[BARE])],
        NOTES.format(octets=octets),
    )


def _add_bare_route(app: FastAPI, visitor: Visitor) -> None:
    def bare(request: Request) -> Response:
        request.state.visitor = visitor
        return render(request.scope, "me.html", session=visitor.session, doors=DOORS)

    app.add_api_route(BARE_PATH, bare, include_in_schema=False)


def _verify_same(page: bytes, bare: bytes) -> int:
    """Return the length of the page; raise `ValueError` unless the bare one says the same."""
    if page != bare.replace(BARE_PATH.encode(), b"/me"):
        raise ValueError("another page")
    return len(page)
