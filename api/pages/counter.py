"""Pages of the counter: find a person by his document, enrol a second factor, first accounts.

Whatever is said of a person travels in the bodies of forms, never in an address; the number of a
document is typed once and goes along in the form, and each step looks at it anew.
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.counter_desk import (
    CLERKS_LEVEL,
    AuditorsDesk,
    ClerksDesk,
    CounterDesk,
    TypedWrongError,
)
from api.counter_views import (
    SAID_ON_THE_PAGE,
    alarm_page,
    faults_of,
    find_page,
    person_page,
    record_rows,
    show_enrolment,
    slip_page,
    unknown_page,
)
from api.deps import CurrentForm, require_level, verified_form
from api.rendering import render
from idp.counter import AccountAlarmedError
from idp.counter_acts import CounterAct
from idp.enrolment import EnrolmentOverError
from idp.errors import IdentityError, NotPermittedError, UnknownPersonError
from idp.names import NamedPerson, PersonName
from idp.one_time_codes import WrongCodeError

router = APIRouter(
    prefix="/office/counter",
    include_in_schema=False,
    dependencies=[Depends(require_level(CLERKS_LEVEL))],
)

RECORDS_A_PAGE = 50


@router.get("")
def counter_page(request: Request, desk: ClerksDesk) -> Response:
    """Show the form that takes a document."""
    return find_page(request, desk)


@router.post("/person")
def find_person(request: Request, desk: ClerksDesk, form: CurrentForm) -> Response:
    """Show whom the document belongs to, and what can be done for him."""
    sighting = None
    try:
        _, sighting = desk.read(form)
        person = desk.counter.find(sighting.document, at=desk.at)
        factors = [] if person is None else desk.factors(person)
    except (TypedWrongError, *SAID_ON_THE_PAGE) as error:
        if sighting is not None and isinstance(error, AccountAlarmedError):
            return alarm_page(request, form, sighting)
        return find_page(request, desk, form, faults_of(error))
    if person is None:
        return unknown_page(request, form, sighting)
    return person_page(request, desk, form, (sighting, person, factors))


@router.post("/enrolments")
def start_enrolment(request: Request, desk: ClerksDesk, form: CurrentForm) -> Response:
    """Begin an enrolment for the person of the form's document."""
    found = None
    try:
        clerk, sighting = desk.read(form)
        person = desk.counter.find(sighting.document, at=desk.at)
        if person is None:
            raise UnknownPersonError
        factors = desk.factors(person)
        found = sighting, person, factors
        enrolment = desk.enrolments.start(clerk, sighting, desk.wanted(form, factors), at=desk.at)
    except (TypedWrongError, *SAID_ON_THE_PAGE) as error:
        if found is None:
            return find_page(request, desk, form, faults_of(error))
        return person_page(request, desk, form, found, faults_of(error))
    return _to(f"enrolments/{enrolment.case.id}")


@router.get("/enrolments/{enrolment_id}")
def enrolment_page(enrolment_id: str, request: Request, desk: ClerksDesk) -> Response:
    """Show the QR code, or what starts the passkey's ceremony."""
    try:
        enrolment = desk.enrolments.get(enrolment_id, desk.any_clerk(), at=desk.at)
    except EnrolmentOverError:
        return _over(desk, enrolment_id)
    return show_enrolment(request, desk, enrolment)


@router.post("/enrolments/{enrolment_id}/code")
def prove_code(
    enrolment_id: str, request: Request, desk: ClerksDesk, form: CurrentForm
) -> Response:
    """Check the code that the person's application shows, and bind the application."""
    clerk = desk.any_clerk()
    try:
        desk.enrolments.prove_code(enrolment_id, clerk, form.text("code"), at=desk.at)
    except WrongCodeError as error:
        try:
            enrolment = desk.enrolments.get(enrolment_id, clerk, at=desk.at)
        except EnrolmentOverError:
            return _over(desk, enrolment_id)
        return show_enrolment(request, desk, enrolment, fault=error.code)
    except NotPermittedError:
        raise
    except IdentityError:  # what happened stands in the record, which the next page shows
        return _over(desk, enrolment_id)
    return _to(f"done/{enrolment_id}")


