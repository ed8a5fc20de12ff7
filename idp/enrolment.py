"""Enrolling a second factor at a counter: proven on our page, then put into the realm.

    1. start     the clerk has found the person by the document in his hand; ten minutes begin
    2. prove     one code of the person's application, or the registration of his passkey
    3. bind      the enrolment is over, and its record says so, before the realm is asked: what is
                 proven once is used once, whatever happens next
    4. clear     old second factors go, where the clerk chose so
    5. raise     the identity level rises by what the clerk saw

One enrolment at a time for a person, and only the clerk who started it goes on with it. What goes
wrong between the steps is recorded and ends the enrolment; another one is begun.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import Connection, Row, delete, insert, select, update

from idp.counter import Clerk, Counter, CounterParts, KnownPerson, Sighting, new_case, raise_level
from idp.counter_acts import CounterAct, CounterCase, record
from idp.documents import DocumentType, IdentityDocument
from idp.errors import IdentityError, UnknownPersonError
from idp.names import NamedPerson, PersonName
from idp.one_time_codes import CodeSecret, WrongCodeError
from idp.passkeys import Ceremony, InvalidPasskeyError, Passkey
from idp.second_factors import SECOND_FACTORS, code_credential, passkey_credential
from idp.tables import counter_enrolments

LIFETIME = timedelta(minutes=10)
"""For installing an application, reading the QR code and typing one code."""
MOST_TRIES = 5
"""Wrong codes: of 1,000,000 three are right at any moment."""


class FactorKind(StrEnum):
    """What is enrolled."""

    CODE = "code"
    PASSKEY = "passkey"


class EnrolmentUnderWayError(IdentityError):
    """Another clerk is enrolling this person at this moment."""

    code: ClassVar[str] = "enrolment_under_way"


class EnrolmentOverError(IdentityError):
    """There is no such enrolment: finished, cancelled, too old, or another clerk's."""

    code: ClassVar[str] = "enrolment_over"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One enrolment under way."""

    case: CounterCase
    person: NamedPerson = field(repr=False)
    username: str = field(repr=False)
    kind: FactorKind
    replaces: bool
    """Whether old second factors go when the new one is bound."""
    secret: CodeSecret | None = field(repr=False)
    ceremony: Ceremony | None = field(repr=False)
    tries: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be enrolled."""

    kind: FactorKind
    replaces: bool
    rp_id: str
    """For passkeys: the relying party's name, and the origin of our pages."""
    origin: str


