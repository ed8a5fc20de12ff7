"""Read PDF objects (ISO 32000-1, 7.3) strictly, iteratively and within limits.

Stricter than the standard wherever leniency would let two readers see two documents: no comments
inside objects, no duplicate keys, only generation 0, only direct stream lengths. What typst and
ordinary incremental writers produce passes.
"""

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from signing.errors import MalformedPdfError, UnsupportedPdfError

MAX_DEPTH = 48
"""Arrays and dictionaries inside one another; a drawn certificate has 6."""

MAX_VALUES = 400_000
"""Values in one file: a certificate has about 1,500, and so many take half a second to read."""

MAX_LITERAL_OCTETS = 65_536
"""Of a string with escapes or brackets, which is read step by step; /Contents has neither."""


class Name(str):
    """A PDF name without its solidus, `#xx` decoded as Latin-1."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class PdfString:
    """A string's octets, and where its source stands in the file (which equality ignores)."""

    octets: bytes
    start: int = field(compare=False)
    end: int = field(compare=False)


class Reference(NamedTuple):
    """A reference to an indirect object; its generation is 0."""

    number: int


Dictionary: TypeAlias = "dict[str, Value]"
Value: TypeAlias = (
    "bool | int | float | Name | PdfString | Reference | list[Value] | Dictionary | None"
)


class IndirectObject(NamedTuple):
    """An object and the octets it occupies, `N 0 obj` to `endobj`."""

    number: int
    value: Value
    stream: tuple[int, int] | None
    """Start and end of the raw stream data."""
    start: int
    end: int


_SPACE = rb"[\x00\t\n\x0c\r ]"
_END = rb"(?=[\x00\t\n\x0c\r ()<>\[\]{}/%]|\Z)"
_TOKEN = re.compile(
    _SPACE
    + rb"*+(?:"
    + rb"/([!-$&'*-.0-;=?-Z\\^-z|~]*+)"
    + _END
    + rb"|(\d{1,10})%b{1,2}(\d{1,5})%b{1,2}R" % (_SPACE, _SPACE)
    + _END
    + rb"|([+-]?\d{1,10})"
    + _END
    + rb"|([+-]?(?:\d{1,10}\.\d{0,10}|\.\d{1,10}))"
    + _END
    + rb"|\(([^()\\\r]*+)\)"
    + rb"|<([0-9A-Fa-f\t\n\r ]*+)>"
    + rb"|(true|false|null)"
    + _END
    + rb"|(<<)|(\[)|(>>)|(\])|(\())",
)
_NAME, _NUMBER, _REFERENCE, _INTEGER, _REAL, _PLAIN, _HEX, _KEYWORD = range(1, 9)
_OPEN_DICTIONARY, _OPEN_ARRAY, _CLOSE_DICTIONARY, _CLOSE_ARRAY, _LITERAL = range(9, 14)
_KEYWORDS: dict[bytes, bool | None] = {b"true": True, b"false": False, b"null": None}

_HEAD = re.compile(rb"(\d{1,10}) (\d{1,5}) obj" + _END)
_TAIL = re.compile(_SPACE + rb"*+(?:(endobj)" + _END + rb"|stream(?:\r\n|\n))")
_STREAM_TAIL = re.compile(rb"(?:\r\n|\n|\r)?endstream" + _SPACE + rb"++endobj" + _END)
_BLANK = re.compile(_SPACE + rb"*+")

_NAME_SOURCE = re.compile(rb"(?:[^#]|#[0-9A-Fa-f]{2})*+")
_NAME_ESCAPE = re.compile(rb"#(..)")
_LITERAL_STEP = re.compile(rb"([^()\\\r]++)|(\()|(\))|\\([0-7]{1,3})|\\(\r\n|.)|\r\n?", re.DOTALL)
_ESCAPES = {
    b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f",
    b"\r": b"", b"\n": b"", b"\r\n": b"",
}  # fmt: skip


