"""Forms made from a certificate type: what to ask, what was typed, what is wrong with it.

The fields of a form are named like the places in ORDER.json (`attributes/KZ_ZS`, `holders/0/name`),
so a fault finds its field by its pointer. `make_form` makes the form of any
ORDER.json, of whatever worth, so nothing typed is lost; `api.form_reading` makes an ORDER.json of
what was typed.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from certs.catalogue import CertificateType, NumberSource
from certs.errors import Fault
from idp.documents import DocumentType

MOST_ROWS = 60
"""Of one list, in a form: more than any type may have, so that too many can be seen and removed."""

DATES = ("issued_on", "valid_from", "valid_to")


class ControlKind(StrEnum):
    """How a value is asked for."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    WHOLE_NUMBER = "whole_number"
    DATE = "date"
    CHOICE = "choice"
    YES_NO = "yes_no"


LONG_FROM = 60
"""A text that may have more characters than this gets several lines."""


@dataclass(frozen=True, slots=True, repr=False)
class Choice:
    """One of the values that can be chosen."""

    value: str
    title_zh: str
    title_en: str


@dataclass(frozen=True, slots=True, repr=False)
class Control:
    """One field of a form, with what was typed into it."""

    name: str
    """Its place in ORDER.json, without the first slash."""
    kind: ControlKind
    title_zh: str
    title_en: str
    required: bool
    value: str = ""
    faults: tuple[Fault, ...] = ()
    help_zh: str = ""
    help_en: str = ""
    least: int | None = None
    most: int | None = None
    """Least and greatest length, or value of a whole number."""
    choices: tuple[Choice, ...] = ()

    @property
    def id(self) -> str:
        """Its id in the page."""
        return element_id(self.name)


@dataclass(frozen=True, slots=True, repr=False)
class Rows:
    """A list in a form: each row has the same fields."""

    name: str
    title_zh: str
    title_en: str
    required: bool
    rows: tuple[tuple[Control, ...], ...]
    most: int
    faults: tuple[Fault, ...] = ()
    help_zh: str = ""
    help_en: str = ""

    @property
    def id(self) -> str:
        """Its id in the page."""
        return element_id(self.name)

    @property
    def can_grow(self) -> bool:
        """Whether another row may be added."""
        return len(self.rows) < self.most


@dataclass(frozen=True, slots=True, repr=False)
class Form:
    """All that is asked for one certificate."""

    holders: Rows
    attributes: tuple[Control | Rows, ...]
    dates: tuple[Control, ...]
    number: Control | None
    """For types numbered elsewhere."""
    portrait: bool
    portrait_faults: tuple[Fault, ...]
    other_faults: tuple[Fault, ...]
    """Those that belong to no field."""

    def controls(self) -> Iterator[Control]:
        """Give every field, in the order of the page."""
        for part in (self.holders, *self.attributes):
            if isinstance(part, Rows):
                for row in part.rows:
                    yield from row
            else:
                yield part
        if self.number is not None:
            yield self.number
        yield from self.dates


def element_id(name: str) -> str:
    """Return the id of the element of this name."""
    return name.replace("/", "-")


def make_form(
    kind: CertificateType, typed: Mapping[str, object], faults: Sequence[Fault] = ()
) -> Form:
    """Return the form for what was typed, each fault at its field."""
    by_place: dict[str, list[Fault]] = {}
    for fault in faults:
        by_place.setdefault(fault.pointer[1:], []).append(fault)
    maker = _Maker(by_place)
    holders = maker.holders(kind, typed.get("holders"))
    attributes = as_mapping(typed.get("attributes"))
    required = kind.attributes.schema.get("required", ())
    parts = tuple(
        maker.part(f"attributes/{key}", field, attributes.get(key), required=key in required)
        for key, field in fields_of(kind).items()
    )
    number = None
    if kind.number is NumberSource.EXTERNAL:
        number = maker.named("number", ControlKind.TEXT, typed, required=True)
    dates = tuple(maker.named(name, ControlKind.DATE, typed, required=False) for name in DATES)
    portrait_faults = maker.take("portrait")
    return Form(
        holders=holders,
        attributes=parts,
        dates=dates,
        number=number,
        portrait=kind.portrait,
        portrait_faults=portrait_faults,
        other_faults=tuple(sorted(fault for rest in by_place.values() for fault in rest)),
    )


