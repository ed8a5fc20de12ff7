"""Check characters by published examples, identifiers of GB/T 36904, numbering rules."""

import doctest
import json
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs import identifiers as identifiers_module
from certs.errors import InvalidIdentifierError, InvalidNumberRuleError, NumbersExhaustedError
from certs.identifiers import (
    IDENTIFIER_ROOT,
    CertificateIdentifier,
    NumberRule,
    mod_11_10,
    mod_37_36,
)

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "iso7064.json").read_text(encoding="utf-8")
)
ALPHANUMERIC = string.digits + string.ascii_uppercase

identifiers = st.builds(
    CertificateIdentifier,
    type_code=st.from_regex(r"[0-9A-Z]{18}[0-9]{3}", fullmatch=True),
    authority=st.from_regex(r"[0-9A-Z]{18}", fullmatch=True),
    serial=st.from_regex(r"[0-9A-Z]{1,32}", fullmatch=True),
    version=st.integers(1, 999),
)


def test_the_example_of_the_module_runs() -> None:
    assert doctest.testmod(identifiers_module) == (0, 2)


@pytest.mark.parametrize("vector", VECTORS["mod_11_10"], ids=lambda vector: vector["text"])
def test_mod_11_10_gives_the_published_digits(vector: dict[str, str]) -> None:
    assert mod_11_10(vector["text"]) == vector["check"]


@pytest.mark.parametrize("vector", VECTORS["mod_37_36"], ids=lambda vector: vector["text"])
def test_mod_37_36_gives_the_published_characters(vector: dict[str, str]) -> None:
    assert mod_37_36(vector["text"]) == vector["check"]


@given(st.text(string.digits, min_size=1, max_size=30), st.data())
def test_mod_11_10_notices_one_wrong_digit(digits: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(digits) - 1))
    other = data.draw(st.sampled_from(string.digits).filter(lambda digit: digit != digits[place]))
    assert mod_11_10(digits[:place] + other + digits[place + 1 :]) != mod_11_10(digits)


@pytest.mark.parametrize("text", VECTORS["identifiers"]["valid"])
def test_published_identifiers_are_read_and_written(text: str) -> None:
    assert str(CertificateIdentifier.parse(text)) == text


@given(identifiers, st.data())
def test_an_identifier_is_read_back_and_one_wrong_character_noticed(
    identifier: CertificateIdentifier, data: st.DataObject
) -> None:
    text = str(identifier)
    assert CertificateIdentifier.parse(text) == identifier
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(ALPHANUMERIC + ".").filter(lambda char: char != text[place]))
    with pytest.raises(InvalidIdentifierError):
        CertificateIdentifier.parse(text[:place] + other + text[place + 1 :])


@given(st.text(ALPHANUMERIC + ".", max_size=40) | st.text(max_size=40))
def test_other_texts_are_no_identifiers(text: str) -> None:
    for unverified_identifier in (text, f"{IDENTIFIER_ROOT}.{text}"):
        with pytest.raises(InvalidIdentifierError):
            CertificateIdentifier.parse(unverified_identifier)


@pytest.mark.parametrize("version", [0, 1000])
def test_a_version_has_three_digits(version: int) -> None:
    with pytest.raises(InvalidIdentifierError):
        CertificateIdentifier("1" * 21, "1" * 18, "1", version)


@pytest.mark.parametrize(
    ("rule", "number"),
    [
        ("JY{area}{yyyy}{seq:6}{check:mod11_10}", "JY99990120260000425"),
        ("JY{area}{seq:7}{check:mod11_10}", "JY99990100000426"),
        ("LN{area}{yyyy}{seq:6}", "LN9999012026000042"),
        ("A-{seq:2}-{yyyy}", "A-42-2026"),
    ],
)
def test_a_rule_makes_numbers(rule: str, number: str) -> None:
    assert NumberRule.parse(rule).format(area="999901", year=2026, seq=42) == number


def test_a_check_digit_is_over_all_digits_before_it() -> None:
    rule = NumberRule.parse("X0{seq:3}{check:mod11_10}")
    assert rule.format(area="999901", year=2026, seq=794) == "X0794" + mod_11_10("0794") == "X07945"


@given(st.sets(st.integers(1, 999_999), min_size=2, max_size=20))
def test_two_counts_never_give_one_number(counts: set[int]) -> None:
    rule = NumberRule.parse("JY{area}{yyyy}{seq:6}{check:mod11_10}")
    numbers = {rule.format(area="999901", year=2026, seq=count) for count in counts}
    assert len(numbers) == len(counts)


def test_a_counter_begins_anew_each_year_only_where_the_number_tells_the_year() -> None:
    assert NumberRule.parse("{yyyy}{seq:6}").counter_scope(2026) == 2026
    assert NumberRule.parse("{seq:6}").counter_scope(2026) == 0


def test_a_counter_that_outgrows_its_digits_makes_no_number() -> None:
    rule = NumberRule.parse("{seq:2}")
    assert rule.format(area="999901", year=2026, seq=99) == "99"
    with pytest.raises(NumbersExhaustedError):
        rule.format(area="999901", year=2026, seq=100)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "JY",
        "JY{area}",
        "{seq:6}{seq:6}",
        "{seq}",
        "{seq:0}",
        "{seq:13}",
        "{check:mod11_10}{seq:6}",
        "{seq:6}{check:mod97}",
        "{number}{seq:6}",
        "jy{seq:6}",
        "JY {seq:6}",
        "食{seq:6}",
        "{seq:6}\n",
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(InvalidNumberRuleError):
        NumberRule.parse(text)
