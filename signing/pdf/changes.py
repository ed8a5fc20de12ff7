"""What a later revision did to the document a signature covers."""

import re
from enum import StrEnum

from signing.pdf.revisions import PdfFile, Revision, View
from signing.pdf.syntax import Dictionary, Reference, Value, walk

_VALIDATION_KEYS = {"DSS", "Extensions"}
"""What validation data add to a catalog (ETSI EN 319 142-1, 5.4)."""

_TRAILER_BOOKKEEPING = {"Size", "Prev", "ID"}

_OBJECT_HEAD = re.compile(rb"[\d\s\x00]obj(?!\w)")


class RevisionKind(StrEnum):
    """A later revision, as a verifier has to judge it."""

    VALIDATION_DATA = "validation_data"
    """Only certificates, revocation data and time stamps that validation needs."""
    OTHER = "other"
    """Anything else, or what cannot be told from it."""


def classify_revisions(file: PdfFile, *, after: int) -> tuple[RevisionKind, ...]:
    """Return what each revision after the one with index `after` did to the document before it.

    Validation data change nothing but /DSS and /Extensions of the catalog; every other object is
    new, and nothing that stood in the document before refers to it. Nor do they hold what a reader
    that mends files by searching them would take for an object.

    Raises `MalformedPdfError` if a revision has no catalog, which `read_signatures` finds first.
    """
    kinds: list[RevisionKind] = []
    referenced: set[int] = set()
    unread = 0  # the first revision whose references are not yet in `referenced`
    for index in range(after + 1, len(file.revisions)):
        for revision in file.revisions[unread:index]:
            referenced |= _references(revision)
        unread = index
        before, revision = file.view(index - 1), file.revisions[index]
        new = revision.objects.keys() - before.objects.keys()
        only_adds = _changes_only_validation_keys(before, file.view(index), revision)
        kinds.append(
            RevisionKind.VALIDATION_DATA
            if only_adds and new.isdisjoint(referenced) and not _hides(file.pdf, revision)
            else RevisionKind.OTHER
        )
    return tuple(kinds)


def _changes_only_validation_keys(before: View, after: View, revision: Revision) -> bool:
    root = before.trailer.get("Root")
    if not isinstance(root, Reference) or revision.freed - {0}:
        return False
    if revision.objects.keys() & before.objects.keys() != {root.number}:
        return False
    return _same_trailer(before.trailer, after.trailer) and _same(
        _without(before.catalog), _without(after.catalog)
    )


def _hides(pdf: bytes, revision: Revision) -> bool:
    """Tell whether octets of strings or streams look like an object or a trailer."""
    octets = pdf[revision.start : revision.end]
    return (
        len(_OBJECT_HEAD.findall(octets)) != len(revision.objects) or octets.count(b"trailer") != 1
    )


def _references(revision: Revision) -> set[int]:
    """Return the numbers that a revision refers to, whether they lead anywhere or not."""
    roots: list[Value] = [revision.trailer, *(item.value for item in revision.objects.values())]
    return {value.number for root in roots for value in walk(root) if isinstance(value, Reference)}


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
