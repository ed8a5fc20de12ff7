"""What is asked of the bases: the population base (人口库) and the base of legal persons (法人库).

They are other people's registers. Each answer is a type and says as of when it holds; a base that
does not answer raises `BaseUnavailableError`, which is never taken for a "no". What is asked for is
as little as will do: the population base compares a name instead of giving it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from idp.documents import IdentityDocument
from idp.errors import BaseUnavailableError
from idp.names import NamedPerson, PersonName


class PersonState(StrEnum):
    """What the population base says of a person."""

    LIVING = "living"
    DECEASED = "deceased"
    UNKNOWN = "unknown"
    """The base has no such document: it keeps residents, not every passport of the world."""


class LegalState(StrEnum):
    """What the base of legal persons says of one (market regulation law, articles on 登记)."""

    ACTIVE = "active"
    """存续."""
    DEREGISTERED = "deregistered"
    """注销: it is no more."""
    MERGED = "merged"
    """合并注销: it became part of its successor."""
    LICENCE_REVOKED = "licence_revoked"
    """吊销: it still exists, to be wound up, and may do nothing else."""


@dataclass(frozen=True, slots=True)
class PersonAnswer:
    """What the population base answers about a document."""

    state: PersonState
    same_name: bool
    """The name that was asked with is the one it has; false for an unknown document."""
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Guardianship:
    """监护: the base says who stands for a minor, and until when."""

    ward: NamedPerson
    guardian: IdentityDocument
    until: datetime
    """The ward comes of age then."""


@dataclass(frozen=True, slots=True)
class LegalPersonAnswer:
    """What the base of legal persons answers about a code."""

    uscc: str
    name: str
    state: LegalState
    successor: str | None
    """The code of what it was merged into."""
    representative: NamedPerson
    """法定代表人."""
    as_of: datetime


class PopulationBase(Protocol):
    """Answers about natural persons. Every method may raise `BaseUnavailableError`."""

    def compare(
        self, document: IdentityDocument, name: PersonName, *, at: datetime
    ) -> PersonAnswer:
        """Return whether the person lives, and whether this is his name."""
        ...

    def wards_of(self, guardian: IdentityDocument, *, at: datetime) -> tuple[Guardianship, ...]:
        """Return the minors this person stands for now."""
        ...


class LegalPersonBase(Protocol):
    """Answers about legal persons. Every method may raise `BaseUnavailableError`."""

    def find(self, uscc: str, *, at: datetime) -> LegalPersonAnswer | None:
        """Return what the base has under this code; None: it has never had it."""
        ...

    def represented_by(self, document: IdentityDocument, *, at: datetime) -> tuple[str, ...]:
        """Return the codes of those that this person represents by law and that still exist."""
        ...


class Bases(PopulationBase, LegalPersonBase, Protocol):
    """Both, where one connection serves both."""


class NoBase:
    """Stands where no base is connected: nothing is known, and that is said."""

    def compare(
        self, document: IdentityDocument, name: PersonName, *, at: datetime
    ) -> PersonAnswer:
        """Raise `BaseUnavailableError`."""
        raise BaseUnavailableError

    def wards_of(self, guardian: IdentityDocument, *, at: datetime) -> tuple[Guardianship, ...]:
        """Raise `BaseUnavailableError`."""
        raise BaseUnavailableError

    def find(self, uscc: str, *, at: datetime) -> LegalPersonAnswer | None:
        """Raise `BaseUnavailableError`."""
        raise BaseUnavailableError

    def represented_by(self, document: IdentityDocument, *, at: datetime) -> tuple[str, ...]:
        """Raise `BaseUnavailableError`."""
        raise BaseUnavailableError
