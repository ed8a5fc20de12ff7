"""Legal persons by their unified social credit code, as the base last said.

Names and codes of companies are public and stand plain. Who represents one by law is kept as the
index of his document: enough to know him again, and nothing else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, select

from idp.database import Transactions
from idp.documents import DocumentType, IdentityDocument, InvalidDocumentError
from idp.errors import BaseUnavailableError, UnknownLegalPersonError
from idp.personal_data import PersonalData
from idp.persons import NaturalPerson
from idp.sources import LegalPersonAnswer, LegalPersonBase, LegalState
from idp.subjects import STATE_MAY_BE_OLD
from idp.tables import legal_persons


@dataclass(frozen=True, slots=True)
class LegalPerson:
    """法人 or another organisation with a unified social credit code."""

    uscc: str
    name: str
    state: LegalState
    successor: str | None
    """The code of what it was merged into."""
    representative_index: bytes
    """What its representative by law is known by."""
    read_at: datetime


class LegalPersons:
    """What the base of legal persons says, read again when its last word is minutes old."""

    def __init__(
        self, transactions: Transactions, personal_data: PersonalData, base: LegalPersonBase
    ) -> None:
        """Keep what `base` says by `transactions`."""
        self._transactions = transactions
        self._personal_data = personal_data
        self._base = base

    def read(self, uscc: str, *, at: datetime, outage: timedelta = timedelta()) -> LegalPerson:
        """Return the legal person as of some minutes ago (`STATE_MAY_BE_OLD`), in whatever state.

        Raise `UnknownLegalPersonError`; raise `BaseUnavailableError` when the base has to be asked
        and does not answer, unless its last word is younger than `outage`.
        """
        known = self.last_read(uscc)
        if known is not None and at - known.read_at <= STATE_MAY_BE_OLD:
            return known
        try:
            answer = self._base.find(_code(uscc), at=at)
        except BaseUnavailableError:
            if known is None or at - known.read_at > outage:
                raise
            return known
        if answer is None:
            raise UnknownLegalPersonError
        return self._keep(answer, at)

    def last_read(self, uscc: str) -> LegalPerson | None:
        """Return what the base said last, however long ago; it is not asked."""
        query = select(legal_persons).where(legal_persons.c.uscc == uscc)
        with self._transactions.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _legal_person(row)

    def represented_by(self, person: NaturalPerson, *, at: datetime) -> tuple[LegalPerson, ...]:
        """Return those that the person represents by law and that exist.

        Raise `BaseUnavailableError`.
        """
        codes = {
            code
            for held in person.documents
            for code in self._base.represented_by(held.document, at=at)
        }
        return tuple(
            legal_person
            for code in sorted(codes)
            if (legal_person := self.read(code, at=at)).state is LegalState.ACTIVE
            and self.is_representative(legal_person, person)
        )

    def is_representative(self, legal_person: LegalPerson, person: NaturalPerson) -> bool:
        """Tell whether one of the person's documents is the one that the base names."""
        indexes = {self._personal_data.index_document(held.document) for held in person.documents}
        return legal_person.representative_index in indexes

    def _keep(self, answer: LegalPersonAnswer, at: datetime) -> LegalPerson:
        document = answer.representative.document
        row = {
            "uscc": answer.uscc,
            "name": answer.name,
            "state": answer.state.value,
            "successor": answer.successor,
            "representative_index": self._personal_data.index_document(document),
            "read_at": at,
        }
        with self._transactions() as connection:
            connection.execute(delete(legal_persons).where(legal_persons.c.uscc == answer.uscc))
            connection.execute(insert(legal_persons).values(row))
        return LegalPerson(
            uscc=answer.uscc,
            name=answer.name,
            state=answer.state,
            successor=answer.successor,
            representative_index=self._personal_data.index_document(document),
            read_at=at,
        )


def _code(unverified_uscc: str) -> str:
    try:
        code = DocumentType.UNIFIED_SOCIAL_CREDIT_CODE.value
        return IdentityDocument.parse(code, unverified_uscc).number
    except InvalidDocumentError:
        raise UnknownLegalPersonError from None


def _legal_person(row: Row[Any]) -> LegalPerson:
    return LegalPerson(
        uscc=row.uscc,
        name=row.name,
        state=LegalState(row.state),
        successor=row.successor,
        representative_index=row.representative_index,
        read_at=row.read_at,
    )
