"""Where a seal goes, in which form, and which octets of the file its digest covers."""

import hashlib
import math
from dataclasses import dataclass
from enum import StrEnum

POINT_UNITS = 10_000
"""Coordinates are whole ten-thousandths of a point (35 nm): sums and comparisons stay exact."""


class SignatureForm(StrEnum):
    """What /Contents holds."""

    SES = "ses"
    """A SES_Signature of GB/T 38540, /SubFilter /GM.sm2seal."""
    PADES = "pades"
    """A CMS SignedData of RFC 5652 (PAdES, ETSI EN 319 142-1), /SubFilter /ETSI.CAdES.detached."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The lower left corner of a seal, to the micrometre; its size comes from the picture."""

    page: int
    """Counted from 0."""
    left_mm: float
    bottom_mm: float

    def __post_init__(self) -> None:
        """Refuse what is no place on any page (ValueError)."""
        if self.page < 0 or not all(
            math.isfinite(length) and length >= 0 for length in (self.left_mm, self.bottom_mm)
        ):
            raise ValueError("a placement needs a page and lengths from 0 upwards")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The octets a signature covers: all but one gap, which holds its own /Contents."""

    first_length: int
    second_start: int
    second_length: int

    def __str__(self) -> str:
        """Return the array as PDF and propertyInfo write it."""
        return f"[0 {self.first_length} {self.second_start} {self.second_length}]"

    @property
    def end(self) -> int:
        """Where the covered octets end."""
        return self.second_start + self.second_length

    @property
    def gap(self) -> tuple[int, int]:
        """Start and end of what is not covered."""
        return self.first_length, self.second_start

    def digest(self, pdf: bytes) -> bytes:
        """Return the SM3 of the covered octets without copying them."""
        view = memoryview(pdf)
        hasher = hashlib.new("sm3", view[: self.first_length])
        hasher.update(view[self.second_start : self.end])
        return hasher.digest()


LONGEST_RANGE = str(ByteRange(10**10 - 1, 10**10 - 1, 10**10 - 1))
"""As much text as a range can take: the room it gets in a file, and the propertyInfo to size by."""


def units_from_mm(length_mm: float) -> int:
    """Return a length in units: 1 mm = 72/25.4 pt, so 127 µm are 3600 units."""
    return (2 * 3600 * round(length_mm * 1000) + 127) // 254


def mm_from_units(units: int) -> float:
    """Return the length to the micrometre whose units these are."""
    return round(units * 127 / 3600) / 1000


def points_text(units: int) -> str:
    """Return the coordinate as PDF writes it, without trailing zeros."""
    whole, part = divmod(units, POINT_UNITS)
    return f"{whole}.{part:04}".rstrip("0").rstrip(".")
