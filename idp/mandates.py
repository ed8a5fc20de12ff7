"""A mandate: who may act for whom, in which matters, from when to when, on what grounds.

What was granted never changes: it is canonical JSON (RFC 8785), known by its SM3 and sealed by the
service; whatever is done under a mandate quotes its id and digest. What does change is its state:

    OFFERED ── accept ──▶ ACTIVE ── recall ──▶ RECALLED
       │ ├─ decline ──▶ DECLINED  ├─ renounce ──▶ RENOUNCED
       │ ├─ recall ───▶ RECALLED  └─ end ──▶ ENDED
       │ └─ end ──────▶ ENDED

An agent and an authorised person accept first. What a base says or a clerk sees needs no
acceptance. Times do the rest: before `since` and from `until` on nobody acts under it, and an offer
that nobody accepted lapses.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from idp.documents import HolderKind, IdentityDocument
from idp.errors import (
    DamagedIdentityError,
    IdentityError,
    MandateEndedError,
    MandateTransitionError,
)
from idp.matters import Matters
from signing.canonical import canonical_json, sm3

OFFER_LASTS = timedelta(days=30)
"""Who has not answered within a month will not; he can be asked again."""


class Grounds(StrEnum):
    """Why somebody may act for somebody."""

    REPRESENTATIVE = "representative"
    """法定代表人, by the word of the base of legal persons."""
    AGENT = "agent"
    """经办人, named by whoever acts for the company."""
    PROXY = "proxy"
    """代办, authorised by the person himself."""
    GUARDIAN = "guardian"
    """监护人 of a minor, by the word of the population base."""
    AT_COUNTER = "at_counter"
    """A relative, recorded by a clerk who saw both documents."""

    @property
    def longest(self) -> timedelta | None:
        """How long such a mandate may last at most; None: for as long as the base says."""
        return _LONGEST.get(self)


_LONGEST = {
    # Whom nobody thought of for three years has usually left.
    Grounds.AGENT: timedelta(days=3 * 366),
    Grounds.PROXY: timedelta(days=366),
    # For one errand and what follows it; the principal can authorise for longer himself.
    Grounds.AT_COUNTER: timedelta(days=93),
}


class MandateState(StrEnum):
    """What was done about a mandate."""

    OFFERED = "offered"
    ACTIVE = "active"
    DECLINED = "declined"
    RECALLED = "recalled"
    """By the principal, or whoever acts for it."""
    RENOUNCED = "renounced"
    """By the actor."""
    ENDED = "ended"
    """By what a base says: death, deregistration, another representative."""


class Standing(StrEnum):
    """What a mandate is worth at a moment: its state, and what time makes of it."""

    OFFERED = "offered"
    LAPSED = "lapsed"
    """Offered, and nobody accepted in time."""
    NOT_YET = "not_yet"
    IN_FORCE = "in_force"
    EXPIRED = "expired"
    DECLINED = "declined"
    RECALLED = "recalled"
    RENOUNCED = "renounced"
    ENDED = "ended"


class Act(StrEnum):
    """What can be done about a mandate."""

    ACCEPT = "accept"
    DECLINE = "decline"
    RECALL = "recall"
    RENOUNCE = "renounce"
    END = "end"


_TRANSITIONS = {
    (MandateState.OFFERED, Act.ACCEPT): MandateState.ACTIVE,
    (MandateState.OFFERED, Act.DECLINE): MandateState.DECLINED,
    (MandateState.OFFERED, Act.RECALL): MandateState.RECALLED,
    (MandateState.OFFERED, Act.END): MandateState.ENDED,
    (MandateState.ACTIVE, Act.RECALL): MandateState.RECALLED,
    (MandateState.ACTIVE, Act.RENOUNCE): MandateState.RENOUNCED,
    (MandateState.ACTIVE, Act.END): MandateState.ENDED,
}


def state_after(state: MandateState, act: Act) -> MandateState:
    """Return the state that `act` leads to; raise `MandateTransitionError` if to none."""
    try:
        return _TRANSITIONS[state, act]
    except KeyError:
        raise MandateTransitionError from None


@dataclass(frozen=True, slots=True)
class Principal:
    """For whom somebody acts."""

    kind: HolderKind
    id: str
    """The unified social credit code of a legal person, the id of a natural one."""

    @property
    def uscc(self) -> str | None:
        """The code, of a legal person."""
        return self.id if self.kind is HolderKind.LEGAL else None


@dataclass(frozen=True, slots=True, repr=False)
class Party:
    """Somebody as a mandate names him, so that it can be read without any register."""

    name: str
    document: IdentityDocument


@dataclass(frozen=True, slots=True)
class Terms:
    """In what, from when to when, and whether it may be handed on."""

    matters: Matters
    since: datetime
    until: datetime | None
    transferable: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class MandateContent:
    """What is sealed."""

    id: str
    grounds: Grounds
    principal: Principal
    principal_party: Party
    actor: str
    """The person's id."""
    actor_party: Party
    terms: Terms
    granted_by: str
    """A person's id, `clerk:` and an account, or `base` where a base says so."""
    granted_at: datetime
    granted_under: tuple[str, str] | None
    """Id and digest of the mandate that this one was granted under."""

    def to_json(self) -> bytes:
        """Return the canonical JSON."""
        terms, under = self.terms, self.granted_under
        return canonical_json(
            {
                "version": 1,
                "id": self.id,
                "grounds": self.grounds.value,
                "principal": {
                    "kind": self.principal.kind.value,
                    "id": self.principal.id,
                    **_party_as_json(self.principal_party),
                },
                "actor": {"id": self.actor, **_party_as_json(self.actor_party)},
                "matters": terms.matters.as_json(),
                "since": _moment_as_json(terms.since),
                "until": None if terms.until is None else _moment_as_json(terms.until),
                "transferable": terms.transferable,
                "granted_by": self.granted_by,
                "granted_at": _moment_as_json(self.granted_at),
                "granted_under": None if under is None else {"id": under[0], "sm3": under[1]},
            }
        )

    @classmethod
    def from_json(cls, octets: bytes) -> Self:
        """Return what `to_json` wrote; raise `DamagedIdentityError` for anything else."""
        try:
            return cls._read(json.loads(octets))
        except (KeyError, TypeError, ValueError, IdentityError):
            raise DamagedIdentityError("content of a mandate") from None

    @classmethod
    def _read(cls, value: dict[str, Any]) -> Self:
        principal, actor, under = value["principal"], value["actor"], value["granted_under"]
        until = value["until"]
        return cls(
            id=value["id"],
            grounds=Grounds(value["grounds"]),
            principal=Principal(HolderKind(principal["kind"]), principal["id"]),
            principal_party=_party(principal),
            actor=actor["id"],
            actor_party=_party(actor),
            terms=Terms(
                matters=Matters.from_json(value["matters"]),
                since=datetime.fromisoformat(value["since"]),
                until=None if until is None else datetime.fromisoformat(until),
                transferable=value["transferable"],
            ),
            granted_by=value["granted_by"],
            granted_at=datetime.fromisoformat(value["granted_at"]),
            granted_under=None if under is None else (under["id"], under["sm3"]),
        )