class Enrolments:
    """Enrolments of all counters. Threads and processes may share the database."""

    def __init__(self, parts: CounterParts, counter: Counter) -> None:
        """Work with these parts, at this `counter`."""
        self._transactions = parts.transactions
        self._personal_data = parts.personal_data
        self._accounts = parts.accounts
        self._subjects = parts.subjects
        self._officers = parts.officers
        self._tell_realm = parts.tell_realm
        self._counter = counter

    def start(self, clerk: Clerk, sighting: Sighting, wanted: Wanted, *, at: datetime) -> Enrolment:
        """Return a new enrolment for the person with this document.

        One that the same clerk had begun for him is cancelled. Raise `NotPermittedError`,
        `OfficersAccountError`, `UnknownPersonError` for somebody without an account,
        `EnrolmentUnderWayError`, and what `Counter.find` raises.
        """
        clerk.verify_may_accept(at=at)
        person = self._counter.find(sighting.document, at=at)
        if person is None:
            raise UnknownPersonError
        clerk.verify_may_serve(person.account, self._officers, at=at)
        enrolment = _new(clerk, sighting, person, wanted, at)
        with self._transactions() as connection:
            row = self._of_account(connection, person.account)
            if row is not None:
                self._give_way(connection, row, clerk, at)
            self._keep(connection, enrolment)
            detail = wanted.kind.value
            record(connection, enrolment.case, CounterAct.STARTED, at=at, detail=detail)
        return enrolment

    def get(self, enrolment_id: str, clerk: Clerk, *, at: datetime) -> Enrolment:
        """Return the clerk's enrolment. Raise `EnrolmentOverError`, `NotPermittedError`."""
        with self._transactions.reading() as connection:
            enrolment = self._open(connection, enrolment_id, clerk, at)
        self._verify_clerk(clerk, enrolment, at)
        return enrolment

    def cancel(self, enrolment_id: str, clerk: Clerk, *, at: datetime) -> None:
        """End the enrolment with nothing bound. Raise `EnrolmentOverError`."""
        with self._transactions() as connection:
            enrolment = self._open(connection, enrolment_id, clerk, at)
            self._end(connection, enrolment, CounterAct.CANCELLED, at)

    def prove_code(
        self, enrolment_id: str, clerk: Clerk, unverified_code: str, *, at: datetime
    ) -> None:
        """Bind the application whose code this is.

        Raise `WrongCodeError` while another try is left, then `EnrolmentOverError`; raise what the
        realm's refusal is, and then nothing more can be done with this enrolment.
        """
        with self._transactions() as connection:
            enrolment = self._open(connection, enrolment_id, clerk, at)
            self._verify_clerk(clerk, enrolment, at)
            if enrolment.secret is None:
                raise EnrolmentOverError
            try:
                enrolment.secret.verify(unverified_code, at=at)
                refusal: WrongCodeError | None = None
                self._end(connection, enrolment, CounterAct.BINDING, at)
            except WrongCodeError as error:
                refusal = error
                self._count_try(connection, enrolment, at)
        # Raised only here: within the transaction it would take the count of tries back.
        if refusal is not None:
            if enrolment.tries + 1 >= MOST_TRIES:
                raise EnrolmentOverError
            raise refusal
        label = _label(enrolment, at)
        self._bind(enrolment, code_credential(enrolment.secret, label=label), at)

    def prove_passkey(
        self, enrolment_id: str, clerk: Clerk, unverified_answer: Mapping[str, str], *, at: datetime
    ) -> None:
        """Bind the passkey that the browser made: `client_data`, `attestation`, `transports`.

        Raise `InvalidPasskeyError`, which ends the enrolment, and what `prove_code` raises.
        """
        answer: Passkey | InvalidPasskeyError
        with self._transactions() as connection:
            enrolment = self._open(connection, enrolment_id, clerk, at)
            self._verify_clerk(clerk, enrolment, at)
            if enrolment.ceremony is None:
                raise EnrolmentOverError
            try:
                answer = enrolment.ceremony.finish(
                    unverified_client_data=unverified_answer.get("client_data", ""),
                    unverified_attestation=unverified_answer.get("attestation", ""),
                    unverified_transports=unverified_answer.get("transports", ""),
                )
                self._end(connection, enrolment, CounterAct.BINDING, at)
            except InvalidPasskeyError as error:
                answer = error
                self._end(connection, enrolment, CounterAct.REFUSED, at, error.reason.value)
        if isinstance(answer, InvalidPasskeyError):
            raise answer
        self._bind(enrolment, passkey_credential(answer, label=_label(enrolment, at)), at)

    def _bind(self, enrolment: Enrolment, credential: Mapping[str, object], at: datetime) -> None:
        case, is_code = enrolment.case, enrolment.kind is FactorKind.CODE
        bound = CounterAct.CODE_BOUND if is_code else CounterAct.PASSKEY_BOUND
        step = "bind"
        try:
            self._accounts.add_credential(case.account, credential)
            self._record(case, bound, at)
            if enrolment.replaces:
                step = "clear"
                self._clear(case, str(credential["userLabel"]), at)
            step = "raise"
            raise_level(self._subjects, self._transactions, case, enrolment.person, at=at)
        except IdentityError as error:
            self._record(case, CounterAct.FAILED, at, f"{step}: {error.code}")
            raise
        self._tell_realm(at)

    def _clear(self, case: CounterCase, new_label: str, at: datetime) -> None:
        for credential in self._accounts.credentials(case.account):
            if credential.type in SECOND_FACTORS and credential.label != new_label:
                self._accounts.remove_credential(case.account, credential.id)
                self._record(case, CounterAct.OLD_REMOVED, at, credential.type)
        # Whoever signed in with an old one, a lost telephone perhaps, is out.
        self._accounts.sign_out(case.account)

    def _record(self, case: CounterCase, act: CounterAct, at: datetime, detail: str = "") -> None:
        with self._transactions() as connection:
            record(connection, case, act, at=at, detail=detail)

    def _of_account(self, connection: Connection, account: str) -> Row[Any] | None:
        query = select(counter_enrolments).where(counter_enrolments.c.account == account)
        return connection.execute(query).one_or_none()

    def _give_way(self, connection: Connection, row: Row[Any], clerk: Clerk, at: datetime) -> None:
        """End the enrolment in `row` if it may be ended for another one."""
        over = row.expires_at <= at
        if not over and row.clerk != clerk.officer.account:
            raise EnrolmentUnderWayError
        act = CounterAct.EXPIRED if over else CounterAct.CANCELLED
        self._end(connection, self._read(row), act, at)

    def _open(
        self, connection: Connection, enrolment_id: str, clerk: Clerk, at: datetime
    ) -> Enrolment:
        query = select(counter_enrolments).where(
            counter_enrolments.c.id == enrolment_id,
            counter_enrolments.c.clerk == clerk.officer.account,
            counter_enrolments.c.expires_at > at,
        )
        row = connection.execute(query).one_or_none()
        if row is None:
            raise EnrolmentOverError
        return self._read(row)

    def _verify_clerk(self, clerk: Clerk, enrolment: Enrolment, at: datetime) -> None:
        Clerk(clerk.officer, enrolment.case.authority).verify_may_accept(at=at)
        clerk.verify_may_serve(enrolment.case.account, self._officers, at=at)

    def _count_try(self, connection: Connection, enrolment: Enrolment, at: datetime) -> None:
        if enrolment.tries + 1 >= MOST_TRIES:
            self._end(connection, enrolment, CounterAct.REFUSED, at, "wrong_code")
            return
        connection.execute(
            update(counter_enrolments)
            .where(counter_enrolments.c.id == enrolment.case.id)
            .values(tries=enrolment.tries + 1)
        )

    def _end(
        self,
        connection: Connection,
        enrolment: Enrolment,
        act: CounterAct,
        at: datetime,
        detail: str = "",
    ) -> None:
        """Forget the enrolment, secret and all, and record how it ended."""
        found = counter_enrolments.c.id == enrolment.case.id
        connection.execute(delete(counter_enrolments).where(found))
        record(connection, enrolment.case, act, at=at, detail=detail or enrolment.kind.value)

    def _keep(self, connection: Connection, enrolment: Enrolment) -> None:
        row_id = enrolment.case.id
        content = json.dumps(_content(enrolment))
        row = {
            "id": row_id,
            "clerk": enrolment.case.clerk,
            "account": enrolment.case.account,
            "content": self._personal_data.encrypt(content, counter_enrolments.c.content, row_id),
            "tries": enrolment.tries,
            "expires_at": enrolment.expires_at,
        }
        connection.execute(insert(counter_enrolments), row)

    def _read(self, row: Row[Any]) -> Enrolment:
        content = json.loads(
            self._personal_data.decrypt(row.content, counter_enrolments.c.content, row.id)
        )
        return _enrolment(row, content)


