"""All mandates: granted and sealed once, accepted, recalled, read again and verified each time.

A mandate that is no longer good lets go of what was held under it in the same transaction: sign-ins
that act under it stop acting, the identity server is told to end them and to forget the
membership (`idp.realm_changes`), and what was handed on under it is recalled as well.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Row, insert, or_, select, update

from idp.database import Transactions
from idp.documents import HolderKind
from idp.errors import DamagedIdentityError, MandateEndedError, UnknownMandateError
from idp.mandates import (
    OFFER_LASTS,
    Act,
    Grounds,
    Mandate,
    MandateContent,
    MandateState,
    Party,
    Principal,
    Terms,
    digest_of,
    state_after,
)
from idp.personal_data import PersonalData
from idp.persons import NaturalPerson
from idp.realm_changes import RealmChange, want
from idp.tables import acting_choices, mandate_events, mandates, persons, web_sessions
from signing.errors import SigningError

BY_BASE = "base"
"""Who granted or ended it, where a base says so."""
BY_TIME = "time"
_NEEDS_ACCEPTANCE = {Grounds.AGENT, Grounds.PROXY}
_ONE_AT_A_TIME = {Grounds.REPRESENTATIVE, Grounds.GUARDIAN}
_ENDS_AT_ONCE = 200  # mandates whose time is up that are swept in one go


class MandateSeal(Protocol):
    """The service's key for mandates; wiring brings it."""

    def seal(self, mandate_id: str, content: bytes, *, officer: str) -> bytes:
        """Return the signature over the content; `officer` is the account that grants it."""
        ...

    def verify(self, content: bytes, sealed: bytes) -> None:
        """Raise a `SigningError` unless `sealed` is the service's signature over `content`."""
        ...


@dataclass(frozen=True, slots=True)
class Grant:
    """What is to be granted. That the terms are allowed is `idp.representation`'s affair."""

    grounds: Grounds
    principal: Principal
    principal_party: Party
    actor: NaturalPerson
    terms: Terms
    granted_by: str
    under: Mandate | None = None


@dataclass(frozen=True, slots=True)
class MandateEvent:
    """One thing that was done about a mandate."""

    event: str
    by: str
    at: datetime


