"""`/me/mandates`: who acts for me, for whom I act, and letting somebody act."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from api.deps import (
    CurrentForm,
    CurrentServices,
    CurrentVisitor,
    VerifiedForm,
    require_level,
    verified_form,
)
from api.mandate_form import LONGEST_FIELD, read_person, read_terms
from api.middleware import TokenBuckets
from api.realm_news import tell_realm
from api.rendering import render
from api.visitors import Visitor
from api.web_sessions import identity_of
from api.wiring import Services
from certs.orders import CHINA_TIME
from idp.documents import DocumentType, HolderKind
from idp.errors import (
    InvalidMandateError,
    MandateFault,
    NotPermittedError,
)
from idp.levels import AuthenticationLevel
from idp.mandates import Grounds, Mandate, Principal, Standing, Terms
from idp.names import NamedPerson
from idp.persons import NaturalPerson

router = APIRouter(include_in_schema=False)

FIELDS = ("name", "document_type", "document_number", "scope", "matters", "since", "until")
USUAL_PERIOD = timedelta(days=90)
# Power over others is given with two factors: a password alone may have been seen.
_SURELY = [Depends(require_level(AuthenticationLevel.ONE_TIME_CODE))]

WRONG_AT_ONCE, WRONG_A_DAY = 10, 10
"""Whom he names is compared with the population base: more would tell whose number is whose."""
_wrong = TokenBuckets(WRONG_AT_ONCE, WRONG_A_DAY / 86_400)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MandateLine:
    """A mandate on the page, and what its reader may do about it."""

    mandate: Mandate
    standing: Standing
    acts: tuple[str, ...]


@router.get("/me/mandates")
def show_mandates(request: Request, services: CurrentServices, visitor: CurrentVisitor) -> Response:
    """Show what was given to the person, what he gave, and what his company gave."""
    person, acting = visitor.person, visitor.acting
    mandates, at = identity_of(services).people.mandates, services.clock()
    received: list[MandateLine] = []
    given: list[MandateLine] = []
    of_company: list[MandateLine] = []
    if person is not None:
        received = [_received(each, at) for each in mandates.of_actor(person.id)]
        own = Principal(HolderKind.NATURAL, person.id)
        given = [_given(each, at) for each in mandates.given_by(own)]
        if acting is not None and _may_name(acting):
            of_company = [
                _of_company(each, acting, at)
                for each in mandates.given_by(acting.principal)
                if each.actor != person.id
            ]
    return render(
        request.scope,
        "mandates.html",
        known=person is not None,
        received=received,
        given=given,
        company=acting if acting is not None and _may_name(acting) else None,
        of_company=of_company,
    )


@router.get("/me/mandates/new", dependencies=_SURELY)
def new_mandate(request: Request, services: CurrentServices, visitor: CurrentVisitor) -> Response:
    """Show the form: an agent for the company he acts for, or somebody for himself."""
    today = services.clock().astimezone(CHINA_TIME).date()
    values = dict.fromkeys(FIELDS, "") | {
        "document_type": DocumentType.RESIDENT_ID.value,
        "since": today.isoformat(),
        "until": (today + USUAL_PERIOD).isoformat(),
    }
    return _form_page(request, visitor, values, [])


@router.post("/me/mandates/new", dependencies=_SURELY)
def grant_mandate(
    request: Request, services: CurrentServices, visitor: CurrentVisitor, form: CurrentForm
) -> Response:
    """Offer the mandate; what is wrong is said beside what was typed."""
    person, acting = visitor.person, visitor.acting
    if person is None or (acting is not None and not _may_name(acting)):
        raise NotPermittedError
    values = {name: form.text(name)[:LONGEST_FIELD] for name in (*FIELDS, "transferable")}
    # The page says for whom: he may have switched in another tab since.
    if form.text("principal") != (person.id if acting is None else acting.principal.id):
        return _form_page(request, visitor, values, [MandateFault("principal", "switched")])
    try:
        named, terms = _read(form)
        _count_try(visitor.account)
        mandate = _offer(services, person, acting, named, terms)
    except InvalidMandateError as error:
        return _form_page(request, visitor, values, list(error.faults))
    _wrong.give_back(visitor.account)
    _log.info("mandate_offered", mandate=mandate.id, by=visitor.account)
    return RedirectResponse("/me/mandates", HTTPStatus.SEE_OTHER)


@router.post("/me/mandates/{mandate_id}/{act}", dependencies=[Depends(verified_form)])
def act_on_mandate(
    mandate_id: str, act: str, services: CurrentServices, visitor: CurrentVisitor
) -> Response:
    """Accept, decline, give back or recall; what is held under a mandate ends with it at once."""
    person = visitor.person
    if person is None:
        raise NotPermittedError
    people, at = identity_of(services).people, services.clock()
    if act == "accept":
        people.representation.accept(mandate_id, person, at=at)
    elif act == "decline":
        people.mandates.decline(mandate_id, person.id, at=at)
    elif act == "renounce":
        people.mandates.renounce(mandate_id, person.id, at=at)
    elif act == "recall":
        people.representation.recall(mandate_id, person, at=at)
    else:
        raise NotPermittedError
    tell_realm(services)
    _log.info("mandate_changed", mandate=mandate_id, act=act, by=visitor.account)
    return RedirectResponse("/me/mandates", HTTPStatus.SEE_OTHER)


def _may_name(acting: Mandate) -> bool:
    return acting.principal.kind is HolderKind.LEGAL and (
        acting.grounds is Grounds.REPRESENTATIVE or acting.transferable
    )


def _received(mandate: Mandate, at: datetime) -> MandateLine:
    standing = mandate.standing(at)
    acts: tuple[str, ...] = ()
    if standing is Standing.OFFERED:
        acts = ("accept", "decline")
    elif standing in {Standing.IN_FORCE, Standing.NOT_YET} and mandate.grounds in {
        Grounds.AGENT,
        Grounds.PROXY,
        Grounds.AT_COUNTER,
    }:
        acts = ("renounce",)
    return MandateLine(mandate, standing, acts)


def _given(mandate: Mandate, at: datetime) -> MandateLine:
    standing = mandate.standing(at)
    open_ = standing in {Standing.OFFERED, Standing.IN_FORCE, Standing.NOT_YET}
    ours = mandate.grounds in {Grounds.PROXY, Grounds.AT_COUNTER}
    return MandateLine(mandate, standing, ("recall",) if open_ and ours else ())


def _of_company(mandate: Mandate, acting: Mandate, at: datetime) -> MandateLine:
    standing = mandate.standing(at)
    open_ = standing in {Standing.OFFERED, Standing.IN_FORCE, Standing.NOT_YET}
    under = mandate.content.granted_under
    ours = acting.grounds is Grounds.REPRESENTATIVE or (under is not None and under[0] == acting.id)
    named = mandate.grounds is Grounds.AGENT
    return MandateLine(mandate, standing, ("recall",) if open_ and ours and named else ())


def _count_try(account: str) -> None:
    if not _wrong.take(account):
        raise InvalidMandateError([MandateFault("actor", "too_many_tries")])


def _offer(
    services: Services,
    person: NaturalPerson,
    acting: Mandate | None,
    named: NamedPerson,
    terms: Terms,
) -> Mandate:
    representation, at = identity_of(services).people.representation, services.clock()
    if acting is None:
        return representation.authorise(person, named, terms, at=at)
    return representation.name_agent(person, acting.id, named, terms, at=at)


def _read(form: VerifiedForm) -> tuple[NamedPerson, Terms]:
    """Return what was typed; raise `InvalidMandateError` with every fault of it."""
    faults: list[MandateFault] = []
    named = read_person(form, faults)
    terms = read_terms(form, faults, transferable=form.text("transferable") == "yes")
    if named is None or terms is None:
        raise InvalidMandateError(faults)
    return named, terms


def _form_page(
    request: Request, visitor: Visitor, values: dict[str, str], faults: list[MandateFault]
) -> Response:
    person, acting = visitor.person, visitor.acting
    return render(
        request.scope,
        "mandate_new.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK,
        allowed=person is not None and (acting is None or _may_name(acting)),
        company=acting,
        principal="" if person is None else person.id if acting is None else acting.principal.id,
        values={"transferable": ""} | values,
        faults=_by_field(faults),
        document_types=[kind for kind in DocumentType if kind.holder_kind is HolderKind.NATURAL],
    )


def _by_field(faults: list[MandateFault]) -> dict[str, str]:
    """Return the first fault of each field of the form, in the form's order."""
    # What is wrong with the person is said beside his name.
    named = [("name" if fault.field == "actor" else fault.field, fault.code) for fault in faults]
    first = dict(reversed(named))
    order = ("principal", *FIELDS, "transferable")
    return {field: first[field] for field in order if field in first}
