"""Prepare, digest, embed: what comes out is what independent readers see."""

import hashlib
import io
import itertools
import re
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from simulators.pdf_files import RED, add_revision, draw, object_source, root_number, seal_picture

from signing.errors import ContentsTooLargeError, MalformedPdfError
from signing.pdf.extract import read_signed_pdf
from signing.pdf.placement import Placement, SignatureForm
from signing.pdf.prepare import PreparedPdf, SealedPdf, prepare
from signing.pdf.signatures import EmbeddedSignature

AT = datetime.fromisoformat("2026-11-24T08:30:05+00:00")


def seal(
    drawn: bytes, placement: Placement, *, form: SignatureForm = SignatureForm.SES
) -> PreparedPdf:
    return prepare(
        drawn,
        form=form,
        placement=placement,
        picture=seal_picture(),
        contents_size=600,
        signed_at=None if form is SignatureForm.SES else AT,
    )


def test_typst_draws_the_shape_that_sealing_builds_on() -> None:
    drawn = draw(pages=3)
    assert drawn.startswith(b"%PDF-1.7\n%\x80\x80\x80\x80\n\n1 0 obj\n<</Type/Pages/Count 3/Kids[")
    assert drawn.count(b"\nxref\n") == drawn.count(b"\ntrailer\n") == drawn.count(b"%%EOF") == 1
    assert drawn.endswith(b"\n%%EOF")
    for absent in (b"/ObjStm", b"/XRef", b"/AcroForm", b"/Annots", b"/Perms", b"/Encrypt"):
        assert absent not in drawn


def test_the_drawn_octets_stay_where_they_are(sealed: SealedPdf) -> None:
    assert sealed.data.startswith(draw() + b"\n")


def test_digest_and_file_digest_are_those_of_the_octets(
    prepared: PreparedPdf, sealed: SealedPdf
) -> None:
    start, end = prepared.byte_range.gap
    covered = sealed.data[:start] + sealed.data[end:]
    assert prepared.digest == hashlib.new("sm3", covered).digest()
    assert prepared.byte_range.digest(sealed.data) == prepared.digest
    assert sealed.sm3 == hashlib.new("sm3", sealed.data).hexdigest()


def test_what_is_embedded_is_read_back(
    prepared: PreparedPdf, sealed: SealedPdf, contents: bytes
) -> None:
    signed = read_signed_pdf(sealed.data)
    (signature,) = signed.signatures
    assert isinstance(signature, EmbeddedSignature)
    assert signature.form is prepared.form
    assert signature.contents == contents
    assert signature.byte_range == prepared.byte_range
    assert prepared.property_info == str(signature.byte_range)
    assert signature.digest == prepared.digest
    assert signature.claimed_at == prepared.signed_at
    assert signature.doc_mdp == 1
    assert signature.covers_whole_file
    assert signed.revision_ends == (len(draw()) + 1, len(sealed.data))


def test_contents_are_upper_case_hex_padded_with_zeros(
    prepared: PreparedPdf, sealed: SealedPdf, contents: bytes
) -> None:
    start, end = prepared.byte_range.gap
    assert sealed.data[start:end] == b"<%b>" % contents.hex().upper().encode().ljust(1200, b"0")


def test_a_signature_that_fills_its_room_fits_and_one_octet_more_does_not(
    prepared: PreparedPdf,
) -> None:
    assert read_signed_pdf(prepared.embed(b"\x30\x82\x02\x54" + bytes(596)).data).signatures
    with pytest.raises(ContentsTooLargeError):
        prepared.embed(b"\x30\x82\x02\x55" + bytes(597))


def test_the_same_input_gives_the_same_octets(
    prepared: PreparedPdf, sealed: SealedPdf, contents: bytes
) -> None:
    again = seal(draw(), Placement(0, 230.5, 15.25), form=prepared.form)
    assert again == prepared
    assert again.embed(contents) == sealed


def test_subfilter_and_time_follow_the_form() -> None:
    ses = seal(draw(), Placement(0, 1, 1)).embed(b"\x30\x00").data
    pades = seal(draw(), Placement(0, 1, 1), form=SignatureForm.PADES).embed(b"\x30\x00").data
    assert b"/Type/Sig/Filter/GM.sm2seal/SubFilter/GM.sm2seal/Reference" in ses
    assert (
        b"/Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/M(D:20261124083005Z)"
        in pades
    )


@pytest.mark.parametrize(
    ("form", "signed_at"),
    [
        (SignatureForm.SES, AT),
        (SignatureForm.PADES, None),
        (SignatureForm.PADES, AT.replace(tzinfo=None)),
        (SignatureForm.PADES, AT.astimezone(timezone(timedelta(hours=8)))),
    ],
)
def test_time_where_none_belongs_or_not_in_utc_is_a_mistake_of_the_caller(
    form: SignatureForm, signed_at: datetime | None
) -> None:
    with pytest.raises(ValueError, match="time"):
        prepare(
            draw(),
            form=form,
            placement=Placement(0, 1, 1),
            picture=seal_picture(),
            contents_size=600,
            signed_at=signed_at,
        )


@pytest.mark.parametrize(
    "placement",
    [Placement(0, 255.01, 1), Placement(0, 1, 168.01), Placement(1, 1, 1)],
    ids=["over the right edge", "over the top", "no such page"],
)
def test_a_seal_that_is_not_wholly_on_a_page_is_refused(placement: Placement) -> None:
    with pytest.raises(MalformedPdfError):
        seal(draw(), placement)


@pytest.mark.parametrize("left", [-1, float("nan"), float("inf")])
def test_a_placement_is_somewhere(left: float) -> None:
    with pytest.raises(ValueError, match="placement"):
        Placement(0, left, 1)


