"""Uploads that do not come to an end hold little memory, and not for long."""

import asyncio
import json
from collections.abc import Callable

import pytest
from starlette.types import Message, Receive, Scope, Send

from api import middleware
from api.middleware import BodyLimit, RateLimit


def upload_from(host: str) -> Scope:
    return {
        "type": "http",
        "method": "POST",
        "path": "/v1/verifications",
        "client": (host, 1),
        "headers": [],
    }


def draft_from(host: str, header: tuple[bytes, bytes] = (b"content-length", b"65537")) -> Scope:
    return {**upload_from(host), "path": "/v1/drafts", "headers": [header]}


class Visitor:
    """Sends a first piece of a file and then nothing, until told to go on."""

    def __init__(self) -> None:
        """Wait for `go_on` after the first piece."""
        self.go_on = asyncio.Event()
        self.answer: list[Message] = []
        self._begun = False

    async def receive(self) -> Message:
        if self._begun:
            await self.go_on.wait()
        message = {"type": "http.request", "body": b"%PDF", "more_body": not self._begun}
        self._begun = True
        return message

    async def send(self, message: Message) -> None:
        self.answer.append(message)

    @property
    def status(self) -> int:
        status: int = self.answer[0]["status"]
        return status

    @property
    def code(self) -> str:
        code: str = json.loads(self.answer[1]["body"])["code"]
        return code


async def read_all(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http"
    while (await receive())["more_body"]:
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def host_of_one(_: int) -> str:
    return "192.0.2.1"


def host_of_its_own(number: int) -> str:
    return f"192.0.2.{number}"


def chunked_draft_from(host: str) -> Scope:
    return draft_from(host, (b"transfer-encoding", b"chunked"))


@pytest.mark.parametrize(
    ("begin", "host", "places"),
    [
        (upload_from, host_of_one, RateLimit.UPLOADS_AT_ONCE_OF_ONE),
        (upload_from, host_of_its_own, RateLimit.UPLOADS_AT_ONCE),
        (draft_from, host_of_one, RateLimit.DRAFTS_AT_ONCE_OF_ONE),
        (draft_from, host_of_its_own, RateLimit.DRAFTS_AT_ONCE),
        (chunked_draft_from, host_of_one, RateLimit.DRAFTS_AT_ONCE_OF_ONE),
    ],
)
def test_so_many_uploads_are_under_way_at_once(
    begin: Callable[[str], Scope], host: Callable[[int], str], places: int
) -> None:
    async def crowd() -> tuple[list[Visitor], Visitor, Visitor]:
        app = RateLimit(read_all)
        visitors = [Visitor() for _ in range(places)]
        late, later = Visitor(), Visitor()
        async with asyncio.TaskGroup() as tasks:
            for number, visitor in enumerate(visitors):
                tasks.create_task(app(begin(host(number)), visitor.receive, visitor.send))
            await asyncio.sleep(0)
            await app(begin(host(places)), late.receive, late.send)
            for visitor in visitors:
                visitor.go_on.set()
        later.go_on.set()
        await app(begin(host(places)), later.receive, later.send)
        return visitors, late, later

    visitors, late, later = asyncio.run(crowd())
    assert [visitor.status for visitor in visitors] == [200] * places
    assert (late.status, late.code) == (429, "too_many")
    assert later.status == 200


def test_drafts_without_a_portrait_need_no_place() -> None:
    small = draft_from("192.0.2.1", (b"content-length", b"65536"))

    async def crowd() -> Visitor:
        app, late = RateLimit(read_all), Visitor()
        visitors = [Visitor() for _ in range(RateLimit.DRAFTS_AT_ONCE)]
        async with asyncio.TaskGroup() as tasks:
            for visitor in visitors:
                tasks.create_task(app(small, visitor.receive, visitor.send))
            await asyncio.sleep(0)
            late.go_on.set()
            await app(small, late.receive, late.send)
            for visitor in visitors:
                visitor.go_on.set()
        return late

    assert asyncio.run(crowd()).status == 200


def test_a_file_that_does_not_arrive_in_time_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(middleware, "SECONDS_TO_SEND", 0.01)
    visitor = Visitor()

    async def send_slowly() -> None:
        await BodyLimit(read_all)(upload_from("192.0.2.1"), visitor.receive, visitor.send)

    asyncio.run(send_slowly())
    assert (visitor.status, visitor.code) == (408, "invalid_request")


def test_an_answer_takes_as_long_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "SECONDS_TO_SEND", 0.01)
    visitor = Visitor()
    visitor.go_on.set()

    async def wait_for_the_end(scope: Scope, receive: Receive, send: Send) -> None:
        await read_all(scope, receive, send)
        await asyncio.sleep(0.05)
        await receive()  # as who waits for a visitor to leave

    asyncio.run(
        BodyLimit(wait_for_the_end)(upload_from("192.0.2.1"), visitor.receive, visitor.send)
    )
    assert visitor.status == 200
