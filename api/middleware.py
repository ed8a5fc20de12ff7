"""What holds for every request: an id, an access log without personal data, headers, limits.

Plain ASGI, so that bodies stream: no middleware here ever holds a whole request or answer.
"""

import asyncio
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import answer_problem, answer_unexpected
from certs.orders import MOST_ORDER_OCTETS
from certs.portraits import LARGEST_PICTURE
from verify.verifier import MAX_FILE_OCTETS

# The largest file, and the few lines that multipart puts around it.
LARGEST_UPLOAD = MAX_FILE_OCTETS + 64 * 1024
# A portrait in base64, and everything else of a draft.
LARGEST_DRAFT = LARGEST_PICTURE + MOST_ORDER_OCTETS
DRAFT_PATHS = ("/office/drafts/", "/v1/drafts", "/v1/certificates")
# Nothing but an upload and a draft is longer than a form.
LARGEST_OTHER_BODY = 64 * 1024
# The largest file over a telephone's 1.5 Mbit/s.
SECONDS_TO_SEND = 120
BACKCHANNEL = "/logout/backchannel"
UPLOADS = frozenset({("POST", "/v1/verifications"), ("POST", "/verify")})

# Any word may stand where the method stands; each that is counted takes memory for ever.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_log = structlog.get_logger("access")
_requests = Counter("zhengyin_http_requests", "Answers", ["method", "route", "status"])
_seconds = Histogram("zhengyin_http_seconds", "Time to the end of the answer", ["route"])

# Everything the pages need comes from this origin; nothing may frame, sniff or learn where from.
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # To ourselves only. With "no-referrer" browsers would not say whose page sent a form either.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# A page whose route sets this in its request's state may run scripts of ours; no other page may.
OWN_SCRIPTS = "own_scripts"
HSTS = "max-age=31536000; includeSubDomains"  # a year, as browsers' preload lists ask
TRY_AGAIN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
RETRY_SECONDS = 5  # "shortly": a verification takes a fraction of a second


class AccessLog:
    """Give each request an id and log its route template, never its path."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, then log method, template, status and milliseconds."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        status = int(HTTPStatus.INTERNAL_SERVER_ERROR)

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            seconds = time.perf_counter() - started
            template = getattr(scope.get("route"), "path", "(none)")
            method = scope["method"] if scope["method"] in METHODS else "(other)"
            _requests.labels(method, template, status).inc()
            _seconds.labels(template).observe(seconds)
            _log.info(
                "request",
                method=method,
                route=template,
                status=status,
                ms=round(seconds * 1000, 1),
            )


class SecurityHeaders:
    """Put the headers above on every answer; a route may make its own stricter, never drop them."""

    def __init__(self, app: ASGIApp, *, https: bool, form_targets: Sequence[str] = ()) -> None:
        """Wrap `app`; `https` says that the public address is one.

        `form_targets` are other origins to which the answer to a form may lead.
        """
        self._app = app
        self._headers = SECURITY_HEADERS | ({"Strict-Transport-Security": HSTS} if https else {})
        policy = self._headers["Content-Security-Policy"]
        targets = " ".join(("form-action 'self'", *form_targets))
        self._headers["Content-Security-Policy"] = policy.replace("form-action 'self'", targets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve with the headers added."""

        async def add_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if scope.get("state", {}).get(OWN_SCRIPTS):
                    headers["Content-Security-Policy"] += "; script-src 'self'"
                headers.setdefault("Cache-Control", "no-store")
                if message["status"] in TRY_AGAIN:
                    headers["Retry-After"] = str(RETRY_SECONDS)
            await send(message)

        await self._app(scope, receive, add_headers)


class Unexpected:
    """Answer 500 where an error of ours escapes; nothing of its words leaves the process."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve; once an answer has begun, the error breaks the connection instead."""
        answering = False

        async def note_start(message: Message) -> None:
            nonlocal answering
            answering = True
            await send(message)

        try:
            await self._app(scope, receive, note_start)
        except Exception as error:
            if answering or scope["type"] != "http":
                raise
            await answer_unexpected(scope, error)(scope, receive, send)


class BodyTooLargeError(Exception):
    """Raised into the reader of a body when more octets arrive than its route may take."""


class BodyTooSlowError(Exception):
    """Raised into the reader of a body that has not arrived in time."""


