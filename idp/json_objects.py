"""JSON from outside, read strictly: one object, each member once, shallow, plain text.

Python's reader takes the last of two equal members, NaN, UTF-16 and half surrogate pairs; what a
token or a provider says must mean the same to everybody who reads it.
"""

import json
import re
from enum import Enum, auto
from typing import Any, NoReturn

DEEPEST = 8
"""The deepest thing we read is an attribute of an organisation, at 4; a parser recurses."""


class JsonFault(Enum):
    """What is wrong with it."""

    MALFORMED = auto()
    DUPLICATE_MEMBER = auto()
    TOO_DEEP = auto()
    FORBIDDEN_CHARACTER = auto()


class MalformedJsonError(ValueError):
    """Not a JSON object by our rules; nothing of it is quoted."""

    def __init__(self, fault: JsonFault) -> None:
        """Remember the `fault`."""
        self.fault = fault
        super().__init__(fault.name.lower())


def read_object(unverified_octets: bytes) -> dict[str, Any]:
    """Return the one JSON object that the octets are; raise `MalformedJsonError`.

    Whoever calls has bounded the number of octets.
    """
    _verify_depth(unverified_octets)
    try:
        value = _DECODER.decode(unverified_octets.decode("utf-8"))
    except MalformedJsonError:
        raise
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise MalformedJsonError(JsonFault.MALFORMED) from None
    if not isinstance(value, dict):
        raise MalformedJsonError(JsonFault.MALFORMED)
    if _SUSPECT.search(unverified_octets):  # by an escape alone can a forbidden character come in
        _verify_characters(value)
    return value


def _verify_depth(octets: bytes) -> None:
    if octets.count(b"{") + octets.count(b"[") <= DEEPEST:
        return  # quick, and what most tokens are
    depth = 0
    for found in _BRACKETS.finditer(octets):
        bracket = found[0]
        if bracket in b"{[":
            depth += 1
            if depth > DEEPEST:
                raise MalformedJsonError(JsonFault.TOO_DEEP)
        elif bracket in b"}]":
            depth -= 1


def _verify_characters(value: Any) -> None:  # noqa: ANN401  # anything JSON can hold
    text = json.dumps(value, ensure_ascii=False)
    # dumps escapes U+0000 and leaves half pairs as they are.
    if r"\u0000" in text.replace(r"\\", "") or _HALF_PAIR.search(text):
        raise MalformedJsonError(JsonFault.FORBIDDEN_CHARACTER)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJsonError(JsonFault.DUPLICATE_MEMBER)
    return members


def _refuse_constant(_name: str) -> NoReturn:
    raise MalformedJsonError(JsonFault.MALFORMED)  # NaN and infinities are not JSON


_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_refuse_constant)
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[{}\[\]]', re.DOTALL)
"""Strings are skipped whole: brackets in them open nothing. Linear: one without an end is, too."""
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_HALF_PAIR = re.compile("[\ud800-\udfff]")
