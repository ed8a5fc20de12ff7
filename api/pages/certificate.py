"""The page behind the QR: status, and for public types a masked rendering drawn anew.

Never the original, never what somebody uploaded; personal data appear masked only.
"""

from fastapi import APIRouter, Request, Response

from api.deps import CurrentServices
from api.messages import Language
from api.problems import ApiError
from api.rendering import language_of, render

router = APIRouter(include_in_schema=False)

# The address is known to whoever holds the certificate: it must not travel on from here.
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
# Opened by itself the drawing shows the background nested in it, and runs nothing.
FACE_HEADERS = {"Content-Security-Policy": "default-src 'none'; img-src data:; sandbox"}


@router.get("/c/{code}")
def certificate(code: str, request: Request, services: CurrentServices) -> Response:
    """Show the status of the certificate behind a QR code."""
    found = services.office.register.find_by_code(code)
    if found is None:
        raise ApiError("not_found")
    at, language = services.clock(), language_of(request.scope)
    kind = services.office.type_of(found)
    answer = render(
        request.scope,
        "certificate.html",
        certificate=found,
        type_name=kind.name_zh if language is Language.CHINESE else kind.name_en,
        current_status=found.status_at(at),
        at=at,
        fields=services.public_fields(found, language),
        is_public=kind.public_register,
    )
    answer.headers.update(HEADERS)
    return answer


@router.get("/c/{code}/face.svg")
def face(code: str, services: CurrentServices) -> Response:
    """Answer the masked rendering, for types whose register is public."""
    found = services.office.register.find_by_code(code)
    if found is None or not services.office.is_public(found):
        raise ApiError("not_found")
    drawn = services.office.draw_masked(found)
    return Response(drawn, media_type="image/svg+xml", headers=HEADERS | FACE_HEADERS)
