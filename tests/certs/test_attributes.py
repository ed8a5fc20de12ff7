"""Schemas of attributes: what they may be made of, what they refuse, what the public sees."""

from copy import deepcopy
from typing import Any

import pytest

from certs.attributes import AttributeSchema, Field, Mask
from certs.errors import Fault, FaultyDataError


def field(kind: str, mask: str = "none", **more: object) -> dict[str, Any]:
    return {"title": "某", "x-title-en": "Some", "x-mask": mask, "type": kind, **more}


def record(**fields: object) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": fields}


SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "样例",
    "x-title-en": "Sample",
    "required": ["NAME"],
    **record(
        NAME=field("string", "name", maxLength=20),
        PHONE=field("string", "number", maxLength=20),
        BORN=field("string", "hidden", format="date"),
        COUNT=field("integer", maximum=9),
        SECRET=field("boolean", "hidden"),
        WORDS=field("array", "name", maxItems=3, items={"type": "string", "maxLength": 9}),
        HIDDEN=field("array", "hidden", maxItems=3, items={"type": "string", "maxLength": 9}),
        LINES=field(
            "array",
            maxItems=2,
            items=record(
                KIND=field("string", enum=["甲", "乙"]), WHO=field("string", "name", maxLength=9)
            ),
        ),
    ),
}


def changed(path: str, value: object) -> dict[str, Any]:
    schema: Any = deepcopy(SCHEMA)
    *steps, last = path.split("/")
    inner = schema
    for step in steps:
        inner = inner[step]
    inner[last] = value
    return schema  # type: ignore[no-any-return]  # the copy is as deep as the schema


def test_fields_come_in_the_order_of_the_schema() -> None:
    fields = AttributeSchema(SCHEMA).fields
    assert list(fields) == list(SCHEMA["properties"])
    assert fields["NAME"] == Field("某", "Some", Mask.NAME, required=True)
    assert not fields["PHONE"].required


def test_masked_attributes_keep_their_shape() -> None:
    masked = AttributeSchema(SCHEMA).mask(
        {
            "NAME": "王样例",
            "PHONE": "000-00000022",
            "BORN": "1957-03-12",
            "COUNT": 3,
            "SECRET": True,
            "WORDS": ["李示例", "陈例"],
            "HIDDEN": ["x", "y"],
            "LINES": [{"KIND": "甲", "WHO": "李示例"}, {"KIND": "乙"}],
        }
    )
    assert masked == {
        "NAME": "王**",
        "PHONE": "00********22",
        "BORN": "***",
        "COUNT": 3,
        "SECRET": "***",
        "WORDS": ["李**", "陈*"],
        "HIDDEN": "***",
        "LINES": [{"KIND": "甲", "WHO": "李**"}, {"KIND": "乙"}],
    }


def test_attributes_are_compared_with_the_schema() -> None:
    faults = set(AttributeSchema(SCHEMA).faults({"BORN": "1957-02-30", "X": 1}, pointer="/a"))
    assert faults == {
        Fault("/a/NAME", "required"),
        Fault("/a/BORN", "format", "date"),
        Fault("/a/X", "unknown_key"),
    }


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("$schema", "http://json-schema.org/draft-07/schema#", ("/$schema", "const")),
        ("type", "array", ("/type", "const")),
        ("additionalProperties", True, ("/additionalProperties", "const")),
        ("$ref", "https://example.invalid/", ("/$ref", "unknown_key")),
        ("properties/NAME/title", "", ("/properties/NAME/title", "min_length")),
        ("properties/NAME/x-mask", "some", ("/properties/NAME/x-mask", "enum")),
        ("properties/NAME/pattern", "(", ("/properties/NAME/pattern", "format")),
        ("properties/NAME/oneOf", [], ("/properties/NAME/oneOf", "unknown_key")),
        ("properties/NAME/format", "email", ("/properties/NAME/format", "const")),
        ("properties/NAME", field("string"), ("/properties/NAME", "any_of")),
        ("properties/NAME", field("number"), ("/properties/NAME/type", "enum")),
        ("properties/NAME", {"type": "string"}, ("/properties/NAME/x-mask", "required")),
        ("properties/COUNT/x-mask", "name", ("/properties/COUNT/x-mask", "enum")),
        ("properties/LINES/maxItems", "3", ("/properties/LINES/maxItems", "type")),
        ("properties/a b", field("boolean"), ("/properties", "pattern")),
        (
            "properties/LINES/items/properties/WHO/x-mask",
            None,
            ("/properties/LINES/items/properties/WHO/x-mask", "enum"),
        ),
    ],
)
def test_what_a_schema_may_not_hold_is_told(
    path: str, value: object, fault: tuple[str, str]
) -> None:
    with pytest.raises(FaultyDataError) as caught:
        AttributeSchema(changed(path, value))
    assert fault in {(one.pointer, one.code) for one in caught.value.faults}


@pytest.mark.parametrize("schema", [None, [], "x", {}, True])
def test_what_is_no_schema_is_refused(schema: object) -> None:
    with pytest.raises(FaultyDataError):
        AttributeSchema(schema)
