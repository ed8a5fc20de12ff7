"""`/me/identity`: how thoroughly somebody was checked, and how to be checked further."""

from http import HTTPStatus

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from api.deps import CurrentForm, CurrentServices, CurrentVisitor
from api.middleware import TokenBuckets
from api.realm_news import tell_realm
from api.rendering import render
from api.visitors import Visitor
from api.web_sessions import PURPOSES, REFUSALS, identity_of, present_session, start_sign_in
from api.wiring import Services
from idp.attempts import KeptAttempt
from idp.documents import DocumentType, HolderKind, IdentityDocument, InvalidDocumentError
from idp.errors import (
    BaseUnavailableError,
    DataDifferError,
    DocumentHeldError,
    LoginError,
    NotPermittedError,
    PersonEndedError,
    ProviderUnavailableError,
)
from idp.levels import IdentityLevel
from idp.login import Prompt, SignedIn, SignInRequest
from idp.names import InvalidNameError, NamedPerson, PersonName

router = APIRouter(include_in_schema=False)

HERE = "/me/identity"
RENEWAL = "renewal"
"""The purpose of a silent sign-in that brings new claims into the session."""
LONGEST_FIELD = 200
TRIES_AT_ONCE, TRIES_A_DAY = 5, 5
"""Whoever mistypes needs two or three; more would let somebody guess whose number is whose."""

_log = structlog.get_logger(__name__)
_tries = TokenBuckets(TRIES_AT_ONCE, TRIES_A_DAY / 86_400)


@router.get(HERE)
def show_level(request: Request, services: CurrentServices, visitor: CurrentVisitor) -> Response:
    """Show the level, how it came about, and the way to the next one."""
    return _page(request, services, visitor, {}, fault=None)


@router.post("/me/identity/match")
def match(
    request: Request, services: CurrentServices, visitor: CurrentVisitor, form: CurrentForm
) -> Response:
    """Raise to L1 whoever's name stands under his number in the population base."""
    people, at = identity_of(services).people, services.clock()
    person = visitor.person
    values = {
        name: form.text(name)[:LONGEST_FIELD]
        for name in ("name", "document_type", "document_number")
    }
    if not _tries.take(visitor.account):
        return _page(request, services, visitor, values, fault="too_many_tries")
    try:
        if person is None:
            people.subjects.register_matched(_read(values), account=visitor.account, at=at)
        else:
            people.subjects.match_with_base(person.id, at=at)
    except (InvalidNameError, InvalidDocumentError) as error:
        return _page(request, services, visitor, values, fault=error.reason.value)
    except (DataDifferError, DocumentHeldError, PersonEndedError, BaseUnavailableError) as error:
        # That a document is somebody else's is not told: it would be an answer about him.
        code = "base_unavailable" if isinstance(error, BaseUnavailableError) else "data_differ"
        return _page(request, services, visitor, values, fault=code)
    tell_realm(services)
    _log.info("identity_matched", account=visitor.account)
    try:
        silent = SignInRequest(prompt=Prompt.NONE)
        return start_sign_in(request, services, silent, purpose=RENEWAL, return_to=HERE)
    except ProviderUnavailableError:
        return RedirectResponse(HERE, HTTPStatus.SEE_OTHER)  # the next refresh brings it


def _renew(
    request: Request, services: Services, signed_in: SignedIn, kept: KeptAttempt
) -> Response:
    session = present_session(request, services)
    if session is None or session.account != signed_in.claims.account:
        raise NotPermittedError
    identity_of(services).sessions.renew(session, signed_in, at=services.clock())
    return RedirectResponse(kept.return_to, HTTPStatus.SEE_OTHER)


def _not_renewed(_: Request, __: Services, error: LoginError, kept: KeptAttempt) -> Response:
    _log.warning("not_renewed", reason=error.reason)
    return RedirectResponse(kept.return_to, HTTPStatus.SEE_OTHER)


PURPOSES[RENEWAL] = _renew
REFUSALS[RENEWAL] = _not_renewed


def _read(values: dict[str, str]) -> NamedPerson:
    number = "".join(values["document_number"].split())
    document = IdentityDocument.parse(values["document_type"], number)
    return NamedPerson(PersonName.parse(values["name"]), document)


def _page(
    request: Request,
    services: Services,
    visitor: Visitor,
    values: dict[str, str],
    *,
    fault: str | None,
) -> Response:
    people, person = identity_of(services).people, visitor.person
    level = IdentityLevel.REGISTERED if person is None else person.identity_level
    return render(
        request.scope,
        "identity_level.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if fault else HTTPStatus.OK,
        person=person,
        level=level,
        next_level=IdentityLevel(level + 1) if level < IdentityLevel.ORIGINAL else None,
        history=() if person is None else people.subjects.level_history(person.id),
        fault=fault,
        values={"name": "", "document_number": ""}
        | {"document_type": DocumentType.RESIDENT_ID.value}
        | values,
        document_types=[kind for kind in DocumentType if kind.holder_kind is HolderKind.NATURAL],
    )
