"""The shape of what typst draws, asserted before a seal is added to it.

One revision, a classic cross-reference table of one section, a flat page tree, no form, no
annotations, no permissions. A new release of typst that draws otherwise fails here, loudly, and not
in somebody's reader. Only what is changed is parsed; `signing.pdf.revisions` reads whole files.
"""

import re
from dataclasses import dataclass

from signing.errors import MalformedPdfError
from signing.pdf.pages import page_references, page_size
from signing.pdf.syntax import Dictionary, Parser, PdfString, Reference, Value

_HEADER = b"%PDF-1.7\n%\x80\x80\x80\x80\n\n1 0 obj\n"
_TAIL = re.compile(rb"trailer\n(?=<<).*\nstartxref\n(\d{1,10})\n%%EOF\Z", re.DOTALL)
_TAIL_LENGTH = 512
_TABLE = re.compile(rb"xref\n0 (\d{1,7})\n0000000000 65535 f\r\n")
_ENTRY = re.compile(rb"(\d{10}) 00000 n\r\n")
_ENTRY_LENGTH = 20
_OBJECT_END = b"\nendobj\n"
_CATALOG_ADDITIONS = {"AcroForm", "Perms", "DSS", "Extensions", "OpenAction", "AA", "OCProperties"}
_PAGE_ADDITIONS = {"Annots", "AA"}


@dataclass(frozen=True, slots=True)
class DrawnObject:
    """A dictionary that gets one more entry: its source is kept octet by octet."""

    reference: Reference
    source: bytes

    def with_entries(self, entries: str) -> bytes:
        """Return the object with `entries` at the end of its dictionary, without line end."""
        return b"%d 0 obj\n%b%b>>\nendobj" % (
            self.reference.number,
            self.source[:-2],
            entries.encode(),
        )


@dataclass(frozen=True, slots=True)
class DrawnPdf:
    """The parts of a drawn file that sealing has to know."""

    catalog: DrawnObject
    page: DrawnObject
    page_width: int
    page_height: int
    size: int
    """One more than the largest object number."""
    table_offset: int
    trailer_entries: bytes
    """/Root, /Info and /ID as the next trailer repeats them."""


def read_drawn_pdf(pdf: bytes, page: int) -> DrawnPdf:
    """Return what sealing page `page` has to know, or raise `MalformedPdfError`."""
    tail = _TAIL.search(pdf, max(0, len(pdf) - _TAIL_LENGTH))
    table = _TABLE.match(pdf, int(tail[1])) if tail else None
    if tail is None or table is None or not pdf.startswith(_HEADER):
        raise MalformedPdfError("not a file as typst draws it")
    reader = _Reader(pdf, table.end(), int(table[1]))
    trailer, _ = reader.parser.read_value(tail.start() + len(b"trailer"))
    if not isinstance(trailer, dict) or trailer.keys() != {"Size", "Root", "Info", "ID"}:
        raise MalformedPdfError("a trailer that is not the only one")
    if trailer["Size"] != reader.size or tail.start() != reader.table_end:
        raise MalformedPdfError("a table that does not list every object")
    catalog, catalog_entries = reader.read(trailer["Root"], "Catalog", _CATALOG_ADDITIONS)
    _, pages = reader.read(catalog_entries.get("Pages"), "Pages", set())
    references = page_references(pages)
    if page >= len(references):
        raise MalformedPdfError("no such page")
    drawn_page, page_entries = reader.read(references[page], "Page", _PAGE_ADDITIONS)
    width, height = page_size(page_entries)
    return DrawnPdf(
        catalog,
        drawn_page,
        width,
        height,
        reader.size,
        int(tail[1]),
        _trailer_entries(pdf, trailer),
    )


class _Reader:
    def __init__(self, pdf: bytes, entries_start: int, size: int) -> None:
        self.parser = Parser(pdf)
        self.size = size
        # The table's first entry, the free object 0, is already read.
        self._entries_start = entries_start - _ENTRY_LENGTH
        self.table_end = self._entries_start + size * _ENTRY_LENGTH
        self._pdf = pdf

    def read(
        self, reference: Value, kind: str, additions: set[str]
    ) -> tuple[DrawnObject, Dictionary]:
        if not isinstance(reference, Reference) or not 0 < reference.number < self.size:
            raise MalformedPdfError("not a reference to an object of the file")
        entry = _ENTRY.match(self._pdf, self._entries_start + reference.number * _ENTRY_LENGTH)
        head = b"%d 0 obj\n" % reference.number
        if entry is None or not self._pdf.startswith(head, int(entry[1])):
            raise MalformedPdfError("an object that is not where the table says")
        start = int(entry[1]) + len(head)
        entries, end = self.parser.read_value(start)
        if not isinstance(entries, dict) or entries.get("Type") != kind:
            raise MalformedPdfError("an object of another type than expected")
        if not entries.keys().isdisjoint(additions) or not self._pdf.startswith(_OBJECT_END, end):
            raise MalformedPdfError("an object that already has what sealing adds")
        return DrawnObject(reference, self._pdf[start:end]), entries


def _trailer_entries(pdf: bytes, trailer: Dictionary) -> bytes:
    root, info, identifiers = trailer["Root"], trailer["Info"], trailer["ID"]
    match root, info, identifiers:
        case Reference(), Reference(), [PdfString() as first, PdfString() as second]:
            return b"/Root %d 0 R/Info %d 0 R/ID[%b%b]" % (
                root.number,
                info.number,
                pdf[first.start : first.end],
                pdf[second.start : second.end],
            )
    raise MalformedPdfError("a trailer without root, information and identifiers")
