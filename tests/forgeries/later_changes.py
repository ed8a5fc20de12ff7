"""Check 6: revisions that were added after the seal.

The sealed octets stay as they are, so digest and signature are right; what people see is another
document.
"""

import re

from forgeries.forgery import Attacker, forgery
from forgeries.scene import OPENED, SEALED, Scene
from forgeries.workshop import Exchange, Sign, cms, exchange, number_of, seal_objects, sources
from simulators import pdf_files
from simulators.pdf_files import CONTENTS, RANGE

from verify.report import ReasonCode

CHANGED = ReasonCode.CHANGED_AFTER_SEALING
GREW = ReasonCode.CHANGED_LATER
NOT_COVERED = ReasonCode.BYTES_NOT_COVERED
NOT_IN_REGISTER = ReasonCode.NOT_IN_REGISTER
VALIDATION_DATA = b"<</Certs[]>>"
_SIGNATURE = (
    b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/M(D:%b)/ByteRange%b/Contents%b>>"
    % (SEALED.strftime("%Y%m%d%H%M%SZ").encode(), RANGE, CONTENTS)
)
"""A signature as other software writes it; it stands last, so that filling it in moves nothing."""


def _page(scene: Scene) -> int:
    return number_of(sources(scene.licence.data, 1), b"/Type/Page/")


def _catalog(pdf: bytes, *exchanges: Exchange) -> dict[int, bytes]:
    """Return the newest catalog, but for exchanges."""
    root = pdf_files.root_number(pdf)
    catalog = {root: pdf_files.object_source(pdf, root)}
    for original, new in exchanges:
        exchange(catalog, original, new)
    return catalog


def with_validation_data(scene: Scene) -> bytes:
    """Add certificates for later verifiers, which is allowed: no forgery."""
    number = pdf_files.size(scene.licence.data)
    catalog = _catalog(scene.licence.data, (b"/Type/Catalog", b"/Type/Catalog/DSS %d 0 R" % number))
    return pdf_files.add_revision(scene.licence.data, catalog | {number: VALIDATION_DATA})


@forgery(Attacker.STRANGER, "a later revision: the page's drawing", CHANGED)
def page_repainted(scene: Scene) -> bytes:
    """Draw the page anew in a later revision: another name, the same seal."""
    content = b"0.9 g 60 60 400 400 re f"
    stream = b"<</Length %d>>\nstream\n%b\nendstream" % (len(content), content)
    return pdf_files.add_revision(scene.licence.data, {_drawing(scene): stream})


def _drawing(scene: Scene) -> int:
    page = sources(scene.licence.data, 1)[_page(scene)]
    (number,) = re.findall(rb"/Contents (\d+) 0 R", page)
    return int(number)


@forgery(Attacker.STRANGER, "a later revision: a note on the page", CHANGED)
def note_laid_over_the_page(scene: Scene) -> bytes:
    """Lay a white rectangle with another name over the page, as an annotation."""
    return _with_note(scene.licence.data)


def _with_note(pdf: bytes) -> bytes:
    number = pdf_files.size(pdf)
    (page,) = map(int, re.findall(rb"/Kids\[(\d+) 0 R\]", pdf))
    source = pdf_files.object_source(pdf, page).replace(b"/Annots[", b"/Annots[%d 0 R " % number)
    if b"/Annots" not in source:
        source = source[:-2] + b"/Annots[%d 0 R]>>" % number
    note = b"<</Type/Annot/Subtype/Square/IC[1 1 1]/Rect[60 60 400 400]/F 4>>"
    return pdf_files.add_revision(pdf, {page: source, number: note})


@forgery(Attacker.STRANGER, "a later revision: the attached data", CHANGED)
def data_replaced(scene: Scene) -> bytes:
    """Replace the attached data, which machines read, in a later revision."""
    data = scene.content(number="JY99990120260000099").json
    stream = number_of(sources(scene.licence.data, 0), b"/Type/EmbeddedFile")
    source = b"<</Type/EmbeddedFile/Length %d>>\nstream\n%b\nendstream" % (len(data), data)
    return pdf_files.add_revision(scene.licence.data, {stream: source})


@forgery(Attacker.STRANGER, "a later revision: another catalog", CHANGED)
def document_exchanged(scene: Scene) -> bytes:
    """Lead the trailer to another catalog with other pages; the sealed ones stay in the file."""
    first = pdf_files.size(scene.licence.data)
    objects = {
        first: b"<</Type/Catalog/Pages %d 0 R>>" % (first + 1),
        first + 1: b"<</Type/Pages/Count 1/Kids[%d 0 R]>>" % (first + 2),
        first + 2: b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 841 595]>>" % (first + 1),
    }
    trailer = b"/Root %d 0 R" % first
    return pdf_files.add_revision(scene.licence.data, objects, trailer=trailer)


