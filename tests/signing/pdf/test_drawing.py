"""The drawn seal is read back when it is drawn exactly as we draw it, and only then."""

import pytest
from simulators.pdf_files import (
    CONTENTS,
    RANGE,
    RED,
    add_revision,
    complete_signature,
    draw,
    object_source,
    root_number,
    seal_picture,
    size,
    swap,
)

from signing.canonical import sm3
from signing.pdf.drawing import FORM, IMAGE, MASK, SIGNATURE, WIDGET, Appearance, draw_seal
from signing.pdf.extract import read_signed_pdf
from signing.pdf.placement import Placement, SignatureForm, mm_from_units, units_from_mm
from signing.pdf.prepare import prepare
from signing.pdf.signatures import EmbeddedSignature
from signing.pdf.syntax import Reference
from signing.picture import SealPicture

FIRST = size(draw())
SMALL_PICTURE = SealPicture.from_alpha(
    bytes(range(6)), width_px=3, height_px=2, colour=RED, width_mm=30, height_mm=20
)


def appearance(pdf: bytes) -> Appearance | None:
    (signature,) = read_signed_pdf(pdf).signatures
    assert isinstance(signature, EmbeddedSignature)
    return signature.appearance


def test_the_drawing_is_a_format() -> None:
    # Sealed files compare equal to this for ever: a new drawing stands beside this one.
    page, placement = Reference(16), Placement(0, 20.5, 10)
    widget, form, image, mask = draw_seal(28, page, placement, SMALL_PICTURE)
    assert widget == (
        b"28 0 obj\n<</Type/Annot/Subtype/Widget/FT/Sig/T(Seal)/F 132"
        b"/Rect[58.1102 28.3465 143.1496 85.0394]/P 16 0 R/AP<</N 29 0 R>>/V 32 0 R>>\nendobj"
    )
    assert form == (
        b"29 0 obj\n<</Type/XObject/Subtype/Form/BBox[0 0 85.0394 56.6929]"
        b"/Resources<</ExtGState<</Ink<</Type/ExtGState/BM/Multiply>>>>"
        b"/XObject<</Seal 30 0 R>>>>/Length 47>>\n"
        b"stream\nq /Ink gs 85.0394 0 0 56.6929 0 0 cm /Seal Do Q\nendstream\nendobj"
    )
    assert image == (
        b"30 0 obj\n<</Type/XObject/Subtype/Image/Width 1/Height 1/BitsPerComponent 8"
        b"/ColorSpace/DeviceRGB/SMask 31 0 R/Length 3>>\nstream\n\xc8\x10\x2e\nendstream\nendobj"
    )
    assert mask == (
        b"31 0 obj\n<</Type/XObject/Subtype/Image/Width 3/Height 2/BitsPerComponent 8"
        b"/ColorSpace/DeviceGray/Filter/FlateDecode"
        b"/DecodeParms<</Predictor 15/Colors 1/BitsPerComponent 8/Columns 3>>/Length %d>>\n"
        b"stream\n%b\nendstream\nendobj"
        % (len(SMALL_PICTURE.alpha_stream), SMALL_PICTURE.alpha_stream)
    )


def test_the_picture_that_was_placed_is_the_picture_that_is_found() -> None:
    sealed = prepare(
        draw(pages=3),
        form=SignatureForm.SES,
        placement=Placement(2, 120.123, 31.007),
        picture=SMALL_PICTURE,
        contents_size=100,
        signed_at=None,
    ).embed(b"\x30\x00")
    found = appearance(sealed.data)
    assert found == Appearance(2, 120.123, 31.007, 30, 20, SMALL_PICTURE)
    assert found.picture.sm3 == sm3(SMALL_PICTURE.png).hex()


@pytest.mark.parametrize("length_mm", [0, 0.001, 0.5, 42, 120.123, 296.999, 1188.999])
def test_lengths_come_back_to_the_micrometre(length_mm: float) -> None:
    assert mm_from_units(units_from_mm(length_mm)) == length_mm
    assert units_from_mm(length_mm) / 10_000 == pytest.approx(length_mm * 72 / 25.4, abs=0.0001)


def _changed(pdf: bytes, number: int, original: bytes, changed: bytes) -> bytes:
    """Change octets of one object in place."""
    source = object_source(pdf, number)
    return swap(pdf, source, swap(source, original, changed))