class BodyLimit:
    """Count a body while it streams: 413 at the limit, 408 at the deadline, and no more is read."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve; answer 413 at once where the declared or the counted length is too large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = _largest_body(scope)
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            await answer_problem(scope, "document_too_large")(scope, receive, send)
            return
        received = 0
        complete = answering = False
        deadline = asyncio.get_running_loop().time() + SECONDS_TO_SEND

        async def count() -> Message:
            nonlocal received, complete
            try:
                async with asyncio.timeout_at(None if complete else deadline):
                    message = await receive()
            except TimeoutError:
                raise BodyTooSlowError from None
            received += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if received > limit:
                raise BodyTooLargeError
            return message

        async def note_start(message: Message) -> None:
            nonlocal answering
            answering = True
            await send(message)

        try:
            await self._app(scope, count, note_start)
        except (BodyTooLargeError, BodyTooSlowError) as error:
            if answering:
                raise
            if isinstance(error, BodyTooLargeError):
                answer = answer_problem(scope, "document_too_large")
            else:
                timeout = HTTPStatus.REQUEST_TIMEOUT
                answer = answer_problem(scope, "invalid_request", status=timeout)
            await answer(scope, receive, send)


def _largest_body(scope: Scope) -> int:
    if (scope["method"], scope["path"]) in UPLOADS:
        return LARGEST_UPLOAD
    if scope["path"].startswith(DRAFT_PATHS):
        return LARGEST_DRAFT
    return LARGEST_OTHER_BODY


def client_of(scope: Scope) -> str:
    """Return whom a rate limit counts: an IPv4 address, or the /64 that one IPv6 user is given."""
    unverified_host = (scope.get("client") or ("",))[0]
    try:
        address = ipaddress.ip_address(unverified_host)
    except ValueError:
        return str(unverified_host)
    if address.version == 4:  # noqa: PLR2004 - the version
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))


@dataclass(slots=True)
class _Bucket:
    left: float
    filled_at: float


@dataclass(slots=True)
class TokenBuckets:
    """How often each client may come: `burst` at once, then `per_second`.

    Bounded: of the clients least lately seen some are forgotten, which only ever gives more.
    """

    burst: float
    per_second: float
    clock: Callable[[], float] = time.monotonic
    most_clients: int = 20_000  # 2 MB at the most; more clients a minute are an attack
    _buckets: OrderedDict[str, _Bucket] = field(default_factory=OrderedDict)

    def take(self, client: str) -> bool:
        """Take one from the client's bucket; tell whether there was one."""
        moment = self.clock()
        bucket = self._buckets.pop(client, None) or _Bucket(self.burst, moment)
        filled = bucket.left + (moment - bucket.filled_at) * self.per_second
        bucket.left, bucket.filled_at = min(self.burst, filled), moment
        self._buckets[client] = bucket
        if len(self._buckets) > self.most_clients:
            self._buckets.popitem(last=False)
        if bucket.left < 1:
            return False
        bucket.left -= 1
        return True

    def give_back(self, client: str) -> None:
        """Put back what the client took and needs not be counted for."""
        if bucket := self._buckets.get(client):
            bucket.left = min(self.burst, bucket.left + 1)


@dataclass(slots=True)
class _Places:
    """How many requests may be under way at once, of all clients and of one."""

    of_all: int
    of_one: int
    _taken: list[str] = field(default_factory=list)

    def take(self, client: str) -> bool:
        """Take a place; tell whether there was one."""
        if len(self._taken) >= self.of_all or self._taken.count(client) >= self.of_one:
            return False
        self._taken.append(client)
        return True

    def leave(self, client: str) -> None:
        """Give the place back."""
        self._taken.remove(client)


class RateLimit:
    """Answer 429 to a client that comes too often; uploads have a limit of their own."""

    # A hall of a hundred people behind one address scanning QR codes must not be locked out.
    PAGES_BURST, PAGES_PER_SECOND = 200, 20
    # A check costs milliseconds, but a hostile file may cost its full limits.
    UPLOADS_BURST, UPLOADS_PER_SECOND = 40, 4
    # The provider tells of everybody's leaving from one address, and never repeats a call.
    LOGOUTS_BURST, LOGOUTS_PER_SECOND = 2_000, 200
    # Each keeps in memory what has arrived, and a client sends as slowly as it likes.
    UPLOADS_AT_ONCE, UPLOADS_AT_ONCE_OF_ONE = 32, 8
    # The same for drafts with their portraits, which are read before it is known who sends them.
    DRAFTS_AT_ONCE, DRAFTS_AT_ONCE_OF_ONE = 64, 32

    def __init__(self, app: ASGIApp, *, enabled: bool = True) -> None:
        """Wrap `app`; a bench may switch the limit off."""
        self._app = app
        self._enabled = enabled
        self._pages = TokenBuckets(self.PAGES_BURST, self.PAGES_PER_SECOND)
        self._uploads = TokenBuckets(self.UPLOADS_BURST, self.UPLOADS_PER_SECOND)
        self._logouts = TokenBuckets(self.LOGOUTS_BURST, self.LOGOUTS_PER_SECOND)
        self._uploading = _Places(self.UPLOADS_AT_ONCE, self.UPLOADS_AT_ONCE_OF_ONE)
        self._drafting = _Places(self.DRAFTS_AT_ONCE, self.DRAFTS_AT_ONCE_OF_ONE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or refuse before anything is read."""
        if scope["type"] != "http" or not self._enabled:
            await self._app(scope, receive, send)
            return
        client = client_of(scope)
        if (scope["method"], scope["path"]) in UPLOADS:
            if self._uploads.take(client):
                await self._serve_at(self._uploading, client, scope, receive, send)
            else:
                await answer_problem(scope, "rate_limited")(scope, receive, send)
            return
        told = scope["method"] == "POST" and scope["path"].startswith(BACKCHANNEL)
        if not (self._logouts if told else self._pages).take(client):
            await answer_problem(scope, "rate_limited")(scope, receive, send)
        elif _is_large_draft(scope):
            await self._serve_at(self._drafting, client, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _serve_at(
        self, places: _Places, client: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if not places.take(client):
            await answer_problem(scope, "too_many")(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            places.leave(client)


def _is_large_draft(scope: Scope) -> bool:
    """Whether more may come than with any other form; a body without a length may be large."""
    if not scope["path"].startswith(DRAFT_PATHS):
        return False
    headers = Headers(scope=scope)
    declared = headers.get("content-length", "")
    if declared.isdecimal():
        return int(declared) > LARGEST_OTHER_BODY
    return "transfer-encoding" in headers