class _Maker:
    """Makes fields, and takes for each its faults out of those that are left."""

    def __init__(self, by_place: dict[str, list[Fault]]) -> None:
        self._by_place = by_place

    def take(self, name: str) -> tuple[Fault, ...]:
        return tuple(self._by_place.pop(name, ()))

    def named(
        self, name: str, kind: ControlKind, typed: Mapping[str, object], *, required: bool
    ) -> Control:
        """Return a field of every type, which the page has its own words for."""
        value = typed.get(name)
        text = _as_text(value)
        return Control(name, kind, "", "", required=required, value=text, faults=self.take(name))

    def holders(self, kind: CertificateType, value: object) -> Rows:
        choices = tuple(
            Choice(document.value, document.title_zh, document.title_en)
            for document in document_types(kind)
        )
        rows = []
        for place, typed in enumerate((as_list(value) or [{}])[:MOST_ROWS]):
            holder, name = as_mapping(typed), f"holders/{place}"
            whole = self.take(name)
            rows.append(
                (
                    Control(
                        f"{name}/type",
                        ControlKind.CHOICE,
                        "",
                        "",
                        required=True,
                        value=_as_text(holder.get("type")),
                        faults=self.take(f"{name}/type") + whole,
                        choices=choices,
                    ),
                    self.named_member(name, "number", holder),
                    self.named_member(name, "name", holder),
                )
            )
        return Rows(
            name="holders",
            title_zh="",
            title_en="",
            required=True,
            rows=tuple(rows),
            most=kind.max_holders,
            faults=self.take("holders"),
        )

    def named_member(self, place: str, key: str, holder: Mapping[str, object]) -> Control:
        name = f"{place}/{key}"
        return Control(
            name,
            ControlKind.TEXT,
            "",
            "",
            required=True,
            value=_as_text(holder.get(key)),
            faults=self.take(name),
            most=100 if key == "name" else 40,
        )

    def part(
        self, name: str, schema: Mapping[str, Any], value: object, *, required: bool
    ) -> Control | Rows:
        if schema["type"] != "array":
            return self.control(name, schema, value, required=required)
        rows = (as_list(value) or [blank_row(schema)])[:MOST_ROWS]
        made = tuple(self.row(f"{name}/{place}", schema, row) for place, row in enumerate(rows))
        return Rows(
            name=name,
            title_zh=schema["title"],
            title_en=schema["x-title-en"],
            required=required,
            rows=made,
            most=schema["maxItems"],
            faults=self.take(name),
            help_zh=schema.get("description", ""),
            help_en=schema.get("x-description-en", ""),
        )

    def row(self, name: str, schema: Mapping[str, Any], value: object) -> tuple[Control, ...]:
        items = schema["items"]
        if items["type"] == "string":
            titles = {"title": schema["title"], "x-title-en": schema["x-title-en"]}
            return (self.control(name, titles | items, value, required=True),)
        members, whole = as_mapping(value), self.take(name)
        controls = [
            self.control(
                f"{name}/{key}", member, members.get(key), required=key in _required(items)
            )
            for key, member in items["properties"].items()
            if member["type"] != "array"
        ]
        if controls and whole:
            first = controls[0]
            controls[0] = _with_faults(first, first.faults + whole)
        return tuple(controls)

    def control(
        self, name: str, schema: Mapping[str, Any], value: object, *, required: bool
    ) -> Control:
        kind = kind_of(schema)
        whole_number = kind is ControlKind.WHOLE_NUMBER
        return Control(
            name=name,
            kind=kind,
            title_zh=schema["title"],
            title_en=schema["x-title-en"],
            required=required,
            value=_as_text(value),
            faults=self.take(name),
            help_zh=schema.get("description", ""),
            help_en=schema.get("x-description-en", ""),
            least=schema.get("minimum" if whole_number else "minLength"),
            most=schema.get("maximum" if whole_number else "maxLength"),
            choices=tuple(Choice(word, word, word) for word in schema.get("enum", ())),
        )


def fields_of(kind: CertificateType) -> Mapping[str, Mapping[str, Any]]:
    """Return the schemas of the attributes by their keys."""
    fields: Mapping[str, Mapping[str, Any]] = kind.attributes.schema["properties"]
    return fields


def _required(schema: Mapping[str, Any]) -> Sequence[str]:
    return tuple(schema.get("required", ()))


def document_types(kind: CertificateType) -> list[DocumentType]:
    """Return what can be a holder's document: the usual one first, its substitutes last."""
    return sorted(
        (d for d in DocumentType if d.holder_kind in kind.holder_kinds), key=lambda d: d.value
    )


def kind_of(schema: Mapping[str, Any]) -> ControlKind:
    """Return how a value of this schema is asked for."""
    match schema:
        case {"type": "integer"}:
            return ControlKind.WHOLE_NUMBER
        case {"type": "boolean"}:
            return ControlKind.YES_NO
        case {"enum": _}:
            return ControlKind.CHOICE
        case {"format": "date"}:
            return ControlKind.DATE
        case {"maxLength": most} if most > LONG_FROM:
            return ControlKind.LONG_TEXT
        case _:
            return ControlKind.TEXT


def _with_faults(control: Control, faults: tuple[Fault, ...]) -> Control:
    values = {name: getattr(control, name) for name in Control.__slots__}
    return Control(**(values | {"faults": faults}))


def blank_row(schema: Mapping[str, Any]) -> object:
    """Return a row of a list before anything is typed into it."""
    return "" if schema["items"]["type"] == "string" else {}


def _as_text(value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)


def as_list(value: object) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def as_mapping(value: object) -> Mapping[str, Any]:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}
