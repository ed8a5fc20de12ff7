"""Identity documents: the one thing by which a person or a company is known everywhere.

Types and codes are those of GB/T 36903 annex A; 551 to 553 come from GA/T 517. One document has
one spelling: whatever spelling is handed in (a 15-digit number, lower case, the renewal count of a
travel permit), `parse` gives the one under which registers and searches know it.
"""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self

from idp.errors import IdentityError


class HolderKind(StrEnum):
    """Who can hold a document."""

    NATURAL = "natural"
    """自然人."""
    LEGAL = "legal"
    """法人 and other organisations."""


class DocumentType(StrEnum):
    """A kind of identity document; the value is its code in GB/T 36903 annex A."""

    UNIFIED_SOCIAL_CREDIT_CODE = "001"
    OTHER_LEGAL = "099"
    RESIDENT_ID = "111"
    OFFICER_CARD = "114"
    ARMED_POLICE_OFFICER_CARD = "115"
    SOLDIER_CARD = "118"
    ARMED_POLICE_SOLDIER_CARD = "119"
    ARMY_CIVILIAN_CARD = "120"
    ARMED_POLICE_CIVILIAN_CARD = "122"
    DIPLOMATIC_PASSPORT = "411"
    SERVICE_PASSPORT = "412"
    PUBLIC_AFFAIRS_PASSPORT = "413"
    PASSPORT = "414"
    TAIWAN_PERMIT = "511"
    HONG_KONG_MACAO_PERMIT = "516"
    HONG_KONG_MACAO_RESIDENCE = "551"
    TAIWAN_RESIDENCE = "552"
    PERMANENT_RESIDENCE = "553"
    OTHER_NATURAL = "999"

    @property
    def holder_kind(self) -> HolderKind:
        """Who can hold it."""
        if self in {DocumentType.UNIFIED_SOCIAL_CREDIT_CODE, DocumentType.OTHER_LEGAL}:
            return HolderKind.LEGAL
        return HolderKind.NATURAL

    @property
    def title_zh(self) -> str:
        """Its name in Chinese."""
        return _TITLES[self][0]

    @property
    def title_en(self) -> str:
        """Its name in English."""
        return _TITLES[self][1]


_TITLES = {
    DocumentType.UNIFIED_SOCIAL_CREDIT_CODE: ("统一社会信用代码", "Unified social credit code"),
    DocumentType.OTHER_LEGAL: ("其他法人或其他组织有效证件代码", "Other code of an organisation"),
    DocumentType.RESIDENT_ID: ("公民身份号码", "Citizen identity number"),
    DocumentType.OFFICER_CARD: ("军官证", "Military officer's card"),
    DocumentType.ARMED_POLICE_OFFICER_CARD: ("武警警官证", "Armed police officer's card"),
    DocumentType.SOLDIER_CARD: ("士兵证", "Soldier's card"),
    DocumentType.ARMED_POLICE_SOLDIER_CARD: ("武警士兵证", "Armed police soldier's card"),
    DocumentType.ARMY_CIVILIAN_CARD: ("解放军文职人员证", "Army civilian's card"),
    DocumentType.ARMED_POLICE_CIVILIAN_CARD: ("武警文职人员证", "Armed police civilian's card"),
    DocumentType.DIPLOMATIC_PASSPORT: ("外交护照", "Diplomatic passport"),
    DocumentType.SERVICE_PASSPORT: ("公务护照", "Service passport"),
    DocumentType.PUBLIC_AFFAIRS_PASSPORT: ("公务普通护照", "Passport for public affairs"),
    DocumentType.PASSPORT: ("普通护照", "Ordinary passport"),
    DocumentType.TAIWAN_PERMIT: (
        "台湾居民来往大陆通行证",
        "Mainland travel permit for Taiwan residents",
    ),
    DocumentType.HONG_KONG_MACAO_PERMIT: (
        "港澳居民来往内地通行证",
        "Mainland travel permit for Hong Kong and Macao residents",
    ),
    DocumentType.HONG_KONG_MACAO_RESIDENCE: (
        "港澳居民居住证",
        "Residence permit for Hong Kong and Macao residents",
    ),
    DocumentType.TAIWAN_RESIDENCE: ("台湾居民居住证", "Residence permit for Taiwan residents"),
    DocumentType.PERMANENT_RESIDENCE: (
        "外国人永久居留身份证",
        "Foreign permanent resident identity card",
    ),
    DocumentType.OTHER_NATURAL: ("其他自然人有效证件代码", "Other document of a natural person"),
}