@pytest.mark.parametrize(
    ("number", "original", "changed"),
    [
        (WIDGET, b"/F 132", b"/F 134"),
        (WIDGET, b"/T(Seal)", b"/T(Deal)"),
        (WIDGET, b"/Rect[653.3858", b"/Rect[653.3859"),
        (WIDGET, b"/Rect[653.3858", b"/Rect[65.33858"),
        (WIDGET, b"[653.3858 43.2283 772.4409 162.2834]", b"(653.3858 43.2283 772.4409 162.2834)"),
        (WIDGET, b"/P 17 0 R", b"/P 15 0 R"),
        (WIDGET, b"/P 17 0 R", b"/Q 17 0 R"),
        (WIDGET, b"/P 17 0 R", b"/P null  "),
        (WIDGET, b"/Rect[653.3858", b"/Rect[-53.3858"),
        (WIDGET, b"772.4409", b"662.4409"),
        (FORM, b"/BBox[0 0", b"/BBox[0 1"),
        (FORM, b"/BBox[0 0 119.0551 119.0551]", b"/BBox[0 0 119.0551 119.0550]"),
        (FORM, b"/BBox[0 0 119.0551 119.0551]", b"/Bbox[0 0 119.0551 119.0551]"),
        (FORM, b"cm /Seal Do", b"cm /Seal Dx"),
        (FORM, b"gs 119.0551", b"gs 19.00551"),
        (FORM, b" 0 0 cm", b" 0 9 cm"),
        (IMAGE, b"/DeviceRGB", b"/DeviceBGR"),
        (IMAGE, b"/Width 1/Height 1", b"/Width 3/Height 1"),
        (MASK, b"/Width 248", b"/Width 247"),
        (MASK, b"/Width 248", b"/Width(8) "),
        (MASK, b"/Predictor 15", b"/Predictor 12"),
        (MASK, b"/Columns 248", b"/Columns 249"),
        (MASK, b"/DeviceGray", b"/DeviceGrey"),
    ],
)
def test_a_seal_drawn_in_any_other_way_is_not_shown(
    genuine: bytes, number: int, original: bytes, changed: bytes
) -> None:
    assert appearance(genuine) is not None
    assert appearance(_changed(genuine, FIRST + number, original, changed)) is None


def test_a_changed_picture_is_found_as_another_picture_or_not_at_all(genuine: bytes) -> None:
    alpha = seal_picture().alpha_stream
    at = len(alpha) // 2
    broken = alpha[:at] + bytes([alpha[at] ^ 1]) + alpha[at + 1 :]
    assert appearance(swap(genuine, alpha, broken)) is None
    blue = _changed(genuine, FIRST + IMAGE, bytes(RED), b"\x00\x00\xff")
    found = appearance(blue)
    assert found is not None
    assert found.picture.sm3 != seal_picture().sm3


@pytest.mark.parametrize(
    ("original", "changed"),
    [(b"/Annots[", b"/Annotz["), (b"/StructParents 0", b"/Rotate 90      ")],
)
def test_a_page_that_does_not_show_the_widget_upright(
    genuine: bytes, original: bytes, changed: bytes
) -> None:
    start = len(draw())
    assert genuine[start:].count(original) == 1
    update = genuine[start:].replace(original, changed)
    assert appearance(genuine[:start] + update) is None


def test_an_object_exchanged_before_somebody_else_signs_is_not_shown() -> None:
    # Widget and picture are ours and stand where they stood; what is signed shows another form.
    unsigned = prepare(
        draw(),
        form=SignatureForm.SES,
        placement=Placement(0, 10, 10),
        picture=seal_picture(),
        contents_size=100,
        signed_at=None,
    ).embed(b"\x30\x00")
    signature = b"<</SubFilter/GM.sm2seal/ByteRange%b/Contents%b>>" % (RANGE, CONTENTS)
    empty = b"<</Length 0>>\nstream\n\nendstream"
    for more, shown in (({}, True), ({FIRST + FORM: empty}, False)):
        objects = {**more, FIRST + SIGNATURE: signature}
        pdf = complete_signature(add_revision(unsigned.data, objects), b"\x30\x00")
        newest = read_signed_pdf(pdf).signatures[-1]
        assert isinstance(newest, EmbeddedSignature)
        assert newest.revision == 2
        assert (newest.appearance is not None) is shown


def test_the_seal_of_an_earlier_revision_is_read_as_it_was(genuine: bytes) -> None:
    later = add_revision(genuine, {FIRST + FORM: b"<<>>", FIRST + IMAGE: b"null"})
    assert appearance(later) == appearance(genuine)


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, True),
        ({FIRST + 9: b"(between form and image)"}, True),
        ({FIRST + IMAGE: b"(no image)"}, False),
        ({FIRST + MASK: b"(no mask)"}, False),
        ({FIRST + MASK: b"<</Length 0>>\nstream\n\nendstream"}, False),
    ],
    ids=["nothing changed", "something between", "no image", "no mask", "empty mask"],
)
def test_the_four_objects_must_be_there(changes: dict[int, bytes], *, shown: bool) -> None:
    drawn = draw()
    page, root = Reference(17), root_number(drawn)
    seal = draw_seal(FIRST, page, Placement(0, 230.5, 15.25), seal_picture())
    sources = [item.split(b" obj\n", 1)[1].removesuffix(b"\nendobj") for item in seal]
    field = b"[%d 0 R]" % FIRST
    catalog = object_source(drawn, root)[:-2] + b"/AcroForm<</Fields%b>>>>" % field
    signature = b"<</SubFilter/GM.sm2seal/ByteRange%b/Contents%b>>" % (RANGE, CONTENTS)
    objects = {
        root: catalog,
        page.number: object_source(drawn, page.number)[:-2] + b"/Annots%b>>" % field,
        FIRST + WIDGET: sources[WIDGET],
        FIRST + FORM: sources[FORM],
    }
    objects |= changes
    for number, source in ((FIRST + IMAGE, sources[IMAGE]), (FIRST + MASK, sources[MASK])):
        objects.setdefault(number, source)
    objects[FIRST + SIGNATURE] = signature
    pdf = complete_signature(add_revision(drawn, objects), b"\x30\x00")
    assert (appearance(pdf) is not None) is shown
