"""Is it alive, is it ready: ready means that databases, keys and clock were tried just now."""

from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.deps import CurrentServices
from api.problems import ApiError

router = APIRouter(tags=["operation"])


@router.get("/healthz")
def alive() -> dict[str, str]:
    """Answer that the process answers."""
    return {"status": "alive"}


@router.get("/readyz")
def ready(services: CurrentServices) -> dict[str, Any]:
    """Try every part and name those that failed."""
    parts = services.try_parts()
    failed = [
        {"pointer": f"/parts/{name}", "code": code} for name, code in parts.items() if code != "ok"
    ]
    if failed:
        raise ApiError("not_ready", failed)
    return {"status": "ready", "parts": parts}


@router.get("/metrics", include_in_schema=False)
def metrics() -> Response:
    """Answer the counters for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
