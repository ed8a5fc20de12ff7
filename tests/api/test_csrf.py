"""No page of another site moves anything here: every form, every machine address under a cookie."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from simulators.office import PUBLIC_URL
from simulators.signed_in import connect_browser, furnish_identity, machine_headers, sign_in
from simulators.web import ServedOffice

from api.wiring import Services
from idp.levels import AuthenticationLevel, IdentityLevel

FOR_EVERYBODY = {"/verify", "/v1/verifications"}
"""They take a file and change nothing."""
FOR_THE_PROVIDER = {"/logout/backchannel", "/logout/backchannel/{unverified_client_id}"}
"""Signed tokens, no cookie."""
WITH_A_SECRET_OF_ITS_OWN = {"/logout/rest"}
"""For somebody who has no session any more; its secret is of the cookie of his leaving."""
SAFE = {"GET", "HEAD", "OPTIONS"}


@pytest.fixture(scope="module")
def people(office: ServedOffice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder: Path = tmp_path_factory.mktemp("csrf") / "data"
    with furnish_identity(office.copy_to(folder)).open() as services:
        yield services


def open_browser(people: Services) -> tuple[httpx.Client, str]:
    """Return a browser of somebody who may do much, and a form secret of his session."""
    browser = connect_browser(people)
    session = sign_in(
        browser,
        people,
        level=AuthenticationLevel.PASSKEY,
        identity_level=IdentityLevel.ORIGINAL,
    )
    return browser, session.csrf


def doors(people: Services) -> Iterator[tuple[str, str]]:
    app = cast("FastAPI", connect_browser(people).app)  # type: ignore[attr-defined] # TestClient's
    for route in iter_route_contexts(app.routes):
        for method in (route.methods or set()) - SAFE:
            if route.path is not None and route.path not in FOR_EVERYBODY | FOR_THE_PROVIDER:
                yield method, re.sub(r"\{[^}]*\}", "0" * 32, route.path)


def test_there_are_doors(people: Services) -> None:
    assert {("POST", "/login/continue"), ("POST", "/logout"), ("POST", "/acting")} <= set(
        doors(people)
    )


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": f"{PUBLIC_URL}.evil"}],
    ids=["no origin", "another", "null", "longer"],
)
def test_nothing_moves_for_another_origin(people: Services, headers: dict[str, str]) -> None:
    browser, secret = open_browser(people)
    ours = machine_headers(browser)
    del ours["Origin"]
    for method, path in doors(people):
        answer = browser.request(method, path, data={"csrf_token": secret}, headers=ours | headers)
        assert _refused(answer), (method, path, answer.status_code)


def test_no_form_moves_without_its_secret(people: Services) -> None:
    browser, _ = open_browser(people)
    stranger, strangers_secret = open_browser(people)
    del stranger
    for method, path in doors(people):
        if path.startswith("/v1/") or path in WITH_A_SECRET_OF_ITS_OWN:
            continue
        for secret in ("", strangers_secret, "A" * 88):
            fields = {"csrf_token": secret, "choice": "himself", "next": "/me"}
            answer = browser.request(method, path, data=fields, headers={"Origin": PUBLIC_URL})
            assert _refused(answer), (method, path, answer.status_code)


def test_no_machine_address_moves_for_a_cookie_alone(people: Services) -> None:
    browser, _ = open_browser(people)
    for method, path in doors(people):
        if path.startswith("/v1/"):
            answer = browser.request(method, path, json={}, headers={"Origin": PUBLIC_URL})
            assert answer.status_code in {401, 403}, (method, path, answer.status_code)


def _refused(answer: httpx.Response) -> bool:
    """Whether nothing was done: refused, or sent to the sign-in where the session was another."""
    to_sign_in = answer.headers.get("location", "").startswith("/login?next=")
    return answer.status_code in {401, 403} or (answer.status_code == 303 and to_sign_in)
