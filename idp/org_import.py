"""Importing an organisation: what two files would change, and changing it.

The road is safe to walk twice, and to be cut off on it anywhere:

    1. plan      both files checked, compared with the database and with the realm; nothing changes
    2. make      accounts of new officers, disabled: nobody can use them yet
    3. shut out  who leaves: his account is disabled and signed out
    4. enter     departments, officers and posts, in one transaction
    5. open      accounts still waiting for their first password, one by one

After a cut the next import finds the rest to do: made accounts are found by their name and are
still shut, whoever leaves is still in the database, and what waits for a password says so.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from idp.accounts import Accounts
from idp.appointments import Appointments, OfficerRecord
from idp.database import Transactions
from idp.documents import IdentityDocument
from idp.errors import IdentityError, NotInRealmError
from idp.levels import IdentityLevel
from idp.officers import PostHeld
from idp.org_files import OFFICERS, Organisation, WrittenOfficer, read_organisation
from idp.personal_data import PersonalData
from idp.realm.records import NewUser, User
from idp.roster import KnownOfficer, Roster, mark_opened, read_roster, set_departments
from idp.unverified_csv import CellFault, Encoding


class ChangeKind(StrEnum):
    """What an import does; the value names the sentence for it."""

    DEPARTMENT_ADDED = "department_added"
    DEPARTMENT_CHANGED = "department_changed"
    DEPARTMENT_REMOVED = "department_removed"
    ACCOUNT_MADE = "account_made"
    ACCOUNT_JOINED = "account_joined"
    """Somebody who has an account already becomes an officer under it."""
    NAME_CHANGED = "name_changed"
    POST_BEGINS = "post_begins"
    POST_ENDS = "post_ends"
    LEAVES = "leaves"
    RETURNS = "returns"
    ACCOUNT_OPENED = "account_opened"
    """It gets its first password."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changes."""

    kind: ChangeKind
    subject: str
    """A department's code or an officer's username."""
    post: PostHeld | None = None
    """With the username instead of the account of whom somebody stands in for."""


class InvalidOrganisationError(IdentityError):
    """The files cannot be imported; `faults` lists all that was found in both."""

    code: ClassVar[str] = "invalid_organisation"

    def __init__(self, faults: Iterable[CellFault]) -> None:
        """Keep `faults` by file, row and column."""
        self.faults = tuple(sorted(set(faults)))
        super().__init__(f"{len(self.faults)} faults")


