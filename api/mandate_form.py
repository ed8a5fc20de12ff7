"""What somebody types of a mandate: persons, matters, days, each fault beside its field."""

from datetime import date, timedelta

from api.days import read_day, start_of
from api.deps import VerifiedForm
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
        since=start_of(since),
        until=start_of(until + timedelta(days=1)),  # the last day is a day of it
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
    day = read_day(form.text(field))
    if day is None:
        faults.append(MandateFault(field, "no_day"))
    return day
