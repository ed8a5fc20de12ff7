"""Errors: one shape for machines, a page for people, and no word of what went wrong inside."""

from dataclasses import dataclass
from typing import cast

import httpx
import pytest
from fastapi import FastAPI
from simulators.web import BROWSER, CHINESE, ENGLISH, connect
from starlette.exceptions import HTTPException
from structlog.testing import capture_logs

from api.messages import Language, messages
from api.problems import STATUS_OF, ApiError
from api.wiring import Services
from certs.errors import RegisterUnavailableError
from hsm.errors import LedgerUnavailableError
from signing.errors import DamagedEnvelopeError

QUOTED = "陈示例 11010119900307"


@dataclass(frozen=True, slots=True)
class Breaking:
    """A visitor of an application in which `/break` raises an error."""

    visitor: httpx.Client

    def get(self, error: Exception, headers: dict[str, str] | None = None) -> httpx.Response:
        def broken() -> None:
            raise error

        app = cast("FastAPI", self.visitor.app)  # type: ignore[attr-defined] # TestClient's
        app.router.routes[:] = [r for r in app.router.routes if getattr(r, "path", "") != "/break"]
        app.add_api_route("/break", broken)
        return self.visitor.get("/break", headers=headers)


@pytest.fixture(scope="session")
def breaking(services: Services) -> Breaking:
    return Breaking(connect(services))


def test_a_problem_has_the_shape_of_rfc_9457(client: httpx.Client) -> None:
    answer = client.get("/v1/status/nobody", headers=ENGLISH)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-language"] == "en"
    assert answer.json() == {
        "type": "/problems/not_found",
        "title": "There is no such address, or it is not public.",
        "status": 404,
        "code": "not_found",
        "detail": "There is no such address, or it is not public.",
        "errors": [],
    }
    assert client.get(answer.json()["type"]).status_code == 200


def test_a_problem_speaks_the_visitors_language(client: httpx.Client) -> None:
    answer = client.get("/nowhere", headers=CHINESE)
    assert answer.headers["content-language"] == "zh-CN"
    assert answer.json()["title"] == messages(Language.CHINESE)("problem.not_found")


def test_a_browser_is_given_a_page(client: httpx.Client) -> None:
    answer = client.get("/nowhere", headers=BROWSER | ENGLISH)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1" in answer.text
    assert messages(Language.ENGLISH)("problem.not_found") in answer.text


def test_the_machine_interface_never_answers_pages(client: httpx.Client) -> None:
    answer = client.get("/v1/status/nobody", headers=BROWSER)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("address", ["/", "/verify/", "/nowhere", "/v1", "/c/", "/%2e%2e/etc"])
def test_addresses_are_exact(client: httpx.Client, address: str) -> None:
    """No redirect to the same address with or without its slash: it would name the wrong host."""
    assert client.get(address, headers={"Host": "evil.example"}).status_code == (
        200 if address == "/" else 404
    )


@pytest.mark.parametrize(
    ("method", "address", "allowed"),
    [
        ("POST", "/", {"GET"}),
        ("DELETE", "/v1/verifications", {"POST"}),
        ("PUT", "/v1/status/x", {"GET"}),
        ("PATCH", "/healthz", {"GET"}),
    ],
)
def test_a_method_that_is_not_there_names_those_that_are(
    client: httpx.Client, method: str, address: str, allowed: set[str]
) -> None:
    answer = client.request(method, address)
    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"
    assert set(answer.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RegisterUnavailableError(QUOTED), 503, "register_unavailable"),
        (ApiError("not_found"), 404, "not_found"),
        (HTTPException(400, QUOTED), 400, "invalid_request"),
        (HTTPException(502, QUOTED), 502, "internal"),
        (LedgerUnavailableError(QUOTED), 500, "internal"),
        (DamagedEnvelopeError(QUOTED), 500, "internal"),
        (RuntimeError(QUOTED), 500, "internal"),
        (KeyError(QUOTED), 500, "internal"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_says_its_code_and_nothing_else(
    breaking: Breaking, error: Exception, status: int, code: str
) -> None:
    with capture_logs() as logs:
        machine = breaking.get(error)
        page = breaking.get(error, headers=BROWSER)
    assert (machine.status_code, machine.json()["code"]) == (status, code)
    assert page.status_code == status
    assert "<h1" in page.text
    for said in (machine.text, page.text, repr(logs)):
        assert QUOTED not in said
    for answer in (machine, page):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-request-id"]


def test_an_unexpected_error_is_logged_with_its_place(breaking: Breaking) -> None:
    with capture_logs() as logs:
        breaking.get(ZeroDivisionError(QUOTED))
    (logged,) = [entry for entry in logs if entry["event"] == "unexpected_error"]
    assert logged["error"] == "ZeroDivisionError"
    assert "test_problems.py" in logged["at"][-1]


@pytest.mark.parametrize("code", STATUS_OF)
def test_every_code_answers_its_status_in_both_languages(breaking: Breaking, code: str) -> None:
    for headers in (CHINESE, ENGLISH):
        answer = breaking.get(ApiError(code), headers=headers)
        assert answer.status_code == answer.json()["status"] == STATUS_OF[code]
        assert answer.json()["title"]