class Mandates:
    """The mandates of the service. Threads may share it.

    Whatever reads may raise `DamagedIdentityError`: a value was changed, or the seal is wrong.
    """

    def __init__(
        self, transactions: Transactions, personal_data: PersonalData, seal: MandateSeal
    ) -> None:
        """Keep mandates by `transactions`, encrypted by `personal_data`, sealed by `seal`."""
        self._transactions = transactions
        self._personal_data = personal_data
        self._seal = seal

    def get(self, mandate_id: str) -> Mandate:
        """Return the mandate, its seal verified; raise `UnknownMandateError`."""
        found = self._find(mandates.c.id == mandate_id)
        if not found:
            raise UnknownMandateError
        return found[0]

    def valid(self, mandate_id: str, *, at: datetime) -> Mandate:
        """Return the mandate if somebody can act under it at `at`.

        The bases are not asked (`idp.representation` asks them). Raise `MandateEndedError`.
        """
        mandate = self.get(mandate_id)
        mandate.verify_in_force(at)
        return mandate

    def of_actor(self, person_id: str) -> tuple[Mandate, ...]:
        """Return every mandate the person received, the newest first."""
        return self._find(mandates.c.actor == person_id)

    def given_by(self, principal: Principal) -> tuple[Mandate, ...]:
        """Return every mandate for this principal, the newest first."""
        return self._find(
            mandates.c.principal_kind == principal.kind.value, mandates.c.principal == principal.id
        )

    def events(self, mandate_id: str) -> tuple[MandateEvent, ...]:
        """Return what was done about the mandate, the oldest first."""
        query = select(mandate_events).where(mandate_events.c.mandate_id == mandate_id)
        with self._transactions.reading() as connection:
            rows = connection.execute(query.order_by(mandate_events.c.id)).all()
        return tuple(MandateEvent(row.event, row.by, row.at) for row in rows)

    def grant(self, grant: Grant, *, officer: str, at: datetime) -> Mandate:
        """Return a new mandate, sealed; `officer` is the account that grants it.

        One by a base's word is the one that is there already, if it is. Raise `MandateEndedError`
        if the mandate it is granted under has ended meanwhile, and whatever the seal raises.
        """
        under = grant.under
        content = MandateContent(
            id=secrets.token_hex(16),
            grounds=grant.grounds,
            principal=grant.principal,
            principal_party=grant.principal_party,
            actor=grant.actor.id,
            actor_party=Party(grant.actor.name, grant.actor.document),
            terms=grant.terms,
            granted_by=grant.granted_by,
            granted_at=at,
            granted_under=None if under is None else (under.id, under.sm3),
        )
        octets = content.to_json()
        if grant.grounds in _ONE_AT_A_TIME and (standing := self._standing(content)) is not None:
            return standing
        sealed = self._seal.seal(content.id, octets, officer=officer)  # no transaction is open
        with self._transactions() as connection:
            if under is not None:
                _verify_still_active(connection, under)
            mandate = self._insert(connection, content, octets, sealed)
            _note(connection, mandate, "grant", grant.granted_by, at)
            if mandate.state is MandateState.ACTIVE:
                _take_up(connection, mandate, at)
        return mandate

    def accept(self, mandate_id: str, person_id: str, *, at: datetime) -> Mandate:
        """Return the mandate, accepted by its actor.

        Raise `UnknownMandateError` for anybody else, `MandateTransitionError`, and
        `MandateEndedError` if the offer has lapsed.
        """
        mandate = self._of(mandate_id, person_id)
        if mandate.state is MandateState.OFFERED and mandate.standing(at).value == "lapsed":
            raise MandateEndedError("lapsed")
        return self._act(mandate, Act.ACCEPT, person_id, at)

    def decline(self, mandate_id: str, person_id: str, *, at: datetime) -> Mandate:
        """Return the mandate, declined by its actor. Raise as `accept` does."""
        return self._act(self._of(mandate_id, person_id), Act.DECLINE, person_id, at)

    def renounce(self, mandate_id: str, person_id: str, *, at: datetime) -> Mandate:
        """Return the mandate, given back by its actor. Raise as `accept` does."""
        return self._act(self._of(mandate_id, person_id), Act.RENOUNCE, person_id, at)

    def recall(self, mandate_id: str, by: str, *, at: datetime) -> Mandate:
        """Return the mandate, recalled; that `by` may do so is the caller's affair.

        Raise `UnknownMandateError`, `MandateTransitionError`.
        """
        return self._act(self.get(mandate_id), Act.RECALL, by, at)

    def end(self, mandate_id: str, *, at: datetime) -> Mandate:
        """Return the mandate, ended by what a base says. Raise as `recall` does."""
        return self._act(self.get(mandate_id), Act.END, BY_BASE, at)

    def end_all_of(self, principal: Principal, *, at: datetime) -> int:
        """End every mandate for this principal; return how many there were."""
        return self._end_where(
            mandates.c.principal_kind == principal.kind.value,
            mandates.c.principal == principal.id,
            by=BY_BASE,
            at=at,
        )

    def end_all_of_actor(self, person_id: str, *, at: datetime) -> int:
        """End every mandate this person received; return how many there were."""
        return self._end_where(mandates.c.actor == person_id, by=BY_BASE, at=at)

    def sweep(self, *, at: datetime) -> int:
        """End what time has ended, so that nothing is held under it; return how many."""
        over = or_(
            mandates.c.until <= at,
            (mandates.c.state == MandateState.OFFERED.value)
            & (mandates.c.state_since <= at - OFFER_LASTS),
        )
        return self._end_where(over, by=BY_TIME, at=at)

    def _end_where(self, *which: ColumnElement[bool], by: str, at: datetime) -> int:
        standing = mandates.c.state.in_([MandateState.OFFERED.value, MandateState.ACTIVE.value])
        query = select(mandates.c.id).where(standing, *which).limit(_ENDS_AT_ONCE)
        with self._transactions.reading() as connection:
            ids = connection.scalars(query).all()
        for mandate_id in ids:
            self._act(self.get(mandate_id), Act.END, by, at)
        return len(ids)

    def _of(self, mandate_id: str, person_id: str) -> Mandate:
        mandate = self.get(mandate_id)
        if mandate.actor != person_id:
            raise UnknownMandateError  # somebody else's mandates are none of his affairs
        return mandate

    def _act(self, mandate: Mandate, act: Act, by: str, at: datetime) -> Mandate:
        with self._transactions() as connection:
            _change(connection, mandate.id, act, by, at)
            changed = self._read(
                connection.execute(select(mandates).where(mandates.c.id == mandate.id)).one()
            )
            if changed.state is MandateState.ACTIVE:
                _take_up(connection, changed, at)
            else:
                _let_go(connection, changed, at)
                self._recall_handed_on(connection, changed, at)
        return changed

    def _recall_handed_on(self, connection: Connection, mandate: Mandate, at: datetime) -> None:
        # Whom the legal representative names is the company's agent, whoever represents it later;
        # what an agent hands on stands and falls with his own mandate.
        if mandate.grounds is Grounds.REPRESENTATIVE:
            return
        query = select(mandates).where(
            mandates.c.granted_under == mandate.id,
            mandates.c.state.in_([MandateState.OFFERED.value, MandateState.ACTIVE.value]),
        )
        for row in connection.execute(query).all():
            _change(connection, row.id, Act.END, f"mandate:{mandate.id}", at)
            _let_go(connection, self._read(row), at)

    def _standing(self, content: MandateContent) -> Mandate | None:
        found = self._find(
            mandates.c.grounds == content.grounds.value,
            mandates.c.principal == content.principal.id,
            mandates.c.actor == content.actor,
            mandates.c.state == MandateState.ACTIVE.value,
        )
        return found[0] if found else None

    def _insert(
        self, connection: Connection, content: MandateContent, octets: bytes, sealed: bytes
    ) -> Mandate:
        waits = content.grounds in _NEEDS_ACCEPTANCE
        state = MandateState.OFFERED if waits else MandateState.ACTIVE
        text = octets.decode()
        row = _columns(content) | {
            "sm3": digest_of(octets),
            "content": self._personal_data.encrypt(text, mandates.c.content, content.id),
            "sealed": sealed,
            "state": state.value,
            "state_since": content.granted_at,
        }
        connection.execute(insert(mandates).values(row))
        return Mandate(content, digest_of(octets), sealed, state, content.granted_at)

    def _find(self, *which: ColumnElement[bool]) -> tuple[Mandate, ...]:
        query = select(mandates).where(*which).order_by(mandates.c.since.desc(), mandates.c.id)
        with self._transactions.reading() as connection:
            rows: Sequence[Row[Any]] = connection.execute(query).all()
        return tuple(self._read(row) for row in rows)

    def _read(self, row: Row[Any]) -> Mandate:
        octets = self._personal_data.decrypt(row.content, mandates.c.content, row.id).encode()
        try:
            self._seal.verify(octets, row.sealed)
        except SigningError:
            raise DamagedIdentityError(f"seal of mandate {row.id}") from None
        content = MandateContent.from_json(octets)
        columns = _columns(content)
        if row.sm3 != digest_of(octets) or any(
            getattr(row, name) != value for name, value in columns.items()
        ):
            raise DamagedIdentityError(f"columns of mandate {row.id}")
        return Mandate(content, row.sm3, row.sealed, MandateState(row.state), row.state_since)


