"""A PDF file as the revisions it was written in, every octet accounted for (ISO 32000-1, 7.5).

1. The file begins with its header and ends with `startxref`, an offset and `%%EOF`.
2. From there the chain of /Prev leads strictly backwards to the first cross-reference table.
3. A revision is what stands between the end of the one before and its own `%%EOF`: objects, table,
   trailer. The objects its table lists tile its body; nothing else stands between them.

So no object is hidden, shadowed or shared between revisions, and what a revision covers is a
number. Cross-reference streams, object streams, hybrid and encrypted files raise
`UnsupportedPdfError`: files drawn here have none.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from signing.errors import MalformedPdfError, UnsupportedPdfError
from signing.pdf.syntax import Dictionary, IndirectObject, Name, Parser, Reference, Value

MAX_REVISIONS = 32
"""A certificate has two and one for each addition of validation data."""

MAX_OBJECTS = 20_000
"""Table entries over all revisions; a certificate has 40, and 5 for each further page.

Object numbers are smaller, too: beyond 31 bits other readers cut them, or give up the table and
search the file for objects.
"""

_HEADER = re.compile(rb"%PDF-(?:1\.[0-7]|2\.0)(?:\r\n|\n|\r)(?:%[^\r\n]{0,100}(?:\r\n|\n|\r))?")
_FILE_TAIL = re.compile(rb"startxref(?:\r\n|\n|\r)(\d{1,10})(?:\r\n|\n|\r)%%EOF(?:\r\n|\n|\r)?\Z")
_FILE_TAIL_LENGTH = 32
_TABLE = re.compile(rb"xref(?:\r\n| ?\n|\r)")
_OBJECT = re.compile(rb"\d{1,10} \d{1,5} obj")
_SUBSECTION = re.compile(rb"(\d{1,10}) (\d{1,10})(?: ?\r\n| ?\n| ?\r)")
_ENTRY = re.compile(rb"(\d{10}) (\d{5}) ([nf])(?: \n|\r\n| \r)")
_TRAILER = re.compile(rb"trailer(?=[\s<])")
_REVISION_TAIL = re.compile(
    rb"[\r\n ]{1,4}startxref(?:\r\n|\n|\r)(\d{1,10})(?:\r\n|\n|\r)(%%EOF)(\r\n|\n|\r)?"
)
_STREAM_TYPES = {"ObjStm", "XRef"}


@dataclass(frozen=True, slots=True)
class Revision:
    """What one writing of the file added."""

    objects: dict[int, IndirectObject]
    freed: frozenset[int]
    """Numbers whose objects this revision deletes."""
    trailer: Dictionary
    start: int
    """Where the revision before ends; 0 for the first."""
    marker_end: int
    """Where its `%%EOF` ends."""
    end: int
    """The same with the end of line that follows, if one does."""


@dataclass(frozen=True, slots=True)
class View:
    """The document as it stands after one of its revisions."""

    pdf: bytes
    objects: dict[int, IndirectObject]
    trailer: Dictionary

    def resolve(self, value: Value) -> Value:
        """Return what a reference stands for (null when for nothing), else the value itself."""
        if not isinstance(value, Reference):
            return value
        target = self.objects.get(value.number)
        return None if target is None else target.value

    def dictionary(self, value: Value) -> Dictionary:
        """Return the dictionary that `value` is or refers to, or raise `MalformedPdfError`."""
        resolved = self.resolve(value)
        if not isinstance(resolved, dict):
            raise MalformedPdfError("something else where a dictionary must be")
        return resolved

    def array(self, value: Value) -> list[Value]:
        """Return the array that `value` is or refers to, or raise `MalformedPdfError`."""
        resolved = self.resolve(value)
        if not isinstance(resolved, list):
            raise MalformedPdfError("something else where an array must be")
        return resolved

    @property
    def catalog(self) -> Dictionary:
        """The root of the document."""
        return self.dictionary(self.trailer.get("Root"))


@dataclass(frozen=True, slots=True)
class PdfFile:
    """A file that was read whole."""

    pdf: bytes
    revisions: tuple[Revision, ...]

    def view(self, index: int) -> View:
        """Return the document as revision `index` left it."""
        objects: dict[int, IndirectObject] = {}
        for revision in self.revisions[: index + 1]:
            objects.update(revision.objects)
            for number in revision.freed:
                objects.pop(number, None)
        return View(self.pdf, objects, self.revisions[index].trailer)


@dataclass(frozen=True, slots=True)
class _Table:
    offset: int
    in_use: dict[int, int]
    freed: frozenset[int]
    trailer: Dictionary
    size: int
    marker_end: int
    end: int


def read_pdf_file(unverified_pdf: bytes) -> PdfFile:
    """Return the revisions of `unverified_pdf`, first to last.

    Raises `MalformedPdfError`, `UnsupportedPdfError`.
    """
    header = _HEADER.match(unverified_pdf)
    if header is None:
        raise MalformedPdfError("no PDF header at the first octet")
    parser = Parser(unverified_pdf)
    tables = _read_tables(parser, unverified_pdf)
    revisions: list[Revision] = []
    start, body = 0, header.end()
    for table in tables:
        objects = {item.number: item for item in _read_body(parser, table, body)}
        revisions.append(
            Revision(objects, table.freed, table.trailer, start, table.marker_end, table.end)
        )
        start = body = table.end
    return PdfFile(unverified_pdf, tuple(revisions))


def _read_tables(parser: Parser, pdf: bytes) -> list[_Table]:
    tail = _FILE_TAIL.search(pdf, max(0, len(pdf) - _FILE_TAIL_LENGTH))
    if tail is None:
        raise MalformedPdfError("no startxref and %%EOF at the very end")
    tables: list[_Table] = []
    offset, entries_left = int(tail[1]), MAX_OBJECTS
    while True:
        table = _read_table(parser, pdf, offset, entries_left)
        entries_left -= len(table.in_use) + len(table.freed)
        tables.append(table)
        previous = table.trailer.get("Prev")
        if previous is None:
            break
        if type(previous) is not int or not 0 <= previous < offset:
            raise MalformedPdfError("/Prev does not lead backwards")
        if len(tables) == MAX_REVISIONS:
            raise MalformedPdfError("too many revisions")
        offset = previous
    if tables[0].end != len(pdf):
        raise MalformedPdfError("the last table is not where the file ends")
    tables.reverse()
    if any(later.size < table.size for table, later in pairwise(tables)):
        raise MalformedPdfError("a trailer whose /Size leaves objects out")
    return tables


def _read_table(parser: Parser, pdf: bytes, offset: int, entries_left: int) -> _Table:
    opening = _TABLE.match(pdf, offset)
    if opening is None:
        if _OBJECT.match(pdf, offset):
            raise UnsupportedPdfError("a cross-reference stream")
        raise MalformedPdfError("no cross-reference table where one is announced")
    in_use, freed, position = _read_entries(pdf, opening.end(), entries_left)
    trailer, position = _read_trailer(parser, pdf, position)
    size = trailer.get("Size")
    if type(size) is not int or not max(in_use.keys() | freed, default=0) < size <= MAX_OBJECTS:
        raise MalformedPdfError("a trailer whose /Size leaves objects out, or is too large")
    tail = _REVISION_TAIL.match(pdf, position)
    if tail is None or int(tail[1]) != offset:
        raise MalformedPdfError("a trailer without its own startxref and %%EOF")
    return _Table(offset, in_use, frozenset(freed), trailer, size, tail.end(2), tail.end())


def _read_entries(
    pdf: bytes, position: int, entries_left: int
) -> tuple[dict[int, int], set[int], int]:
    """Return the offsets of objects in use, the numbers that are free, and where the table ends."""
    in_use: dict[int, int] = {}
    freed: set[int] = set()
    while subsection := _SUBSECTION.match(pdf, position):
        first, count = int(subsection[1]), int(subsection[2])
        position = subsection.end()
        for number in range(first, first + count):
            entry = _ENTRY.match(pdf, position)
            if entry is None or number in in_use or number in freed or not entries_left:
                raise MalformedPdfError("a table entry that is broken, double or one too many")
            position, entries_left = entry.end(), entries_left - 1
            if entry[3] == b"f":
                freed.add(number)
            elif number == 0 or int(entry[2]):
                raise UnsupportedPdfError("an object 0, or of another generation than 0")
            else:
                in_use[number] = int(entry[1])
    return in_use, freed, position


def _read_trailer(parser: Parser, pdf: bytes, position: int) -> tuple[Dictionary, int]:
    opening = _TRAILER.match(pdf, position)
    if opening is None:
        raise MalformedPdfError("no trailer after the table")
    trailer, position = parser.read_value(opening.end())
    if not isinstance(trailer, dict) or not isinstance(trailer.get("Root"), Reference):
        raise MalformedPdfError("a trailer without a root")
    if not trailer.keys().isdisjoint({"Encrypt", "XRefStm"}):
        raise UnsupportedPdfError("an encrypted or hybrid file")
    return trailer, position


def _read_body(parser: Parser, table: _Table, position: int) -> Iterator[IndirectObject]:
    """Yield the objects of one revision, which must tile it from `position` to its table."""
    for offset, number in sorted((offset, number) for number, offset in table.in_use.items()):
        if parser.skip_blank(position) != offset:
            raise MalformedPdfError("octets that belong to no object")
        item = parser.read_object(offset)
        if item.number != number:
            raise MalformedPdfError("an object under another number than the table says")
        if item.stream and not _is_plain_stream(item.value):
            raise UnsupportedPdfError("an object or cross-reference stream")
        yield item
        position = item.end
    if parser.skip_blank(position) != table.offset:
        raise MalformedPdfError("octets that belong to no object")


def _is_plain_stream(value: Value) -> bool:
    """Tell whether a stream says here, and not elsewhere, that it holds no objects."""
    kind = value.get("Type") if isinstance(value, dict) else None
    return kind not in _STREAM_TYPES if isinstance(kind, Name) else kind is None
