"""What becomes of a certificate once it is issued: states, what leads from one to the next, status.

The register stores the state an officer's act put a certificate in. Its status at a moment follows
from that state and from the dates on its face; nothing has to run at midnight for a certificate
to expire.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from certs.errors import IllegalTransitionError
from certs.orders import CHINA_TIME


class State(StrEnum):
    """What the acts of officers made of a certificate."""

    VALID = "valid"
    REVOKED = "revoked"


class Status(StrEnum):
    """What somebody who relies on a certificate has to know."""

    VALID = "valid"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


class LegalKind(StrEnum):
    """On which ground of the law a certificate ceased to be in force."""

    DIAOXIAO = "diaoxiao"
    """吊销, a penalty."""
    CHEXIAO = "chexiao"
    """撤销: it should not have been issued."""
    CHEHUI = "chehui"
    """撤回: law or facts changed, in the public interest."""
    ZHUXIAO = "zhuxiao"
    """注销: it came to its end, or its holder did."""
    YISHI = "yishi"
    """遗失作废: lost, declared void."""


class Act(StrEnum):
    """What an officer does to a certificate; the name under which it stands among its events."""

    ISSUED = "issued"
    REVOKED = "revoked"


_TRANSITIONS = {(State.VALID, Act.REVOKED): State.REVOKED}


def state_after(state: State, act: Act) -> State:
    """Return the state that `act` leads to. Raise `IllegalTransitionError` if it may not be."""
    try:
        return _TRANSITIONS[state, act]
    except KeyError:
        raise IllegalTransitionError(f"{act} from {state}") from None


@dataclass(frozen=True, slots=True)
class LifecycleEvent:
    """One act of an officer."""

    act: Act
    legal_kind: LegalKind | None
    officer: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """A certificate's state and dates: all that its status depends on."""

    state: State
    since: datetime
    legal_kind: LegalKind | None
    valid_from: date | None
    valid_to: date | None
    """The last day it is in force; None means 长期."""

    def status_at(self, at: datetime) -> Status:
        """Return the status at a moment; an act counts from its moment on."""
        today = at.astimezone(CHINA_TIME).date()
        if self.state is State.REVOKED and self.since <= at:
            return Status.REVOKED
        if self.valid_from is not None and today < self.valid_from:
            return Status.NOT_YET_VALID
        if self.valid_to is not None and today > self.valid_to:
            return Status.EXPIRED
        return Status.VALID
