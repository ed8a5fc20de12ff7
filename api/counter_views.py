"""What the counter's pages show: forms with their faults, the enrolment, the record."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import Request, Response

from api.counter_desk import DOCUMENT_TYPES, LONGEST_NUMBER, CounterDesk, TypedWrongError
from api.deps import VerifiedForm
from api.messages import Language, Messages, messages
from api.middleware import OWN_SCRIPTS
from api.qr_picture import in_fours, qr_picture
from api.rendering import language_of, render
from idp.counter import (
    AccountAlarmedError,
    AccountShutError,
    DocumentReplacedError,
    InvalidUsernameError,
    KnownPerson,
    OfficersAccountError,
    OneTimeAccess,
    Sighting,
    UsernameTakenError,
)
from idp.counter_acts import OPERATOR, CounterRecord
from idp.documents import mask_name, mask_number
from idp.enrolment import Enrolment, EnrolmentUnderWayError, FactorKind
from idp.errors import (
    BaseUnavailableError,
    DataDifferError,
    DocumentHeldError,
    IdentityError,
    NotPermittedError,
    PersonEndedError,
    ProviderUnavailableError,
    UnknownPersonError,
)
from idp.names import InvalidNameError
from idp.second_factors import ONE_TIME_CODE, PASSKEY, SECOND_FACTORS

SAID_ON_THE_PAGE = (
    AccountAlarmedError,
    AccountShutError,
    BaseUnavailableError,
    DataDifferError,
    DocumentHeldError,
    DocumentReplacedError,
    EnrolmentUnderWayError,
    InvalidNameError,
    InvalidUsernameError,
    NotPermittedError,
    OfficersAccountError,
    PersonEndedError,
    ProviderUnavailableError,
    UnknownPersonError,
    UsernameTakenError,
)
"""What a clerk can do something about, or has to know where he is."""
_CREDENTIALS = {FactorKind.CODE.value: ONE_TIME_CODE, FactorKind.PASSKEY.value: PASSKEY}
_FIELD_OF = {"invalid_username": "username", "username_taken": "username", "invalid_name": "name"}


def faults_of(error: IdentityError) -> Mapping[str, str]:
    """Return the words of the catalogue for an error, by field."""
    if isinstance(error, TypedWrongError):
        return error.faults
    return {_FIELD_OF.get(error.code, "document_number"): error.code}


def status_of(faults: Mapping[str, str]) -> HTTPStatus:
    """Return the status of a form's page with these faults, codes of errors among them."""
    if {"base_unavailable", "provider_unavailable"} & set(faults.values()):
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK


def find_page(
    request: Request,
    desk: CounterDesk,
    form: VerifiedForm | None = None,
    faults: Mapping[str, str] | None = None,
) -> Response:
    """Show the form that takes a document."""
    faults = faults or {}
    typed = {
        name: "" if form is None else form.text(name)
        for name in ("authority", "document_type", "document_number", "seen")
    }
    return render(
        request.scope,
        "counter/find.html",
        status=status_of(faults),
        faults=faults,
        typed=typed,
        authorities=desk.authorities,
        document_types=_titles(request),
        audits=bool(desk.audited),
    )


def person_page(
    request: Request,
    desk: CounterDesk,
    form: VerifiedForm,
    found: tuple[Sighting, KnownPerson, list[str]],
    faults: Mapping[str, str] | None = None,
) -> Response:
    """Show whom the document belongs to and what can be done for him."""
    sighting, person, factors = found
    faults = faults or {}
    return render(
        request.scope,
        "counter/person.html",
        status=status_of(faults),
        faults=faults,
        carried=_carried(form, sighting),
        kind=form.text("kind"),
        old=form.text("old"),
        person=person,
        document=_shown(request, sighting),
        factors=factors,
        passkeys=desk.rp_id is not None,
    )


def unknown_page(
    request: Request,
    form: VerifiedForm,
    sighting: Sighting,
    faults: Mapping[str, str] | None = None,
) -> Response:
    """Show the form that opens a first account."""
    faults = faults or {}
    return render(
        request.scope,
        "counter/unknown.html",
        status=status_of(faults),
        faults=faults,
        carried=_carried(form, sighting),
        document=_shown(request, sighting),
        typed={name: form.text(name) for name in ("name", "username")},
    )


