"""Is it alive, is it ready: ready means that databases, keys and clock were tried just now."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.deps import CurrentServices

router = APIRouter(tags=["operation"])


@router.get("/healthz")
def alive() -> dict[str, str]:
    """Answer that the process answers."""
    return {"status": "alive"}


@router.get("/readyz")
def ready(services: CurrentServices) -> JSONResponse:
    """Try every part and name those that failed."""
    parts = services.try_parts()
    good = all(part == "ok" for part in parts.values())
    body: dict[str, Any] = {"status": "ready" if good else "not ready", "parts": parts}
    return JSONResponse(body, HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE)


@router.get("/metrics", include_in_schema=False)
def metrics() -> Response:
    """Answer the counters for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
