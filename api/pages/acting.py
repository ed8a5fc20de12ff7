"""For whom somebody acts: chosen on our page after the sign-in, switched without a password.

A company is chosen in three steps, none of which shows a page of the identity server: it is asked
silently which companies the person belongs to (`organization:*`), he chooses here, then that one
is fetched (`organization:<alias>`); an answer that does not name it is a refusal. It is asked for
all again where the membership is new or the answer is old, because the identity server shows a page
of its own, with no way back, to somebody who wants a company he was taken out of.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

import structlog
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.deps import CurrentForm, CurrentServices, CurrentVisitor
from api.problems import STATUS_OF, ApiError
from api.realm_news import tell_realm
from api.rendering import render
from api.visitors import Visitor
from api.web_sessions import (
    PURPOSES,
    REFUSALS,
    identity_of,
    present_session,
    start_sign_in,
)
from api.wiring import Services
from idp.attempts import KeptAttempt
from idp.documents import HolderKind
from idp.errors import (
    AssuranceTooLowError,
    IdentityError,
    LoginError,
    NotPermittedError,
    OrganisationMissingError,
)
from idp.login import Prompt, SignedIn, SignInRequest
from idp.mandates import Mandate
from idp.persons import NaturalPerson
from idp.realm_changes import alias_of
from idp.representation import Choices
from idp.return_paths import own_path
from idp.sessions import WebSession

router = APIRouter(include_in_schema=False)

Next = Annotated[str, Query(alias="next")]

HIMSELF = "self"
LIST = "organizations"
"""The purpose of asking for all companies; after the colon, the mandate to go on with."""
FETCH = "organization"
"""The purpose of fetching one; after the colon, its mandate."""
_ALL = "organization:*"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the page."""

    value: str
    mandate: Mandate | None
    name: str
    uscc: str | None
    ready: bool
    """False: the identity server does not name the company yet."""


@router.get("/acting")
def choose(
    request: Request,
    services: CurrentServices,
    visitor: CurrentVisitor,
    unverified_next: Next = "/me",
) -> Response:
    """Show for whom the person can act."""
    return_to = own_path(unverified_next)
    person = visitor.person
    if person is None:
        return _render(request, visitor, None, [], return_to)
    people, at = identity_of(services).people, services.clock()
    choices = people.representation.choices(person, at=at)
    named: frozenset[str] | None = frozenset()
    if visitor.session.session_id is not None and _has_companies(choices):
        named = people.choices.organisations_of(visitor.session.session_id, at=at)
        if named is None:
            tell_realm(services)
            here = f"/acting?next={quote(return_to, safe='')}"
            return _ask_for(request, services, _ALL, purpose=f"{LIST}:", return_to=here)
    return _render(request, visitor, choices, _lines(choices, named or frozenset()), return_to)


@router.post("/acting")
def switch(
    request: Request, services: CurrentServices, visitor: CurrentVisitor, form: CurrentForm
) -> Response:
    """Act for whom he chose from now on."""
    return_to = own_path(form.text("next", "/me"))
    kind, _, unverified_id = form.text("choice").partition(":")
    if kind == HIMSELF:
        act_for(services, visitor.session, None)
        return RedirectResponse(return_to, HTTPStatus.SEE_OTHER)
    person = visitor.person
    if person is None:
        raise NotPermittedError
    try:
        mandate = _begin(services, person, kind, unverified_id)
    except AssuranceTooLowError:
        raise
    except IdentityError as error:
        return _refuse(request, error)
    if mandate.principal.kind is HolderKind.NATURAL:
        act_for(services, visitor.session, mandate)
        return RedirectResponse(return_to, HTTPStatus.SEE_OTHER)
    return _fetch_or_list(request, services, visitor.session, mandate, return_to)


def act_for(services: Services, session: WebSession, mandate: Mandate | None) -> None:
    """Let the session, and every portal of the same sign-in, act under the mandate."""
    identity, at = identity_of(services), services.clock()
    mandate_id = None if mandate is None else mandate.id
    identity.sessions.set_acting(session, mandate_id)
    if session.session_id is not None:
        identity.people.choices.choose(session.session_id, session.account, mandate_id, at=at)
    _log.info("acting", account=session.account, mandate=mandate_id)


def _begin(services: Services, person: NaturalPerson, kind: str, unverified_id: str) -> Mandate:
    representation, at = identity_of(services).people.representation, services.clock()
    if kind == "mandate":
        return representation.begin(unverified_id, person, at=at)
    if kind == "company":
        return representation.represent(person, unverified_id, at=at)
    if kind == "ward":
        return representation.stand_for(person, unverified_id, at=at)
    raise ApiError("invalid_request")


def _fetch_or_list(
    request: Request, services: Services, session: WebSession, mandate: Mandate, return_to: str
) -> Response:
    named = None
    if session.session_id is not None:
        named = identity_of(services).people.choices.organisations_of(
            session.session_id, at=services.clock()
        )
    alias = alias_of(mandate.principal.id)
    if named is not None and alias in named:
        scope = f"{FETCH}:{alias}"
        purpose = f"{FETCH}:{mandate.id}"
        return _ask_for(request, services, scope, purpose=purpose, return_to=return_to)
    tell_realm(services)  # the membership may be a moment old
    purpose = f"{LIST}:{mandate.id}"
    return _ask_for(request, services, _ALL, purpose=purpose, return_to=return_to)