class DocumentFault(StrEnum):
    """What is wrong with a document."""

    UNKNOWN_TYPE = "unknown_document_type"
    MALFORMED = "malformed_number"
    """Length or characters are not those of this type."""
    UNKNOWN_AREA = "unknown_area"
    """The first digits name no province this type of document is issued for."""
    IMPOSSIBLE_BIRTH_DATE = "impossible_birth_date"
    WRONG_CHECK_DIGIT = "wrong_check_digit"


class InvalidDocumentError(IdentityError):
    """Type or number is not that of an identity document; the number is not quoted."""

    code: ClassVar[str] = "invalid_document"

    def __init__(self, reason: DocumentFault) -> None:
        """Remember the `reason`."""
        self.reason = reason
        super().__init__(reason.value)


@dataclass(frozen=True, slots=True, repr=False)
class IdentityDocument:
    """A document with a possible number in its one spelling; `parse` is the way to one."""

    type: DocumentType
    number: str

    @classmethod
    def parse(cls, type_code: str, unverified_number: str) -> Self:
        """Return the document, its number checked and in its one spelling.

        A citizen number says by itself whether it is a resident's (111) or stands on a residence
        permit (551, 552); given as 111 it becomes what it is. Raise `InvalidDocumentError`.
        """
        try:
            document_type = DocumentType(type_code)
        except ValueError:
            raise InvalidDocumentError(DocumentFault.UNKNOWN_TYPE) from None
        number = _READERS.get(document_type, _read_other)(unverified_number)
        if document_type is DocumentType.RESIDENT_ID:
            document_type = _RESIDENCE_PERMITS.get(number[:2], document_type)
        return cls(document_type, number)

    def __repr__(self) -> str:
        """Show the type alone: numbers do not belong in logs."""
        return f"IdentityDocument({self.type.value}, …)"


def mask_name(name: str) -> str:
    """Return a natural person's name as it may be shown: the first character, then stars.

    That is the custom for Chinese names (王**); a single first letter says as little of others.
    At most three stars, so that the length of a long name is not told either.
    """
    return name[:1] + "*" * min(len(name) - 1, _MOST_STARS_OF_A_NAME)