def _columns(content: MandateContent) -> dict[str, object]:
    """Return what of the content stands plain as well, to be found by."""
    under = content.granted_under
    return {
        "id": content.id,
        "grounds": content.grounds.value,
        "principal_kind": content.principal.kind.value,
        "principal": content.principal.id,
        "actor": content.actor,
        "since": content.terms.since,
        "until": content.terms.until,
        "granted_under": None if under is None else under[0],
    }


def _change(connection: Connection, mandate_id: str, act: Act, by: str, at: datetime) -> None:
    # The state is read under the writer's lock: of two who act at once the second one sees what
    # the first one did.
    state = connection.scalar(select(mandates.c.state).where(mandates.c.id == mandate_id))
    new = state_after(MandateState(str(state)), act)
    changed = update(mandates).where(mandates.c.id == mandate_id)
    connection.execute(changed.values(state=new.value, state_since=at))
    row = {"mandate_id": mandate_id, "event": act.value, "by": by, "at": at}
    connection.execute(insert(mandate_events).values(row))


def _note(connection: Connection, mandate: Mandate, event: str, by: str, at: datetime) -> None:
    row = {"mandate_id": mandate.id, "event": event, "by": by, "at": at}
    connection.execute(insert(mandate_events).values(row))


def _verify_still_active(connection: Connection, under: Mandate) -> None:
    state = connection.scalar(select(mandates.c.state).where(mandates.c.id == under.id))
    if state != MandateState.ACTIVE.value:
        raise MandateEndedError(str(state))


def _take_up(connection: Connection, mandate: Mandate, at: datetime) -> None:
    account = _account_of(connection, mandate)
    if mandate.principal.kind is HolderKind.LEGAL and account is not None:
        want(connection, RealmChange.JOIN, account=account, target=mandate.principal.id, at=at)


def _let_go(connection: Connection, mandate: Mandate, at: datetime) -> None:
    """Take away whatever is held under a mandate that is not good any more."""
    stopped = update(web_sessions).where(web_sessions.c.acting == mandate.id)
    connection.execute(stopped.values(acting=None))
    under = acting_choices.c.mandate_id == mandate.id
    for choice in connection.execute(select(acting_choices).where(under)).all():
        want(
            connection,
            RealmChange.END_SESSION,
            account=choice.account,
            target=choice.session_id,
            at=at,
        )
    # The choice stays, so that no portal is told meanwhile that he acts for himself.
    account = _account_of(connection, mandate)
    if mandate.principal.kind is not HolderKind.LEGAL or account is None:
        return
    others = select(mandates.c.id).where(
        mandates.c.principal == mandate.principal.id,
        mandates.c.actor == mandate.actor,
        mandates.c.state == MandateState.ACTIVE.value,
        mandates.c.id != mandate.id,
    )
    if connection.execute(others.limit(1)).one_or_none() is None:
        want(connection, RealmChange.LEAVE, account=account, target=mandate.principal.id, at=at)


def _account_of(connection: Connection, mandate: Mandate) -> str | None:
    account: str | None = connection.scalar(
        select(persons.c.account).where(persons.c.id == mandate.actor)
    )
    return account
