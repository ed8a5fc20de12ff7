"""`/v1/certificates`: issue without a second officer where that is allowed; entry and file."""

from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Response

from api.deps import CurrentServices, CurrentVisitor, require_identity, require_level
from api.desk import SEALING_IDENTITY, SEALING_LEVEL, CurrentDesk
from api.entitlement import find_for
from api.problems import ApiError
from api.schemas.drafts import CertificateLinks, EntryOut, IssuedOut, IssueIn
from certs.entries import ECertificate
from certs.issuance import Refused
from certs.lifecycle import Status
from certs.orders import parse_order

router = APIRouter(prefix="/v1/certificates", tags=["certificates"])

LONGEST_KEY = 200


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    # A seal is applied: not for a password that may have been seen, nor for somebody never seen.
    dependencies=[
        Depends(require_level(SEALING_LEVEL)),
        Depends(require_identity(SEALING_IDENTITY)),
    ],
)
def issue_certificate(
    asked: IssueIn,
    desk: CurrentDesk,
    services: CurrentServices,
    idempotency_key: Annotated[str, Header(min_length=1, max_length=LONGEST_KEY)],
) -> IssuedOut:
    """Issue under the seal keeper's authorisation; the same key gives the same certificate.

    For a drafting officer of identity level L3, signed in by two factors.
    """
    office, at = services.office, desk.at
    kind = office.catalogue.find(asked.type)
    authority = desk.authority_for(kind, asked.authority)
    if kind.four_eyes:
        raise ApiError("four_eyes")
    order = parse_order(
        asked.order,
        certificate_type=kind,
        authorities=office.authorities,
        authority_uscc=authority,
        at=at,
    )
    outcome = office.issue_one(order, key=idempotency_key, at=at)
    if isinstance(outcome, Refused):
        raise outcome.error
    return IssuedOut(**_facts(outcome.certificate, outcome.certificate.status_at(at)))


@router.get("/{number}")
def get_certificate(number: str, visitor: CurrentVisitor, services: CurrentServices) -> EntryOut:
    """Answer the entry to officers of the authority, to the holder and to who acts for him."""
    register = services.office.register
    certificate = find_for(visitor, register, register.find(number))
    status, standing = certificate.status_at(visitor.at), certificate.standing
    return EntryOut(
        **_facts(certificate, status),
        type=certificate.type_code,
        type_name=certificate.type_name,
        authority=certificate.authority,
        authority_name=certificate.authority_name,
        issued_on=certificate.issued_on.isoformat(),
        valid_from=None if standing.valid_from is None else standing.valid_from.isoformat(),
        valid_to=None if standing.valid_to is None else standing.valid_to.isoformat(),
        legal_kind=standing.legal_kind if status is Status.REVOKED else None,
        as_of=visitor.at,
        content=dict(certificate.content),
    )


@router.get("/{number}/file", response_class=Response)
def get_file(number: str, visitor: CurrentVisitor, services: CurrentServices) -> Response:
    """Answer the very bytes issued."""
    register = services.office.register
    certificate = find_for(visitor, register, register.find(number))
    return file_answer(register.file(certificate), certificate)


def file_answer(sealed: bytes, certificate: ECertificate) -> Response:
    """Return a sealed file to be kept under a name that says what it is."""
    name = quote(f"{certificate.type_name}-{certificate.number}.pdf")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(sealed, media_type="application/pdf", headers=headers)


def _facts(certificate: ECertificate, status: Status) -> dict[str, Any]:
    address = f"/v1/certificates/{quote(certificate.number, safe='')}"
    return {
        "number": certificate.number,
        "identifier": certificate.identifier,
        "code": certificate.code,
        "status": status.value,
        "file_sm3": certificate.file_sm3,
        "links": CertificateLinks(
            self=address, file=f"{address}/file", page=f"/c/{certificate.code}"
        ),
    }
