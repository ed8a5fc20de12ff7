"""The page behind the QR: status, and for public types a masked rendering drawn anew.

Never the original, never what somebody uploaded; personal data appear masked only.
"""

from fastapi import APIRouter, Request, Response

from api.deps import CurrentServices
from api.pages.rendering import render
from api.problems import ApiError

router = APIRouter(include_in_schema=False)

# The address is known to whoever holds the certificate: it must not travel on from here.
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}


@router.get("/c/{code}")
def certificate(code: str, request: Request, services: CurrentServices) -> Response:
    """Show the status of the certificate behind a QR code."""
    found = services.office.register.find_by_code(code, at=services.clock())
    if found is None:
        raise ApiError("not_found")
    answer = render(
        request.scope,
        "certificate.html",
        certificate=found,
        code=code,
        fields=services.public_fields(found.number),
        has_rendering=services.office.is_public(found),
    )
    answer.headers.update(HEADERS)
    return answer


@router.get("/c/{code}/face.png")
def face(code: str, services: CurrentServices) -> Response:
    """Answer the masked rendering, for types whose register is public."""
    found = services.office.register.find_by_code(code, at=services.clock())
    if found is None or not services.office.is_public(found):
        raise ApiError("not_found")
    return Response(services.masked_face(found), media_type="image/png", headers=HEADERS)
