"""`/v1/verifications`: the report on a file, and what was concluded before."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from api.deps import CurrentServices
from api.problems import ApiError
from api.schemas.answers import VerificationOut
from api.schemas.report import ReportOut
from api.uploads import read_upload
from verify.report import Depth

router = APIRouter(prefix="/v1/verifications", tags=["verification"])


@router.post(
    "",
    responses={200: {"model": ReportOut}},
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
def find_verification(verification_id: str, services: CurrentServices) -> VerificationOut:
    """Answer what was concluded under this id in the last 90 days."""
    found = services.verification_log.find(verification_id, at=services.clock())
    if found is None:
        raise ApiError("not_found")
    return VerificationOut.model_validate(asdict(found))
