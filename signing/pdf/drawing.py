"""How a seal is drawn: four objects, always the same way.

Field and widget in one, appearance form, image of one pixel in the seal's colour, soft mask with
the seal's alpha plane, under consecutive numbers. Because nothing in them is left open, a reader
knows what is drawn by comparing octets: `read_seal` draws again what it found and compares.

**The drawing is a format.** Files sealed by an earlier release must compare equal for as long as
they are kept: a new way to draw stands beside this one, it does not replace it.
"""

from dataclasses import dataclass

from signing.errors import MalformedPdfError, MalformedPictureError
from signing.pdf.pages import page_references, page_size, rectangle
from signing.pdf.placement import Placement, mm_from_units, points_text, units_from_mm
from signing.pdf.revisions import View
from signing.pdf.syntax import Reference
from signing.picture import SealPicture

FIELD_NAME = "Seal"
PRINT_AND_LOCKED = 132
"""Annotation flags 3 and 8 (ISO 32000-1, table 165): PDF/A demands the first."""

WIDGET, FORM, IMAGE, MASK, SIGNATURE = range(5)
"""Each object's number, counted from the widget's."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """A seal as it is drawn on a page."""

    page: int
    """Counted from 0."""
    left_mm: float
    bottom_mm: float
    width_mm: int
    height_mm: int
    picture: SealPicture


def draw_seal(
    first: int, page: Reference, placement: Placement, picture: SealPicture
) -> list[bytes]:
    """Return the four objects that draw `picture`, numbered from `first`, without line end."""
    left, bottom = units_from_mm(placement.left_mm), units_from_mm(placement.bottom_mm)
    width, height = units_from_mm(picture.width_mm), units_from_mm(picture.height_mm)
    rect = " ".join(map(points_text, (left, bottom, left + width, bottom + height)))
    size = f"{points_text(width)} 0 0 {points_text(height)}"
    box = f"{points_text(width)} {points_text(height)}"
    content = f"q /Ink gs {size} 0 0 cm /Seal Do Q"
    alpha = picture.alpha_stream
    pixels = f"/Width {picture.width_px}/Height {picture.height_px}/BitsPerComponent 8"
    return [
        (
            f"{first + WIDGET} 0 obj\n<</Type/Annot/Subtype/Widget/FT/Sig/T({FIELD_NAME})"
            f"/F {PRINT_AND_LOCKED}/Rect[{rect}]/P {page.number} 0 R/AP<</N {first + FORM} 0 R>>"
            f"/V {first + SIGNATURE} 0 R>>\nendobj"
        ).encode(),
        (
            f"{first + FORM} 0 obj\n<</Type/XObject/Subtype/Form/BBox[0 0 {box}]"
            f"/Resources<</ExtGState<</Ink<</Type/ExtGState/BM/Multiply>>>>"
            f"/XObject<</Seal {first + IMAGE} 0 R>>>>/Length {len(content)}>>\n"
            f"stream\n{content}\nendstream\nendobj"
        ).encode(),
        b"%d 0 obj\n<</Type/XObject/Subtype/Image/Width 1/Height 1/BitsPerComponent 8"
        b"/ColorSpace/DeviceRGB/SMask %d 0 R/Length 3>>\nstream\n%b\nendstream\nendobj"
        % (first + IMAGE, first + MASK, bytes(picture.colour)),
        b"%d 0 obj\n<</Type/XObject/Subtype/Image%b/ColorSpace/DeviceGray/Filter/FlateDecode"
        b"/DecodeParms<</Predictor 15/Colors 1/BitsPerComponent 8/Columns %d>>"
        b"/Length %d>>\nstream\n%b\nendstream\nendobj"
        % (first + MASK, pixels.encode(), picture.width_px, len(alpha), alpha),
    ]


def read_seal(view: View, first: int) -> Appearance | None:
    """Return the seal whose widget is object `first`, or None if it is not drawn as we draw it."""
    try:
        placement, picture, page = _measure(view, first)
    except (MalformedPdfError, MalformedPictureError, ValueError):
        return None
    for number, source in enumerate(draw_seal(first, page, placement, picture), first):
        item = view.objects.get(number)
        if item is None or view.pdf[item.start : item.end] != source:
            return None
    return Appearance(
        placement.page,
        placement.left_mm,
        placement.bottom_mm,
        picture.width_mm,
        picture.height_mm,
        picture,
    )


def _measure(view: View, first: int) -> tuple[Placement, SealPicture, Reference]:
    widget = view.dictionary(Reference(first))
    pages = page_references(view.dictionary(view.catalog.get("Pages")))
    reference = widget.get("P")
    if not isinstance(reference, Reference) or reference not in pages:
        raise MalformedPdfError("a widget on no page")
    page = view.dictionary(reference)
    if Reference(first) not in view.array(page.get("Annots")):
        raise MalformedPdfError("a widget its page does not show")
    page_size(page)
    left, bottom, right, top = rectangle(widget.get("Rect"))
    placement = Placement(pages.index(reference), mm_from_units(left), mm_from_units(bottom))
    image, mask = view.objects.get(first + IMAGE), view.objects.get(first + MASK)
    if image is None or mask is None or not image.stream or not mask.stream:
        raise MalformedPdfError("no picture beside the widget")
    red, green, blue = view.pdf[slice(*image.stream)]
    sizes = view.dictionary(Reference(first + MASK))
    width_px, height_px = sizes.get("Width"), sizes.get("Height")
    if type(width_px) is not int or type(height_px) is not int:
        raise MalformedPdfError("a picture without its size")
    picture = SealPicture(
        width_px,
        height_px,
        (red, green, blue),
        view.pdf[slice(*mask.stream)],
        round(mm_from_units(right - left)),
        round(mm_from_units(top - bottom)),
    )
    return placement, picture, reference
