"""The door for data from outside: JSON read strictly, text made clean, shapes compared.

Whatever passes has one spelling (Unicode NFC), hides nothing (no control, bidirectional, private
or invisible characters), and holds only what RFC 8785 writes alike everywhere: no decimal numbers,
no key twice. Faults say where and what, never the value.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn, Self, TypeAlias

import jsonschema
import referencing

from certs.errors import Fault, FaultyDataError

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"
"""JSON data that `clean` let through."""

DEEPEST = 8
"""Levels of nesting; an order with a list of items has four."""
MOST_VALUES = 500
"""Values in one piece of data; a certificate shows some dozens. Comparing them is quadratic."""
LONGEST_TEXT = 1_000
"""Characters in one text; schemas set narrower limits."""
LARGEST_INTEGER = 2**53 - 1
"""What every JSON reader holds exactly (RFC 8785 3.2.2.3)."""

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_INVISIBLE = frozenset(
    map(
        chr,
        (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10)),
    )
) | frozenset(map(chr, range(0xE0100, 0xE01F0)))
"""Fillers and variation selectors: printable by their category, but nothing to see."""


class _DuplicateKeyError(ValueError):
    pass


def read_json(unverified_json: bytes, *, most_octets: int) -> object:
    """Return the JSON value, refusing what readers understand differently.

    Raise `FaultyDataError` for more than `most_octets`, anything but UTF-8 and JSON, and an object
    that has a key twice.
    """
    if len(unverified_json) > most_octets:
        raise FaultyDataError([Fault("", "too_large", f"at most {most_octets} octets")])
    try:
        return json.loads(
            unverified_json.decode(),
            object_pairs_hook=_refuse_duplicates,
            parse_constant=_refuse_constant,
        )
    except _DuplicateKeyError:
        raise FaultyDataError([Fault("", "duplicate_key")]) from None
    except (ValueError, RecursionError):
        # Not chained: the parser's message quotes the text.
        raise FaultyDataError([Fault("", "not_json", "JSON in UTF-8")]) from None


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _DuplicateKeyError
    return members


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(constant)


def clean(unverified_value: object, faults: list[Fault], *, pointer: str = "") -> Json:
    """Return a copy of the value with its texts in NFC, adding to `faults` what it may not hold."""
    return _Cleaner(faults).clean(unverified_value, pointer, DEEPEST)


class _Cleaner:
    def __init__(self, faults: list[Fault]) -> None:
        self._faults = faults
        self._values_left = MOST_VALUES

    def clean(self, value: object, pointer: str, levels_left: int) -> Json:
        self._values_left -= 1
        if self._values_left < 0:
            self._refuse("", "too_many", f"at most {MOST_VALUES} values")
            return None
        if levels_left == 0:
            self._refuse(pointer, "too_deep", f"at most {DEEPEST} levels")
            return None
        if isinstance(value, dict):
            return dict(self._clean_members(value, pointer, levels_left - 1))
        if isinstance(value, list):
            return list(self._clean_items(value, pointer, levels_left - 1))
        return self._clean_scalar(value, pointer)

    def _clean_members(
        self, members: dict[object, object], pointer: str, levels_left: int
    ) -> Iterator[tuple[str, Json]]:
        for key, value in members.items():
            # A key that is no plain name is told by its place alone: it may hold anything.
            if not isinstance(key, str) or _KEY.fullmatch(key) is None:
                self._refuse(pointer, "key", "letters, digits, _ and -")
            elif self._values_left >= 0:
                yield key, self.clean(value, f"{pointer}/{key}", levels_left)

    def _clean_items(self, items: list[object], pointer: str, levels_left: int) -> Iterator[Json]:
        for place, item in enumerate(items):
            if self._values_left >= 0:
                yield self.clean(item, f"{pointer}/{place}", levels_left)

    def _clean_scalar(self, value: object, pointer: str) -> Json:
        match value:
            case str():
                text = unicodedata.normalize("NFC", value)
                self._faults.extend(text_faults(text, pointer))
                return text
            case bool() | None:
                return value
            case int() if abs(value) <= LARGEST_INTEGER:
                return value
            case int():
                self._refuse(pointer, "too_large", "at most 2^53 - 1")
            case _:
                self._refuse(pointer, "type", "text, an integer, true, false or null")
        return None

    def _refuse(self, pointer: str, code: str, detail: str) -> None:
        self._faults.append(Fault(pointer, code, detail))


def text_faults(text: str, pointer: str) -> Iterator[Fault]:
    """Give what a line of text may not have: hidden characters, outer spaces, too many of them."""
    if len(text) > LONGEST_TEXT:
        yield Fault(pointer, "max_length", str(LONGEST_TEXT))
        return
    if text != text.strip():
        yield Fault(pointer, "outer_space", "no space at either end")
    # Not printable: the categories Other and Separator, but for U+0020.
    if not text.isprintable() or not _INVISIBLE.isdisjoint(text):
        hidden = sorted({char for char in text if not char.isprintable() or char in _INVISIBLE})
        yield Fault(pointer, "hidden_character", " ".join(f"U+{ord(char):04X}" for char in hidden))


class Shape:
    """A JSON Schema (2020-12) compiled once, which tells every way a value does not fit it."""

    def __init__(self, schema: Mapping[str, object]) -> None:
        """Compile `schema`, which must be a schema; references reach nothing outside it."""
        self._validator = jsonschema.Draft202012Validator(
            schema,
            registry=referencing.Registry(),
            format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
        )

    @classmethod
    def named(cls, name: str) -> Self:
        """Return the shape in `schemas/<name>.json` beside this module."""
        path = Path(__file__).parent / "schemas" / f"{name}.json"
        return cls(json.loads(path.read_bytes()))

    def faults(self, value: object, *, pointer: str = "") -> Iterator[Fault]:
        """Give the faults of a `value` that stands at `pointer`; name keys only of cleaned ones."""
        for error in self._validator.iter_errors(value):
            yield from _faults_of(error, pointer)


def _faults_of(error: jsonschema.ValidationError, pointer: str) -> Iterator[Fault]:
    at = pointer + "".join(map(_step, error.absolute_path))
    match error.validator, error.validator_value, error.instance:
        case "required", list(names), dict(instance):
            for name in names:
                if name not in instance:
                    yield Fault(at + _step(name), "required")
        case "additionalProperties", False, dict(instance) if isinstance(error.schema, Mapping):
            for name in instance.keys() - error.schema.get("properties", {}).keys():
                yield Fault(at + _step(name), "unknown_key")
        case keyword, limit, _:
            code = re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), str(keyword))
            yield Fault(at, code, limit if isinstance(limit, str) else _as_text(limit))


def _step(name: object) -> str:
    return "/" + str(name).replace("~", "~0").replace("/", "~1")


def _as_text(limit: object) -> str:
    return json.dumps(limit, ensure_ascii=False)