def mask_number(number: str) -> str:
    """Return a number as it may be shown: at most a third of it, and at most 3 + 2 characters.

    Of a resident's 18 characters the first three and the last two stay, neither birth date nor
    county; of a passport's nine the first two and the last one.
    """
    shown = min(len(number) // 3, _MOST_SHOWN_OF_A_NUMBER)
    tail = shown // 2
    head = shown - tail
    return number[:head] + "*" * (len(number) - shown) + number[len(number) - tail :]


def organisation_check_character(body: str) -> str:
    """Return the check character of an organisation code of eight characters (GB 11714)."""
    total = sum(
        _ALPHANUMERIC.index(character) * weight
        for character, weight in zip(body, _ORGANISATION_WEIGHTS, strict=True)
    )
    return "0X987654321"[total % 11]


def credit_code_check_character(body: str) -> str:
    """Return the check character of a unified social credit code of 17 (GB 32100 5.6)."""
    total = sum(
        _CREDIT_CODE_ALPHABET.index(character) * pow(3, place, 31)
        for place, character in enumerate(body)
    )
    return _CREDIT_CODE_ALPHABET[-total % 31]


def citizen_check_character(body: str) -> str:
    """Return the check character of a citizen number of 17 digits (GB 11643, ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(body))
    return "10X98765432"[total % 11]


_MOST_STARS_OF_A_NAME = 3
_MOST_SHOWN_OF_A_NUMBER = 5

_ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CREDIT_CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # without I, O, S, V, Z
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)

_MAINLAND = frozenset(
    str(province)
    for first, last in ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65))
    for province in range(first, last + 1)
)
"""Provinces of GB/T 2260; counties change yearly and are not checked."""
_RESIDENCE_PERMITS = {
    "81": DocumentType.HONG_KONG_MACAO_RESIDENCE,
    "82": DocumentType.HONG_KONG_MACAO_RESIDENCE,
    "83": DocumentType.TAIWAN_RESIDENCE,
}
_OLD_LENGTH = 15
"""Of numbers given before 1999: no century, no check character."""
_EARLIEST_BIRTH_YEAR = 1850
"""Numbers have been given since 1984; nobody older lived then."""


def _match(pattern: str, unverified_number: str) -> re.Match[str]:
    # ASCII: without it, case is ignored in Unicode's way and "ſ" would pass for "S".
    match = re.fullmatch(pattern, unverified_number, re.ASCII | re.IGNORECASE)
    if match is None:
        raise InvalidDocumentError(DocumentFault.MALFORMED)
    return match


def _verify_check_character(number: str, check_character: str) -> None:
    if number[-1] != check_character:
        raise InvalidDocumentError(DocumentFault.WRONG_CHECK_DIGIT)


def _verify_birth_date(digits: str) -> None:
    try:
        born = dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        raise InvalidDocumentError(DocumentFault.IMPOSSIBLE_BIRTH_DATE) from None
    if born.year < _EARLIEST_BIRTH_YEAR:
        raise InvalidDocumentError(DocumentFault.IMPOSSIBLE_BIRTH_DATE)


def _read_credit_code(unverified_number: str) -> str:
    # GB 32100: department, class, area of six digits, organisation code, check character.
    number = _match(r"[0-9A-Z]{2}[0-9]{6}[0-9A-Z]{9}[0-9A-Z]", unverified_number)[0].upper()
    if set(number) - set(_CREDIT_CODE_ALPHABET):
        raise InvalidDocumentError(DocumentFault.MALFORMED)
    _verify_check_character(number[:17], organisation_check_character(number[8:16]))
    _verify_check_character(number, credit_code_check_character(number[:17]))
    return number


def _read_citizen_number(areas: frozenset[str]) -> Callable[[str], str]:
    def read(unverified_number: str) -> str:
        number = _match(
            # Of the old numbers those with 996 to 999 marked people born before 1900.
            r"[0-9]{17}[0-9X]|[0-9]{12}(?!99[6-9])[0-9]{3}",
            unverified_number,
        )[0].upper()
        if len(number) == _OLD_LENGTH:
            number = f"{number[:6]}19{number[6:]}"
            number += citizen_check_character(number)
        if number[:2] not in areas:
            raise InvalidDocumentError(DocumentFault.UNKNOWN_AREA)
        _verify_birth_date(number[6:14])
        _verify_check_character(number, citizen_check_character(number[:17]))
        return number

    return read


def _read_permanent_residence(unverified_number: str) -> str:
    # Since December 2023: 9, province, nationality (ISO 3166-1 numeric), birth date, sequence,
    # check. The cards of 2017 stay valid: nationality in letters and twelve digits.
    number = _match(r"9[0-9]{16}[0-9X]|[A-Z]{3}[0-9]{12}", unverified_number)[0].upper()
    if number[0] == "9":
        if number[1:3] not in _MAINLAND:
            raise InvalidDocumentError(DocumentFault.UNKNOWN_AREA)
        _verify_birth_date(number[6:14])
        _verify_check_character(number, citizen_check_character(number[:17]))
    return number


def _read_pattern(pattern: str) -> Callable[[str], str]:
    def read(unverified_number: str) -> str:
        match = _match(pattern, unverified_number)
        return (match["number"] if "number" in match.re.groupindex else match[0]).upper()

    return read


def _read_other(unverified_number: str) -> str:
    # No rule is published: letters, digits, Chinese characters ("军字第1234567号"), brackets.
    number = unverified_number.translate({ord("（"): "(", ord("）"): ")"})
    return _match(r"[0-9A-Z\u3400-\u9fff()〔〕-]{4,32}", number)[0].upper()


_READERS: dict[DocumentType, Callable[[str], str]] = {
    DocumentType.UNIFIED_SOCIAL_CREDIT_CODE: _read_credit_code,
    # 71 is in GB/T 2260 but has never begun a number.
    DocumentType.RESIDENT_ID: _read_citizen_number(_MAINLAND | {"71"} | set(_RESIDENCE_PERMITS)),
    DocumentType.HONG_KONG_MACAO_RESIDENCE: _read_citizen_number(frozenset({"81", "82"})),
    DocumentType.TAIWAN_RESIDENCE: _read_citizen_number(frozenset({"83"})),
    DocumentType.PERMANENT_RESIDENCE: _read_permanent_residence,
    # One letter, for electronic passports two, and seven or eight digits.
    DocumentType.DIPLOMATIC_PASSPORT: _read_pattern(r"D[A-Z]?[0-9]{7,8}"),
    DocumentType.SERVICE_PASSPORT: _read_pattern(r"S[A-Z]?[0-9]{7,8}"),
    DocumentType.PUBLIC_AFFAIRS_PASSPORT: _read_pattern(r"P[A-Z]?[0-9]{7,8}"),
    # Chinese ordinary passports; a foreign one is no Chinese document and goes by 999.
    DocumentType.PASSPORT: _read_pattern(r"E[A-Z][0-9]{7}|[EG][0-9]{8}|1[45][0-9]{7}"),
    # The last two digits count renewals (older cards): the first nine stay for life.
    DocumentType.HONG_KONG_MACAO_PERMIT: _read_pattern(r"(?P<number>[HM][0-9]{8})([0-9]{2})?"),
    # Eight digits on the card; ten and a bracketed renewal mark in the older booklet.
    DocumentType.TAIWAN_PERMIT: _read_pattern(r"(?P<number>[0-9]{8}|[0-9]{10})(\([0-9A-Z]\))?"),
}
