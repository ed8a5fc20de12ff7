"""Alive, ready, measured."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
from simulators.office import Clock
from simulators.signed_in import furnish_identity, identity_of
from simulators.web import ServedOffice, connect

from api.wiring import Services
from verify.sandbox import Sandbox


def test_it_is_alive(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}


def test_it_is_ready(client: httpx.Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "parts": dict.fromkeys(("register", "ledger", "keys", "trust", "sandbox", "clock"), "ok"),
    }


def failed(services: Services) -> list[dict[str, str]]:
    answer = connect(services).get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    body = answer.json()
    assert body["code"] == "not_ready"
    errors: list[dict[str, str]] = body["errors"]
    return errors


def _spoil_trust(office: ServedOffice, _: Services) -> None:
    (office.folder / "trust").mkdir()
    (office.folder / "trust" / "00.pem").write_text("nonsense", encoding="ascii")


def _lose_keys(office: ServedOffice, _: Services) -> None:
    shutil.rmtree(office.folder / "keys")


@pytest.mark.parametrize(
    ("part", "lose", "code"),
    [
        ("register", ServedOffice.lose_register, "register_unavailable"),
        ("ledger", ServedOffice.lose_ledger, "ledger_unavailable"),
        ("keys", _lose_keys, "key_not_found"),
        ("trust", _spoil_trust, "invalid_anchors"),
    ],
)
def test_a_part_that_is_gone_is_named(
    spoilt: ServedOffice,
    part: str,
    lose: Callable[[ServedOffice, Services], None],
    code: str,
) -> None:
    with spoilt.open() as services:
        lose(spoilt, services)
        assert failed(services) == [{"pointer": f"/parts/{part}", "code": code}]


def test_people_who_cannot_be_known_are_named(spoilt: ServedOffice) -> None:
    with furnish_identity(spoilt).open() as services:
        assert "identity" in connect(services).get("/readyz").json()["parts"]
        with identity_of(services).transactions() as connection:
            connection.exec_driver_sql("ALTER TABLE web_sessions RENAME TO elsewhere")
        assert failed(services) == [{"pointer": "/parts/identity", "code": "register_unavailable"}]


def test_a_sandbox_that_cannot_be_started_is_named(services: Services) -> None:
    gone = replace(services, sandbox=Sandbox("verify.pdf:no_such_worker"))
    assert failed(gone) == [{"pointer": "/parts/sandbox", "code": "sandbox_unavailable"}]


def test_a_sandbox_that_died_is_started_again(spoilt: ServedOffice) -> None:
    with spoilt.open() as services:
        server = services.sandbox._server
        assert server is not None
        server.process.kill()
        assert connect(services).get("/readyz").status_code == 200


def test_a_clock_of_long_ago_is_named(services: Services) -> None:
    stopped = replace(services, clock=Clock(datetime(1970, 1, 1, tzinfo=UTC)))
    assert failed(stopped) == [{"pointer": "/parts/clock", "code": "time_not_credible"}]


def test_several_failed_parts_are_all_named(spoilt: ServedOffice) -> None:
    with spoilt.open() as services:
        spoilt.lose_register(services)
        spoilt.lose_ledger(services)
        assert [error["pointer"] for error in failed(services)] == [
            "/parts/register",
            "/parts/ledger",
        ]


def test_metrics_count_templates_and_known_methods(
    client: httpx.Client, office: ServedOffice
) -> None:
    code = office.licence.certificate.code
    client.get(f"/v1/status/{code}")
    client.request("ANYWORD", "/healthz")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    counted = answer.text
    assert 'method="GET",route="/v1/status/{code}",status="200"' in counted
    assert 'method="(other)"' in counted
    assert "ANYWORD" not in counted
    assert code not in counted
