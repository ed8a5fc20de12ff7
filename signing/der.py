"""The distinguished encoding of ASN.1 (X.690 clause 10), as far as GB/T 38540 needs it.

Writing is joining parts that are encoded already. Reading is a cursor that knows what must come
next: definite lengths in their shortest form, single-octet tags, nothing left over. It does not
recurse; how deep a value nests is fixed by the code that reads it.
"""

import re
from datetime import UTC, datetime

from signing.errors import SigningError

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06
UTF8_STRING = 0x0C
PRINTABLE_STRING = 0x13
IA5_STRING = 0x16
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
CONTEXT_0 = 0xA0  # [0] EXPLICIT

MAX_LENGTH_OCTETS = 4  # no structure we read has 4 GiB
MAX_INTEGER_OCTETS = 8  # what is counted here: versions, kinds, millimetres

_LONG_FORM = 0x80
_TIME_FORM = re.compile(rb"(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z")


def length_octets(length: int) -> bytes:
    """Return `length` in its shortest form (10.1)."""
    if length < _LONG_FORM:
        return bytes([length])
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([_LONG_FORM | len(octets)]) + octets


def element(tag: int, *parts: bytes) -> bytes:
    """Return an element whose content is `parts` joined."""
    return b"".join((bytes([tag]), length_octets(sum(map(len, parts))), *parts))


def sequence(*parts: bytes) -> bytes:
    """Return a SEQUENCE of elements that are encoded already."""
    return element(SEQUENCE, *parts)


def integer(value: int) -> bytes:
    """Return an INTEGER that is not negative."""
    return element(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def boolean(*, value: bool) -> bytes:
    """Return a BOOLEAN (11.1)."""
    return element(BOOLEAN, b"\xff" if value else b"\x00")


def octet_string(octets: bytes) -> bytes:
    """Return an OCTET STRING."""
    return element(OCTET_STRING, octets)


def bit_string(octets: bytes) -> bytes:
    """Return a BIT STRING of whole octets."""
    return element(BIT_STRING, b"\x00", octets)


def ia5_string(text: str) -> bytes:
    """Return an IA5String. Raise `UnicodeEncodeError` if `text` is not ASCII."""
    return element(IA5_STRING, text.encode("ascii"))


def utf8_string(text: str) -> bytes:
    """Return a UTF8String."""
    return element(UTF8_STRING, text.encode("utf-8"))


def generalized_time(moment: datetime) -> bytes:
    """Return a GeneralizedTime `YYYYMMDDHHMMSSZ`; fractions of a second are dropped (11.7)."""
    year, month, day, hour, minute, second = moment.astimezone(UTC).timetuple()[:6]
    text = f"{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z"
    return element(GENERALIZED_TIME, text.encode("ascii"))


def object_identifier(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER (8.19)."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    content = bytearray()
    for arc in (40 * first + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | _LONG_FORM)
        content += bytes(reversed(groups))
    return element(OBJECT_IDENTIFIER, bytes(content))


class Reader:
    """A cursor over elements that lie side by side.

    Each method reads one element, which must have the tag the method names; whatever is not
    distinguished encoding raises the error the reader was made with, and nothing else.
    """

    __slots__ = ("_data", "_end", "_error", "_position")

    def __init__(
        self,
        unverified_der: bytes,
        error: type[SigningError],
        *,
        start: int = 0,
        end: int | None = None,
    ) -> None:
        """Stand at `start` of the octets; `end` bounds what may be read."""
        self._data = unverified_der
        self._error = error
        self._position = start
        self._end = len(unverified_der) if end is None else end

    def _span(self, tag: int) -> tuple[int, int]:
        """Step over one element and return where its content begins and ends."""
        data, position, end = self._data, self._position, self._end
        if end - position < 2 or data[position] != tag:  # noqa: PLR2004 - tag and length
            raise self._error("another element was expected")
        length, start = data[position + 1], position + 2
        if length >= _LONG_FORM:
            octets = length - _LONG_FORM
            start += octets
            if not 0 < octets <= MAX_LENGTH_OCTETS or start > end:
                raise self._error("length")
            length = int.from_bytes(data[position + 2 : start], "big")
            if length < _LONG_FORM or data[position + 2] == 0:
                raise self._error("length not in its shortest form")
        if length > end - start:
            raise self._error("cut short")
        self._position = start + length
        return start, self._position

    def next_is(self, tag: int) -> bool:
        """Whether an element with that tag comes next; for optional elements."""
        return self._position < self._end and self._data[self._position] == tag

    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self._position == self._end

    def finish(self) -> None:
        """Raise unless nothing is left."""
        if self._position != self._end:
            raise self._error("octets left over")

    def enter(self, tag: int = SEQUENCE) -> "Reader":
        """Return a reader of the elements inside the next one."""
        start, end = self._span(tag)
        return Reader(self._data, self._error, start=start, end=end)

    def whole(self, tag: int = SEQUENCE) -> bytes:
        """Return the next element as it stands: tag, length and content."""
        start = self._position
        _, end = self._span(tag)
        return self._data[start:end]

    def content(self, tag: int) -> bytes:
        """Return the content of the next element."""
        start, end = self._span(tag)
        return self._data[start:end]

    def integer(self) -> int:
        """Read an INTEGER that is not negative (8.3)."""
        content = self.content(INTEGER)
        if not 0 < len(content) <= MAX_INTEGER_OCTETS or content[0] >= _LONG_FORM:
            raise self._error("integer out of range")
        if len(content) > 1 and content[0] == 0 and content[1] < _LONG_FORM:
            raise self._error("integer not in its shortest form")
        return int.from_bytes(content, "big")

    def boolean(self) -> bool:
        """Read a BOOLEAN (11.1)."""
        content = self.content(BOOLEAN)
        if content not in {b"\x00", b"\xff"}:
            raise self._error("boolean")
        return content == b"\xff"

    def octet_string(self) -> bytes:
        """Read an OCTET STRING."""
        return self.content(OCTET_STRING)

    def bit_string(self) -> bytes:
        """Read a BIT STRING of whole octets (8.6)."""
        content = self.content(BIT_STRING)
        if content[:1] != b"\x00":
            raise self._error("bits left unused")
        return content[1:]

    def object_identifier(self) -> bytes:
        """Read an OBJECT IDENTIFIER and return the whole element, to be compared (8.19)."""
        whole = self.whole(OBJECT_IDENTIFIER)
        if len(whole) == len(b"\x06\x00") or whole[-1] >= _LONG_FORM:
            raise self._error("object identifier")
        return whole

    def ascii_text(self, tag: int) -> str:
        """Read an IA5String or PrintableString of printable characters."""
        return self._text(tag, "ascii")

    def utf8_string(self) -> str:
        """Read a UTF8String of printable characters: no controls, no changes of direction."""
        return self._text(UTF8_STRING, "utf-8")

    def _text(self, tag: int, encoding: str) -> str:
        try:
            text = self.content(tag).decode(encoding)
        except UnicodeDecodeError:
            raise self._error("text") from None
        if not text.isprintable():
            raise self._error("text that cannot be printed")
        return text

    def generalized_time(self) -> datetime:
        """Read a GeneralizedTime `YYYYMMDDHHMMSSZ` (11.7, GB/T 38540: to the second, UTC)."""
        match = _TIME_FORM.fullmatch(self.content(GENERALIZED_TIME))
        if match is None:
            raise self._error("time")
        year, month, day, hour, minute, second = map(int, match.groups())
        try:
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError:
            raise self._error("no such moment") from None
