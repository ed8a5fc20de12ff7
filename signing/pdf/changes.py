"""What a later revision did to the document a signature covers."""

from collections.abc import Set as AbstractSet
from enum import StrEnum

from signing.errors import MalformedPdfError
from signing.pdf.revisions import PdfFile, View
from signing.pdf.syntax import Dictionary, Reference, Value, walk

_VALIDATION_KEYS = {"DSS", "Extensions"}
"""What validation data add to a catalog (ETSI EN 319 142-1, 5.4)."""

_TRAILER_BOOKKEEPING = {"Size", "Prev", "ID"}


class RevisionKind(StrEnum):
    """A later revision, as a verifier has to judge it."""

    VALIDATION_DATA = "validation_data"
    """Only certificates, revocation data and time stamps that validation needs."""
    OTHER = "other"
    """Anything else, or what cannot be told from it."""


def classify_revision(file: PdfFile, index: int) -> RevisionKind:
    """Return what revision `index` (not the first) did to the one before it.

    Validation data change nothing but /DSS and /Extensions of the catalog; every other object is
    new, and nothing that stood in the document before refers to it.
    """
    revision, before = file.revisions[index], file.view(index - 1)
    root = before.trailer.get("Root")
    if not isinstance(root, Reference) or revision.freed - {0}:
        return RevisionKind.OTHER
    changed = revision.objects.keys() & before.objects.keys()
    if changed != {root.number} or not _same_trailer(before.trailer, revision.trailer):
        return RevisionKind.OTHER
    try:
        after = file.view(index).catalog
        same = _same(_without(before.catalog), _without(after))
    except MalformedPdfError:
        return RevisionKind.OTHER
    if not same or _refers_to_any(before, revision.objects.keys() - changed):
        return RevisionKind.OTHER
    return RevisionKind.VALIDATION_DATA


def _without(catalog: Dictionary) -> Dictionary:
    return {key: value for key, value in catalog.items() if key not in _VALIDATION_KEYS}


def _same_trailer(before: Dictionary, after: Dictionary) -> bool:
    old, new = (
        {key: value for key, value in trailer.items() if key not in _TRAILER_BOOKKEEPING}
        for trailer in (before, after)
    )
    return _same(old, new)


def _same(one: Value, other: Value) -> bool:
    """Compare values with their types: for Python, true and 1 are equal. Depth is MAX_DEPTH."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other


def _refers_to_any(view: View, numbers: AbstractSet[int]) -> bool:
    """Tell whether a reference that led nowhere would now lead to something new."""
    values: list[Value] = [view.trailer, *(item.value for item in view.objects.values())]
    return any(
        isinstance(value, Reference) and value.number in numbers
        for root in values
        for value in walk(root)
    )
