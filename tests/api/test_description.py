"""The application is what `/openapi.json` says, whatever is sent (schemathesis, a bounded run)."""

from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance
from simulators.web import ServedOffice

from api.app import create_app
from api.schemas.report import ReportOut
from api.wiring import Services


@pytest.fixture(scope="session")
def described(services: Services) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(services, rate_limited=False))


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_whatever_is_sent_the_answer_is_as_described(
    described: schemathesis.BaseSchema, mode: schemathesis.GenerationMode
) -> None:
    operations = [f.ok() for f in described.get_all_operations() if isinstance(f, Ok)]
    assert len(operations) > 6
    for operation in operations:

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=10,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        def check(case: Any) -> None:  # noqa: ANN401 - generic over what it sends
            # Random octets are as described, and no document.
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        try:
            check()
        except Unsatisfiable:  # nothing can be said wrongly where nothing is said
            assert mode is schemathesis.GenerationMode.NEGATIVE


def test_every_error_is_described_as_a_problem(client: httpx.Client) -> None:
    description = client.get("/openapi.json").json()
    assert "HTTPValidationError" not in description["components"]["schemas"]
    for methods in description["paths"].values():
        for operation in methods.values():
            (success,) = set(operation["responses"]) - {"default"}
            assert success in {"200", "201", "202"}
            assert set(operation["responses"]["default"]["content"]) == {"application/problem+json"}


@pytest.mark.parametrize("depth", ["simple", "detailed", "diagnostic"])
@pytest.mark.parametrize("name", ["licence", "card", "revoked"])
def test_a_report_is_described_to_the_last_member(
    client: httpx.Client, office: ServedOffice, name: str, depth: str
) -> None:
    answer = client.post(f"/v1/verifications?depth={depth}", content=getattr(office, name).data)
    told: dict[str, Any] = answer.json()
    understood = ReportOut.model_validate(told).model_dump(mode="json", exclude_unset=True)
    assert understood == told
