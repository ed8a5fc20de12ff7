"""`/office/counter/documents`: a further document of a person, or one in an older one's place.

Which person it is goes along in the form, by a document already known, and is looked at anew.
"""

from http import HTTPStatus

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from api.counter_desk import (
    CLERKS_LEVEL,
    LONGEST_NUMBER,
    ClerksDesk,
    CounterDesk,
    TypedWrongError,
)
from api.counter_views import SAID_ON_THE_PAGE, faults_of, find_page, further_document_page
from api.deps import CurrentForm, VerifiedForm, require_level
from idp.counter import KnownPerson, Sighting
from idp.documents import DocumentFault, HolderKind, IdentityDocument, InvalidDocumentError
from idp.errors import DocumentHeldError, UnknownPersonError

router = APIRouter(
    prefix="/office/counter/documents",
    include_in_schema=False,
    dependencies=[Depends(require_level(CLERKS_LEVEL))],
)

YES, NO = "yes", "no"


@router.post("/new")
def new_document(request: Request, desk: ClerksDesk, form: CurrentForm) -> Response:
    """Show the form for the person of a document already known."""
    try:
        found = _find(desk, form)
    except (TypedWrongError, *SAID_ON_THE_PAGE) as error:
        return find_page(request, desk, form, faults_of(error))
    return further_document_page(request, form, found)


@router.post("")
def record_document(request: Request, desk: ClerksDesk, form: CurrentForm) -> Response:
    """Record the new document; what is wrong is said beside what was typed."""
    try:
        found = _find(desk, form)
    except (TypedWrongError, *SAID_ON_THE_PAGE) as error:
        return find_page(request, desk, form, faults_of(error))
    known = found[0].document
    try:
        new = _read_new(form, known)
        clerk, _ = desk.read(form)
        replaces = form.text("replaces") == YES
        case = desk.documents.add(clerk, known, new, replaces=replaces, at=desk.at)
    except TypedWrongError as error:
        return further_document_page(request, form, found, error.faults)
    except DocumentHeldError:
        return further_document_page(request, form, found, {"new_number": "document_of_another"})
    except SAID_ON_THE_PAGE as error:
        return further_document_page(request, form, found, {"new_number": error.code})
    return RedirectResponse(f"/office/counter/done/{case.id}", HTTPStatus.SEE_OTHER)


def _find(desk: CounterDesk, form: VerifiedForm) -> tuple[Sighting, KnownPerson]:
    _, sighting = desk.read(form)
    person = desk.counter.find(sighting.document, at=desk.at)
    if person is None:
        raise UnknownPersonError
    return sighting, person


def _read_new(form: VerifiedForm, known: IdentityDocument) -> IdentityDocument:
    """Return the new document. Raise `TypedWrongError` with all that is wrong."""
    faults: dict[str, str] = {}
    new = None
    try:
        number = "".join(form.text("new_number")[: 2 * LONGEST_NUMBER].split())
        new = IdentityDocument.parse(form.text("new_type"), number)
    except InvalidDocumentError as error:
        if error.reason is DocumentFault.UNKNOWN_TYPE:
            faults["new_type"] = "new_type"
        else:
            faults["new_number"] = "document_number"
    if new is not None and new.type.holder_kind is not HolderKind.NATURAL:
        faults["new_type"] = "new_type"
    if new == known:
        faults["new_number"] = "same_document"
    if form.text("replaces") not in {YES, NO}:
        faults["replaces"] = "replaces"
    if form.text("new_seen") != YES:
        faults["new_seen"] = "new_seen"
    if new is None or faults:
        raise TypedWrongError(faults)
    return new
