"""What was typed into a form made by `api.forms`: read as an ORDER.json of whatever worth."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from api.forms import (
    DATES,
    ControlKind,
    as_list,
    as_mapping,
    blank_row,
    document_types,
    fields_of,
    kind_of,
)
from certs.catalogue import CertificateType, NumberSource

_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,15}")
_DATE = re.compile(r"(\d{4})\s*[-./年]?\s*(\d{1,2})\s*[-./月]?\s*(\d{1,2})\s*日?")

_STRING: Mapping[str, Any] = {"type": "string"}
_NUMBER: Mapping[str, Any] = {"type": "string", "title": "a number, written with or without spaces"}
_HOLDER = {"type": _STRING, "number": _NUMBER, "name": _STRING}


def blank_order(kind: CertificateType) -> dict[str, object]:
    """Return what a new draft begins with: a row for each list that must have one."""
    attributes: dict[str, object] = {
        key: [blank_row(field)]
        for key, field in fields_of(kind).items()
        if field["type"] == "array" and field.get("minItems", 0) > 0
    }
    return {"holders": [{"type": document_types(kind)[0].value}], "attributes": attributes}


def read_form(
    kind: CertificateType, fields: Iterable[tuple[str, str]], *, keep_blank_rows: bool = False
) -> dict[str, object]:
    """Return the ORDER.json that was typed: what is left blank is not there.

    Nor are blank rows, unless somebody is just adding some.
    """
    reader = _Reader(dict(fields), keep_blank_rows=keep_blank_rows)
    holders = reader.rows("holders", _HOLDER, unless_blank=("number", "name"))
    order: dict[str, object] = {
        "holders": holders or [reader.members("holders/0", {"type": _STRING})],
        "attributes": reader.members("attributes", fields_of(kind)),
    }
    if kind.number is NumberSource.EXTERNAL and (number := reader.text("number")):
        order["number"] = number
    return order | {name: _read_date(day) for name in DATES if (day := reader.text(name))}


def add_row(kind: CertificateType, typed: Mapping[str, object], name: str) -> dict[str, object]:
    """Return the order with a blank row at the end of the list `name`; no such list: unchanged."""
    if name == "holders":
        return {**typed, "holders": [*as_list(typed.get("holders")), {}]}
    key = name.removeprefix("attributes/")
    field = fields_of(kind).get(key)
    if field is None or field["type"] != "array":
        return dict(typed)
    attributes = as_mapping(typed.get("attributes"))
    rows = [*as_list(attributes.get(key)), blank_row(field)]
    return {**typed, "attributes": {**attributes, key: rows}}


def remove_row(fields: Iterable[tuple[str, str]], name: str) -> list[tuple[str, str]]:
    """Return the fields without those of one row, `attributes/KZ_JYXM/2`."""
    return [
        (field, value)
        for field, value in fields
        if field != name and not field.startswith(f"{name}/")
    ]


class _Reader:
    """Reads values by their places."""

    def __init__(self, values: Mapping[str, str], *, keep_blank_rows: bool) -> None:
        self._values = values
        self._keep_blank_rows = keep_blank_rows

    def text(self, name: str) -> str:
        """Return a line of text: breaks become spaces, spaces at its ends go."""
        return re.sub(r"[\r\n\t]+", " ", self._values.get(name, "")).strip()

    def members(self, place: str, fields: Mapping[str, Mapping[str, Any]]) -> dict[str, object]:
        """Return the members of an object, without those that are blank."""
        read = ((key, self._read(f"{place}/{key}", field)) for key, field in fields.items())
        return {key: value for key, value in read if value is not None}

    def rows(
        self,
        name: str,
        fields: Mapping[str, Mapping[str, Any]],
        *,
        unless_blank: Iterable[str] | None = None,
    ) -> list[dict[str, object]]:
        """Return the rows of a list of objects; blank is one without any of `unless_blank`."""
        read = [self.members(f"{name}/{row}", fields) for row in self._rows_of(name)]
        wanted = set(fields if unless_blank is None else unless_blank)
        return [row for row in read if self._keep_blank_rows or wanted & row.keys()]

    def _read(self, name: str, schema: Mapping[str, Any]) -> object:
        if schema["type"] == "array":
            items = schema["items"]
            if items["type"] == "string":
                return self._texts(name, items) or None
            return self.rows(name, items["properties"]) or None
        text = self.text(name)
        return self._scalar(text, schema) if text else None

    @staticmethod
    def _scalar(text: str, schema: Mapping[str, Any]) -> object:
        match kind_of(schema):
            case ControlKind.WHOLE_NUMBER if _WHOLE_NUMBER.fullmatch(text):
                return int(text)
            case ControlKind.YES_NO if text in {"true", "false"}:
                return text == "true"
            case ControlKind.DATE:
                return _read_date(text)
            case _ if schema is _NUMBER:
                return "".join(text.split())
            case _:
                return text

    def _texts(self, name: str, items: Mapping[str, Any]) -> list[object]:
        read = [self._read(f"{name}/{row}", items) for row in self._rows_of(name)]
        return [value or "" for value in read if self._keep_blank_rows or value is not None]

    def _rows_of(self, name: str) -> list[int]:
        """Return which rows of a list there are, whatever their fields."""
        start = f"{name}/"
        numbers = {key[len(start) :].split("/")[0] for key in self._values if key.startswith(start)}
        return sorted(int(n) for n in numbers if re.fullmatch(r"0|[1-9][0-9]?", n))


def _read_date(text: str) -> str:
    """Return a date in ISO 8601 if that is what is meant: 20261124, 2026.11.24, 2026年11月24日."""
    found = _DATE.fullmatch(text)
    if found is None:
        return text
    year, month, day = (int(part) for part in found.groups())
    return f"{year:04}-{month:02}-{day:02}"
