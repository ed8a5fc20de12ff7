"""Names of natural persons in their one spelling.

A name is written as the person's document writes it: in Chinese characters, rare ones included,
those of translated names divided by "·" (阿卜杜拉·买买提), or in Latin letters (passports, cards of
foreign residents), of one word or several. What looks the same becomes the same: compatibility
forms, full-width letters, the dozen dots that keyboards offer for "·". Traditional and simplified
characters stay what they are: the document decides.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self

from idp.documents import IdentityDocument
from idp.errors import IdentityError

LONGEST_CHINESE_NAME = 50
"""Characters. The longest on identity cards have some twenty; forms allow fifty (GA/T 543)."""
LONGEST_LATIN_NAME = 120
"""Letters. A machine-readable zone cuts at 39, the page before it does not."""


class NameFault(StrEnum):
    """What is wrong with a name."""

    EMPTY = "empty_name"
    TOO_LONG = "name_too_long"
    FOREIGN_CHARACTER = "foreign_character"
    """Neither a Chinese character nor a Latin letter: a digit, a bracket, another script."""
    PRIVATE_CHARACTER = "private_character"
    """A character of private use: what it shows depends on the machine. Its standard code, which
    GB 18030-2022 has for nearly all rare characters of names, must be used."""
    MIXED_SCRIPTS = "mixed_scripts"
    """Chinese and Latin in one name; a document gives them as two."""
    MISPLACED_MARK = "misplaced_mark"
    """A dot, hyphen or apostrophe that does not stand between two parts."""


class InvalidNameError(IdentityError):
    """The text is no name of a person; it is not quoted."""

    code: ClassVar[str] = "invalid_name"

    def __init__(self, reason: NameFault) -> None:
        """Remember the `reason`."""
        self.reason = reason
        super().__init__(reason.value)


@dataclass(frozen=True, slots=True, repr=False)
class PersonName:
    """A name in its one spelling; `parse` is the way to one."""

    text: str

    @classmethod
    def parse(cls, unverified_name: str) -> Self:
        """Return the name in its one spelling; raise `InvalidNameError`."""
        if len(unverified_name) > _LONGEST_INPUT:
            raise InvalidNameError(NameFault.TOO_LONG)
        text = _normalise(unverified_name)
        if not text:
            raise InvalidNameError(NameFault.EMPTY)
        characters = set(text)
        if any(unicodedata.category(character) == "Co" for character in characters):
            raise InvalidNameError(NameFault.PRIVATE_CHARACTER)
        letters = characters - set(" '.-·")
        chinese = {letter for letter in letters if is_chinese(letter)}
        if any(not _is_latin(letter) for letter in letters - chinese):
            raise InvalidNameError(NameFault.FOREIGN_CHARACTER)
        if chinese and letters - chinese:
            raise InvalidNameError(NameFault.MIXED_SCRIPTS)
        if chinese:
            return cls(_read_chinese(text))
        return cls(_read_latin(text))

    @property
    def matching(self) -> str:
        """Return what two spellings of one name have in common: for comparing, not for showing."""
        return re.sub(r"[ '.-]+", " ", self.text.casefold()).strip()

    def __repr__(self) -> str:
        """Show nothing: names do not belong in logs."""
        return "PersonName(…)"


@dataclass(frozen=True, slots=True)
class NamedPerson:
    """A person as somebody names him: by name and document."""

    name: PersonName
    document: IdentityDocument


def is_chinese(character: str) -> bool:
    """Tell whether a character is a Chinese one, as far as ISO/IEC 10646 has them."""
    point = ord(character)
    return any(first <= point <= last for first, last in _CHINESE)


_LONGEST_INPUT = 1000
"""Nothing longer is worth the work of looking at it."""
# By number, not by what this Python's tables know: they are years behind the newest extension.
_CHINESE = (
    (0x3007, 0x3007),  # 〇
    (0x3400, 0x4DBF),  # extension A
    (0x4E00, 0x9FFF),
    (0xFA0E, 0xFA29),  # twelve that stand among the compatibility forms without being any
    (0x20000, 0x2A6DF),  # B
    (0x2A700, 0x2EE5D),  # C to F, I
    (0x30000, 0x323AF),  # G, H
    (0x323B0, 0x33479),  # J
)
_DOTS = dict.fromkeys(map(ord, "•‧∙⋅・･ꞏ᛫⸱●．"), "·")
_MARKS = {
    **dict.fromkeys(map(ord, "’‘ʼ´`＇′"), "'"),
    **dict.fromkeys(map(ord, "‐‑‒–－"), "-"),
}
# Invisible: joiners, marks of direction, selectors of a variant of a character's shape.
_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)


def _normalise(unverified_name: str) -> str:
    text = _INVISIBLE.sub("", unverified_name).translate(_DOTS | _MARKS)
    text = "".join(_narrow(character) for character in text)
    text = unicodedata.normalize("NFC", text)
    return " ".join(text.split())


def _narrow(character: str) -> str:
    """Return a full-width letter as an ordinary one; everything else as it is."""
    point = ord(character)
    return chr(point - 0xFEE0) if 0xFF01 <= point <= 0xFF5E else character  # noqa: PLR2004


def _is_latin(letter: str) -> bool:
    return unicodedata.category(letter)[0] == "L" and unicodedata.name(letter, "").startswith(
        "LATIN"
    )


def _read_chinese(text: str) -> str:
    # Forms space two characters out ("王 芳"), and some keyboards have only a full stop.
    name = re.sub(r" *[·.] *", "·", text).replace(" ", "")
    if set(name) & set("'-") or name.startswith("·") or name.endswith("·") or "··" in name:
        raise InvalidNameError(NameFault.MISPLACED_MARK)
    if len(name) > LONGEST_CHINESE_NAME:
        raise InvalidNameError(NameFault.TOO_LONG)
    return name


def _read_latin(text: str) -> str:
    # "O'NEIL", "ANNA-LENA", "JOHN JR.", "D' ANGELO"; a mark belongs to a word.
    if "·" in text or not re.fullmatch(
        r"(?:'?[^\W\d_]+(?:['-][^\W\d_]+)*['.]?)(?: '?[^\W\d_]+(?:['-][^\W\d_]+)*['.]?)*", text
    ):
        raise InvalidNameError(NameFault.MISPLACED_MARK)
    if len(text) > LONGEST_LATIN_NAME:
        raise InvalidNameError(NameFault.TOO_LONG)
    return text
