"""The door for tables from outside: CSV read strictly, one line a row, every fault with its place.

Spreadsheets read CSV generously, each in its own way; here a file has one meaning or is refused.
A row is one line (RFC 4180 without line breaks inside quotes), so that one unclosed quote spoils
its own row and not the rest of the file. No cell may begin like a formula, hide a character, or
have spaces around its text. Faults say where and what, never the value: it may be personal data.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

LARGEST_FILE = 8 * 2**20
"""Octets. A city's thirty thousand posts take four million."""
MOST_ROWS = 50_000
LONGEST_CELL = 200
"""Characters; the longest names of departments have some fifty."""


class Encoding(StrEnum):
    """In which encoding a file was saved; it is told, never guessed."""

    UTF_8 = "utf-8"
    """With or without the byte order mark that spreadsheets put before it."""
    GB18030 = "gb18030"
    """Also what older systems call GBK or GB 2312."""


@dataclass(frozen=True, slots=True, order=True)
class CellFault:
    """One thing that is wrong in a table."""

    file: str
    row: int
    """As spreadsheets count: the header is 1; 0 for the file as a whole."""
    column: str
    """"" for the row as a whole."""
    code: str
    """What: a stable word."""
    detail: str = ""
    """The limit or form that was expected, or another place; never the value that was given."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a table has."""

    name: str
    title_zh: str
    """Its other name: headers may be Chinese."""
    required: bool = True
    """Whether each row must say something here."""


@dataclass(frozen=True, slots=True, repr=False)
class Row:
    """One row that is a row; what its cells mean is not checked yet."""

    number: int
    unverified_cells: Mapping[str, str]
    """By column; "" where nothing stands."""


@dataclass(slots=True)
class Faults:
    """Collects what is wrong in one file."""

    file: str
    found: list[CellFault] = field(default_factory=list)

    def add(self, row: int, column: str, code: str, detail: str = "") -> None:
        """Add a fault at a place."""
        self.found.append(CellFault(self.file, row, column, code, detail))


def read_table(
    unverified_file: bytes, columns: Sequence[Column], *, encoding: Encoding, faults: Faults
) -> list[Row]:
    """Return the rows of a table that has these `columns`, in any order.

    Adds to `faults` what is wrong; a row with a fault in its form is left out.
    """
    text = _decode(unverified_file, encoding, faults)
    if text is None:
        return []
    lines = text.replace("\r\n", "\n").split("\n")
    while lines and not lines[-1]:
        lines.pop()
    if len(lines) - 1 > MOST_ROWS:
        faults.add(0, "", "too_many_rows", str(MOST_ROWS))
        return []
    names = _read_header(lines[0] if lines else "", columns, faults)
    if names is None:
        return []
    if len(lines) == 1:
        # A file without a row would mean that everybody has left.
        faults.add(0, "", "no_rows")
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        cells = _read_line(line, number, names, faults)
        if cells is not None and _are_clean(cells, number, columns, faults):
            rows.append(Row(number, cells))
    return rows


def _decode(unverified_file: bytes, encoding: Encoding, faults: Faults) -> str | None:
    if len(unverified_file) > LARGEST_FILE:
        faults.add(0, "", "too_large", str(LARGEST_FILE))
        return None
    codec = "utf-8-sig" if encoding is Encoding.UTF_8 else encoding.value
    try:
        text = unverified_file.decode(codec)
    except UnicodeDecodeError:
        faults.add(0, "", "encoding", encoding.value)
        return None
    # GB 18030 has the mark too; a second one after the first is a hidden character like any other.
    return text.removeprefix("\ufeff") if encoding is Encoding.GB18030 else text


def _read_header(line: str, columns: Sequence[Column], faults: Faults) -> list[str] | None:
    cells = _split(line)
    if cells is None:
        faults.add(1, "", "quoting")
        return None
    known = {column.name: column.name for column in columns}
    known |= {column.title_zh: column.name for column in columns}
    before = len(faults.found)
    names = []
    for place, cell in enumerate(cells, start=1):
        name = known.get(cell)
        if name is None:
            faults.add(1, "", "unknown_column", f"{place}")
        else:
            names.append(name)
    for name, times in Counter(names).items():
        if times > 1:
            faults.add(1, name, "duplicate_column")
    for column in columns:
        if column.name not in names:
            faults.add(1, column.name, "missing_column")
    return names if len(faults.found) == before else None


def _read_line(
    line: str, number: int, names: Sequence[str], faults: Faults
) -> dict[str, str] | None:
    cells = _split(line)
    if cells is None:
        faults.add(number, "", "quoting")
        return None
    if len(cells) != len(names):
        faults.add(number, "", "cells", str(len(names)))
        return None
    return {
        name: unicodedata.normalize("NFC", cell) for name, cell in zip(names, cells, strict=True)
    }


_CELL = re.compile(r'"((?:[^"]|"")*)"(?=,|\Z)|([^",]*)(?=,|\Z)')


def _split(line: str) -> list[str] | None:
    """Return the cells of a line; None where its quotes are not those of RFC 4180."""
    cells, place = [], 0
    while True:
        match = _CELL.match(line, place)
        if match is None:
            return None
        quoted, plain = match.groups()
        cells.append(plain if quoted is None else quoted.replace('""', '"'))
        place = match.end()
        if place == len(line):
            return cells
        place += 1  # the comma


def _are_clean(
    cells: Mapping[str, str], number: int, columns: Sequence[Column], faults: Faults
) -> bool:
    before = len(faults.found)
    for column in columns:
        cell = cells[column.name]
        for code, detail in _cell_faults(cell):
            faults.add(number, column.name, code, detail)
        if column.required and not cell:
            faults.add(number, column.name, "required")
    return len(faults.found) == before


_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What makes spreadsheets run a cell (a full-width sign as well)."""
_INVISIBLE = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ),
    )
)
"""Fillers and variation selectors: printable by their category, but nothing to see."""


def _cell_faults(cell: str) -> Iterator[tuple[str, str]]:
    if len(cell) > LONGEST_CELL:
        yield "too_long", str(LONGEST_CELL)
        return
    if cell != cell.strip():
        yield "outer_space", ""
    if cell.strip().startswith(_FORMULA):
        yield "formula", ""
    # Not printable: the categories Other and Separator, but for U+0020.
    hidden = {char for char in cell if not char.isprintable() or char in _INVISIBLE}
    if hidden:
        yield "hidden_character", " ".join(f"U+{ord(char):04X}" for char in sorted(hidden))
