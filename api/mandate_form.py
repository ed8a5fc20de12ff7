"""What somebody types of a mandate: persons, matters, days, each fault beside its field."""

from datetime import date, datetime, time, timedelta

from api.deps import VerifiedForm
from certs.orders import CHINA_TIME
from idp.documents import HolderKind, IdentityDocument, InvalidDocumentError
from idp.errors import MandateFault
from idp.mandates import Terms
from idp.matters import ALL_MATTERS, InvalidMatterError, Matters
from idp.names import InvalidNameError, NamedPerson, PersonName

LONGEST_FIELD = 4000
"""Fifty codes of matters have 1,700 characters."""


def read_person(
    form: VerifiedForm, faults: list[MandateFault], prefix: str = ""
) -> NamedPerson | None:
    """Return the person of three fields; None adds to `faults`."""
    name, document, known = None, None, len(faults)
    try:
        name = PersonName.parse(form.text(f"{prefix}name"))
    except InvalidNameError as error:
        faults.append(MandateFault(f"{prefix}name", error.reason.value))
    try:
        number = "".join(form.text(f"{prefix}document_number").split())
        document = IdentityDocument.parse(form.text(f"{prefix}document_type"), number)
        if document.type.holder_kind is not HolderKind.NATURAL:
            faults.append(MandateFault(f"{prefix}document_type", "unknown_document_type"))
    except InvalidDocumentError as error:
        faults.append(MandateFault(f"{prefix}document_number", error.reason.value))
    if name is None or document is None or len(faults) > known:
        return None
    return NamedPerson(name, document)


def read_terms(
    form: VerifiedForm, faults: list[MandateFault], *, transferable: bool = False
) -> Terms | None:
    """Return matters and period; None adds to `faults`."""
    matters = None
    try:
        matters = _read_matters(form)
    except InvalidMatterError:
        faults.append(MandateFault("matters", "invalid_matter"))
    since, until = (_read_day(form, field, faults) for field in ("since", "until"))
    if matters is None or since is None or until is None:
        return None
    return Terms(
        matters,
        since=_start_of(since),
        until=_start_of(until + timedelta(days=1)),  # the last day is a day of it
        transferable=transferable,
    )


def _read_matters(form: VerifiedForm) -> Matters:
    scope = form.text("scope")
    if scope == "all":
        return ALL_MATTERS
    if scope != "some":
        raise InvalidMatterError
    return Matters.parse(form.text("matters")[:LONGEST_FIELD].split())


def _read_day(form: VerifiedForm, field: str, faults: list[MandateFault]) -> date | None:
    try:
        day = date.fromisoformat(form.text(field).strip())
    except ValueError:
        day = date.max
    if day.year == date.max.year:  # the day after the last one has to exist
        faults.append(MandateFault(field, "no_day"))
        return None
    return day


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), CHINA_TIME)
