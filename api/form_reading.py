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
from certs.catalogue import CertificateType

_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,15}")
_DATE = re.compile(r"(\d{4})\s*[-./年]?\s*(\d{1,2})\s*[-./月]?\s*(\d{1,2})\s*日?")

_STRING: Mapping[str, Any] = {"type": "string"}


def blank_order(kind: CertificateType) -> dict[str, object]:
    """Return what a new draft begins with: a row for each list that must have one."""
    attributes: dict[str, object] = {
        key: [blank_row(field)]
        for key, field in fields_of(kind).items()
        if field["type"] == "array" and field.get("minItems", 0) > 0
    }
    return {"holders": [{"type": document_types(kind)[0].value}], "attributes": attributes}


def read_form(kind: CertificateType, fields: Iterable[tuple[str, str]]) -> dict[str, object]:
    """Return the ORDER.json that was typed: what is left blank is not there, nor is a blank row."""
    values = dict(fields)
    order: dict[str, object] = {
        "holders": [
            _members(values, f"holders/{row}", dict.fromkeys(("type", "number", "name"), _STRING))
            for row in _rows_of(values, "holders")
            if _is_filled(values, f"holders/{row}", {"number": _STRING, "name": _STRING})
        ],
        "attributes": _members(values, "attributes", fields_of(kind)),
    }
    if not order["holders"]:
        order["holders"] = [_members(values, "holders/0", {"type": _STRING})]
    for holder in as_list(order["holders"]):
        if isinstance(holder, dict) and "number" in holder:
            holder["number"] = "".join(holder["number"].split())
    for name in ("number", *DATES):
        value = _tidy(values.get(name, ""))
        if value:
            order[name] = _read_date(value) if name in DATES else value
    return order


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


def _members(
    values: Mapping[str, str], place: str, fields: Mapping[str, Mapping[str, Any]]
) -> dict[str, object]:
    read = ((key, _read(values, f"{place}/{key}", field)) for key, field in fields.items())
    return {key: value for key, value in read if value is not None}


def _read(values: Mapping[str, str], name: str, schema: Mapping[str, Any]) -> object:
    """Return what was typed at `name`, None for nothing."""
    if schema["type"] == "array":
        return _read_rows(values, name, schema["items"]) or None
    text = _tidy(values.get(name, ""))
    if not text:
        return None
    match kind_of(schema):
        case ControlKind.WHOLE_NUMBER if _WHOLE_NUMBER.fullmatch(text):
            return int(text)
        case ControlKind.YES_NO if text in {"true", "false"}:
            return text == "true"
        case ControlKind.DATE:
            return _read_date(text)
        case _:
            return text


def _read_rows(values: Mapping[str, str], name: str, items: Mapping[str, Any]) -> list[object]:
    rows = (f"{name}/{row}" for row in _rows_of(values, name))
    if items["type"] == "string":
        return [value for row in rows if (value := _read(values, row, items)) is not None]
    fields = items["properties"]
    return [_members(values, row, fields) for row in rows if _is_filled(values, row, fields)]


def _rows_of(values: Mapping[str, str], name: str) -> list[int]:
    """Return which rows of a list there are, whatever their fields."""
    start = f"{name}/"
    numbers = {key[len(start) :].split("/")[0] for key in values if key.startswith(start)}
    return sorted(int(n) for n in numbers if re.fullmatch(r"[0-9]{1,2}", n))


def _is_filled(
    values: Mapping[str, str], place: str, fields: Mapping[str, Mapping[str, Any]]
) -> bool:
    return any(_tidy(values.get(f"{place}/{key}", "")) for key in fields)


def _read_date(text: str) -> str:
    """Return a date in ISO 8601 if that is what is meant: 20261124, 2026.11.24, 2026年11月24日."""
    found = _DATE.fullmatch(text)
    if found is None:
        return text
    year, month, day = (int(part) for part in found.groups())
    return f"{year:04}-{month:02}-{day:02}"


def _tidy(text: str) -> str:
    """Return a line of text: breaks become spaces, spaces at its ends go."""
    return re.sub(r"[\r\n\t]+", " ", text).strip()