class OrganisationChangedError(IdentityError):
    """Another import came between plan and change; nothing was entered."""

    code: ClassVar[str] = "organisation_changed"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would change, and all that is needed to do it."""

    changes: tuple[Change, ...]
    organisation: Organisation = field(repr=False)
    roster: Roster = field(repr=False)
    """What the database knew when the plan was made."""
    accounts: Mapping[str, str] = field(repr=False)
    """Of officers who have one, by username."""
    to_open: frozenset[str]
    """Usernames of accounts that will wait for a first password."""
    leaving: tuple[KnownOfficer, ...]


class OrganisationImport:
    """Imports the two files of an organisation."""

    def __init__(
        self,
        transactions: Transactions,
        personal_data: PersonalData,
        realm: Accounts,
        *,
        end_sessions: Callable[[str], object],
    ) -> None:
        """`end_sessions` ends what an account has open with ourselves."""
        self._transactions = transactions
        self._personal_data = personal_data
        self._realm = realm
        self._end_sessions = end_sessions
        self._appointments = Appointments(transactions, personal_data)

    def plan(
        self,
        unverified_departments: bytes,
        unverified_officers: bytes,
        *,
        encoding: Encoding = Encoding.UTF_8,
    ) -> Plan:
        """Return what importing these files would change; change nothing.

        Raise `InvalidOrganisationError` with every fault of both files.
        """
        read = read_organisation(unverified_departments, unverified_officers, encoding=encoding)
        if not isinstance(read, Organisation):
            raise InvalidOrganisationError(read)
        with self._transactions.reading() as connection:
            roster = read_roster(connection, self._personal_data)
        return _Comparison(self._realm, self._personal_data, roster, read).plan()

    def apply(self, plan: Plan, *, at: datetime) -> tuple[tuple[str, str], ...]:
        """Change what the `plan` says; return username and account of what waits for a password.

        Raise `OrganisationChangedError` when the database is no longer what the plan saw.
        """
        accounts = dict(plan.accounts)
        for officer in plan.organisation.officers:
            if officer.username not in accounts:
                accounts[officer.username] = self._make(officer)
        for known in plan.leaving:
            self._shut_out(known)
        with self._transactions() as connection:
            if read_roster(connection, self._personal_data) != plan.roster:
                raise OrganisationChangedError
            set_departments(connection, plan.organisation.departments)
            for known in plan.leaving:
                self._appointments.end(connection, known.account, at=at)
            for officer in plan.organisation.officers:
                account = accounts[officer.username]
                made_here = officer.username in plan.to_open
                self._appointments.enter(
                    connection,
                    OfficerRecord(account, officer.username, officer.name, officer.document),
                    opened_at=None if made_here else at,
                    account_made_here=made_here,
                )
                if made_here:
                    mark_opened(connection, account, at=None)
            for officer in plan.organisation.officers:
                posts = [
                    replace(post.held, stand_in_for=accounts.get(post.stand_in_for or ""))
                    for post in officer.posts
                ]
                self._appointments.set_posts(connection, accounts[officer.username], posts, at=at)
        return tuple((name, accounts[name]) for name in sorted(plan.to_open))

    def open_account(self, account: str, password: str, *, at: datetime) -> None:
        """Let the account in with a `password` for one use, and nothing it had before."""
        for credential in self._realm.credentials(account):
            self._realm.remove_credential(account, credential.id)
        self._realm.set_password(account, password, temporary=True)
        self._realm.set_enabled(account, enabled=True)
        with self._transactions() as connection:
            mark_opened(connection, account, at=at)

    def _make(self, officer: WrittenOfficer) -> str:
        return self._realm.create_user(
            NewUser(
                username=officer.username,
                full_name=officer.name,
                document_type=officer.document.type.value,
                document_number=officer.document.number,
                # A personnel list is no check of a person: that is made at the counter.
                identity_level=IdentityLevel.REGISTERED,
                enabled=False,
            )
        )

    def _shut_out(self, known: KnownOfficer) -> None:
        try:
            if known.account_made_here:
                self._realm.set_enabled(known.account, enabled=False)
            self._realm.sign_out(known.account)
        except NotInRealmError:
            pass  # deleted there: nobody can be signed in
        self._end_sessions(known.account)


class _Comparison:
    """Compares what is written with what is known."""

    def __init__(
        self,
        realm: Accounts,
        personal_data: PersonalData,
        roster: Roster,
        organisation: Organisation,
    ) -> None:
        self._realm = realm
        self._personal_data = personal_data
        self._roster = roster
        self._organisation = organisation
        self._by_username = {known.username: known for known in roster.officers.values()}
        self._by_document = {known.document_index: known for known in roster.officers.values()}
        self._usernames = {known.account: known.username for known in roster.officers.values()}
        self._accounts: dict[str, str] = {}
        self._to_open: set[str] = set()
        self._changes: list[Change] = []
        self._faults: list[CellFault] = []

    def plan(self) -> Plan:
        self._compare_departments()
        for officer in self._organisation.officers:
            self._compare(officer)
        staying = set(self._accounts.values())
        leaving = tuple(
            known
            for known in sorted(self._roster.officers.values(), key=lambda one: one.username)
            if not known.left and known.account not in staying
        )
        for known in leaving:
            self._compare_posts(known.username, known, [])
            self._note(ChangeKind.LEAVES, known.username)
        if self._faults:
            raise InvalidOrganisationError(self._faults)
        return Plan(
            changes=tuple(self._changes),
            organisation=self._organisation,
            roster=self._roster,
            accounts=self._accounts,
            to_open=frozenset(self._to_open),
            leaving=leaving,
        )

    def _compare_departments(self) -> None:
        known = self._roster.departments
        for department in self._organisation.departments:
            before = known.get(department.uscc)
            if before is None:
                self._note(ChangeKind.DEPARTMENT_ADDED, department.uscc)
            elif before != department:
                self._note(ChangeKind.DEPARTMENT_CHANGED, department.uscc)
        written = {department.uscc for department in self._organisation.departments}
        for uscc in sorted(known.keys() - written):
            self._note(ChangeKind.DEPARTMENT_REMOVED, uscc)

    def _compare(self, officer: WrittenOfficer) -> None:
        known = self._find(officer)
        if known is not None:
            self._accounts[officer.username] = known.account
            self._compare_known(officer, known)
        elif not self._fault_at(officer.row):
            self._compare_with_realm(officer)
        self._compare_posts(
            officer.username,
            known,
            [replace(post.held, stand_in_for=post.stand_in_for) for post in officer.posts],
        )

    def _find(self, officer: WrittenOfficer) -> KnownOfficer | None:
        by_document = self._by_document.get(self._personal_data.index_document(officer.document))
        by_username = self._by_username.get(officer.username)
        if by_document is not None and by_document is not by_username:
            self._fault(officer.row, "username", "known_by_another_name")
        elif (
            by_username is not None
            and by_document is None
            and not _is_of(self._realm.user(by_username.account), officer.document)
        ):
            # A new document is seen at the counter first; or the username is another person's.
            self._fault(officer.row, "document_number", "not_of_account")
        else:
            return by_username
        return None

    def _compare_known(self, officer: WrittenOfficer, known: KnownOfficer) -> None:
        if known.name != officer.name:
            self._note(ChangeKind.NAME_CHANGED, officer.username)
        if known.left:
            self._note(ChangeKind.RETURNS, officer.username)
        if known.account_made_here and (known.left or not known.opened):
            self._open(officer.username)

    def _compare_with_realm(self, officer: WrittenOfficer) -> None:
        user = self._realm.find_user(officer.username)
        if user is None:
            self._note(ChangeKind.ACCOUNT_MADE, officer.username)
            self._open(officer.username)
        elif not _is_of(user, officer.document):
            self._fault(officer.row, "username", "of_somebody_else")
        elif user.enabled and user.identity_level < IdentityLevel.SEEN:
            # He says himself who he is: whoever registered it would become an officer.
            self._fault(officer.row, "username", "account_not_proven")
        elif not user.enabled and user.identity_level > IdentityLevel.REGISTERED:
            self._fault(officer.row, "username", "account_disabled")
        else:
            self._accounts[officer.username] = user.account
            self._note(ChangeKind.ACCOUNT_JOINED, officer.username)
            if not user.enabled:  # made by an import that was cut off
                self._open(officer.username)

    def _compare_posts(
        self, username: str, known: KnownOfficer | None, wanted: Iterable[PostHeld]
    ) -> None:
        before = set() if known is None else {self._named(post) for post in known.posts}
        after = set(wanted)
        for kind, posts in (
            (ChangeKind.POST_ENDS, before - after),
            (ChangeKind.POST_BEGINS, after - before),
        ):
            for post in sorted(posts, key=lambda one: (one.authority, one.post, one.since)):
                self._note(kind, username, post)

    def _named(self, post: PostHeld) -> PostHeld:
        return replace(post, stand_in_for=self._usernames.get(post.stand_in_for or ""))

    def _open(self, username: str) -> None:
        self._to_open.add(username)
        self._note(ChangeKind.ACCOUNT_OPENED, username)

    def _note(self, kind: ChangeKind, subject: str, post: PostHeld | None = None) -> None:
        self._changes.append(Change(kind, subject, post))

    def _fault(self, row: int, column: str, code: str) -> None:
        self._faults.append(CellFault(OFFICERS, row, column, code))

    def _fault_at(self, row: int) -> bool:
        return any(fault.row == row for fault in self._faults)


def _is_of(user: User, document: IdentityDocument) -> bool:
    return (user.document_type, user.document_number) == (document.type.value, document.number)