def _new(
    clerk: Clerk, sighting: Sighting, person: KnownPerson, wanted: Wanted, at: datetime
) -> Enrolment:
    is_code = wanted.kind is FactorKind.CODE
    return Enrolment(
        case=new_case(clerk, person.account, sighting),
        person=NamedPerson(PersonName(person.name), sighting.document),
        username=person.username,
        kind=wanted.kind,
        replaces=wanted.replaces,
        secret=CodeSecret.generate() if is_code else None,
        ceremony=None if is_code else Ceremony.begin(rp_id=wanted.rp_id, origin=wanted.origin),
        tries=0,
        expires_at=at + LIFETIME,
    )


def _content(enrolment: Enrolment) -> dict[str, object]:
    ceremony = enrolment.ceremony
    return {
        "authority": enrolment.case.authority,
        "document": [enrolment.person.document.type.value, enrolment.person.document.number],
        "original": enrolment.case.original_seen,
        "name": enrolment.person.name.text,
        "username": enrolment.username,
        "kind": enrolment.kind.value,
        "replaces": enrolment.replaces,
        "secret": None if enrolment.secret is None else enrolment.secret.text,
        "ceremony": ceremony
        and [base64.b64encode(ceremony.challenge).decode(), ceremony.rp_id, ceremony.origin],
    }


def _enrolment(row: Row[Any], content: Mapping[str, Any]) -> Enrolment:
    document = IdentityDocument(DocumentType(content["document"][0]), content["document"][1])
    ceremony = None
    if content["ceremony"] is not None:
        challenge, rp_id, origin = content["ceremony"]
        ceremony = Ceremony(base64.b64decode(challenge), rp_id, origin)
    return Enrolment(
        case=CounterCase(
            id=row.id,
            clerk=row.clerk,
            authority=content["authority"],
            account=row.account,
            document_type=document.type,
            original_seen=content["original"],
        ),
        person=NamedPerson(PersonName(content["name"]), document),
        username=content["username"],
        kind=FactorKind(content["kind"]),
        replaces=content["replaces"],
        secret=None if content["secret"] is None else CodeSecret(content["secret"]),
        ceremony=ceremony,
        tries=row.tries,
        expires_at=row.expires_at,
    )


def _label(enrolment: Enrolment, at: datetime) -> str:
    """Return what the person reads where he chooses between devices; unique for him."""
    return f"{at:%Y-%m-%d} {enrolment.case.id[:6]}"
