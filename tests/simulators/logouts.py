"""Logout tokens signed by hand, and a portal that takes them as badly as a test wants."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs

from joserfc import jws
from joserfc.jwk import ECKey

from certs.database import Transactions, open_engine
from hsm.databases import upgrade
from idp.errors import InvalidTokenError
from idp.faults import TokenFault
from idp.personal_data import PersonalData
from idp.provider_keys import SigningKey
from idp.tokens import LOGOUT_EVENT
from signing.envelope import DataKey, IndexKey

ISSUER = "https://provider.example/realms/test"
KEY_ID = "k1"

_numbers = count(1)


@cache
def provider_key() -> ECKey:
    """Return the key of a provider that is nowhere else."""
    return ECKey.generate_key("P-256")


class HandMadeKeys:
    """The keys of that provider, without the provider."""

    oidc_issuer = ISSUER

    def key(self, kid: str, alg: str, *, at: datetime) -> SigningKey:
        """Return its one key."""
        if (kid, alg) != (KEY_ID, "ES256"):
            raise InvalidTokenError(TokenFault.UNKNOWN_KEY)
        return provider_key()


def logout_token(
    client_id: str,
    *,
    at: datetime,
    session_id: str | None = "s1",
    account: str | None = "a1",
    **changes: object,
) -> str:
    """Return a logout token as Keycloak makes them, another one each time."""
    claims = {
        "iss": ISSUER,
        "aud": client_id,
        "iat": int(at.timestamp()),
        "exp": int((at + timedelta(seconds=120)).timestamp()),
        "jti": f"jti-{next(_numbers)}",
        "typ": "Logout",
        "sid": session_id,
        "sub": account,
        "events": {LOGOUT_EVENT: {}},
        **changes,
    }
    said = {name: value for name, value in claims.items() if value is not None}
    header = {"alg": "ES256", "kid": KEY_ID, "typ": "logout+jwt"}
    return jws.serialize_compact(header, json.dumps(said).encode(), provider_key())


@dataclass
class EndedSessions:
    """Keeps no sessions, only what it was told to end."""

    ended: list[tuple[str, str]] = field(default_factory=list)

    def end_by_session_id(self, session_id: str) -> int:
        """Note it."""
        self.ended.append(("session", session_id))
        return 1

    def end_by_account(self, account: str) -> int:
        """Note it."""
        self.ended.append(("account", account))
        return 1


@dataclass
class Portal:
    """Where a portal takes logout tokens."""

    port: int
    received: list[str] = field(default_factory=list)
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    loses_answer: bool = False
    """It takes the token and hangs up."""
    asked: threading.Event = field(default_factory=threading.Event)
    may_answer: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        """What stands in its YAML."""
        return f"http://127.0.0.1:{self.port}/logout/backchannel"


@contextmanager
def open_portal(port: int = 0) -> Iterator[Portal]:
    """Let a portal answer as its attributes say, until the end of the block."""
    with HTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler) as server:
        portal = Portal(server.server_address[1])
        portal.may_answer.set()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                portal.received += parse_qs(body)["logout_token"]
                portal.asked.set()
                portal.may_answer.wait(20)
                if portal.loses_answer:
                    return
                self.send_response(portal.status)
                for name, value in portal.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(portal.body)))
                self.end_headers()
                self.wfile.write(portal.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                pass

        server.RequestHandlerClass = Handler
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield portal
        finally:
            portal.may_answer.set()
            server.shutdown()
            thread.join()


@contextmanager
def identity_database(address: str) -> Iterator[tuple[Transactions, PersonalData]]:
    """Return an identity database of one's own."""
    engine = open_engine(address)
    upgrade(engine, "identity")
    try:
        yield (
            Transactions(engine),
            PersonalData(DataKey.generate("data"), IndexKey.generate("index")),
        )
    finally:
        engine.dispose()


def sqlite_address(folder: Path) -> str:
    """Return where such a database may lie."""
    return f"sqlite:///{folder / 'identity.db'}"