@router.post("/enrolments/{enrolment_id}/passkey")
def prove_passkey(enrolment_id: str, desk: ClerksDesk, form: CurrentForm) -> Response:
    """Check what the browser made of the ceremony, and bind the passkey."""
    answer = {name: form.text(name) for name in ("client_data", "attestation", "transports")}
    try:
        desk.enrolments.prove_passkey(enrolment_id, desk.any_clerk(), answer, at=desk.at)
    except NotPermittedError:
        raise
    except IdentityError:
        return _over(desk, enrolment_id)
    return _to(f"done/{enrolment_id}")


@router.post("/enrolments/{enrolment_id}/cancel", dependencies=[Depends(verified_form)])
def cancel_enrolment(enrolment_id: str, desk: ClerksDesk) -> Response:
    """End the enrolment with nothing bound."""
    try:
        desk.enrolments.cancel(enrolment_id, desk.any_clerk(), at=desk.at)
    except EnrolmentOverError:
        return _over(desk, enrolment_id)
    return _to(f"done/{enrolment_id}")


@router.get("/done/{case_id}")
def done_page(case_id: str, request: Request, desk: ClerksDesk) -> Response:
    """Show how an enrolment of this clerk ended, or which document he recorded."""
    records = desk.records.of_case(case_id, clerk=desk.officer.account)
    if not records:
        raise EnrolmentOverError
    acts = {record.act for record in records}
    outcome = next(
        (word for act, word in _OUTCOMES if act in acts),
        "refused",
    )
    return render(
        request.scope,
        "counter/done.html",
        outcome=outcome,
        rows=record_rows(request, desk, records),
    )


@router.post("/passwords")
def renew_password(request: Request, desk: ClerksDesk, form: CurrentForm) -> Response:
    """Give the person of the form's document a password for one use."""
    try:
        access = desk.counter.renew_password(*desk.read(form), at=desk.at)
    except (TypedWrongError, *SAID_ON_THE_PAGE) as error:
        return find_page(request, desk, form, faults_of(error))
    return slip_page(request, access)


@router.post("/alarms")
def reopen_account(request: Request, desk: ClerksDesk, form: CurrentForm) -> Response:
    """Let somebody in again who had said “this was not me”."""
    try:
        access = desk.counter.reopen(*desk.read(form), at=desk.at)
    except (TypedWrongError, *SAID_ON_THE_PAGE) as error:
        return find_page(request, desk, form, faults_of(error))
    return slip_page(request, access)


@router.post("/accounts")
def open_account(request: Request, desk: ClerksDesk, form: CurrentForm) -> Response:
    """Open a first account for somebody who has none."""
    sighting = None
    try:
        clerk, sighting = desk.read(form)
        person = NamedPerson(PersonName.parse(form.text("name")), sighting.document)
        access = desk.counter.make_account(
            clerk,
            form.text("username").strip(),
            person,
            original_seen=sighting.original,
            at=desk.at,
        )
    except (TypedWrongError, *SAID_ON_THE_PAGE) as error:
        if sighting is None:
            return find_page(request, desk, form, faults_of(error))
        return unknown_page(request, form, sighting, faults_of(error))
    return slip_page(request, access)


@router.get("/acts")
def acts_page(
    request: Request, desk: AuditorsDesk, *, before: Annotated[int | None, Query(ge=1)] = None
) -> Response:
    """Show an auditor what was done at the counters of his authorities."""
    records = desk.records.of_authorities(desk.audited, before=before, most=RECORDS_A_PAGE)
    return render(
        request.scope,
        "counter/acts.html",
        rows=record_rows(request, desk, records),
        older=records[-1].number if len(records) == RECORDS_A_PAGE else None,
    )


_OUTCOMES = (
    (CounterAct.FAILED, "failed"),
    (CounterAct.CODE_BOUND, "bound"),
    (CounterAct.PASSKEY_BOUND, "bound"),
    (CounterAct.CANCELLED, "cancelled"),
    (CounterAct.DOCUMENT_ADDED, "document_added"),
    (CounterAct.DOCUMENT_REPLACED, "document_replaced"),
)


def _to(path: str) -> Response:
    return RedirectResponse(f"/office/counter/{path}", HTTPStatus.SEE_OTHER)


def _over(desk: CounterDesk, case_id: str) -> Response:
    """Lead to how it ended; whoever had nothing to do with it learns nothing."""
    if not desk.records.of_case(case_id, clerk=desk.officer.account):
        raise EnrolmentOverError
    return _to(f"done/{case_id}")
