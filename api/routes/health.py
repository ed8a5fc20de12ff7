"""Is it alive, is it ready: ready means that databases, keys and clock were tried just now."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.deps import CurrentServices
from api.problems import ApiError
from api.schemas.answers import AliveOut, ReadyOut

router = APIRouter(tags=["operation"])


@router.get("/healthz")
def alive() -> AliveOut:
    """Answer that the process answers."""
    return AliveOut()


@router.get("/readyz")
def ready(services: CurrentServices) -> ReadyOut:
    """Try every part and name those that failed."""
    parts = services.try_parts()
    failed = [
        {"pointer": f"/parts/{name}", "code": code} for name, code in parts.items() if code != "ok"
    ]
    if failed:
        raise ApiError("not_ready", failed)
    return ReadyOut(parts=dict.fromkeys(parts, "ok"))


@router.get("/metrics", include_in_schema=False)
def metrics() -> Response:
    """Answer the counters for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
