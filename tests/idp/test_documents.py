"""Identity documents by the numbers of their standards, and what is no document."""

import contextlib
import datetime as dt
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.documents import (
    DocumentFault,
    DocumentType,
    HolderKind,
    IdentityDocument,
    InvalidDocumentError,
    citizen_check_character,
    credit_code_check_character,
    mask_name,
    mask_number,
    organisation_check_character,
)

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "identity_documents.json").read_text(encoding="utf-8")
)
CREDIT_CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def fault(type_code: str, number: str) -> DocumentFault:
    with pytest.raises(InvalidDocumentError) as caught:
        IdentityDocument.parse(type_code, number)
    assert not number or number not in str(caught.value)
    return caught.value.reason


def number_of(type_code: str, number: str) -> str:
    return IdentityDocument.parse(type_code, number).number


@st.composite
def citizen_numbers(draw: st.DrawFn, areas: tuple[str, ...] = ("11", "54", "65")) -> str:
    born = draw(st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)))
    area = draw(st.sampled_from(areas)) + draw(st.from_regex(r"[0-9]{4}", fullmatch=True))
    body = f"{area}{born:%Y%m%d}{draw(st.integers(0, 999)):03}"
    return body + citizen_check_character(body)


@st.composite
def credit_codes(draw: st.DrawFn) -> str:
    organisation = draw(st.text(CREDIT_CODE_ALPHABET, min_size=8, max_size=8))
    organisation += organisation_check_character(organisation)
    area = draw(st.from_regex(r"[0-9]{6}", fullmatch=True))
    body = draw(st.sampled_from(["11", "51", "91", "N2"])) + area + organisation
    return body + credit_code_check_character(body)


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: vector["number"])
def test_published_numbers_pass(vector: dict[str, str]) -> None:
    document = IdentityDocument.parse(vector["type"], vector["number"])
    assert document == IdentityDocument(DocumentType(vector["type"]), vector["number"])


@pytest.mark.parametrize("vector", VECTORS["wrong_check_digit"], ids=lambda v: v["number"])
def test_the_published_wrong_number_does_not(vector: dict[str, str]) -> None:
    assert fault(vector["type"], vector["number"]) is DocumentFault.WRONG_CHECK_DIGIT


@given(citizen_numbers(), st.data())
def test_one_wrong_digit_never_passes(number: str, data: st.DataObject) -> None:
    assert number_of("111", number) == number
    place = data.draw(st.integers(0, 17))
    other = data.draw(st.sampled_from("0123456789X").filter(lambda digit: digit != number[place]))
    with pytest.raises(InvalidDocumentError):
        IdentityDocument.parse("111", number[:place] + other + number[place + 1 :])


@given(credit_codes(), st.data())
def test_one_wrong_character_of_a_credit_code_never_passes(code: str, data: st.DataObject) -> None:
    assert number_of("001", code) == code
    assert number_of("001", code.lower()) == code
    place = data.draw(st.integers(0, 17))
    other = data.draw(
        st.sampled_from(CREDIT_CODE_ALPHABET).filter(lambda character: character != code[place])
    )
    with pytest.raises(InvalidDocumentError):
        IdentityDocument.parse("001", code[:place] + other + code[place + 1 :])


def test_the_organisation_code_inside_has_a_check_of_its_own() -> None:
    body = "91350100M000100Y5"  # GB 11714 demands 4 at the end
    assert fault("001", body + credit_code_check_character(body)) is DocumentFault.WRONG_CHECK_DIGIT


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("11010519491331002X", DocumentFault.IMPOSSIBLE_BIRTH_DATE),
        ("110105190002290023", DocumentFault.IMPOSSIBLE_BIRTH_DATE),
        ("11010518491231002X", DocumentFault.IMPOSSIBLE_BIRTH_DATE),
        ("99010519491231002X", DocumentFault.UNKNOWN_AREA),
        ("110105194912310021", DocumentFault.WRONG_CHECK_DIGIT),
        ("1101051949123100２X", DocumentFault.MALFORMED),
        ("11010519491231002X\n", DocumentFault.MALFORMED),
        (" 11010519491231002X", DocumentFault.MALFORMED),
        ("11010549123100", DocumentFault.MALFORMED),
        ("", DocumentFault.MALFORMED),
    ],
)
def test_what_is_wrong_with_a_citizen_number_is_told(number: str, reason: DocumentFault) -> None:
    assert fault("111", number) is reason


def test_an_old_number_is_written_the_new_way() -> None:
    assert number_of("111", "110105491231002") == "11010519491231002X"
    assert number_of("111", "11010519491231002x") == "11010519491231002X"


def test_an_old_number_of_somebody_born_before_1900_is_not_guessed() -> None:
    assert fault("111", "110105991231998") is DocumentFault.MALFORMED


