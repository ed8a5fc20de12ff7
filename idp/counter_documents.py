"""A further document at the counter: one more of a person known here, or one in another's place.

The person stays who he is: his account, his mandates and what was issued under the old document.
"""

from datetime import datetime

from idp.counter import (
    Clerk,
    Counter,
    CounterParts,
    DocumentReplacedError,
    Sighting,
    new_case,
    raise_level,
)
from idp.counter_acts import CounterAct, CounterCase, record
from idp.documents import DocumentFault, HolderKind, IdentityDocument, InvalidDocumentError
from idp.errors import DocumentHeldError, UnknownPersonError
from idp.names import NamedPerson, PersonName


class CounterDocuments:
    """Records documents at counters."""

    def __init__(self, parts: CounterParts, counter: Counter) -> None:
        """Work with these parts, at this `counter`."""
        self._transactions = parts.transactions
        self._subjects = parts.subjects
        self._officers = parts.officers
        self._tell_realm = parts.tell_realm
        self._counter = counter

    def add(
        self,
        clerk: Clerk,
        known: IdentityDocument,
        new: IdentityDocument,
        *,
        replaces: bool,
        at: datetime,
    ) -> CounterCase:
        """Let `new`, whose original was seen, lead to the person whom `known` leads to.

        If it `replaces` the known one, that proves nothing here any more. What was seen raises the
        identity level. Raise `UnknownPersonError` for somebody without an account,
        `NotPermittedError` for the clerk's own, `OfficersAccountError` for one whom he may not
        serve, `DocumentHeldError` for a document of another person or one to replace itself,
        `DocumentReplacedError` for one that was replaced before, `InvalidDocumentError` for one
        that no person has, and what `Counter.find` raises.
        """
        clerk.verify_may_accept(at=at)
        found = self._counter.find(known, at=at)
        if found is None:
            raise UnknownPersonError
        clerk.verify_may_serve(found.account, self._officers, at=at)
        self._verify_may_be_his(new, known, found.account)
        if replaces and new == known:
            raise DocumentHeldError
        case = new_case(clerk, found.account, Sighting(new, original=True))
        person = NamedPerson(PersonName(found.name), known)
        raise_level(self._subjects, self._transactions, case, person, at=at)
        act = CounterAct.DOCUMENT_REPLACED if replaces else CounterAct.DOCUMENT_ADDED
        with self._transactions() as connection:
            record(connection, case, act, at=at)
        person_id = self._person_of(known)
        if replaces:
            self._subjects.replace_document(person_id, known, new, at=at)
        else:
            self._subjects.add_document(person_id, new, at=at)
        self._tell_realm(at)
        return case

    def _verify_may_be_his(
        self, new: IdentityDocument, known: IdentityDocument, account: str
    ) -> None:
        if new.type.holder_kind is not HolderKind.NATURAL:
            raise InvalidDocumentError(DocumentFault.UNKNOWN_TYPE)
        person, holder = (self._subjects.find(document) for document in (known, new))
        if holder is not None:
            if person is None or holder.id != person.id:
                raise DocumentHeldError
            if any(held.document == new and held.replaced_at for held in holder.documents):
                raise DocumentReplacedError
        if self._officers.account_of(new) not in {None, account}:
            raise DocumentHeldError

    def _person_of(self, known: IdentityDocument) -> str:
        person = self._subjects.find(known)
        if person is None:
            raise UnknownPersonError
        return person.id
