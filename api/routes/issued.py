"""`/v1/certificates`: issue without a second officer where that is allowed; entry and file."""

from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

import structlog
from fastapi import APIRouter, Depends, Header, Response

from api.bearers import Caller, CallingSystem, CurrentCaller
from api.deps import CurrentServices
from api.desk import SEALING_IDENTITY, SEALING_LEVEL, OfficersDesk, desk_of
from api.entitlement import find_for
from api.problems import ApiError
from api.schemas.drafts import CertificateLinks, EntryOut, IssuedOut, IssueIn
from api.visitors import Visitor
from certs.entries import ECertificate
from certs.issuance import Refused
from certs.lifecycle import Status
from certs.orders import parse_order
from certs.register import Register
from idp.errors import AssuranceTooLowError
from idp.systems import Permission

router = APIRouter(prefix="/v1/certificates", tags=["certificates"])

LONGEST_KEY = 200

_log = structlog.get_logger(__name__)


def _issuer(caller: CurrentCaller, services: CurrentServices) -> OfficersDesk | CallingSystem:
    """Return who may issue at all: a system whose token allows it, or an officer at his desk.

    A seal is applied: not for a password that may have been seen, nor for somebody never seen.
    """
    if isinstance(caller, CallingSystem):
        caller.verify_may(Permission.ISSUE)
        return caller
    if caller.level < SEALING_LEVEL:
        raise AssuranceTooLowError(SEALING_LEVEL)
    if caller.identity_level < SEALING_IDENTITY:
        raise AssuranceTooLowError(SEALING_IDENTITY)
    return desk_of(services.office, caller)


@router.post("", status_code=HTTPStatus.CREATED)
def issue_certificate(
    asked: IssueIn,
    issuer: Annotated[OfficersDesk | CallingSystem, Depends(_issuer)],
    services: CurrentServices,
    idempotency_key: Annotated[str, Header(min_length=1, max_length=LONGEST_KEY)],
) -> IssuedOut:
    """Issue under the seal keeper's authorisation; the same key gives the same certificate.

    For a drafting officer of identity level L3, signed in by two factors, and for a system of the
    authority by its access token with `certificates:issue`.
    """
    office, at = services.office, issuer.at
    kind = office.catalogue.find(asked.type)
    authority = issuer.authority_for(kind, asked.authority)
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
    # The ledger names the seal keeper, whose authorisation it is; who made use of it stands here.
    _log.info("issued_unattended", certificate=outcome.certificate.id, asked_by=issuer.account)
    return IssuedOut(**_facts(outcome.certificate, outcome.certificate.status_at(at)))


@router.get("/{number}")
def get_certificate(number: str, caller: CurrentCaller, services: CurrentServices) -> EntryOut:
    """Answer the entry to the holder, who acts for him, and the authority's officers and systems.

    A system shows an access token with `certificates:read`.
    """
    register = services.office.register
    certificate = _find(caller, register, number)
    status, standing = certificate.status_at(caller.at), certificate.standing
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
        as_of=caller.at,
        content=dict(certificate.content),
    )


@router.get("/{number}/file", response_class=Response)
def get_file(number: str, caller: CurrentCaller, services: CurrentServices) -> Response:
    """Answer the very bytes issued."""
    register = services.office.register
    certificate = _find(caller, register, number)
    return file_answer(register.file(certificate), certificate)


def _find(caller: Caller, register: Register, number: str) -> ECertificate:
    """Return the certificate to who may see it whole; for anybody else it does not exist."""
    if isinstance(caller, Visitor):
        return find_for(caller, register, register.find(number))
    caller.verify_may(Permission.READ)
    found = register.find(number)
    if found is None or found.authority != caller.system.authority:
        raise ApiError("not_found")
    return found


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
