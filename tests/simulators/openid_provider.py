"""A hostile OpenID provider: a real HTTP server that does its work well until told to misbehave.

    with running_provider() as simulator:
        simulator.misbehave("/keys", status(500))

It signs with the keys of `attack_tokens`, takes the time from `token_drafts.AT`, and knows one
client by its key and by its secret. `browse` is the browser: one request to an address, not led on.
"""

import json
import ssl
import threading
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

from authlib.oauth2.rfc7636 import (  # type: ignore[import-untyped]  # has no types
    create_s256_code_challenge,
)
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from simulators.attack_tokens import published_keys
from simulators.token_drafts import (
    AT,
    CLIENT,
    Json,
    TokenDraft,
    access_token_draft,
    id_token_draft,
    seconds,
)

from idp.client_authentication import generate_client_key, load_client_key

REALM = "/realms/district"
METADATA = "/.well-known/openid-configuration"
SECRET = "p:ss wörd"  # noqa: S105  # of a client that exists here alone
REDIRECT_URI = "http://a.localhost/login/callback"

Behaviour: TypeAlias = Callable[["Exchange"], None]


@cache
def client_key() -> ECKey:
    return load_client_key(generate_client_key())


@dataclass
class Exchange:
    """One request, and the connection to answer it on."""

    path: str
    query: str
    form: dict[str, str]
    authorization: str
    handler: BaseHTTPRequestHandler

    def answer(
        self,
        body: bytes,
        *,
        status: int = 200,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.handler.send_response(status)
        self.handler.send_header("Content-Type", content_type)
        self.handler.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.handler.send_header(name, value)
        self.handler.end_headers()
        self.handler.wfile.write(body)

    def answer_json(self, members: object, *, status: int = 200) -> None:
        self.answer(json.dumps(members).encode(), status=status)

    def refuse(self, error: str, *, status: int = 400) -> None:
        self.answer_json(
            {"error": error, "error_description": "as <script> as can be"}, status=status
        )


@dataclass
class OpenIdProvider:
    """What it says and does; tests change its attributes."""

    origin: str
    at: datetime = AT
    level: str | None = None
    """The level it signs in with; None: the one asked for."""
    signed_in_at: datetime | None = None
    """None: at the moment of the request."""
    has_session: bool = True
    """Whether `prompt=none` succeeds."""
    answers_with: dict[str, str] = field(default_factory=dict)
    """Parameters of the redirect that differ; an empty one is left out."""
    change_metadata: Callable[[Json], None] = lambda _: None
    change_keys: Callable[[list[Json]], None] = lambda _: None
    change_draft: Callable[[TokenDraft], None] = lambda _: None
    """Of the ID token."""
    change_answer: Callable[[Json], None] = lambda _: None
    """Of the token endpoint."""
    requests: Counter[str] = field(default_factory=Counter)
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    _grants: dict[str, Json] = field(default_factory=dict)
    _pushed: dict[str, dict[str, str]] = field(default_factory=dict)
    _assertions: set[str] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10**6)))

    @property
    def issuer(self) -> str:
        return self.origin + REALM

    def misbehave(self, path: str, behaviour: Behaviour) -> None:
        self.behaviours[path] = behaviour

    def behave(self) -> None:
        self.behaviours.clear()

    def serve(self, exchange: Exchange) -> None:
        path = exchange.path.removeprefix(REALM)
        self.requests[path] += 1
        usual: dict[str, Behaviour] = {
            METADATA: self._metadata,
            "/keys": self._keys,
            "/auth": self._authorize,
            "/token": self._token,
            "/par": self._push,
        }
        behaviour = self.behaviours.get(path) or usual.get(
            path, lambda it: it.refuse("x", status=404)
        )
        behaviour(exchange)

    def _metadata(self, exchange: Exchange) -> None:
        metadata: Json = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "pushed_authorization_request_endpoint": f"{self.issuer}/par",
            "end_session_endpoint": f"{self.issuer}/logout",
            "code_challenge_methods_supported": ["plain", "S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        self.change_metadata(metadata)
        exchange.answer_json(metadata)

    def _keys(self, exchange: Exchange) -> None:
        keys = published_keys()
        self.change_keys(keys)
        exchange.answer_json({"keys": keys})

    def _push(self, exchange: Exchange) -> None:
        if not self._knows(exchange):
            exchange.refuse("invalid_client", status=401)
            return
        request_uri = f"urn:ietf:params:oauth:request_uri:{next(self._numbers)}"
        self._pushed[request_uri] = exchange.form
        exchange.answer_json({"request_uri": request_uri, "expires_in": 60}, status=201)

    def _authorize(self, exchange: Exchange) -> None:
        asked = dict(parse_qsl(exchange.query))
        asked = self._pushed.pop(asked.get("request_uri", ""), asked)
        answer = {"state": asked["state"], "session_state": "s", "iss": self.issuer}
        if asked.get("prompt") == "none" and not self.has_session:
            answer["error"] = "login_required"
        else:
            answer["code"] = f"code-{next(self._numbers)}"
            self._grants[answer["code"]] = {**asked, "auth_time": self.signed_in_at or self.at}
        answer |= self.answers_with
        query = urlencode({name: value for name, value in answer.items() if value})
        location = f"{asked['redirect_uri']}?{query}"
        exchange.answer(b"", status=302, content_type="text/html", headers={"Location": location})

    def _token(self, exchange: Exchange) -> None:
        form = exchange.form
        if not self._knows(exchange):
            exchange.refuse("invalid_client", status=401)
            return
        if form["grant_type"] == "refresh_token":
            self._answer_tokens(exchange, {"nonce": None, "auth_time": self.at})
            return
        grant = self._grants.pop(form["code"], None)  # once
        if (
            grant is None
            or create_s256_code_challenge(form["code_verifier"]) != grant["code_challenge"]
            or form["redirect_uri"] != grant["redirect_uri"]
        ):
            exchange.refuse("invalid_grant")
            return
        self._answer_tokens(exchange, grant)

    def _answer_tokens(self, exchange: Exchange, grant: Json) -> None:
        access_token = access_token_draft(self.issuer).compact()
        draft = id_token_draft(self.issuer, access_token, grant["nonce"] or "")
        draft.claims["acr"] = self.level or grant.get("acr_values", "al1")
        draft.claims["auth_time"] = seconds(grant["auth_time"])
        draft.claims["iat"] = seconds(self.at)
        if grant["nonce"] is None:
            del draft.claims["nonce"]
        self.change_draft(draft)
        answer: Json = {
            "access_token": access_token,
            "expires_in": 300,
            "refresh_token": f"refresh-{next(self._numbers)}",
            "token_type": "Bearer",
            "id_token": draft.compact(),
            "scope": "openid",
        }
        self.change_answer(answer)
        exchange.answer_json(answer)

    def _knows(self, exchange: Exchange) -> bool:
        if exchange.authorization.startswith("Basic "):
            pair = b64decode(exchange.authorization.removeprefix("Basic ")).decode()
            return tuple(map(unquote_plus, pair.split(":"))) == (CLIENT, SECRET)
        try:
            claims = jwt.decode(exchange.form["client_assertion"], client_key(), ["ES256"]).claims
        except (JoseError, KeyError, ValueError):
            return False
        fresh = claims["jti"] not in self._assertions
        self._assertions.add(claims["jti"])
        return fresh and all(
            (
                claims["iss"] == claims["sub"] == exchange.form["client_id"] == CLIENT,
                claims["aud"] == self.issuer,
                claims["iat"] <= seconds(self.at) < claims["exp"] <= seconds(self.at) + 60,
            )
        )


@contextmanager
def running_provider(tls: ssl.SSLContext | None = None) -> Iterator[OpenIdProvider]:
    """Serve a provider on a free port of this machine; with `tls` over it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(self.rfile.read(int(self.headers["Content-Length"])))

        def _serve(self, body: bytes) -> None:
            address = urlsplit(self.path)
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            authorization = self.headers.get("Authorization", "")
            simulator.serve(Exchange(address.path, address.query, form, authorization, self))

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401  # its names
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # whoever hung up had reason to

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    scheme = "http" if tls is None else "https"
    simulator = OpenIdProvider(f"{scheme}://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield simulator
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def browse(address: str) -> str:
    """Return the query that the provider sends the browser back with."""
    parts = urlsplit(address)
    connection = HTTPConnection(parts.netloc, timeout=5)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        location = connection.getresponse().headers["Location"]
    finally:
        connection.close()
    return urlsplit(location).query


# ---- misbehaviours ----


def status(code: int, body: bytes = b"{}") -> Behaviour:
    return lambda exchange: exchange.answer(body, status=code)


def redirect(location: str, code: int = 302) -> Behaviour:
    return lambda exchange: exchange.answer(b"", status=code, headers={"Location": location})


def body(octets: bytes, content_type: str = "application/json", encoding: str = "") -> Behaviour:
    headers = {"Content-Encoding": encoding} if encoding else {}
    return lambda exchange: exchange.answer(octets, content_type=content_type, headers=headers)


def silent(until: threading.Event) -> Behaviour:
    """Take the request and say nothing."""

    def behave(exchange: Exchange) -> None:
        until.wait(10)
        exchange.handler.close_connection = True

    return behave


def dripping(head: bytes, drop: bytes, until: threading.Event) -> Behaviour:
    """Send something every few milliseconds, and never come to an end."""

    def behave(exchange: Exchange) -> None:
        exchange.handler.wfile.write(head)
        while not until.wait(0.02):
            exchange.handler.wfile.write(drop)
        exchange.handler.close_connection = True

    return behave


def endless(exchange: Exchange) -> None:
    """Send as much as the other side takes."""
    exchange.handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        exchange.handler.wfile.write(b" " * 65536)


def cut_short(exchange: Exchange) -> None:
    """Promise more than is sent, and hang up."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"
    exchange.handler.wfile.write(head)
    exchange.handler.close_connection = True


def no_http(exchange: Exchange) -> None:
    exchange.handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    exchange.handler.close_connection = True