@dataclass(frozen=True, slots=True, repr=False)
class Mandate:
    """A mandate as it stands: its sealed content, verified when it was read, and its state."""

    content: MandateContent
    sm3: str
    """Of the canonical content, 64 lower-case hex digits."""
    sealed: bytes
    """The service's signature over the content."""
    state: MandateState
    state_since: datetime

    @property
    def id(self) -> str:
        """Opaque; may stand in logs and ledgers."""
        return self.content.id

    @property
    def grounds(self) -> Grounds:
        """Why the actor may act."""
        return self.content.grounds

    @property
    def principal(self) -> Principal:
        """For whom."""
        return self.content.principal

    @property
    def principal_name(self) -> str:
        """The principal's name when it was granted."""
        return self.content.principal_party.name

    @property
    def actor(self) -> str:
        """The id of the person who acts."""
        return self.content.actor

    @property
    def actor_name(self) -> str:
        """His name when it was granted."""
        return self.content.actor_party.name

    @property
    def matters(self) -> Matters:
        """In what."""
        return self.content.terms.matters

    @property
    def since(self) -> datetime:
        """The first moment."""
        return self.content.terms.since

    @property
    def until(self) -> datetime | None:
        """The first moment when it is over; None: for as long as the base says so."""
        return self.content.terms.until

    @property
    def last_moment(self) -> datetime | None:
        """The last moment when somebody can act under it: its day is the last day, for people."""
        return None if self.until is None else self.until - timedelta(microseconds=1)

    @property
    def transferable(self) -> bool:
        """Whether the actor may grant another one under it."""
        return self.content.terms.transferable

    @property
    def quote(self) -> dict[str, str]:
        """What stands in everything that is done under it."""
        return {"id": self.id, "sm3": self.sm3}

    def standing(self, at: datetime) -> Standing:
        """Return what it is worth at `at`."""
        if self.state is MandateState.OFFERED:
            lapsed = at >= self.content.granted_at + OFFER_LASTS or self._is_over(at)
            return Standing.LAPSED if lapsed else Standing.OFFERED
        if self.state is MandateState.ENDED and self._is_over(self.state_since):
            return Standing.EXPIRED  # ended by time, and by nothing else
        if self.state is not MandateState.ACTIVE:
            return Standing(self.state.value)
        if self._is_over(at):
            return Standing.EXPIRED
        return Standing.NOT_YET if at < self.since else Standing.IN_FORCE

    def verify_in_force(self, at: datetime) -> None:
        """Raise `MandateEndedError` unless somebody can act under it at `at`."""
        standing = self.standing(at)
        if standing is not Standing.IN_FORCE:
            raise MandateEndedError(standing.value)

    def verify_covers(self, matter: str) -> None:
        """Raise `MatterNotCoveredError` unless it extends to the matter."""
        self.matters.verify_covers(matter)

    def _is_over(self, at: datetime) -> bool:
        return self.until is not None and at >= self.until

    def __repr__(self) -> str:
        """Show the id and the state."""
        return f"Mandate({self.id}, {self.state.value})"


def digest_of(content: bytes) -> str:
    """Return what a mandate with this canonical content is quoted by."""
    return sm3(content).hex()


def _moment_as_json(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _party_as_json(party: Party) -> dict[str, object]:
    document = {"type": party.document.type.value, "number": party.document.number}
    return {"name": party.name, "document": document}


def _party(value: dict[str, Any]) -> Party:
    document = value["document"]
    return Party(value["name"], IdentityDocument.parse(document["type"], document["number"]))
