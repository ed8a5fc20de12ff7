"""Names of persons: one spelling each, and what is refused."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.names import (
    LONGEST_CHINESE_NAME,
    LONGEST_LATIN_NAME,
    InvalidNameError,
    NameFault,
    PersonName,
)

CHINESE = st.sampled_from("王李苏买提拉样例示𠮷𬱖𰻞〇䶮﨎")
LATIN = st.sampled_from("abzABZéñøŁữ")


def fault(name: str) -> NameFault:
    with pytest.raises(InvalidNameError) as caught:
        PersonName.parse(name)
    assert not name or name not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("王芳", "王芳"),
        ("王 芳", "王芳"),  # spaced out on a form
        ("　王芳 ", "王芳"),
        ("苏", "苏"),  # one character
        ("阿卜杜拉·买买提", "阿卜杜拉·买买提"),
        ("阿卜杜拉•买买提", "阿卜杜拉·买买提"),
        ("阿卜杜拉・买买提", "阿卜杜拉·买买提"),
        ("阿卜杜拉．买买提", "阿卜杜拉·买买提"),
        ("阿卜杜拉.买买提", "阿卜杜拉·买买提"),
        ("阿卜杜拉 · 买买提", "阿卜杜拉·买买提"),
        ("𬱖𰻞", "𬱖𰻞"),  # beyond the basic plane
        ("\U000323b0", "\U000323b0"),  # newer than this Python's tables
        ("﨎", "﨎"),  # stands among compatibility forms and is none
        ("\uf97e", "量"),  # a compatibility form
        ("王\U000e0101芳", "王芳"),  # with a selector of the shape
        ("SUHARTO", "SUHARTO"),  # one word
        ("Ａｎｎａ　Lee", "Anna Lee"),
        ("O’Neil", "O'Neil"),
        ("D' Angelo", "D' Angelo"),
        ("Jean–Luc", "Jean-Luc"),
        ("John Smith Jr.", "John Smith Jr."),
        ("Rene\u0301e", "Renée"),
        ("陳示範", "陳示範"),  # not simplified: the document decides
    ],
)
def test_a_name_has_one_spelling(given_name: str, kept: str) -> None:
    assert PersonName.parse(given_name).text == kept


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", NameFault.EMPTY),
        (" \u3000 ", NameFault.EMPTY),
        ("\u200b\ufeff", NameFault.EMPTY),
        ("王3", NameFault.FOREIGN_CHARACTER),
        ("王（芳）", NameFault.FOREIGN_CHARACTER),
        ("Иван", NameFault.FOREIGN_CHARACTER),
        ("王\x00芳", NameFault.FOREIGN_CHARACTER),
        ("王😀", NameFault.FOREIGN_CHARACTER),
        ("<script>", NameFault.FOREIGN_CHARACTER),
        ("王\ue123", NameFault.PRIVATE_CHARACTER),
        ("Anna王", NameFault.MIXED_SCRIPTS),
        ("·王", NameFault.MISPLACED_MARK),
        ("王·", NameFault.MISPLACED_MARK),
        ("王··芳", NameFault.MISPLACED_MARK),
        ("王-芳", NameFault.MISPLACED_MARK),
        ("Anna·Lee", NameFault.MISPLACED_MARK),
        ("-Anna", NameFault.MISPLACED_MARK),
        ("Jean--Luc", NameFault.MISPLACED_MARK),
        ("...", NameFault.MISPLACED_MARK),
        ("王" * (LONGEST_CHINESE_NAME + 1), NameFault.TOO_LONG),
        ("a" * (LONGEST_LATIN_NAME + 1), NameFault.TOO_LONG),
        ("a b" * 1_000_000, NameFault.TOO_LONG),
    ],
)
def test_what_is_no_name_is_refused_with_its_reason(name: str, reason: NameFault) -> None:
    assert fault(name) is reason


def test_the_longest_names_pass() -> None:
    assert len(PersonName.parse("王" * LONGEST_CHINESE_NAME).text) == LONGEST_CHINESE_NAME
    assert len(PersonName.parse("a" * LONGEST_LATIN_NAME).text) == LONGEST_LATIN_NAME


@pytest.mark.parametrize(
    ("one", "other"),
    [("ANNA-LENA O'NEIL", "Anna Lena O Neil"), ("JOHN SMITH JR.", "John Smith Jr")],
)
def test_spellings_of_one_latin_name_match(one: str, other: str) -> None:
    assert PersonName.parse(one).matching == PersonName.parse(other).matching


def test_different_names_do_not_match() -> None:
    names = ("王芳", "王方", "WANG FANG", "WANGFANG", "陳示範", "陈示范")
    assert len({PersonName.parse(name).matching for name in names}) == len(names)


def test_a_name_is_not_shown_by_accident() -> None:
    assert "王" not in repr(PersonName.parse("王芳"))


@given(st.text(max_size=60))
def test_whatever_is_given_becomes_a_name_or_a_reason(text: str) -> None:
    try:
        name = PersonName.parse(text)
    except InvalidNameError:
        return
    assert PersonName.parse(name.text) == name
    assert unicodedata.normalize("NFC", name.text) == name.text
    assert name.text.strip() == name.text != ""
    assert not set(name.text) & set('0123456789<>&"\x00\n')


@given(st.lists(st.text(CHINESE, min_size=1, max_size=6), min_size=1, max_size=5))
def test_chinese_names_of_parts_pass(parts: list[str]) -> None:
    assert PersonName.parse("·".join(parts)).text == "·".join(parts)


@given(st.lists(st.text(LATIN, min_size=1, max_size=8), min_size=1, max_size=6))
def test_latin_names_of_words_pass(words: list[str]) -> None:
    assert PersonName.parse("  ".join(words)).text == " ".join(words)
