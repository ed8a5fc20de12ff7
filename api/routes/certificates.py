"""Status of certificates: by the unguessable code of the QR; by number only where that is public.

Unknown and not public give the very same answer.
"""

from datetime import datetime

from fastapi import APIRouter

from api.deps import CurrentServices
from api.problems import ApiError
from api.schemas.answers import StatusOut
from certs.entries import ECertificate

router = APIRouter(prefix="/v1", tags=["status"])


@router.get("/status/{code}")
def status_by_code(code: str, services: CurrentServices) -> StatusOut:
    """Answer whether the certificate behind the QR is in force now."""
    return _status(services.office.register.find_by_code(code), services.clock())


@router.get("/certificates/{number}/status")
def status_by_number(number: str, services: CurrentServices) -> StatusOut:
    """Answer the same by the printed number, for types whose register is public."""
    found = services.office.register.find(number)
    if found is not None and not services.office.is_public(found):
        found = None
    return _status(found, services.clock())


def _status(found: ECertificate | None, at: datetime) -> StatusOut:
    if found is None:
        raise ApiError("not_found")
    return StatusOut(
        status=found.status_at(at), as_of=at, type=found.type_name, authority=found.authority_name
    )