@pytest.mark.parametrize(
    ("original", "changed"),
    [
        (b"/Type/Catalog", b"/AcroForm 1 0 R/Type/Catalog"),
        (b"/Type/Catalog", b"/Perms 1 0 R/Type/Catalog"),
        (b"/Type/Catalog", b"/OCProperties 1 0 R/Type/Catalog"),
        (b"/Type/Page/", b"/Annots[]/Type/Page/"),
        (b"/Type/Page/", b"/Rotate 90/Type/Page/"),
        (b"/Type/Page/", b"/UserUnit 2/Type/Page/"),
        (b"/MediaBox[0 0", b"/MediaBox[9 0"),
        (b"/Count 1", b"/Count 2"),
        (b"/Type/Pages", b"/Rotate 90/Type/Pages"),
        (b"/Type/Catalog/Pages 1 0 R", b"/Type/Catalog/Pages 1"),
        (b"/Type/Catalog", b"/Type/Cabinet"),
        (b"/Type/Catalog/Pages 1 0 R", b"/Type/Catalog/Pages 99 0 R"),
        (b"/Type/Catalog/Pages", b"/Type/Catalog>>/Pages"),
        (b" 0 obj\n<</Type/Catalog", b" 0 obj \n<</Type/Catalog"),
        (b"/MediaBox[0 0", b"/MediaBox[0 0 0"),
        (b"xref\n0 ", b"xref\n1 "),
        (b"0000000000 65535 f\r\n", b"0000000000 65535 f\r\n0000000000 65535 f\r\n"),
        (b"%PDF-1.7", b"%PDF-1.6"),
        (b"trailer\n<<", b"trailer\n<</Encrypt 1 0 R"),
    ],
    ids=lambda value: value.decode(),
)
def test_a_file_of_another_shape_is_refused(original: bytes, changed: bytes) -> None:
    drawn = draw()
    assert original in drawn
    start = drawn.index(original)
    other = drawn.replace(original, changed, 1)
    grown = len(changed) - len(original)

    def moved(match: re.Match[bytes]) -> bytes:
        offset = int(match[1])
        return b"%010d 00000 n" % (offset + grown if offset > start else offset)

    other = re.sub(rb"(\d{10}) 00000 n", moved, other)
    table = other.index(b"\nxref\n") + 1
    other = re.sub(rb"startxref\n\d+", b"startxref\n%d" % table, other)
    with pytest.raises(MalformedPdfError):
        seal(other, Placement(0, 1, 1))


def test_a_file_that_has_a_seal_or_an_update_is_refused(sealed: SealedPdf) -> None:
    updated = add_revision(
        draw(), {root_number(draw()): object_source(draw(), root_number(draw()))}
    )
    for pdf in (sealed.data, updated, b"", draw()[:-1], draw() + b"\n"):
        with pytest.raises(MalformedPdfError):
            seal(pdf, Placement(0, 1, 1))


def test_qpdf_finds_nothing_to_complain_of(sealed: SealedPdf, tmp_path: Path) -> None:
    path = tmp_path / "sealed.pdf"
    path.write_bytes(sealed.data)
    result = subprocess.run(["qpdf", "--check", path], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert "No syntax or stream encoding errors found" in result.stdout


def test_pikepdf_finds_field_widget_and_permissions(sealed: SealedPdf, contents: bytes) -> None:
    with pikepdf.open(io.BytesIO(sealed.data)) as pdf:
        (widget,) = pdf.Root.AcroForm.Fields
        assert int(pdf.Root.AcroForm.SigFlags) == 3
        assert pdf.Root.Perms.DocMDP.objgen == widget.V.objgen
        assert pdf.pages[0].Annots[0].objgen == widget.objgen
        assert int(widget.F) & 4
        assert bytes(widget.V.Contents).rstrip(b"\x00") == contents.rstrip(b"\x00")
        assert int(widget.V.Reference[0].TransformParams.P) == 1
        assert pdf.attachments["certificate.json"].get_file().read_bytes().startswith(b"{")


def _bounds_mm(pdf: bytes, page: int, per_mm: int) -> tuple[float, float, float, float]:
    """Render a page and return left, bottom, right, top in mm of what is the seal's red."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        document.init_forms()
        image = document[page].render(scale=per_mm * 25.4 / 72, may_draw_forms=True).to_pil()
    finally:
        document.close()
    image = image.convert("RGB")
    red = [
        (x, y)
        for x, y in itertools.product(range(image.width), range(image.height))
        if image.getpixel((x, y)) == RED
    ]
    columns, rows = {x for x, _ in red}, {y for _, y in red}
    return (
        min(columns) / per_mm,
        (image.height - 1 - max(rows)) / per_mm,
        (max(columns) + 1) / per_mm,
        (image.height - min(rows)) / per_mm,
    )


def test_the_rendered_seal_stands_where_it_was_placed(form: SignatureForm) -> None:
    per_mm = 4
    drawn = draw(pages=3)
    sealed = seal(drawn, Placement(2, 120.5, 31.25), form=form).embed(b"\x30\x00")
    found = _bounds_mm(sealed.data, 2, per_mm)
    assert found == pytest.approx((120.5, 31.25, 162.5, 73.25), abs=1 / per_mm)


def test_the_widget_rectangle_is_exact_to_the_micrometre() -> None:
    sealed = seal(draw(), Placement(0, 120.123, 31.007)).embed(b"\x30\x00")
    with pikepdf.open(io.BytesIO(sealed.data)) as pdf:
        rect = [float(n) * 25.4 / 72 for n in pdf.Root.AcroForm.Fields[0].Rect]
    assert rect == pytest.approx([120.123, 31.007, 162.123, 73.007], abs=0.0001)
