"""What holds for every request: headers, limits, and logs that name nobody."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from pydantic import HttpUrl
from simulators.office import Clock
from simulators.web import BROWSER, ServedOffice, connect
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from api.app import create_app
from api.middleware import (
    HSTS,
    LARGEST_OTHER_BODY,
    LARGEST_UPLOAD,
    SECURITY_HEADERS,
    BodyLimit,
    RateLimit,
    TokenBuckets,
    client_of,
)
from api.settings import Settings
from api.wiring import Services, open_services

# ---- headers ----


@pytest.mark.parametrize("headers", [{}, BROWSER])
@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/healthz", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/trust/roots.pem", 200),
        ("GET", "/static/theme.css", 200),
        ("GET", "/preferences", 303),
        ("GET", "/nowhere", 404),
        ("GET", "/static/nowhere", 404),
        ("GET", "/v1/verifications", 405),
        ("POST", "/v1/verifications", 422),
    ],
)
def test_every_answer_bears_the_headers(
    client: httpx.Client, method: str, address: str, status: int, headers: dict[str, str]
) -> None:
    answer = client.request(method, address, headers=headers)
    assert answer.status_code == status
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers["strict-transport-security"] == HSTS
    assert answer.headers["cache-control"]
    assert len(answer.headers["x-request-id"]) == 16
    assert "server" not in answer.headers


def test_a_page_may_load_nothing_from_elsewhere() -> None:
    policy = SECURITY_HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "script-src" not in policy


def test_browsers_are_bound_to_https_only_where_it_is_spoken(spoilt: ServedOffice) -> None:
    settings = Settings(data=spoilt.folder, public_url=HttpUrl("http://localhost:8000"))
    with open_services(settings, clock=Clock()) as services:
        assert "strict-transport-security" not in connect(services).get("/").headers


# ---- bodies ----


class Sender:
    """Sends a body in pieces and notes how many were asked for."""

    def __init__(self, piece: bytes, number: int) -> None:
        """Have `number` times `piece` to send."""
        self.asked = 0
        self._pieces = [piece] * number

    async def receive(self) -> Message:
        self.asked += 1
        more = self.asked < len(self._pieces)
        return {"type": "http.request", "body": self._pieces[self.asked - 1], "more_body": more}


def status_of_body(sender: Sender, *, method: str, path: str, declared: int | None = None) -> int:
    """Send a body through the limit to an application that reads it all; return the status."""
    statuses = []

    async def read_all(_: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    length = [] if declared is None else [(b"content-length", str(declared).encode())]
    scope: Scope = {"type": "http", "method": method, "path": path, "headers": length}
    asyncio.run(BodyLimit(read_all)(scope, sender.receive, send))
    (status,) = statuses
    return int(status)


def test_no_more_is_read_than_may_be() -> None:
    sender = Sender(bytes(1 << 20), 1000)
    assert status_of_body(sender, method="POST", path="/v1/verifications") == 413
    assert sender.asked == LARGEST_UPLOAD // (1 << 20) + 1


def test_nothing_is_read_where_too_much_is_declared() -> None:
    sender = Sender(b"", 1)
    too_much = LARGEST_UPLOAD + 1
    assert status_of_body(sender, method="POST", path="/verify", declared=too_much) == 413
    assert sender.asked == 0


@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [
        ("POST", "/verify", LARGEST_UPLOAD),
        ("POST", "/v1/verifications", LARGEST_UPLOAD),
        ("PUT", "/v1/verifications", LARGEST_OTHER_BODY),
        ("POST", "/preferences", LARGEST_OTHER_BODY),
    ],
)
def test_the_limit_is_met_to_the_octet(method: str, path: str, limit: int) -> None:
    assert status_of_body(Sender(bytes(limit), 1), method=method, path=path) == 200
    assert status_of_body(Sender(bytes(limit + 1), 1), method=method, path=path) == 413


# ---- how often ----


class Seconds:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        """Begin at nought."""
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_gives_its_burst_and_fills_again() -> None:
    clock = Seconds()
    buckets = TokenBuckets(burst=3, per_second=2, clock=clock)
    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]
    assert buckets.take("b")
    clock.now = 0.5
    assert [buckets.take("a") for _ in range(2)] == [True, False]
    clock.now = 1000
    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]


def test_only_so_many_clients_are_remembered() -> None:
    buckets = TokenBuckets(burst=1, per_second=0, most_clients=2, clock=Seconds())
    buckets.give_back("a")
    assert buckets.take("a")
    buckets.give_back("a")
    buckets.give_back("a")
    assert [buckets.take(name) for name in "abab"] == [True, True, False, False]
    assert buckets.take("c")  # the least lately seen, a, is forgotten
    assert not buckets.take("b")
    assert buckets.take("a")


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_ipv6_user_is_one_client(host: str, client: str) -> None:
    assert client_of({"type": "http", "client": (host, 1)}) == client


def test_who_comes_too_often_is_asked_to_wait(services: Services) -> None:
    visitor = connect(services, rate_limited=True)
    answers = [visitor.get("/healthz") for _ in range(RateLimit.PAGES_BURST)]
    assert {answer.status_code for answer in answers} == {200}
    refused = first_refusal(visitor, "GET", "/healthz")
    assert refused.headers["retry-after"] == "5"
    assert refused.json()["code"] == "rate_limited"
    assert refused.headers["x-content-type-options"] == "nosniff"
    # Uploads are counted apart.
    assert visitor.post("/v1/verifications").status_code == 422
    assert visitor.post("/verify").status_code == 422


def test_the_provider_is_heard_however_many_leave(services: Services) -> None:
    """It calls from one address for everybody, once: what is refused would be lost."""
    visitor = connect(services, rate_limited=True)
    for _ in range(RateLimit.PAGES_BURST + 1):
        assert visitor.post("/logout/backchannel/portal").status_code != 429
    answers = {visitor.get("/healthz").status_code for _ in range(RateLimit.PAGES_BURST)}
    assert answers == {200}


def test_uploads_have_a_limit_of_their_own(services: Services) -> None:
    visitor = connect(services, rate_limited=True)
    for _ in range(RateLimit.UPLOADS_BURST // 2):
        assert visitor.post("/v1/verifications").status_code == 422
        assert visitor.post("/verify").status_code == 422
    assert first_refusal(visitor, "POST", "/v1/verifications").status_code == 429
    page = first_refusal(visitor, "POST", "/verify", headers=BROWSER)
    assert "<h1" in page.text
    assert visitor.get("/").status_code == 200


def first_refusal(
    visitor: httpx.Client, method: str, address: str, headers: dict[str, str] | None = None
) -> httpx.Response:
    """Come until refused: the bucket fills a little in the meantime."""

    def refusals() -> Iterator[httpx.Response]:
        for _ in range(RateLimit.PAGES_BURST):
            answer = visitor.request(method, address, headers=headers)
            if answer.status_code == 429:
                yield answer

    return next(refusals())


# ---- logs ----


def test_the_access_log_names_the_template(client: httpx.Client, office: ServedOffice) -> None:
    code = office.licence.certificate.code
    with capture_logs() as logs:
        answer = client.get(f"/c/{code}?q={code}", headers={"User-Agent": code})
        client.request("FOO", f"/nowhere/{code}")
    (seen, nowhere) = [entry for entry in logs if entry["event"] == "request"]
    assert (seen["method"], seen["route"], seen["status"]) == ("GET", "/c/{code}", 200)
    assert (nowhere["method"], nowhere["route"], nowhere["status"]) == ("(other)", "(none)", 404)
    assert code not in repr(logs)
    assert answer.headers["x-request-id"]


def test_two_requests_have_two_ids(client: httpx.Client) -> None:
    ids = {client.get("/healthz").headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


def test_what_is_no_request_passes_by(services: Services) -> None:
    """Start and end of the application come through the same middleware."""

    async def begin_and_end() -> list[Message]:
        said: list[Message] = []
        asked = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive() -> Message:
            return next(asked)

        async def send(message: Message) -> None:
            said.append(message)

        app = create_app(services)
        await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
        return said

    assert [message["type"] for message in asyncio.run(begin_and_end())] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
