"""Small files that take the same ways through the reader as those that come later."""

from collections.abc import Iterator
from datetime import UTC, datetime

from signing.pdf.placement import Placement, SignatureForm
from signing.pdf.prepare import prepare
from signing.picture import SealPicture

_DATA = b'{"metadata":{"ZZBFJGDM":"0","ZZBH":"0","ZZLXMC":"0"},"seal":{"id":"0","picture_sm3":"0"}}'
_OBJECTS = (
    b"<</Type/Pages/Count 1/Kids[2 0 R]>>",
    b"<</Type/Page/Parent 1 0 R/MediaBox[0 0 595 842]/Contents 3 0 R>>",
    b"<</Length 3>>\nstream\nq Q\nendstream",
    b"<</Type/EmbeddedFile/Length %d>>\nstream\n%b\nendstream" % (len(_DATA), _DATA),
    b"<</Type/Filespec/F(certificate.json)/UF(certificate.json)/EF<</F 4 0 R/UF 4 0 R>>>>",
    (
        b"<</Type/Catalog/Pages 1 0 R/AF[5 0 R]"
        b"/Names<</EmbeddedFiles<</Names[(certificate.json)5 0 R]>>>>>>"
    ),
    b"<</Title(\\(sample\\))>>",
)
_PICTURE = SealPicture.from_alpha(
    b"\xff", width_px=1, height_px=1, colour=(0, 0, 0), width_mm=1, height_mm=1
)
_CONTENTS = b"\x30\x03\x02\x01\x00"
"""Of no signature: reading looks at the form alone."""


def sample_files() -> Iterator[bytes]:
    """Yield a file in each form of signature, and one that is not read strictly.

    Nothing in them is signed.
    """
    drawn = _drawn()
    for form in SignatureForm:
        prepared = prepare(
            drawn,
            form=form,
            placement=Placement(0, 0, 0),
            picture=_PICTURE,
            contents_size=len(_CONTENTS),
            signed_at=datetime(2026, 11, 1, tzinfo=UTC) if form is SignatureForm.PADES else None,
        )
        yield prepared.embed(_CONTENTS).data
    yield drawn + b"\n\n"


def _drawn() -> bytes:
    """Return a page as typst writes it (`signing.pdf.drawn`)."""
    body = bytearray(b"%PDF-1.7\n%\x80\x80\x80\x80\n\n")
    size = len(_OBJECTS) + 1
    table = bytearray(b"xref\n0 %d\n0000000000 65535 f\r\n" % size)
    for number, source in enumerate(_OBJECTS, 1):
        table += b"%010d 00000 n\r\n" % len(body)
        body += b"%d 0 obj\n%b\nendobj\n\n" % (number, source)
    trailer = b"<</Size %d/Root 6 0 R/Info 7 0 R/ID[(AA==)(AA==)]>>" % size
    return b"%b%btrailer\n%b\nstartxref\n%d\n%%%%EOF" % (
        bytes(body),
        bytes(table),
        trailer,
        len(body),
    )