@forgery(Attacker.STRANGER, "a later revision: the pages in a circle", CHANGED)
def parent_in_a_circle(scene: Scene) -> bytes:
    """Make the page its own parent, so that whoever looks for what it inherits never ends."""
    page = _page(scene)
    source = re.sub(rb"/Parent \d+", b"/Parent %d" % page, sources(scene.licence.data, 1)[page])
    return pdf_files.add_revision(scene.licence.data, {page: source})


@forgery(Attacker.STRANGER, "a later revision: the form", CHANGED)
def seal_taken_out_of_the_form(scene: Scene) -> bytes:
    """Take the seal's field out of the form: readers that look at the newest form find none."""
    fields = (re.compile(rb"/AcroForm<<.*?>>"), b"/AcroForm<</Fields[]>>")
    return pdf_files.add_revision(scene.licence.data, _catalog(scene.licence.data, fields))


@forgery(Attacker.STRANGER, "a later revision: permissions", CHANGED)
def permissions_lifted(scene: Scene) -> bytes:
    """Take back what forbids changes, so that the next revision is allowed."""
    permissions = (re.compile(rb"/Perms<<.*?>>"), b"")
    return pdf_files.add_revision(scene.licence.data, _catalog(scene.licence.data, permissions))


@forgery(Attacker.STRANGER, "validation data that reach a sealed object", CHANGED)
def change_disguised_as_validation_data(scene: Scene) -> bytes:
    """Add validation data and let them replace the page's drawing on the way."""
    number = _drawing(scene)
    catalog = _catalog(scene.licence.data, (b"/Type/Catalog", b"/Type/Catalog/DSS %d 0 R" % number))
    return pdf_files.add_revision(scene.licence.data, catalog | {number: VALIDATION_DATA})


@forgery(Attacker.STRANGER, "validation data: an object deleted", CHANGED)
def drawing_deleted(scene: Scene) -> bytes:
    """Add validation data in a revision that also frees the page's drawing."""
    later = with_validation_data(scene)
    entry = b"xref\n%d 1\n0000000000 00001 f\r\n" % _drawing(scene)
    start = later.rindex(b"xref\n", 0, later.rindex(b"startxref"))
    return later[:start] + entry + later[start + len(b"xref\n") :]


def _countersigned(pdf: bytes, sign: Sign) -> bytes:
    field = pdf_files.size(pdf)
    catalog = _catalog(pdf, (b"/Fields[", b"/Fields[%d 0 R " % field))
    widget = b"<</FT/Sig/T(Second)/V %d 0 R>>" % (field + 1)
    return seal_objects(pdf, catalog | {field: widget, field + 1: _SIGNATURE}, sign)


@forgery(Attacker.OTHER_AUTHORITY, "a second signature", CHANGED, NOT_IN_REGISTER)
def second_signature(scene: Scene) -> bytes:
    """Countersign in a later revision with the genuine key of another authority."""
    return _countersigned(scene.licence.data, scene.other.cms())


@forgery(Attacker.STRANGER, "a second signature: by nobody", CHANGED, ReasonCode.UNKNOWN_ANCHOR)
def second_signature_by_nobody(scene: Scene) -> bytes:
    """Countersign with a key of one's own, for readers that look at the last signature alone."""
    nobody = scene.pki.unit_ca.with_other_key().issue(scene.market.name, not_before=OPENED)
    return _countersigned(scene.licence.data, cms(nobody, scene.pki.unit_ca.cert))


def _letter(scene: Scene) -> bytes:
    """Return a letter that an authority signed without forbidding changes."""
    letter = pdf_files.draw(attachments=())
    field, root = pdf_files.size(letter), pdf_files.root_number(letter)
    catalog = pdf_files.object_source(letter, root)
    catalog = catalog[:-2] + b"/AcroForm<</Fields[%d 0 R]/SigFlags 3>>>>" % field
    objects = {root: catalog, field: b"<</FT/Sig/T(Letter)/V %d 0 R>>" % (field + 1)}
    return seal_objects(letter, objects | {field + 1: _SIGNATURE}, scene.market.cms())


@forgery(Attacker.STRANGER, "a letter: a note that nobody signed", NOT_COVERED, NOT_IN_REGISTER)
def note_on_a_letter(scene: Scene) -> bytes:
    """Add a note to a signed letter that does not forbid it."""
    return _with_note(_letter(scene))


@forgery(Attacker.OTHER_AUTHORITY, "a letter: a note and a signature", GREW, NOT_IN_REGISTER)
def note_on_a_letter_signed(scene: Scene) -> bytes:
    """Add a note to a signed letter that does not forbid it, and sign the whole."""
    return _countersigned(_with_note(_letter(scene)), scene.other.cms())
