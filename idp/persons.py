"""A natural person as known here: his documents, how thoroughly he was checked and by what.

The words that `idp.subjects` keeps and everybody else reads.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from idp.documents import DocumentType, IdentityDocument
from idp.errors import AssuranceTooLowError
from idp.levels import IdentityLevel
from idp.sources import PersonState


class LevelMeans(StrEnum):
    """By what check a level was reached; `level` says which."""

    SELF_REGISTERED = "self_registered"
    """He said so himself."""
    NAMED = "named"
    """Another person named him, or a base did: he has not been here."""
    BASE_MATCH = "base_match"
    """The population base has this name under this number."""
    BANK = "bank"
    """A bank keeps an account in this name under this number."""
    TELEPHONE = "telephone"
    """An operator has a telephone in this name under this number."""
    FACE = "face"
    """His face was compared with the picture that the base keeps."""
    COUNTER_COPY = "counter_copy"
    """A clerk saw him, without the original document."""
    COUNTER_ORIGINAL = "counter_original"
    """A clerk saw him and the original document."""
    QUALIFIED_CERTIFICATE = "qualified_certificate"
    """He signed with a certificate whose issuer had seen him."""
    TAKEN_OVER = "taken_over"
    """The identity server had the account with this level before persons were kept here."""
    WITHDRAWN = "withdrawn"
    """A level was taken back by an officer."""

    @property
    def needs(self) -> IdentityLevel:
        """The level that it builds on: a bank's or an operator's word says nothing alone."""
        if self in {LevelMeans.BANK, LevelMeans.TELEPHONE}:
            return IdentityLevel.MATCHED
        return IdentityLevel.REGISTERED

    @property
    def level(self) -> IdentityLevel:
        """The level that the check gives. Raise `ValueError` where it gives none by itself."""
        try:
            return _LEVELS[self]
        except KeyError:
            raise ValueError(self.value) from None


_LEVELS = {
    LevelMeans.SELF_REGISTERED: IdentityLevel.REGISTERED,
    LevelMeans.NAMED: IdentityLevel.REGISTERED,
    LevelMeans.BASE_MATCH: IdentityLevel.MATCHED,
    LevelMeans.BANK: IdentityLevel.CONFIRMED,
    LevelMeans.TELEPHONE: IdentityLevel.CONFIRMED,
    LevelMeans.FACE: IdentityLevel.SEEN,
    LevelMeans.COUNTER_COPY: IdentityLevel.SEEN,
    LevelMeans.COUNTER_ORIGINAL: IdentityLevel.ORIGINAL,
    LevelMeans.QUALIFIED_CERTIFICATE: IdentityLevel.ORIGINAL,
}
# Which document the population base knows best.
_BASE_KNOWS = (
    DocumentType.RESIDENT_ID,
    DocumentType.HONG_KONG_MACAO_RESIDENCE,
    DocumentType.TAIWAN_RESIDENCE,
    DocumentType.PERMANENT_RESIDENCE,
)


@dataclass(frozen=True, slots=True)
class HeldDocument:
    """A document in somebody's hands, or one that was."""

    document: IdentityDocument
    since: datetime
    replaced_at: datetime | None


@dataclass(frozen=True, slots=True)
class LevelStep:
    """One step of somebody's identity level."""

    level: IdentityLevel
    means: LevelMeans
    by: str | None
    """The account of the officer who checked; None: the person himself, with the base."""
    at: datetime


@dataclass(frozen=True, slots=True)
class NaturalPerson:
    """自然人, as known here."""

    id: str
    """Opaque; may stand in logs and ledgers."""
    name: str
    documents: tuple[HeldDocument, ...]
    """The newest first; at least one is not replaced."""
    identity_level: IdentityLevel
    account: str | None
    state: PersonState
    state_read_at: datetime | None

    @property
    def document(self) -> IdentityDocument:
        """The document he goes by: the one the population base knows best, else the newest."""
        held = [held.document for held in self.documents if held.replaced_at is None]
        known = [document for kind in _BASE_KNOWS for document in held if document.type is kind]
        return (known or held)[0]

    def verify_level(self, needs: IdentityLevel) -> None:
        """Raise `AssuranceTooLowError` for somebody who was not checked as far as that."""
        if self.identity_level < needs:
            raise AssuranceTooLowError(needs)

    def __repr__(self) -> str:
        """Show the id alone."""
        return f"NaturalPerson({self.id})"
