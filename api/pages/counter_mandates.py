"""`/office/counter/mandates`: a relative is let act, with both documents seen."""

from datetime import timedelta
from http import HTTPStatus

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from api.counter_desk import CLERKS_LEVEL, DOCUMENT_TYPES, ClerksDesk, CounterDesk
from api.counter_views import SAID_ON_THE_PAGE, status_of
from api.deps import CurrentForm, VerifiedForm, require_level
from api.mandate_form import LONGEST_FIELD, read_person, read_terms
from api.rendering import render
from certs.orders import CHINA_TIME
from idp.counter import Clerk
from idp.documents import DocumentType
from idp.errors import (
    IdentityError,
    InvalidMandateError,
    MandateFault,
    UnknownMandateError,
)
from idp.mandates import Grounds, Mandate

router = APIRouter(
    prefix="/office/counter/mandates",
    include_in_schema=False,
    dependencies=[Depends(require_level(CLERKS_LEVEL))],
)

PRINCIPAL, RELATIVE = "principal_", "relative_"
PERSON_FIELDS = ("name", "document_type", "document_number")
FIELDS = (
    "authority",
    *(f"{prefix}{field}" for prefix in (PRINCIPAL, RELATIVE) for field in PERSON_FIELDS),
    "scope",
    "matters",
    "since",
    "until",
    "seen",
)
SEEN = "yes"
USUAL_PERIOD = timedelta(days=30)
_FIELD_OF = {"principal": f"{PRINCIPAL}name", "actor": f"{RELATIVE}name"}
"""What is wrong with a person is said beside his name."""


class _NotFoundHereError(Exception):
    """Why nothing can be done for the person of one of the documents, as faults of the form."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__(*faults)
        self.faults = faults


@router.get("")
def new_mandate(request: Request, desk: ClerksDesk) -> Response:
    """Show the form."""
    today = desk.at.astimezone(CHINA_TIME).date()
    values = dict.fromkeys(FIELDS, "") | {
        f"{PRINCIPAL}document_type": DocumentType.RESIDENT_ID.value,
        f"{RELATIVE}document_type": DocumentType.RESIDENT_ID.value,
        "since": today.isoformat(),
        "until": (today + USUAL_PERIOD).isoformat(),
    }
    return _form_page(request, desk, values, {})


@router.post("")
def grant_mandate(request: Request, desk: ClerksDesk, form: CurrentForm) -> Response:
    """Grant it; what is wrong is said beside what was typed."""
    values = {name: form.text(name)[:LONGEST_FIELD] for name in FIELDS}
    try:
        mandate = _grant(desk, form)
    except InvalidMandateError as error:
        faults = {
            _FIELD_OF.get(fault.field, fault.field): _word(fault)
            for fault in reversed(error.faults)
        }
        return _form_page(request, desk, values, faults)
    except SAID_ON_THE_PAGE as error:
        return _form_page(request, desk, values, _at_the_counter(RELATIVE, error))
    except _NotFoundHereError as error:
        return _form_page(request, desk, values, error.faults)
    return RedirectResponse(f"{router.prefix}/{mandate.id}", HTTPStatus.SEE_OTHER)


@router.get("/{mandate_id}")
def granted_mandate(mandate_id: str, request: Request, desk: ClerksDesk) -> Response:
    """Show the clerk what he granted; whoever had nothing to do with it learns nothing."""
    mandate = desk.identity.people.mandates.get(mandate_id)
    if mandate.content.granted_by != f"clerk:{desk.officer.account}":
        raise UnknownMandateError
    return render(request.scope, "counter/mandate_done.html", mandate=mandate)


def _grant(desk: CounterDesk, form: VerifiedForm) -> Mandate:
    faults: list[MandateFault] = []
    if form.text("authority") not in desk.authorities:
        faults.append(MandateFault("authority", "authority"))
    principal = read_person(form, faults, PRINCIPAL)
    relative = read_person(form, faults, RELATIVE)
    terms = read_terms(form, faults)
    if form.text("seen") != SEEN:
        faults.append(MandateFault("seen", "seen"))
    if faults or principal is None or relative is None or terms is None:
        raise InvalidMandateError(faults)
    for prefix, named in ((PRINCIPAL, principal), (RELATIVE, relative)):
        try:
            desk.counter.find(named.document, at=desk.at)
        except SAID_ON_THE_PAGE as error:
            raise _NotFoundHereError(_at_the_counter(prefix, error)) from error
    clerk = Clerk(desk.officer, form.text("authority"))
    return desk.mandates.grant(clerk, principal, relative, terms, at=desk.at)


def _at_the_counter(prefix: str, error: IdentityError) -> dict[str, str]:
    return {f"{prefix}document_number": f"counter.fault.{error.code}"}


def _word(fault: MandateFault) -> str:
    """Return the catalogue's word for a fault."""
    own = {"authority": "counter.fault.authority", "seen": "page.counter.mandate.seen_missing"}
    return own.get(fault.field, f"person_fault.{fault.code}")


def _form_page(
    request: Request, desk: CounterDesk, values: dict[str, str], faults: dict[str, str]
) -> Response:
    longest = Grounds.AT_COUNTER.longest
    return render(
        request.scope,
        "counter/mandate.html",
        status=status_of({field: word.rpartition(".")[2] for field, word in faults.items()}),
        values=values,
        faults={field: faults[field] for field in FIELDS if field in faults},
        authorities=desk.authorities,
        document_types=DOCUMENT_TYPES,
        longest=longest.days if longest else 0,
    )
