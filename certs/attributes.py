"""The attributes of a certificate type: their schema (JSON Schema 2020-12), titles and masks.

A schema may use only what forms, layouts and masks can follow: named fields that are texts,
integers, truth values, or lists of texts or of records; each with a title in Chinese (`title`) and
English (`x-title-en`) and a mask (`x-mask`), each text and list with a greatest length. What
helps to fill a field in may be said too (`description`, `x-description-en`).
`schemas/attributes.json` says so as a JSON Schema.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from certs.errors import Fault, FaultyDataError
from certs.unverified import Json, Shape
from idp.documents import mask_name, mask_number

HIDDEN = "***"
"""What stands on a public page in the place of a hidden value."""


class Mask(StrEnum):
    """How much of a value a public page shows (`x-mask`)."""

    NONE = "none"
    """All of it."""
    NAME = "name"
    """A person's name, as `mask_name` leaves it."""
    NUMBER = "number"
    """A number, as `mask_number` leaves it."""
    HIDDEN = "hidden"
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Field:
    """One named field of a certificate."""

    title_zh: str
    title_en: str
    mask: Mask
    required: bool


class AttributeSchema:
    """A schema compiled once: it tells faults, titles and what the public may see."""

    fields: Mapping[str, Field]
    """By key, in the order of the schema."""

    def __init__(self, schema: Any) -> None:  # noqa: ANN401  # JSON of the shape checked here
        """Compile the schema; raise `FaultyDataError` with all that is wrong with it."""
        if faults := list(_SHAPE_OF_SCHEMAS.faults(schema)):
            raise FaultyDataError(faults)
        self._schema: dict[str, Any] = schema
        self._shape = Shape(schema)
        self.fields = {
            key: Field(
                title_zh=field["title"],
                title_en=field["x-title-en"],
                mask=Mask(field["x-mask"]),
                required=key in schema.get("required", ()),
            )
            for key, field in schema["properties"].items()
        }

    @property
    def schema(self) -> Mapping[str, Any]:
        """The JSON Schema itself, of the shape above: what a form is made from."""
        return self._schema

    def faults(self, attributes: Json, *, pointer: str) -> Iterator[Fault]:
        """Give the faults of cleaned attributes that stand at `pointer`."""
        return self._shape.faults(attributes, pointer=pointer)

    def mask(self, attributes: Mapping[str, Json]) -> dict[str, Json]:
        """Return valid attributes as the public may see them, of the same shape."""
        return _mask_members(attributes, self._schema)


_SHAPE_OF_SCHEMAS = Shape.named("attributes")


def _mask_members(members: Mapping[str, Json], schema: Mapping[str, Any]) -> dict[str, Json]:
    fields = schema["properties"]
    return {
        key: _mask_value(value, fields[key], Mask(fields[key]["x-mask"]))
        for key, value in members.items()
    }


def _mask_value(value: Json, schema: Mapping[str, Any], mask: Mask) -> Json:
    if isinstance(value, list) and mask is not Mask.HIDDEN:
        return [_mask_value(item, schema["items"], mask) for item in value]
    if isinstance(value, dict) and mask is not Mask.HIDDEN:
        return _mask_members(value, schema)
    if mask is Mask.NONE:
        return value
    if isinstance(value, str) and mask is Mask.NAME:
        return mask_name(value)
    if isinstance(value, str) and mask is Mask.NUMBER:
        return mask_number(value)
    return HIDDEN