@given(citizen_numbers(areas=("81", "82", "83")))
def test_a_number_on_a_residence_permit_makes_the_same_document_under_either_code(
    number: str,
) -> None:
    document = IdentityDocument.parse("111", number)
    assert document.type == ("552" if number.startswith("83") else "551")
    assert IdentityDocument.parse(document.type.value, number) == document
    assert fault("551" if number.startswith("83") else "552", number) is DocumentFault.UNKNOWN_AREA


@pytest.mark.parametrize(
    ("type_code", "written", "number"),
    [
        ("516", "H12345678", "H12345678"),
        ("516", "m1234567802", "M12345678"),
        ("511", "12345678", "12345678"),
        ("511", "0123456789(B)", "0123456789"),
        ("414", "E12345678", "E12345678"),
        ("414", "ea1234567", "EA1234567"),
        ("414", "G12345678", "G12345678"),
        ("414", "141234567", "141234567"),
        ("411", "DE1234567", "DE1234567"),
        ("412", "SE1234567", "SE1234567"),
        ("413", "PE1234567", "PE1234567"),
        ("553", "ABC110012345678", "ABC110012345678"),
        ("114", "军字第1234567号", "军字第1234567号"),
        ("099", "社证字（2026）第12号", "社证字(2026)第12号"),
        ("999", "k0123456", "K0123456"),
    ],
)
def test_other_documents_have_one_spelling(type_code: str, written: str, number: str) -> None:
    document = IdentityDocument.parse(type_code, written)
    assert document.number == number
    assert IdentityDocument.parse(type_code, number) == document


@pytest.mark.parametrize(
    ("type_code", "number", "reason"),
    [
        ("516", "K12345678", DocumentFault.MALFORMED),
        ("516", "H1234567", DocumentFault.MALFORMED),
        ("511", "123456789", DocumentFault.MALFORMED),
        ("414", "A12345678", DocumentFault.MALFORMED),
        ("412", "ſE1234567", DocumentFault.MALFORMED),  # upper() makes SE1234567 of it
        ("411", "SE1234567", DocumentFault.MALFORMED),
        ("553", "AB1110012345678", DocumentFault.MALFORMED),
        ("553", "999682198501010017", DocumentFault.UNKNOWN_AREA),
        ("553", "932682198513010017", DocumentFault.IMPOSSIBLE_BIRTH_DATE),
        ("553", "932682198501010018", DocumentFault.WRONG_CHECK_DIGIT),
        ("001", "91350100O000100Y43", DocumentFault.MALFORMED),
        ("999", "12 345", DocumentFault.MALFORMED),
        ("999", "K" * 33, DocumentFault.MALFORMED),
        ("112", "1", DocumentFault.UNKNOWN_TYPE),
        ("", "1", DocumentFault.UNKNOWN_TYPE),
    ],
)
def test_what_is_no_document_is_refused(type_code: str, number: str, reason: DocumentFault) -> None:
    assert fault(type_code, number) is reason


@given(st.sampled_from(DocumentType), st.text(max_size=40))
def test_any_text_is_a_document_in_one_spelling_or_a_named_fault(
    document_type: DocumentType, text: str
) -> None:
    with contextlib.suppress(InvalidDocumentError):
        document = IdentityDocument.parse(document_type.value, text)
        assert IdentityDocument.parse(document.type.value, document.number) == document


def test_organisations_are_legal_persons_and_all_others_natural() -> None:
    legal = {kind.value for kind in DocumentType if kind.holder_kind is HolderKind.LEGAL}
    assert legal == {"001", "099"}
    assert all(kind.title_zh and kind.title_en for kind in DocumentType)


@pytest.mark.parametrize(
    ("name", "masked"),
    [("王例", "王*"), ("王示例", "王**"), ("示例·样例", "示***"), ("王", "王"), ("", "")],
)
def test_a_masked_name_keeps_its_first_character(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("11010519491231002X", "110*************2X"),
        ("ABC110012345678", "ABC**********78"),
        ("E12345678", "E1******8"),
        ("12345678", "1******8"),
        ("1234", "1***"),
        ("12", "**"),
        ("", ""),
    ],
)
def test_a_masked_number_shows_a_third_at_most(number: str, masked: str) -> None:
    assert mask_number(number) == masked


@given(citizen_numbers())
def test_birth_date_and_county_never_show(number: str) -> None:
    assert mask_number(number)[3:16] == "*" * 13


def test_a_document_shows_no_number_where_it_is_logged() -> None:
    document = IdentityDocument.parse("111", "11010519491231002X")
    assert "1949" not in repr(document)
    assert "1949" not in f"{document}"
