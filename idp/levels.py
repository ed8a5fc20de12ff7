"""Two scales that are never mixed: how a person was checked, and how he signed in (decision 8)."""

from enum import IntEnum
from typing import Self


class AuthenticationLevel(IntEnum):
    """How somebody signed in; rises by step-up."""

    PASSWORD = 1
    ONE_TIME_CODE = 2
    PASSKEY = 3

    @property
    def acr(self) -> str:
        """The word for it in `acr` and `acr_values`."""
        return f"al{self.value}"

    @classmethod
    def parse(cls, unverified_acr: object) -> Self:
        """Return the level that `acr` names; raise `ValueError` for any other word."""
        for level in cls:
            if unverified_acr == level.acr:
                return level
        raise ValueError("not one of our authentication levels")


class IdentityLevel(IntEnum):
    """How a person was checked; rises by a check and by nothing else."""

    REGISTERED = 0
    """He registered himself."""
    MATCHED = 1
    """Name and number match the base."""
    CONFIRMED = 2
    """And a bank or a telephone in that name."""
    SEEN = 3
    """The real person was seen: his face, or at a counter without the original."""
    ORIGINAL = 4
    """At a counter with the original document, or by a qualified certificate."""

    @property
    def claim(self) -> str:
        """The word for it in the claim `identity_level`."""
        return f"L{self.value}"

    @classmethod
    def parse(cls, unverified_claim: object) -> Self:
        """Return the level that the claim names; raise `ValueError` for any other word."""
        for level in cls:
            if unverified_claim == level.claim:
                return level
        raise ValueError("not one of our identity levels")
