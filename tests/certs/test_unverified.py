"""The door for data from outside."""

import json
import unicodedata
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.errors import Fault, FaultyDataError
from certs.unverified import (
    DEEPEST,
    LARGEST_INTEGER,
    LONGEST_TEXT,
    MOST_VALUES,
    Json,
    Shape,
    clean,
    read_json,
)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def faults_of(value: object) -> list[Fault]:
    faults: list[Fault] = []
    clean(value, faults)
    return faults


def codes_of(value: object) -> list[str]:
    return [fault.code for fault in faults_of(value)]


@given(anything)
def test_what_passes_is_plain_and_passes_again(value: object) -> None:
    faults: list[Fault] = []
    cleaned = clean(value, faults)
    again: list[Fault] = []
    if not faults:
        assert clean(cleaned, again) == cleaned
        assert again == []
        for text in texts_in(cleaned):
            assert unicodedata.is_normalized("NFC", text)
            assert text.isprintable()


def texts_in(value: Json) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in texts_in(item)]
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts_in(item)]
    return []


def test_texts_are_normalised() -> None:
    assert clean({"name": "e\u0301"}, []) == {"name": "\u00e9"}


@pytest.mark.parametrize(
    "hidden",
    [
        "\u202e",  # right-to-left override
        "\u2066",  # isolate
        "\u200b",  # zero width space
        "\ufeff",  # byte order mark
        "\u00ad",  # soft hyphen
        "\u0000",
        "\n",
        "\u2028",  # line separator
        "\u3000",  # ideographic space
        "\ue000",  # private use
        "\ud800",  # lone surrogate
        "\ufe00",  # variation selector
        "\U000e0100",
        "\u3164",  # Hangul filler
    ],
)
def test_what_hides_in_a_text_is_told_by_its_code_point(hidden: str) -> None:
    [fault] = faults_of({"name": f"王{hidden}例"})
    assert (fault.pointer, fault.code) == ("/name", "hidden_character")
    assert fault.detail == f"U+{ord(hidden):04X}"


def test_rare_characters_and_the_dot_of_names_pass() -> None:
    assert faults_of("示例·样例") == []
    assert faults_of("\U00020bb7\U0002a6d6") == []


@pytest.mark.parametrize("text", [" 王", "王 "])
def test_outer_spaces_are_refused(text: str) -> None:
    assert codes_of(text) == ["outer_space"]


def test_limits_hold() -> None:
    deep: object = "x"
    for _ in range(DEEPEST - 1):
        deep = [deep]
    assert faults_of(deep) == []
    assert codes_of([deep]) == ["too_deep"]
    assert faults_of([1] * (MOST_VALUES - 1)) == []
    assert codes_of([[1] * MOST_VALUES, {"a": 1}]) == ["too_many"]
    assert faults_of("王" * LONGEST_TEXT) == []
    assert codes_of("王" * (LONGEST_TEXT + 1)) == ["max_length"]
    assert faults_of([LARGEST_INTEGER, -LARGEST_INTEGER]) == []
    assert codes_of(LARGEST_INTEGER + 1) == ["too_large"]


@pytest.mark.parametrize("value", [1.5, 1.0, float("nan"), b"x", object()])
def test_decimals_and_foreign_values_are_refused(value: object) -> None:
    assert codes_of([value]) == ["type"]


@pytest.mark.parametrize("key", ["", "a b", "名称", "119999195703120042", "a" * 65, 1])
def test_a_key_that_is_no_plain_name_is_told_by_its_place_alone(key: object) -> None:
    assert faults_of({"outer": {key: 1}}) == [Fault("/outer", "key", "letters, digits, _ and -")]


def test_json_is_read_strictly() -> None:
    assert read_json('{"名": [1, null]}'.encode(), most_octets=100) == {"名": [1, None]}


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff", "not_json"),
        (b"\xef\xbb\xbf{}", "not_json"),
        (b"NaN", "not_json"),
        (b"[-Infinity]", "not_json"),
        (b"[" * 50_000, "not_json"),
        (b"1" * 5_000, "not_json"),
        (b'{"a": 1, "a": 1}', "duplicate_key"),
        (b'[{"b": {"a": 1, "\\u0061": 2}}]', "duplicate_key"),
        (b" " * 60_000, "too_large"),
    ],
)
def test_what_readers_understand_differently_is_refused(octets: bytes, code: str) -> None:
    with pytest.raises(FaultyDataError) as caught:
        read_json(octets, most_octets=50_000)
    assert [fault.code for fault in caught.value.faults] == [code]


@given(anything)
def test_json_that_is_written_is_read(value: object) -> None:
    try:
        octets = json.dumps(value, allow_nan=False).encode()
    except ValueError:
        return
    assert read_json(octets, most_octets=1_000_000) == json.loads(octets)


SHAPE = Shape(
    {
        "type": "object",
        "required": ["name", "count"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "maxLength": 4, "pattern": "^[a-z]+$"},
            "count": {"type": "integer", "maximum": 3},
            "kinds": {"type": "array", "uniqueItems": True, "items": {"enum": ["甲", "乙"]}},
        },
    }
)


def test_every_way_a_value_does_not_fit_is_told_without_the_value() -> None:
    faults = set(SHAPE.faults({"name": "SECRET", "kinds": ["甲", "丙", "甲"], "more": "SECRET"}))
    assert faults == {
        Fault("/name", "max_length", "4"),
        Fault("/name", "pattern", "^[a-z]+$"),
        Fault("/count", "required"),
        Fault("/kinds", "unique_items", "true"),
        Fault("/kinds/1", "enum", '["甲", "乙"]'),
        Fault("/more", "unknown_key"),
    }


def test_a_pointer_begins_where_the_value_stands() -> None:
    assert set(SHAPE.faults([], pointer="/here")) == {Fault("/here", "type", "object")}


def test_a_shape_reaches_nothing_outside_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr("urllib.request.urlopen", asked.append)
    shape = Shape({"$ref": "https://example.invalid/schema.json"})
    unheeded = warnings.catch_warnings(action="ignore")  # the library warns before it asks
    with unheeded, pytest.raises(Exception, match="Unresolvable"):
        list(shape.faults({}))
    assert asked == []
