"""The first clerk: his second factor is bound by the operator, for there is no counter yet.

Officers get their second factors from somebody who may serve officers at a counter and has used a
second factor of his own (`idp.counter.verify_serves_officers`). The first one has nobody to go to.
He is let in on the machine itself, once: as soon as anybody who may serve officers has a second
factor, everybody goes to a counter. No identity level rises by this: nobody compared a document.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from idp.accounts import Accounts
from idp.alarms import Alarms
from idp.counter import (
    AccountAlarmedError,
    AccountShutError,
    OfficersAccountError,
    verify_serves_officers,
)
from idp.counter_acts import OPERATOR, CounterAct, CounterCase, record
from idp.database import Transactions
from idp.documents import DocumentType
from idp.enrolment import FactorKind
from idp.errors import IdentityError, NotInRealmError
from idp.officers import Officer, Officers, Post
from idp.one_time_codes import CodeSecret
from idp.realm.records import User
from idp.second_factors import SECOND_FACTORS, code_credential


class NotFirstClerkError(IdentityError):
    """He cannot be the first clerk: his posts do not let him serve officers."""

    code: ClassVar[str] = "not_first_clerk"


class SecondFactorHeldError(IdentityError):
    """The account has a second factor already."""

    code: ClassVar[str] = "second_factor_held"


class CounterOpenError(IdentityError):
    """Somebody who may serve officers has a second factor: go to him."""

    code: ClassVar[str] = "counter_open"


@dataclass(frozen=True, slots=True)
class FirstEnrolment:
    """A second factor to be bound; the secret is kept nowhere else."""

    case: CounterCase
    username: str = field(repr=False)
    secret: CodeSecret = field(repr=False)


class FirstClerk:
    """Lets the first clerk in."""

    def __init__(
        self, transactions: Transactions, accounts: Accounts, officers: Officers, alarms: Alarms
    ) -> None:
        """Work with these parts."""
        self._transactions = transactions
        self._accounts = accounts
        self._officers = officers
        self._alarms = alarms

    def begin(self, username: str, *, at: datetime) -> FirstEnrolment:
        """Return a secret for the officer with this username, and record that it was made.

        Raise `NotInRealmError`, `NotFirstClerkError`, `SecondFactorHeldError`, `CounterOpenError`,
        `AccountShutError`, `AccountAlarmedError`, `ProviderUnavailableError`.
        """
        user = self._accounts.find_user(username)
        if user is None:
            raise NotInRealmError
        officer = self._first_clerk(user, at=at)
        case = CounterCase(
            id=secrets.token_hex(16),
            clerk=OPERATOR,
            authority=officer.authorities(Post.ACCEPTANCE, at=at)[0],
            account=user.account,
            document_type=DocumentType(user.document_type),
            original_seen=False,
        )
        self._record(case, CounterAct.STARTED, at)
        return FirstEnrolment(case, user.username, CodeSecret.generate())

    def prove(self, enrolment: FirstEnrolment, unverified_code: str, *, at: datetime) -> None:
        """Bind the application whose code this is.

        Raise `WrongCodeError`, whereupon it may be tried again, and what `begin` raises.
        """
        enrolment.secret.verify(unverified_code, at=at)
        case = enrolment.case
        self._first_clerk(self._accounts.user(case.account), at=at)
        self._record(case, CounterAct.BINDING, at)
        label = f"{at:%Y-%m-%d} {case.id[:6]}"
        try:
            self._accounts.add_credential(
                case.account, code_credential(enrolment.secret, label=label)
            )
        except IdentityError as error:
            self._record(case, CounterAct.FAILED, at, f"bind: {error.code}")
            raise
        self._record(case, CounterAct.CODE_BOUND, at)

    def give_up(self, enrolment: FirstEnrolment, *, at: datetime) -> None:
        """Record that nothing was bound."""
        self._record(enrolment.case, CounterAct.REFUSED, at)

    def _first_clerk(self, user: User, *, at: datetime) -> Officer:
        officer = self._officers.of_account(user.account, at=at)
        if officer is None:
            raise NotFirstClerkError
        _verify_posts(officer, at=at)
        if self._alarms.open_alarm(user.account) is not None:
            raise AccountAlarmedError
        if not user.enabled:
            raise AccountShutError
        if self._has_factor(user.account):
            raise SecondFactorHeldError
        for other in _who_serve_officers(self._officers, at=at):
            if self._has_factor(other.account):
                raise CounterOpenError
        return officer

    def _has_factor(self, account: str) -> bool:
        try:
            held = self._accounts.credentials(account)
        except NotInRealmError:
            return False  # deleted at the provider: he serves nobody
        return any(credential.type in SECOND_FACTORS for credential in held)

    def _record(self, case: CounterCase, act: CounterAct, at: datetime, detail: str = "") -> None:
        with self._transactions() as connection:
            record(connection, case, act, at=at, detail=detail or FactorKind.CODE.value)


def _who_serve_officers(officers: Officers, *, at: datetime) -> Iterable[Officer]:
    for officer in officers.holding(Post.SECURITY_ADMINISTRATION, at=at):
        try:
            _verify_posts(officer, at=at)
        except NotFirstClerkError:
            continue
        yield officer


def _verify_posts(officer: Officer, *, at: datetime) -> None:
    """Raise `NotFirstClerkError` unless he sits at a counter that serves officers."""
    try:
        verify_serves_officers(officer, at=at)
    except OfficersAccountError:
        raise NotFirstClerkError from None
    if not officer.authorities(Post.ACCEPTANCE, at=at):
        raise NotFirstClerkError