class Parser:
    """Reads objects out of one file; the file's values are counted together."""

    def __init__(self, unverified_pdf: bytes) -> None:
        """Parse `unverified_pdf`."""
        self._pdf = unverified_pdf
        self._values_left = MAX_VALUES
        self._names = _Names()

    def skip_blank(self, position: int) -> int:
        """Return the first position from `position` on that holds no white space."""
        blank = _BLANK.match(self._pdf, position)
        return blank.end() if blank else position

    def read_object(self, position: int) -> IndirectObject:
        """Return the indirect object that begins exactly at `position`.

        Raises `MalformedPdfError`, `UnsupportedPdfError`.
        """
        head = _HEAD.match(self._pdf, position)
        if head is None:
            raise MalformedPdfError("no object where the cross-reference table has one")
        if int(head[2]):
            raise UnsupportedPdfError("an object of another generation than 0")
        value, end = self.read_value(head.end())
        tail = _TAIL.match(self._pdf, end)
        if tail is None or isinstance(value, Reference):
            raise MalformedPdfError("an object that does not end, or is only a reference")
        if tail[1]:
            return IndirectObject(int(head[1]), value, None, position, tail.end())
        stream, end = self._read_stream(value, tail.end())
        return IndirectObject(int(head[1]), value, stream, position, end)

    def read_value(self, position: int) -> tuple[Value, int]:
        """Return the value that begins at `position` after white space, and where it ends.

        Raises `MalformedPdfError`, `UnsupportedPdfError`.
        """
        stack: list[tuple[int, list[Value]]] = []
        while True:
            token = _TOKEN.match(self._pdf, position)
            self._values_left -= 1
            if token is None or self._values_left < 0:
                raise MalformedPdfError("not a PDF value, or too many of them")
            position = token.end()
            kind = token.lastindex or 0  # every alternative has a group
            value: Value
            if kind == _NAME:
                value = self._names[token[_NAME]]
            elif kind < _OPEN_DICTIONARY:
                value = _SCALARS[kind](token)
            elif kind < _CLOSE_DICTIONARY:
                if len(stack) == MAX_DEPTH:
                    raise MalformedPdfError("values inside one another too deeply")
                stack.append((kind, []))
                continue
            elif kind == _CLOSE_DICTIONARY:
                value = _dictionary(_pop(stack, _OPEN_DICTIONARY))
            elif kind == _CLOSE_ARRAY:
                value = _pop(stack, _OPEN_ARRAY)
            else:
                value, position = self._read_literal(position - 1)
            if not stack:
                return value, position
            stack[-1][1].append(value)

    def _read_stream(self, value: Value, start: int) -> tuple[tuple[int, int], int]:
        length = value.get("Length") if isinstance(value, dict) else None
        if isinstance(length, Reference):
            raise UnsupportedPdfError("a stream whose length is an object of its own")
        if type(length) is not int or not 0 <= length <= len(self._pdf) - start:
            raise MalformedPdfError("a stream without a possible length")
        tail = _STREAM_TAIL.match(self._pdf, start + length)
        if tail is None:
            raise MalformedPdfError("a stream that does not end where its length says")
        return (start, start + length), tail.end()

    def _read_literal(self, start: int) -> tuple[PdfString, int]:
        """Read a literal string with escapes or parentheses inside (7.3.4.2)."""
        pieces: list[bytes] = []
        depth, position = 1, start + 1
        while depth:
            step = _LITERAL_STEP.match(self._pdf, position)
            self._values_left -= 1  # a step takes as long as a value
            if step is None or position - start > MAX_LITERAL_OCTETS or self._values_left < 0:
                raise MalformedPdfError("a string that does not end, or not soon enough")
            position = step.end()
            depth += (step[2] is not None) - (step[3] is not None)
            if depth:
                pieces.append(_literal_piece(step))
        return PdfString(b"".join(pieces), start, position), position


def _literal_piece(step: re.Match[bytes]) -> bytes:
    plain, opening, closing, octal, escaped = step.groups()
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if escaped is not None:
        return _ESCAPES.get(escaped, escaped)
    return plain or opening or closing or b"\n"


class _Names(dict[bytes, Name]):
    """Each name's source, decoded once a file."""

    def __missing__(self, raw: bytes) -> Name:
        octets = raw
        if b"#" in raw:
            if not _NAME_SOURCE.fullmatch(raw):
                raise MalformedPdfError("a name with a broken escape")
            octets = _NAME_ESCAPE.sub(lambda escape: bytes.fromhex(escape[1].decode()), raw)
        self[raw] = name = Name(octets.decode("latin-1"))
        return name


def _reference(token: re.Match[bytes]) -> Reference:
    if int(token[_REFERENCE]):
        raise UnsupportedPdfError("a reference to another generation than 0")
    return Reference(int(token[_NUMBER]))


def _hexadecimal(token: re.Match[bytes]) -> PdfString:
    try:
        octets = bytes.fromhex(token[_HEX].decode())
    except ValueError as error:
        raise MalformedPdfError("a string of half an octet") from error
    return PdfString(octets, token.start(_HEX) - 1, token.end())


_SCALARS: dict[int, Callable[[re.Match[bytes]], Value]] = {
    _REFERENCE: _reference,
    _INTEGER: lambda token: int(token[_INTEGER]),
    _REAL: lambda token: float(token[_REAL]),
    _PLAIN: lambda token: PdfString(token[_PLAIN], token.start(_PLAIN) - 1, token.end()),
    _HEX: _hexadecimal,
    _KEYWORD: lambda token: _KEYWORDS[token[_KEYWORD]],
}


def _pop(stack: list[tuple[int, list[Value]]], opened: int) -> list[Value]:
    if not stack or stack[-1][0] != opened:
        raise MalformedPdfError("a bracket that was not opened")
    return stack.pop()[1]


def _dictionary(items: list[Value]) -> Dictionary:
    names = [key for key in items[::2] if isinstance(key, Name)]
    result: Dictionary = dict(zip(names, items[1::2], strict=False))
    if len(items) != 2 * len(result) or len(names) != len(result):
        raise MalformedPdfError("a dictionary with a key twice, without a value or no name")
    return result


def walk(value: Value) -> Iterator[Value]:
    """Yield `value` and every value inside it; references are not followed."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        yield item
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def may_hold(unverified_pdf: bytes, item: IndirectObject, *names: bytes) -> bool:
    """Whether an object can hold one of these names: most do not have the letters.

    Spares a walk. A name may also be spelt with escapes, of which the sign is looked for.
    """
    end = item.stream[0] if item.stream else item.end
    return any(unverified_pdf.find(name, item.start, end) >= 0 for name in (b"#", *names))


def text(string: PdfString) -> str:
    """Return a text string (ISO 32000-1, 7.9.2.2) of UTF-16, UTF-8 or ASCII.

    Raises `MalformedPdfError` for any other coding.
    """
    octets = string.octets
    try:
        if octets.startswith(codecs.BOM_UTF16_BE):
            return octets[2:].decode("utf-16-be")
        if octets.startswith(codecs.BOM_UTF8):
            return octets[3:].decode()
        return octets.decode("ascii")
    except UnicodeDecodeError as error:
        raise MalformedPdfError("a text in a coding that is not read") from error
