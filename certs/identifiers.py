"""Numbers of certificates: the rule of what is printed, and the identifier of GB/T 36904.

>>> rule = NumberRule.parse("JY{area}{seq:7}{check:mod11_10}")
>>> rule.format(area="999902", year=2026, seq=42)
'JY99990200000423'
"""

import re
import string
from dataclasses import dataclass
from typing import Self

from certs.errors import InvalidIdentifierError, InvalidNumberRuleError, NumbersExhaustedError

IDENTIFIER_ROOT = "1.2.156.3005.2"
"""The arc of GB/T 36904 under which all certificate identifiers stand."""

_ALPHANUMERIC = string.digits + string.ascii_uppercase
_LONGEST_SERIAL = 32
"""A UUID in hexadecimal digits, the longest in use."""
_LAST_VERSION = 999


@dataclass(frozen=True, slots=True)
class CertificateIdentifier:
    """证照标识: type, issuing body, serial, version and check character (GB/T 36904)."""

    type_code: str
    """The defining body's unified social credit code and three digits."""
    authority: str
    """The issuing body's unified social credit code; some issuers write their area instead."""
    serial: str
    version: int

    def __post_init__(self) -> None:
        """Raise `InvalidIdentifierError` unless every part has its characters and length."""
        for part, pattern in (
            (self.type_code, r"[0-9A-Z]{18}[0-9]{3}"),
            (self.authority, r"[0-9A-Z]{6,18}"),
            (self.serial, rf"[0-9A-Z]{{1,{_LONGEST_SERIAL}}}"),
        ):
            if re.fullmatch(pattern, part) is None:
                raise InvalidIdentifierError
        if not 1 <= self.version <= _LAST_VERSION:
            raise InvalidIdentifierError

    @classmethod
    def parse(cls, unverified_identifier: str) -> Self:
        """Return the parts of an identifier; raise `InvalidIdentifierError`, also for its check."""
        root, *parts = unverified_identifier.removeprefix(IDENTIFIER_ROOT).split(".")
        match parts:
            case type_code, authority, serial, version, _ if root == "" and re.fullmatch(
                r"[0-9]{3}", version, re.ASCII
            ):
                identifier = cls(type_code, authority, serial, int(version))
            case _:
                raise InvalidIdentifierError
        if str(identifier) != unverified_identifier:
            raise InvalidIdentifierError
        return identifier

    def __str__(self) -> str:
        """Return the identifier with root, dots and check character."""
        parts = (self.type_code, self.authority, self.serial, f"{self.version:03}")
        return ".".join((IDENTIFIER_ROOT, *parts, mod_37_36("".join(parts))))


def mod_37_36(text: str) -> str:
    """Return the check character of digits and capital letters (ISO/IEC 7064 MOD 37,36)."""
    return _hybrid_check_character(text, _ALPHANUMERIC)


def mod_11_10(digits: str) -> str:
    """Return the check digit of digits (ISO/IEC 7064 MOD 11,10, GB/T 17710)."""
    return _hybrid_check_character(digits, string.digits)


def _hybrid_check_character(text: str, alphabet: str) -> str:
    # ISO/IEC 7064 clause 9: the product runs modulo M + 1, the sum modulo M, a sum of 0 being M.
    modulus = len(alphabet)
    product = modulus
    for character in text:
        total = (product + alphabet.index(character)) % modulus or modulus
        product = total * 2 % (modulus + 1)
    return alphabet[(modulus + 1 - product) % modulus]


@dataclass(frozen=True, slots=True)
class NumberRule:
    """How an authority numbers one type: capitals, digits and hyphens with what stands in braces.

    `{area}` the authority's area, `{yyyy}` the year of issue, `{seq:N}` the counter in N digits,
    `{check:mod11_10}` at the end the check digit over all digits before it.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the rule; raise `InvalidNumberRuleError` unless it has exactly one counter."""
        if _RULE.fullmatch(text) is None or len(_SEQUENCE.findall(text)) != 1:
            raise InvalidNumberRuleError
        return cls(text)

    def counter_scope(self, year: int) -> int:
        """Return the year a counter counts within, 0 for a rule without `{yyyy}`."""
        return year if "{yyyy}" in self.text else 0

    def format(self, *, area: str, year: int, seq: int) -> str:
        """Return the number; raise `NumbersExhaustedError` when `seq` needs more digits."""

        def counter(match: re.Match[str]) -> str:
            digits = f"{seq:0{match[1]}}"
            if len(digits) > int(match[1]):
                raise NumbersExhaustedError
            return digits

        number = self.text.replace("{area}", area).replace("{yyyy}", f"{year:04}")
        number = _SEQUENCE.sub(counter, number)
        if number.endswith(_CHECK):
            number = number.removesuffix(_CHECK)
            number += mod_11_10("".join(filter(str.isdigit, number)))
        return number


_SEQUENCE = re.compile(r"\{seq:([1-9]|1[0-2])\}")
_CHECK = "{check:mod11_10}"
_RULE = re.compile(rf"([0-9A-Z-]|\{{area\}}|\{{yyyy\}}|{_SEQUENCE.pattern})+({re.escape(_CHECK)})?")
