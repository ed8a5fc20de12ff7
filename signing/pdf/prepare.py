"""Prepare a drawn file for its seal, and put the seal in: two types, two steps.

`prepare` writes the file as it will be, but for the octets of /Contents, and takes its digest;
whoever holds the key answers with a SES_Signature (GB/T 38540) or a CMS SignedData; `embed` puts
that in. The update is incremental: the drawn octets stay where they are.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from signing.errors import ContentsTooLargeError, MalformedPdfError
from signing.pdf.drawing import SIGNATURE, WIDGET, draw_seal
from signing.pdf.drawn import DrawnPdf, read_drawn_pdf
from signing.pdf.placement import LONGEST_RANGE, ByteRange, Placement, SignatureForm, units_from_mm
from signing.picture import SealPicture

_HANDLERS = {
    SignatureForm.SES: "/Filter/GM.sm2seal/SubFilter/GM.sm2seal",
    SignatureForm.PADES: "/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached",
}
_NO_CHANGES = (
    "<</Type/SigRef/TransformMethod/DocMDP/TransformParams<</Type/TransformParams/P 1/V/1.2>>>>"
)
"""DocMDP 1 (ISO 32000-1, 12.8.2.2): after this seal nobody may change the document."""
_OBJECT_END = b">>\nendobj\n"


@dataclass(frozen=True, slots=True)
class SealedPdf:
    """A file with its seal."""

    data: bytes = field(repr=False)
    sm3: str
    """SM3 of `data`, lower-case hex."""


@dataclass(frozen=True, slots=True)
class PreparedPdf:
    """A file that lacks only the octets of its seal."""

    form: SignatureForm
    byte_range: ByteRange
    digest: bytes
    """SM3 of the octets in `byte_range`: what is signed."""
    signed_at: datetime | None
    """The /M of form `pades`; form `ses` has its time inside the signature."""
    _contents_size: int
    _before: bytes = field(repr=False)
    _after: bytes = field(repr=False)
    _hasher: "hashlib._Hash" = field(repr=False, compare=False)

    @property
    def property_info(self) -> str:
        """The protected range as propertyInfo of a SES_Signature tells it (GB/T 38540, 7.1)."""
        return str(self.byte_range)

    def embed(self, contents_der: bytes) -> SealedPdf:
        """Return the file with `contents_der` in its place.

        Raises `ContentsTooLargeError` if there is not room enough; nothing is ever cut.
        """
        if len(contents_der) > self._contents_size:
            raise ContentsTooLargeError(f"{len(contents_der)} octets for {self._contents_size}")
        padded = contents_der.ljust(self._contents_size, b"\x00")
        rest = b"<%b>%b" % (padded.hex().upper().encode(), self._after)
        hasher = self._hasher.copy()
        hasher.update(rest)
        return SealedPdf(self._before + rest, hasher.hexdigest())


def prepare(  # noqa: PLR0913 - a seal needs these six
    drawn_pdf: bytes,
    *,
    form: SignatureForm,
    placement: Placement,
    picture: SealPicture,
    contents_size: int,
    signed_at: datetime | None,
) -> PreparedPdf:
    """Return `drawn_pdf` with a signature field that shows `picture` at `placement`.

    `contents_size` octets are left for the signature. `signed_at` (UTC) is /M of form `pades` and
    None for `ses`; anything else is a ValueError. Raises `MalformedPdfError` if the file is not of
    the shape we draw, or the seal would not lie wholly on the page.
    """
    claimed_at = _claimed_time(form, signed_at)
    drawn = read_drawn_pdf(drawn_pdf, placement.page)
    _verify_on_page(drawn, placement, picture)
    widget, signature = drawn.size + WIDGET, drawn.size + SIGNATURE
    page, catalog = drawn.page.reference, drawn.catalog.reference
    # The signature comes last, and /Contents last in it: little is covered behind the gap, and the
    # file's own digest needs no second pass over the rest. Range and contents follow below.
    signature_head = (
        f"{signature} 0 obj\n<</Type/Sig{_HANDLERS[form]}"
        + (f"/M(D:{claimed_at:%Y%m%d%H%M%S}Z)" if claimed_at else "")
        + f"/Reference[{_NO_CHANGES}]/ByteRange"
    )
    objects = {
        page.number: drawn.page.with_entries(f"/Annots[{widget} 0 R]"),
        catalog.number: drawn.catalog.with_entries(
            f"/AcroForm<</Fields[{widget} 0 R]/SigFlags 3>>/Perms<</DocMDP {signature} 0 R>>"
        ),
        **dict(enumerate(draw_seal(drawn.size, page, placement, picture), drawn.size)),
        signature: signature_head.encode(),
    }
    offsets, position = {}, len(drawn_pdf)
    for number, source in objects.items():
        offsets[number] = position + 1
        position += 1 + len(source)
    first_length = position + len(LONGEST_RANGE) + len(b"/Contents")
    second_start = first_length + 2 * contents_size + 2
    after = _OBJECT_END + _table(drawn, offsets, second_start + len(_OBJECT_END))
    byte_range = ByteRange(first_length, second_start, len(after))
    range_text = str(byte_range).ljust(len(LONGEST_RANGE)).encode()
    before = b"%b\n%b%b/Contents" % (drawn_pdf, b"\n".join(objects.values()), range_text)
    hasher = hashlib.new("sm3", before)
    covered = hasher.copy()
    covered.update(after)
    return PreparedPdf(
        form, byte_range, covered.digest(), claimed_at, contents_size, before, after, hasher
    )


def _claimed_time(form: SignatureForm, signed_at: datetime | None) -> datetime | None:
    """Return /M (ISO 32000-1, 7.9.4; ETSI EN 319 142-1, 5.3), which has whole seconds, or None."""
    if form is SignatureForm.SES:
        if signed_at is not None:
            raise ValueError("the time of a SES_Signature is inside it")
        return None
    if signed_at is None or signed_at.utcoffset() != timedelta(0):
        raise ValueError("the time of a PAdES signature is given, in UTC")
    return signed_at.replace(microsecond=0)


def _verify_on_page(drawn: DrawnPdf, placement: Placement, picture: SealPicture) -> None:
    right = units_from_mm(placement.left_mm) + units_from_mm(picture.width_mm)
    top = units_from_mm(placement.bottom_mm) + units_from_mm(picture.height_mm)
    if right > drawn.page_width or top > drawn.page_height:
        raise MalformedPdfError("the seal would not lie on the page")


def _table(drawn: DrawnPdf, offsets: dict[int, int], table_offset: int) -> bytes:
    """Return the update's cross-reference table and trailer."""
    first = drawn.size + WIDGET
    sections = sorted((number, 1) for number in offsets if number < first)
    sections.append((first, SIGNATURE + 1))
    lines = ["xref"]
    for start, count in sections:
        lines.append(f"{start} {count}")
        lines += [f"{offsets[n]:010} 00000 n\r" for n in range(start, start + count)]
    text = "\n".join(lines)
    return b"%b\ntrailer\n<</Size %d%b/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (
        text.encode(),
        drawn.size + SIGNATURE + 1,
        drawn.trailer_entries,
        drawn.table_offset,
        table_offset,
    )
