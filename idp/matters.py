"""Matters (政务服务事项) by their codes, and how far a mandate extends (C 0109, GB/T 39554.1).

A basic code of 12 digits names a matter everywhere; an implementing code of 31 characters names it
at one authority (its unified social credit code, a level, the basic code); two more digits name one
business of it. A code covers itself and whatever lies below it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Self

from idp.documents import DocumentType, IdentityDocument, InvalidDocumentError
from idp.errors import IdentityError, MatterNotCoveredError

BASIC = 12
IMPLEMENTING = 31
MOST_MATTERS = 50
"""In one mandate: more are better said as "all"."""
ALL_WORD = "all"
"""Stands for every matter in what is sealed."""


class InvalidMatterError(IdentityError):
    """The text is no code of a matter."""

    code: ClassVar[str] = "invalid_matter"


def parse_matter(unverified_code: str) -> str:
    """Return the code in its one spelling; raise `InvalidMatterError`."""
    code = unverified_code.strip().upper()
    if not code.isascii() or not re.fullmatch(r"[0-9]{12}|[0-9A-Z]{18}[0-9]{13}([0-9]{2})?", code):
        raise InvalidMatterError
    if len(code) > BASIC:
        try:
            uscc = DocumentType.UNIFIED_SOCIAL_CREDIT_CODE.value
            IdentityDocument.parse(uscc, code[:18])
        except InvalidDocumentError:
            raise InvalidMatterError from None
    return code


@dataclass(frozen=True, slots=True)
class Matters:
    """What a mandate extends to."""

    codes: tuple[str, ...] | None
    """None: to every matter."""

    @classmethod
    def parse(cls, unverified_codes: Iterable[str]) -> Self:
        """Return the matters with these codes, sorted; raise `InvalidMatterError`."""
        codes = tuple(sorted({parse_matter(code) for code in unverified_codes}))
        if not 0 < len(codes) <= MOST_MATTERS:
            raise InvalidMatterError
        return cls(codes)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Return what `as_json` gave; raise `InvalidMatterError`."""
        if value == ALL_WORD:
            return cls(None)
        if not isinstance(value, list) or not all(isinstance(code, str) for code in value):
            raise InvalidMatterError
        return cls.parse(value)

    def as_json(self) -> str | list[str]:
        """Return them as they are sealed."""
        return ALL_WORD if self.codes is None else list(self.codes)

    def verify_covers(self, matter: str) -> None:
        """Raise `MatterNotCoveredError` unless the matter is one of these or lies below one."""
        if self.codes is not None and not any(_covers(code, matter) for code in self.codes):
            raise MatterNotCoveredError

    def verify_within(self, wider: Self) -> None:
        """Raise `MatterNotCoveredError` unless each of these is covered by `wider`."""
        if wider.codes is None:
            return
        if self.codes is None:
            raise MatterNotCoveredError
        for code in self.codes:
            wider.verify_covers(code)


ALL_MATTERS = Matters(None)


def _covers(code: str, matter: str) -> bool:
    if len(code) == BASIC:
        basic = matter if len(matter) == BASIC else matter[IMPLEMENTING - BASIC : IMPLEMENTING]
        return basic == code
    return matter == code or (len(code) == IMPLEMENTING and matter[:IMPLEMENTING] == code)
