"""The one page tree typst draws, and so the one a seal can be placed on to the micrometre."""

from signing.errors import MalformedPdfError
from signing.pdf.placement import POINT_UNITS
from signing.pdf.syntax import Dictionary, Reference, Value

_PAGE_SHIFTS = {"Rotate", "UserUnit", "CropBox"}
"""Keys that would make a page's millimetres something else than 72/25.4 points from its corner."""


def page_references(pages: Dictionary) -> list[Reference]:
    """Return the pages of a flat page tree, or raise `MalformedPdfError`."""
    kids = pages.get("Kids")
    references = [kid for kid in kids if isinstance(kid, Reference)] if type(kids) is list else []
    if (
        pages.keys() != {"Type", "Count", "Kids"}
        or pages["Type"] != "Pages"
        or not references
        or pages["Count"] != len(references)
        or kids != references
        or len(set(references)) != len(references)
    ):
        raise MalformedPdfError("not a flat page tree")
    return references


def page_size(page: Dictionary) -> tuple[int, int]:
    """Return a page's width and height in units, or raise `MalformedPdfError`.

    Its corner must be its origin, and nothing may turn, cut or scale it.
    """
    if page.get("Type") != "Page" or not page.keys().isdisjoint(_PAGE_SHIFTS):
        raise MalformedPdfError("not a plain page")
    left, bottom, right, top = rectangle(page.get("MediaBox"))
    if (left, bottom) != (0, 0):
        raise MalformedPdfError("a page whose corner is not its origin")
    return right, top


def rectangle(value: Value) -> tuple[int, int, int, int]:
    """Return left, bottom, right, top in units, or raise `MalformedPdfError`."""
    match value:
        case [
            int() | float() as left,
            int() | float() as bottom,
            int() | float() as right,
            int() | float() as top,
        ]:
            return (
                round(left * POINT_UNITS),
                round(bottom * POINT_UNITS),
                round(right * POINT_UNITS),
                round(top * POINT_UNITS),
            )
    raise MalformedPdfError("not a rectangle")
