"""The shape of what typst draws, asserted before a seal is added to it.

One revision, a classic cross-reference table of one section, a flat page tree, no form, no
annotations, no permissions. A new release of typst that draws otherwise fails here, loudly, and not
in somebody's reader. Only what is changed is parsed; `signing.pdf.revisions` reads whole files.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from signing.errors import MalformedPdfError
from signing.pdf.pages import page_references, page_size
from signing.pdf.syntax import Dictionary, Parser, Reference, Value

_HEADER = b"%PDF-1.7\n%\x80\x80\x80\x80\n\n1 0 obj\n"
_TAIL = re.compile(
    rb"trailer\n<</Size (\d{1,7})"
    rb"(/Root (\d{1,7}) 0 R/Info \d{1,7} 0 R/ID\[\([\w+/=]+\)\([\w+/=]+\)\])>>\n"
    rb"startxref\n(\d{1,10})\n%%EOF\Z"
)
_TAIL_LENGTH = 256
_TABLE = b"xref\n0 %d\n0000000000 65535 f\r\n"
_ENTRY = re.compile(rb"(\d{10}) 00000 n\r\n")
_ENTRY_LENGTH = 20
_REMEMBERED_OBJECTS = 64
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
    if tail is None or not pdf.startswith(_HEADER):
        raise MalformedPdfError("not a file as typst draws it")
    size, table_offset = int(tail[1]), int(tail[4])
    table = _TABLE % size
    entries_start = table_offset + len(table) - _ENTRY_LENGTH  # the first of them is object 0
    if (
        not pdf.startswith(table, table_offset)
        or tail.start() != entries_start + size * _ENTRY_LENGTH
    ):
        raise MalformedPdfError("a table that does not list every object")
    reader = _Reader(pdf, entries_start, size)
    catalog, catalog_entries = reader.read(Reference(int(tail[3])), "Catalog", _CATALOG_ADDITIONS)
    _, pages = reader.read(catalog_entries.get("Pages"), "Pages", set())
    references = page_references(pages)
    if page >= len(references):
        raise MalformedPdfError("no such page")
    drawn_page, page_entries = reader.read(references[page], "Page", _PAGE_ADDITIONS)
    width, height = page_size(page_entries)
    return DrawnPdf(catalog, drawn_page, width, height, size, table_offset, tail[2])


class _Reader:
    def __init__(self, pdf: bytes, entries_start: int, size: int) -> None:
        self._pdf = pdf
        self._entries_start = entries_start
        self._size = size

    def read(
        self, reference: Value, kind: str, additions: set[str]
    ) -> tuple[DrawnObject, Dictionary]:
        if not isinstance(reference, Reference) or not 0 < reference.number < self._size:
            raise MalformedPdfError("not a reference to an object of the file")
        entry = _ENTRY.match(self._pdf, self._entries_start + reference.number * _ENTRY_LENGTH)
        head = b"%d 0 obj\n" % reference.number
        if entry is None or not self._pdf.startswith(head, int(entry[1])):
            raise MalformedPdfError("an object that is not where the table says")
        start = int(entry[1]) + len(head)
        source = self._pdf[start : self._pdf.find(_OBJECT_END, start)]
        entries = _entries(source)
        if entries.get("Type") != kind or not entries.keys().isdisjoint(additions):
            raise MalformedPdfError("an object of another type, or with what sealing adds")
        return DrawnObject(reference, source), entries


@lru_cache(maxsize=_REMEMBERED_OBJECTS)
def _entries(source: bytes) -> Dictionary:
    """Return the dictionary that `source` is; files of one type of certificate have the same."""
    entries, end = Parser(source).read_value(0)
    if not isinstance(entries, dict) or end != len(source):
        raise MalformedPdfError("an object that is not one dictionary")
    return entries
