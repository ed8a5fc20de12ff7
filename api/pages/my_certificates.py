"""What somebody holds: his certificates, or those of whom he acts for, and their very files."""

from fastapi import APIRouter, Request, Response

from api.deps import CurrentServices, CurrentVisitor
from api.entitlement import documents_of
from api.messages import Language
from api.problems import ApiError
from api.rendering import language_of, render
from api.routes.issued import file_answer
from api.visitors import Visitor
from api.wiring import Services
from certs.entries import ECertificate
from idp.documents import IdentityDocument, mask_number
from idp.errors import MatterNotCoveredError

router = APIRouter(prefix="/me/certificates", include_in_schema=False)


@router.get("")
def my_certificates(
    request: Request, visitor: CurrentVisitor, services: CurrentServices
) -> Response:
    """Show the certificates by the documents they were issued under."""
    language = language_of(request.scope)
    covered = True
    groups: list[dict[str, object]] = []
    try:
        held = _held(visitor, services)
    except MatterNotCoveredError:
        covered, held = False, []
    for document, certificates in held:
        rows = [_row(services, certificate, visitor, language) for certificate in certificates]
        groups.append(
            {
                "title": document.type.title_zh
                if language is Language.CHINESE
                else document.type.title_en,
                "number": mask_number(document.number)
                if visitor.acting is None or visitor.acting.principal.uscc is None
                else document.number,
                "rows": rows,
            }
        )
    return render(
        request.scope,
        "my_certificates.html",
        groups=groups,
        covered=covered,
        known=bool(held) or visitor.person is not None,
        at=visitor.at,
    )


@router.get("/{code}/file")
def my_file(code: str, visitor: CurrentVisitor, services: CurrentServices) -> Response:
    """Answer the very bytes issued, to who holds the certificate or acts for him."""
    try:
        held = _held(visitor, services)
    except MatterNotCoveredError:
        held = []
    for _, certificates in held:
        for certificate in certificates:
            if certificate.code == code:
                return file_answer(services.office.register.file(certificate), certificate)
    raise ApiError("not_found")


def _held(
    visitor: Visitor, services: Services
) -> list[tuple[IdentityDocument, list[ECertificate]]]:
    register = services.office.register
    return [(document, register.find_by_holder(document)) for document in documents_of(visitor)]


def _row(
    services: Services, certificate: ECertificate, visitor: Visitor, language: Language
) -> dict[str, object]:
    kind = services.office.type_of(certificate)
    return {
        "certificate": certificate,
        "type": kind.name_zh if language is Language.CHINESE else kind.name_en,
        "status": certificate.status_at(visitor.at).value,
    }