def _ask_for(
    request: Request, services: Services, scope: str, *, purpose: str, return_to: str
) -> Response:
    silent = SignInRequest(prompt=Prompt.NONE, scopes=(scope,))
    return start_sign_in(request, services, silent, purpose=purpose, return_to=return_to)


def _complete_list(
    request: Request, services: Services, signed_in: SignedIn, kept: KeptAttempt
) -> Response:
    session = _same_session(request, services, signed_in)
    people, at = identity_of(services).people, services.clock()
    named = sorted(signed_in.claims.organizations)
    if session.session_id is not None:
        people.choices.note_organisations(session.session_id, session.account, named, at=at)
    mandate_id = kept.purpose.partition(":")[2]
    if not mandate_id:
        return RedirectResponse(kept.return_to, HTTPStatus.SEE_OTHER)
    try:
        mandate = people.mandates.valid(mandate_id, at=at)
    except IdentityError as error:
        return _refuse(request, error)
    alias = alias_of(mandate.principal.id)
    if alias not in named:
        return _refuse(request, OrganisationMissingError())
    purpose = f"{FETCH}:{mandate.id}"
    scope = f"{FETCH}:{alias}"
    return _ask_for(request, services, scope, purpose=purpose, return_to=kept.return_to)


def _complete_fetch(
    request: Request, services: Services, signed_in: SignedIn, kept: KeptAttempt
) -> Response:
    session = _same_session(request, services, signed_in)
    identity, at = identity_of(services), services.clock()
    person = identity.people.subjects.of_account(session.account, at=at)
    if person is None:
        raise NotPermittedError
    try:
        mandate_id = kept.purpose.partition(":")[2]
        mandate = identity.people.representation.begin(mandate_id, person, at=at)
        fetched = signed_in.claims.organizations.get(alias_of(mandate.principal.id))
        if fetched is None or fetched.uscc != mandate.principal.id:
            raise OrganisationMissingError
    except IdentityError as error:
        return _refuse(request, error)
    act_for(services, session, mandate)
    return RedirectResponse(kept.return_to, HTTPStatus.SEE_OTHER)


def _same_session(request: Request, services: Services, signed_in: SignedIn) -> WebSession:
    """Return the session of this browser; raise `NotPermittedError` if it is another person's."""
    session = present_session(request, services)
    if session is None or session.account != signed_in.claims.account:
        raise NotPermittedError
    return session


def _silently_refused(
    request: Request, services: Services, error: LoginError, kept: KeptAttempt
) -> Response:
    _log.warning("organisation_refused", reason=error.reason, error=error.error)
    session = present_session(request, services)
    if session is not None and session.session_id is not None:
        # Once is enough: the page says what it does not know.
        identity_of(services).people.choices.note_organisations(
            session.session_id, session.account, (), at=services.clock()
        )
    if kept.purpose == f"{LIST}:":
        return RedirectResponse(kept.return_to, HTTPStatus.SEE_OTHER)
    return _refuse(request, OrganisationMissingError())


PURPOSES.update({LIST: _complete_list, FETCH: _complete_fetch})
REFUSALS.update({LIST: _silently_refused, FETCH: _silently_refused})


def _refuse(request: Request, error: IdentityError) -> Response:
    return render(
        request.scope,
        "acting_refused.html",
        status=STATUS_OF[error.code],
        code=error.code,
        successor=getattr(error, "successor", None),
    )


def _has_companies(choices: Choices) -> bool:
    kinds = {mandate.principal.kind for mandate in choices.mandates}
    return bool(choices.companies) or HolderKind.LEGAL in kinds


def _lines(choices: Choices, named: frozenset[str]) -> list[Choice]:
    lines = [
        Choice(
            value=f"mandate:{mandate.id}",
            mandate=mandate,
            name=mandate.principal_name,
            uscc=mandate.principal.uscc,
            ready=mandate.principal.uscc is None or alias_of(mandate.principal.id) in named,
        )
        for mandate in choices.mandates
    ]
    lines += [
        Choice(f"company:{company.uscc}", None, company.name, company.uscc, ready=True)
        for company in choices.companies
    ]
    lines += [
        Choice(f"ward:{ward.person.id}", None, ward.person.name, None, ready=True)
        for ward in choices.wards
    ]
    return lines


def _render(
    request: Request,
    visitor: Visitor,
    choices: Choices | None,
    lines: list[Choice],
    return_to: str,
) -> Response:
    acting = visitor.acting
    return render(
        request.scope,
        "acting.html",
        known=choices is not None,
        complete=choices is None or choices.complete,
        lines=lines,
        chosen=HIMSELF if acting is None else f"mandate:{acting.id}",
        return_to=return_to,
    )
