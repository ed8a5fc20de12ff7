"""The few kinds of CBOR that a passkey's registration is made of, read in their one form.

After CTAP2's canonical form (CTAP 2.1, 8): integers and lengths in the shortest form, definite
lengths, no key of a map twice, no tags. Keys may stand in any order: browsers write the outer map
themselves. Floating-point numbers occur nowhere and are refused.
"""

from dataclasses import dataclass
from typing import TypeAlias

CborValue: TypeAlias = (
    "bool | int | str | bytes | list[CborValue] | dict[int | str, CborValue] | None"
)

DEEPEST = 4
"""Levels of nesting (CTAP 2.1, 8): no message has more."""
LONGEST_INTEGER_OCTETS = 8

_BYTES, _TEXT, _LIST, _MAP, _SIMPLE = 2, 3, 4, 5, 7
_SIMPLE_VALUES = {20: False, 21: True, 22: None}
_ONE_MORE_OCTET = 24


class MalformedCborError(Exception):
    """The octets are no CBOR, or not in its one form."""


def read_value(unverified_octets: bytes) -> tuple[CborValue, int]:
    """Return the value at the beginning and the number of its octets.

    Raise `MalformedCborError`.
    """
    reader = _Reader(unverified_octets)
    value = reader.value(DEEPEST)
    return value, reader.place


@dataclass(slots=True)
class _Reader:
    octets: bytes
    place: int = 0

    def value(self, levels_left: int) -> CborValue:
        # The major types of RFC 8949, 3.1; 6 are tags.
        kind, number = self._head()
        value: CborValue
        if kind == 0:
            value = number
        elif kind == 1:
            value = -1 - number
        elif kind == _BYTES:
            value = self._take(number)
        elif kind == _TEXT:
            value = self._text(number)
        elif kind == _LIST and levels_left:
            # Each item takes an octet at least: a length beyond the end is refused at once.
            self._verify_there_are(number)
            value = [self.value(levels_left - 1) for _ in range(number)]
        elif kind == _MAP and levels_left:
            self._verify_there_are(2 * number)
            value = self._map(number, levels_left - 1)
        elif kind == _SIMPLE and number in _SIMPLE_VALUES:
            value = _SIMPLE_VALUES[number]
        else:
            raise MalformedCborError
        return value

    def _head(self) -> tuple[int, int]:
        first = self._take(1)[0]
        kind, short = first >> 5, first & 0x1F
        if short < _ONE_MORE_OCTET:
            return kind, short
        octets = 1 << (short - _ONE_MORE_OCTET)
        if octets > LONGEST_INTEGER_OCTETS or kind == _SIMPLE:
            raise MalformedCborError
        number = int.from_bytes(self._take(octets), "big")
        shortest = _ONE_MORE_OCTET if octets == 1 else 1 << (4 * octets)
        if number < shortest:
            raise MalformedCborError
        return kind, number

    def _map(self, pairs: int, levels_left: int) -> dict[int | str, CborValue]:
        members: dict[int | str, CborValue] = {}
        for _ in range(pairs):
            key = self.value(0)
            if isinstance(key, bool) or not isinstance(key, int | str) or key in members:
                raise MalformedCborError
            members[key] = self.value(levels_left)
        return members

    def _text(self, length: int) -> str:
        try:
            return self._take(length).decode()
        except UnicodeDecodeError:
            raise MalformedCborError from None

    def _take(self, length: int) -> bytes:
        self._verify_there_are(length)
        taken = self.octets[self.place : self.place + length]
        self.place += length
        return taken

    def _verify_there_are(self, length: int) -> None:
        if length > len(self.octets) - self.place:
            raise MalformedCborError
