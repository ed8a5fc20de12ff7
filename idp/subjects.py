"""Natural persons: who somebody is, by which documents, how thoroughly he was checked.

A person is one, whatever he shows: an identity card and a passport, a passport and the one that
replaced it, lead to the same row. A document leads to one person for ever. The identity level rises
by a check and by nothing else; each check is kept (`LevelStep`), and so is each time a level was
taken back, by whom and why. Names and numbers stand encrypted and are found by a keyed index.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from idp.database import Transactions
from idp.documents import DocumentType, HolderKind, IdentityDocument
from idp.errors import (
    BaseUnavailableError,
    DataDifferError,
    DocumentHeldError,
    PersonEndedError,
    UnknownPersonError,
)
from idp.levels import IdentityLevel
from idp.names import NamedPerson, PersonName
from idp.personal_data import PersonalData
from idp.persons import HeldDocument, LevelMeans, LevelStep, NaturalPerson
from idp.realm_changes import RealmChange, want
from idp.sources import PersonAnswer, PersonState, PopulationBase
from idp.tables import level_steps, person_documents, persons, web_sessions

STATE_MAY_BE_OLD = timedelta(minutes=5)
"""How old the base's word may be when somebody begins to act: he may have died this morning, but
no register knows of it within seconds."""
STATE_MAY_BE_OLD_IN_OUTAGE = timedelta(minutes=30)
"""How long who acts already may go on while the base does not answer; then nobody acts."""


class Subjects:
    """All natural persons known here. Threads may share it.

    Every method may raise `DamagedIdentityError` where a value is not what was written there.
    """

    def __init__(
        self, transactions: Transactions, personal_data: PersonalData, population: PopulationBase
    ) -> None:
        """Keep persons by `transactions`, encrypted by `personal_data`, and ask `population`."""
        self._transactions = transactions
        self._personal_data = personal_data
        self._population = population

    def of_account(self, account: str, *, at: datetime) -> NaturalPerson | None:
        """Return the person who signs in with this account; no base is asked."""
        with self._transactions.reading() as connection:
            return self._first(connection, persons.c.account == account)

    def find(self, document: IdentityDocument) -> NaturalPerson | None:
        """Return the person this document belongs or belonged to."""
        with self._transactions.reading() as connection:
            return self._holder(connection, document)

    def get(self, person_id: str) -> NaturalPerson:
        """Return the person with this id; raise `UnknownPersonError`."""
        with self._transactions.reading() as connection:
            return self._get(connection, person_id)

    def level_history(self, person_id: str) -> tuple[LevelStep, ...]:
        """Return how the person's level came about, the oldest step first."""
        query = select(level_steps).where(level_steps.c.person_id == person_id)
        with self._transactions.reading() as connection:
            rows = connection.execute(query.order_by(level_steps.c.id)).all()
        return tuple(
            LevelStep(IdentityLevel(row.level), LevelMeans(row.means), row.by, row.at)
            for row in rows
        )

    def register(
        self,
        person: NamedPerson,
        *,
        account: str | None,
        means: LevelMeans,
        by: str | None = None,
        at: datetime,
    ) -> NaturalPerson:
        """Return the person, made now or known before, with `account` if he had none.

        The name given counts for a new person; for a known one it must be his. Raise
        `DataDifferError` if it is not, `DocumentHeldError` if he has another account, or was
        checked further than whoever comes with this one.
        """
        step = LevelStep(means.level, means, by, at)
        with self._transactions() as connection:
            return self._register(connection, person, account, step)

    def take_over(
        self, account: str, person: NamedPerson, level: IdentityLevel, *, at: datetime
    ) -> NaturalPerson:
        """Return the person of an account that the identity server has with this level.

        Raise as `register` does.
        """
        step = LevelStep(level, LevelMeans.TAKEN_OVER, None, at)
        with self._transactions() as connection:
            return self._register(connection, person, account, step)

    def register_matched(self, person: NamedPerson, *, account: str, at: datetime) -> NaturalPerson:
        """Return the person whose name the population base has under his number, now at L1.

        Nothing is kept of one it has not. Raise `DataDifferError`, `PersonEndedError`,
        `DocumentHeldError`, `BaseUnavailableError`.
        """
        _verify_match(self._population.compare(person.document, person.name, at=at))
        return self.register(person, account=account, means=LevelMeans.BASE_MATCH, at=at)

    def match_with_base(self, person_id: str, *, at: datetime) -> NaturalPerson:
        """Raise the person to L1 if the population base has his name under his number.

        Raise `DataDifferError` if it has not, `PersonEndedError`, `BaseUnavailableError`.
        """
        person = self.get(person_id)
        _verify_match(self._ask(person, at=at))
        return self.raise_level(person_id, LevelMeans.BASE_MATCH, by=None, at=at)

    def raise_level(
        self, person_id: str, means: LevelMeans, *, by: str | None, at: datetime
    ) -> NaturalPerson:
        """Return the person after a check; a level that is higher already stays.

        The check is kept in the history in either case. Raise `AssuranceTooLowError` where the
        means builds on a level that he has not.
        """
        with self._transactions() as connection:
            person = self._get(connection, person_id)
            person.verify_level(means.needs)
            level = max(person.identity_level, means.level)
            self._step(connection, person, LevelStep(level, means, by, at))
            return self._get(connection, person_id)

    def withdraw_level(
        self, person_id: str, to: IdentityLevel, *, by: str, at: datetime
    ) -> NaturalPerson:
        """Return the person with the lower level `to`, taken back by the officer `by`."""
        with self._transactions() as connection:
            person = self._get(connection, person_id)
            level = min(person.identity_level, to)
            self._step(connection, person, LevelStep(level, LevelMeans.WITHDRAWN, by, at))
            return self._get(connection, person_id)

    def add_document(
        self, person_id: str, document: IdentityDocument, *, at: datetime
    ) -> NaturalPerson:
        """Return the person with one more document; raise `DocumentHeldError`."""
        with self._transactions() as connection:
            self._get(connection, person_id)
            self._add(connection, person_id, document, at)
            return self._get(connection, person_id)

    def replace_document(
        self, person_id: str, old: IdentityDocument, new: IdentityDocument, *, at: datetime
    ) -> NaturalPerson:
        """Return the person with `new` in the place of `old`, which goes on leading to him.

        Raise `UnknownPersonError` if `old` is not his, `DocumentHeldError` if `new` is another's.
        """
        with self._transactions() as connection:
            holder = self._holder(connection, old)
            if holder is None or holder.id != person_id:
                raise UnknownPersonError
            self._add(connection, person_id, new, at)
            connection.execute(
                update(person_documents)
                .where(person_documents.c.document_index == self._index(old))
                .values(replaced_at=at)
            )
            return self._get(connection, person_id)

    def move_account(self, person_id: str, account: str, *, at: datetime) -> NaturalPerson:
        """Return the person with another account; raise `DocumentHeldError` if it is taken."""
        with self._transactions() as connection:
            holder = self._first(connection, persons.c.account == account)
            if holder is not None and holder.id != person_id:
                raise DocumentHeldError
            changed = update(persons).where(persons.c.id == person_id).values(account=account)
            connection.execute(changed)
            return self._get(connection, person_id)

    def verify_living(
        self, person_id: str, *, at: datetime, outage: timedelta = timedelta()
    ) -> NaturalPerson:
        """Return the person, alive as of some minutes ago (`STATE_MAY_BE_OLD`).

        Raise `PersonEndedError`; raise `BaseUnavailableError` when the base has to be asked and
        does not answer, unless its last word is younger than `outage`.
        """
        person = self.get(person_id)
        if person.state is PersonState.DECEASED:
            raise PersonEndedError
        age = None if person.state_read_at is None else at - person.state_read_at
        if age is None or age > STATE_MAY_BE_OLD:
            try:
                answer = self._ask(person, at=at)
            except BaseUnavailableError:
                if age is None or age > outage:
                    raise
                return person
            person = self._note_state(person, answer.state, at)
        if person.state is PersonState.DECEASED:
            raise PersonEndedError
        return person

    def _ask(self, person: NaturalPerson, *, at: datetime) -> PersonAnswer:
        return self._population.compare(person.document, PersonName(person.name), at=at)

    def _note_state(self, person: NaturalPerson, state: PersonState, at: datetime) -> NaturalPerson:
        noted = update(persons).where(persons.c.id == person.id)
        with self._transactions() as connection:
            connection.execute(noted.values(state=state.value, state_read_at=at))
            if state is PersonState.DECEASED and person.account is not None:
                ended = delete(web_sessions).where(web_sessions.c.account == person.account)
                connection.execute(ended)
                want(connection, RealmChange.DISABLE, account=person.account, target="", at=at)
            return self._get(connection, person.id)

    def _register(
        self, connection: Connection, named: NamedPerson, account: str | None, step: LevelStep
    ) -> NaturalPerson:
        person = self._holder(connection, named.document)
        if person is None:
            person = self._make(connection, named, step.at)
        elif PersonName(person.name).matching != named.name.matching:
            raise DataDifferError
        if account is not None and person.account != account:
            if step.level < min(person.identity_level, IdentityLevel.SEEN):
                raise DocumentHeldError  # nobody has seen yet that the account is his
            self._link(connection, person, account)
            person = self._get(connection, person.id)
        level = max(person.identity_level, step.level)
        if step.means is not LevelMeans.NAMED:
            self._step(connection, person, replace(step, level=level))
        return self._get(connection, person.id)

    def _make(self, connection: Connection, named: NamedPerson, at: datetime) -> NaturalPerson:
        if named.document.type.holder_kind is not HolderKind.NATURAL:
            raise DataDifferError
        person_id = f"person-{secrets.token_hex(10)}"
        row = {
            "id": person_id,
            "name": self._personal_data.encrypt(named.name.text, persons.c.name, person_id),
            "identity_level": IdentityLevel.REGISTERED.value,
            "state": PersonState.UNKNOWN.value,
            "registered_at": at,
        }
        connection.execute(insert(persons).values(row))
        self._add(connection, person_id, named.document, at)
        return self._get(connection, person_id)

    def _link(self, connection: Connection, person: NaturalPerson, account: str) -> None:
        if person.account is not None:
            raise DocumentHeldError
        if self._first(connection, persons.c.account == account) is not None:
            raise DocumentHeldError  # the account is another person's
        linked = update(persons).where(persons.c.id == person.id).values(account=account)
        connection.execute(linked)

    def _add(
        self, connection: Connection, person_id: str, document: IdentityDocument, at: datetime
    ) -> None:
        holder = self._holder(connection, document)
        if holder is not None:
            if holder.id != person_id:
                raise DocumentHeldError
            return
        row_id = f"document-{secrets.token_hex(10)}"
        row = {
            "id": row_id,
            "person_id": person_id,
            "type": document.type.value,
            "number": self._personal_data.encrypt(
                document.number, person_documents.c.number, row_id
            ),
            "document_index": self._index(document),
            "held_since": at,
        }
        connection.execute(insert(person_documents).values(row))

    def _step(self, connection: Connection, person: NaturalPerson, step: LevelStep) -> None:
        row = {"level": step.level.value, "means": step.means.value, "by": step.by, "at": step.at}
        connection.execute(insert(level_steps).values(person_id=person.id, **row))
        if step.level is person.identity_level:
            return
        changed = update(persons).where(persons.c.id == person.id)
        connection.execute(changed.values(identity_level=step.level.value))
        if person.account is not None and step.means is not LevelMeans.TAKEN_OVER:
            want(
                connection,
                RealmChange.LEVEL,
                account=person.account,
                target=step.level.claim,
                at=step.at,
            )

    def _index(self, document: IdentityDocument) -> bytes:
        return self._personal_data.index_document(document)

    def _holder(self, connection: Connection, document: IdentityDocument) -> NaturalPerson | None:
        leads_to = select(person_documents.c.person_id).where(
            person_documents.c.document_index == self._index(document)
        )
        return self._first(connection, persons.c.id == leads_to.scalar_subquery())

    def _get(self, connection: Connection, person_id: str) -> NaturalPerson:
        person = self._first(connection, persons.c.id == person_id)
        if person is None:
            raise UnknownPersonError
        return person

    def _first(
        self, connection: Connection, condition: ColumnElement[bool]
    ) -> NaturalPerson | None:
        documents = person_documents.c
        query = (
            select(
                *persons.c,
                documents.id.label("document_id"),
                documents.type,
                documents.number,
                documents.held_since,
                documents.replaced_at,
            )
            .outerjoin(person_documents, documents.person_id == persons.c.id)
            .where(condition)
            .order_by(documents.held_since.desc(), documents.id)
        )
        return self._read(cast("Sequence[Row[Any]]", connection.execute(query).all()))

    def _read(self, found: Sequence[Row[Any]]) -> NaturalPerson | None:
        if not found:
            return None
        row = found[0]
        return NaturalPerson(
            id=row.id,
            name=self._personal_data.decrypt(row.name, persons.c.name, row.id),
            documents=tuple(self._held(row) for row in found if row.document_id is not None),
            identity_level=IdentityLevel(row.identity_level),
            account=row.account,
            state=PersonState(row.state),
            state_read_at=row.state_read_at,
        )

    def _held(self, row: Row[Any]) -> HeldDocument:
        number = self._personal_data.decrypt(row.number, person_documents.c.number, row.document_id)
        document = IdentityDocument(DocumentType(row.type), number)
        return HeldDocument(document, row.held_since, row.replaced_at)


def _verify_match(answer: PersonAnswer) -> None:
    if answer.state is PersonState.DECEASED:
        raise PersonEndedError
    if not answer.same_name:
        raise DataDifferError
