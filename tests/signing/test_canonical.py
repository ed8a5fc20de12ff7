"""Canonical JSON and SM3, by the vectors of their standards."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.canonical import canonical_json, canonical_sm3, sm3
from signing.errors import NotCanonicalError

VECTORS = Path(__file__).parents[1] / "vectors"
RFC_8785 = json.loads((VECTORS / "rfc8785.json").read_text(encoding="utf-8"))
SM3 = json.loads((VECTORS / "sm3.json").read_text(encoding="utf-8"))

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("vector", SM3["vectors"], ids=lambda vector: vector["clause"])
def test_sm3_gives_the_published_digests(vector: dict[str, str]) -> None:
    assert sm3(vector["message"].encode()).hex() == vector["digest"]


def test_the_published_document_has_its_published_form() -> None:
    document = RFC_8785["documents"][0]
    assert canonical_json(json.loads(document["json"])).hex() == document["canonical_hex"]


def test_keys_are_sorted_by_utf_16_units() -> None:
    document = RFC_8785["documents"][1]
    canonical = canonical_json(json.loads(document["json"]))
    assert list(json.loads(canonical).values()) == document["values_in_order"]


@pytest.mark.parametrize(("double", "form"), RFC_8785["numbers"]["pairs"])
def test_numbers_have_their_published_form(double: str, form: str | None) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(double))
    if form is None:
        with pytest.raises(NotCanonicalError):
            canonical_json(number)
    else:
        assert canonical_json(number) == form.encode()


@given(json_values)
def test_one_value_has_one_form(value: Any) -> None:  # noqa: ANN401 - any JSON
    canonical = canonical_json(value)
    read_back = json.loads(canonical, parse_int=float)  # every number is a double (I-JSON, 2.2)
    assert read_back == value
    assert canonical_json(read_back) == canonical


@given(st.dictionaries(st.text(), st.integers(0, 9), min_size=2))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical_sm3(turned) == canonical_sm3(value) == sm3(canonical_json(value)).hex()


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"octets", id="octets"),
        pytest.param({1, 2}, id="set"),
        pytest.param({1: "key is a number"}, id="key is a number"),
        pytest.param(2**53, id="integer beyond a double"),
        pytest.param("\ud800", id="lone surrogate"),
        pytest.param({"\ud800": 1, "a": 2}, id="lone surrogate in a key"),
        pytest.param(nested(100_000), id="nested too deep"),
    ],
)
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(NotCanonicalError):
        canonical_json(value)


def test_the_error_does_not_repeat_the_value() -> None:
    with pytest.raises(NotCanonicalError) as caught:
        canonical_json({"name": "某人\ud800"})
    assert "某人" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
