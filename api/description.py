"""`/openapi.json`: what the routes say of themselves, and that every error is a problem."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.problems import PROBLEM_JSON
from api.schemas.problem import ProblemOut

_REFERENCE = "#/components/schemas/{model}"


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI description of `app`."""
    described = get_openapi(title=app.title, version=app.version, routes=app.routes)
    schemas = described["components"]["schemas"]
    problem = ProblemOut.model_json_schema(ref_template=_REFERENCE)
    schemas |= problem.pop("$defs") | {"ProblemOut": problem}
    # What the framework says of its own errors is not what we answer.
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    answer = {
        "description": problem["description"],
        "content": {PROBLEM_JSON: {"schema": {"$ref": _REFERENCE.format(model="ProblemOut")}}},
    }
    for methods in described["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = answer
    return described
