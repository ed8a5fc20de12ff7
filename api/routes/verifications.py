"""`/v1/verifications`: the report on a file, and what was concluded before."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from api.deps import CurrentServices
from api.problems import ApiError
from api.uploads import read_upload
from verify.report import Depth

router = APIRouter(prefix="/v1/verifications", tags=["verification"])


@router.post(
    "",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/pdf": {"schema": {"type": "string", "format": "binary"}},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file"],
                        "properties": {"file": {"type": "string", "format": "binary"}},
                    }
                },
            },
        }
    },
)
async def verify_file(
    request: Request, services: CurrentServices, depth: Annotated[Depth, Query()] = Depth.DETAILED
) -> dict[str, Any]:
    """Answer the report on the file in the body; 200 also when it is forged."""
    unverified_file = await read_upload(request)
    report = await run_in_threadpool(services.verify, unverified_file)
    return report.as_dict(depth)


@router.get("/{verification_id}")
def find_verification(verification_id: str, services: CurrentServices) -> dict[str, Any]:
    """Answer what was concluded under this id in the last 90 days."""
    found = services.verification_log.find(verification_id, at=services.clock())
    if found is None:
        raise ApiError("not_found")
    return {
        "id": found.id,
        "file_sm3": found.file_sm3,
        "policy": found.policy,
        "verdict": found.verdict,
        "reason_code": found.reason_code,
        "checked_at": found.checked_at.isoformat().replace("+00:00", "Z"),
    }
