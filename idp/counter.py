"""At the counter: who the person with this document is here, and a first account for somebody new.

The clerk sees person and document; nothing is believed that only the person says.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from idp.accounts import USERNAME, Accounts
from idp.alarms import Alarms
from idp.counter_acts import CounterAct, CounterCase, record
from idp.database import Transactions
from idp.documents import DocumentType, IdentityDocument
from idp.errors import (
    AlreadyInRealmError,
    DataDifferError,
    DocumentHeldError,
    IdentityError,
    NotPermittedError,
    UnknownPersonError,
)
from idp.levels import IdentityLevel
from idp.names import NamedPerson, PersonName
from idp.officers import Officer, Officers, Post
from idp.one_time_passwords import new_one_time_password
from idp.personal_data import PersonalData
from idp.persons import LevelMeans, NaturalPerson
from idp.realm.records import NewUser, User
from idp.subjects import STATE_MAY_BE_OLD_IN_OUTAGE, Subjects

GETS_CERTIFICATES_SEALED = frozenset({Post.DRAFTING, Post.SEALING, Post.SEAL_KEEPING})
"""Who holds one of these lets no officer into his account."""


class AccountShutError(IdentityError):
    """The account is disabled: whoever disabled it opens it again, not the counter."""

    code: ClassVar[str] = "account_shut"


class AccountAlarmedError(IdentityError):
    """The person said “this was not me”: his account is shut until he is seen (`reopen`)."""

    code: ClassVar[str] = "account_alarmed"


class DocumentReplacedError(IdentityError):
    """The document was replaced by another one: whoever shows it may have found it."""

    code: ClassVar[str] = "document_replaced"


class InvalidUsernameError(IdentityError):
    """The text is no username."""

    code: ClassVar[str] = "invalid_username"


class OfficersAccountError(IdentityError):
    """The account is an officer's: whoever administers security serves him, no other clerk."""

    code: ClassVar[str] = "officers_account"


class UsernameTakenError(IdentityError):
    """Somebody else has this username."""

    code: ClassVar[str] = "username_taken"


def verify_serves_officers(officer: Officer, *, at: datetime) -> None:
    """Raise `OfficersAccountError` unless he may let officers into their accounts.

    He administers security and neither drafts, seals nor keeps a seal.
    """
    posts = {held.post for held in officer.posts if held.in_force(at)}
    if Post.SECURITY_ADMINISTRATION not in posts or posts & GETS_CERTIFICATES_SEALED:
        raise OfficersAccountError