def further_document_page(
    request: Request,
    form: VerifiedForm,
    found: tuple[Sighting, KnownPerson],
    faults: Mapping[str, str] | None = None,
) -> Response:
    """Show the form that takes a further document of somebody found."""
    sighting, person = found
    faults = faults or {}
    return render(
        request.scope,
        "counter/document.html",
        status=status_of(faults),
        faults=faults,
        carried=_carried(form, sighting),
        document=_shown(request, sighting),
        document_types=_titles(request),
        person=person,
        typed={
            name: form.text(name)[: 2 * LONGEST_NUMBER]
            for name in ("new_type", "new_number", "replaces", "new_seen")
        },
    )


def alarm_page(request: Request, form: VerifiedForm, sighting: Sighting) -> Response:
    """Show that the person shut the account himself, and the button that opens it again."""
    return render(
        request.scope,
        "counter/alarm.html",
        carried=_carried(form, sighting),
        document=_shown(request, sighting),
    )


def show_enrolment(
    request: Request, desk: CounterDesk, enrolment: Enrolment, *, fault: str | None = None
) -> Response:
    """Show the QR code, or what starts the ceremony of a passkey."""
    text = messages(language_of(request.scope))
    service, username = desk.settings.site_name, enrolment.username
    secret, ceremony = enrolment.secret, enrolment.ceremony
    picture = options = None
    if secret is not None:
        address = secret.address(service=service, username=username)
        picture = qr_picture(address, text("page.counter.enrolment.qr"))
    if ceremony is not None:
        setattr(request.state, OWN_SCRIPTS, True)
        options = ceremony.options(
            account=enrolment.case.account, username=username, service=service
        )
    return render(
        request.scope,
        "counter/enrolment.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if fault else HTTPStatus.OK,
        enrolment=enrolment,
        is_code=enrolment.kind is FactorKind.CODE,
        fault=fault,
        picture=picture,
        key="" if secret is None else in_fours(secret.base32),
        options=options,
    )


def slip_page(request: Request, access: OneTimeAccess) -> Response:
    """Show a password for one use, this once."""
    return render(request.scope, "counter/slip.html", access=access)


def _titles(request: Request) -> Mapping[str, str]:
    """Return the kinds of documents that persons have, by their codes."""
    chinese = language_of(request.scope) is Language.CHINESE
    return {kind.value: kind.title_zh if chinese else kind.title_en for kind in DOCUMENT_TYPES}


def _carried(form: VerifiedForm, sighting: Sighting) -> Mapping[str, str]:
    """Return what the next form sends along, so that its step can look at it anew."""
    return {
        "authority": form.text("authority"),
        "document_type": sighting.document.type.value,
        "document_number": sighting.document.number,
        "seen": form.text("seen"),
    }


def _shown(request: Request, sighting: Sighting) -> Mapping[str, object]:
    chinese = language_of(request.scope) is Language.CHINESE
    kind = sighting.document.type
    return {
        "type": kind.title_zh if chinese else kind.title_en,
        "number": mask_number(sighting.document.number),
        "original": sighting.original,
    }


def record_rows(
    request: Request, desk: CounterDesk, records: tuple[CounterRecord, ...]
) -> list[Mapping[str, object]]:
    """Return what a table shows of records."""
    chinese = language_of(request.scope) is Language.CHINESE
    officers, subjects = desk.identity.officers, desk.identity.people.subjects
    text = messages(language_of(request.scope))
    clerks = {account: officers.name_of(account) for account in {r.case.clerk for r in records}}
    clerks[OPERATOR] = text("page.counter.acts.operator")
    persons = {
        account: subjects.of_account(account, at=desk.at)
        for account in {record.case.account for record in records}
    }
    rows: list[Mapping[str, object]] = []
    for record in records:
        kind, person = record.case.document_type, persons[record.case.account]
        rows.append(
            {
                "record": record,
                "clerk": clerks[record.case.clerk] or record.case.clerk,
                "person": mask_name(person.name) if person else "",
                "document": kind.title_zh if chinese else kind.title_en,
                "detail": _detail(text, record.detail),
            }
        )
    return rows


def _detail(text: Messages, detail: str) -> str:
    """Return a kind of credential in words; levels are called the same everywhere."""
    kind = _CREDENTIALS.get(detail, detail)
    return text(f"counter.factor.{kind}") if kind in SECOND_FACTORS else detail