@dataclass(frozen=True, slots=True)
class Clerk:
    """An officer at an authority's counter."""

    officer: Officer
    authority: str

    def verify_may_accept(self, *, at: datetime) -> None:
        """Raise `NotPermittedError` unless he holds the post of acceptance there."""
        self.officer.verify_holds(Post.ACCEPTANCE, self.authority, at=at)

    def verify_may_serve(self, account: str, officers: Officers, *, at: datetime) -> None:
        """Raise unless he may let somebody into this account by a password or a second factor.

        `NotPermittedError` for his own: two persons meet at a counter. `OfficersAccountError` for
        that of an officer, unless he administers security and neither drafts, seals nor keeps a
        seal: else a clerk who drafts could seal in another's name.
        """
        if account == self.officer.account:
            raise NotPermittedError("one's own account")
        if officers.is_staying(account, at=at):
            verify_serves_officers(self.officer, at=at)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the clerk saw."""

    document: IdentityDocument = field(repr=False)
    original: bool


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """Somebody with an account."""

    account: str
    username: str = field(repr=False)
    name: str = field(repr=False)
    identity_level: IdentityLevel
    enabled: bool


@dataclass(frozen=True, slots=True)
class OneTimeAccess:
    """An account and a password for one sign-in, which is kept nowhere."""

    case_id: str
    account: str
    username: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CounterParts:
    """What a counter works with."""

    transactions: Transactions
    personal_data: PersonalData
    accounts: Accounts
    subjects: Subjects
    officers: Officers
    alarms: Alarms
    tell_realm: Callable[[datetime], object]
    """Lets the realm know a new identity level at once, if it answers."""


class Counter:
    """Finds persons by their documents and gives accounts to those who have none."""

    def __init__(self, parts: CounterParts) -> None:
        """Work with these parts."""
        self._transactions = parts.transactions
        self._accounts = parts.accounts
        self._subjects = parts.subjects
        self._officers = parts.officers
        self._alarms = parts.alarms
        self._tell_realm = parts.tell_realm

    def find(self, document: IdentityDocument, *, at: datetime) -> KnownPerson | None:
        """Return who has this document; None for somebody without an account.

        Raise `AccountShutError`, `AccountAlarmedError`, `DocumentReplacedError`,
        `PersonEndedError`, `BaseUnavailableError` when the population base has to say whether he
        lives and does not answer, `ProviderUnavailableError`.
        """
        known = self._look_for(document, at=at)
        if known is None:
            return None
        if self._alarms.open_alarm(known.account) is not None:
            raise AccountAlarmedError
        if not known.enabled:
            raise AccountShutError
        return known

    def reopen(self, clerk: Clerk, sighting: Sighting, *, at: datetime) -> OneTimeAccess:
        """Let a person in again who said “this was not me”, with a new password for one use.

        Raise `AccountShutError` where no such alarm is open, and what `find` raises.
        """
        clerk.verify_may_accept(at=at)
        person = self._look_for(sighting.document, at=at)
        if person is None:
            raise UnknownPersonError
        clerk.verify_may_serve(person.account, self._officers, at=at)
        if self._alarms.open_alarm(person.account) is None:
            raise AccountShutError
        access = self._give_password(clerk, person, sighting, CounterAct.REOPENED, at)
        self._alarms.clear(person.account, self._accounts, clerk=clerk.officer.account, at=at)
        return access

    def _look_for(self, document: IdentityDocument, *, at: datetime) -> KnownPerson | None:
        person = self._subjects.find(document)
        account = None if person is None else person.account
        if person is not None:
            _verify_in_use(person, document)
            self._verify_living(person, at=at)
        if account is None:
            account = self._officers.account_of(document)
        if account is None:
            return None
        user = self._accounts.user(account)
        if person is None:
            # An officer who has not been seen yet: the realm has what the personnel list said.
            _verify_is_of(user, document)
        return KnownPerson(
            account=account,
            username=user.username,
            name=user.full_name if person is None else person.name,
            identity_level=user.identity_level if person is None else person.identity_level,
            enabled=user.enabled,
        )

    def make_account(
        self,
        clerk: Clerk,
        username: str,
        person: NamedPerson,
        *,
        original_seen: bool,
        at: datetime,
    ) -> OneTimeAccess:
        """Return a first account for somebody who was seen just now, checked as far as that.

        Raise `NotPermittedError`, `InvalidUsernameError`, `UsernameTakenError`,
        `DocumentHeldError` for somebody who has one, `DataDifferError` if he is known by another
        name, and what `find` raises.
        """
        clerk.verify_may_accept(at=at)
        if not USERNAME.fullmatch(username):
            raise InvalidUsernameError
        self._verify_has_none(username, person, at=at)
        password = new_one_time_password()
        account = self._make_or_take_up(username, person)
        case = new_case(clerk, account, Sighting(person.document, original_seen))
        with self._transactions() as connection:
            record(connection, case, CounterAct.ACCOUNT_MADE, at=at)
        raise_level(self._subjects, self._transactions, case, person, at=at)
        # The password comes last: until then nobody can sign in, and a visit cut short is taken up.
        self._accounts.set_enabled(account, enabled=True)
        self._accounts.set_password(account, password, temporary=True)
        self._tell_realm(at)
        return OneTimeAccess(case.id, account, username, password)

    def renew_password(self, clerk: Clerk, sighting: Sighting, *, at: datetime) -> OneTimeAccess:
        """Return a new password for one use for a person who forgot his; his sessions end.

        His second factor stays, and without it the password opens no more than it did. Raise
        `UnknownPersonError`, `NotPermittedError`, and what `find` raises.
        """
        clerk.verify_may_accept(at=at)
        person = self.find(sighting.document, at=at)
        if person is None:
            raise UnknownPersonError
        clerk.verify_may_serve(person.account, self._officers, at=at)
        return self._give_password(clerk, person, sighting, CounterAct.PASSWORD_RENEWED, at)

    def _give_password(
        self, clerk: Clerk, person: KnownPerson, sighting: Sighting, act: CounterAct, at: datetime
    ) -> OneTimeAccess:
        password = new_one_time_password()
        case = new_case(clerk, person.account, sighting)
        with self._transactions() as connection:
            record(connection, case, act, at=at)
        self._accounts.set_password(person.account, password, temporary=True)
        self._accounts.sign_out(person.account)
        return OneTimeAccess(case.id, person.account, person.username, password)

    def _verify_has_none(self, username: str, person: NamedPerson, *, at: datetime) -> None:
        known = self._subjects.find(person.document)
        if known is not None:
            _verify_in_use(known, person.document)
            self._verify_living(known, at=at)
            if PersonName(known.name).matching != person.name.matching:
                raise DataDifferError
            if known.account is not None and (
                self._accounts.user(known.account).username != username
                or self._accounts.credentials(known.account)
            ):
                raise DocumentHeldError
        if self._officers.account_of(person.document) is not None:
            raise DocumentHeldError  # the personnel list has opened one, or will

    def _make_or_take_up(self, username: str, person: NamedPerson) -> str:
        """Make a shut account, or take up one that a visit cut short left without a password."""
        new = NewUser(
            username=username,
            full_name=person.name.text,
            document_type=person.document.type.value,
            document_number=person.document.number,
            identity_level=IdentityLevel.REGISTERED,
            enabled=False,
        )
        try:
            return self._accounts.create_user(new)
        except AlreadyInRealmError:
            user = self._accounts.find_user(username)
            if (
                user is None
                or (user.document_type, user.document_number)
                != (new.document_type, new.document_number)
                or self._accounts.credentials(user.account)
            ):
                raise UsernameTakenError from None
            return user.account

    def _verify_living(self, person: NaturalPerson, *, at: datetime) -> None:
        self._subjects.verify_living(person.id, at=at, outage=STATE_MAY_BE_OLD_IN_OUTAGE)


def new_case(clerk: Clerk, account: str, sighting: Sighting) -> CounterCase:
    """Return what the clerk is at, under a new id."""
    return CounterCase(
        id=secrets.token_hex(16),
        clerk=clerk.officer.account,
        authority=clerk.authority,
        account=account,
        document_type=sighting.document.type,
        original_seen=sighting.original,
    )


def raise_level(
    subjects: Subjects,
    transactions: Transactions,
    case: CounterCase,
    person: NamedPerson,
    *,
    at: datetime,
) -> None:
    """Let the person's identity level rise by what the clerk saw, and record it."""
    means = LevelMeans.COUNTER_ORIGINAL if case.original_seen else LevelMeans.COUNTER_COPY
    known = subjects.register(person, account=case.account, means=means, by=case.clerk, at=at)
    with transactions() as connection:
        detail = known.identity_level.claim
        record(connection, case, CounterAct.LEVEL_RAISED, at=at, detail=detail)


def _verify_in_use(person: NaturalPerson, document: IdentityDocument) -> None:
    if any(held.document == document and held.replaced_at is not None for held in person.documents):
        raise DocumentReplacedError


def _verify_is_of(user: User, document: IdentityDocument) -> None:
    if (DocumentType(user.document_type), user.document_number) != (document.type, document.number):
        raise DataDifferError
