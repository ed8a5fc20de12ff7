"""What a forgery is.

A builder makes one false file and is known by its name. Its sentence says how it cheats; the
decorator says who does it, which part of the file or of the world is false, and every reason that
the report must give:

    @forgery(Attacker.STRANGER, "one octet of the page", ReasonCode.DOCUMENT_CHANGED)
    def letter_exchanged(scene: Scene) -> bytes:
        \"\"\"Exchange one octet …\"\"\"

Whoever cheats signs everything he can: a forgery is wrong in what it says and right in the rest, so
that only the check it is meant for can stop it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from forgeries.scene import Scene

from verify.report import ReasonCode, rank

Builder = Callable[[Scene], bytes]


class Attacker(StrEnum):
    """Who cheats, and so which keys are there to cheat with."""

    STRANGER = "holds files, and no key that anybody trusts"
    OTHER_AUTHORITY = "holds key and seal of another authority of the same PKI"
    SEAL_MAKER = "holds the key of the trusted seal maker"
    OTHER_CA = "holds the key of another CA under our root, for something else"
    UNIT_CA = "holds the key of the CA of units"
    FORMER_KEEPER = "kept key, certificate or seal of the office beyond their time"
    OFFICE = "holds the office's own key: a careless clerk, or one who goes round the register"


@dataclass(frozen=True, slots=True)
class Forgery:
    """One way to cheat, and what must be found."""

    build: Builder
    attacker: Attacker
    changes: str
    """The part of the file, or of the world, that is not what it should be."""
    reasons: tuple[ReasonCode, ...]
    """All that the report must give under the policy `office`, worst first."""
    harms_its_reader: bool
    """Takes more memory or time than a process may give for it: only for the sandbox."""

    @property
    def name(self) -> str:
        """Its builder's name."""
        return self.build.__name__

    @property
    def cheat(self) -> str:
        """How it cheats, in one sentence."""
        return (self.build.__doc__ or "").split("\n\n")[0].strip()

    @property
    def reason(self) -> ReasonCode:
        """The reason that decides."""
        return self.reasons[0]


def forgery(
    attacker: Attacker, changes: str, *reasons: ReasonCode, harms_its_reader: bool = False
) -> Callable[[Builder], Forgery]:
    """Make a forgery of a builder; `reasons` in any order."""
    return lambda build: Forgery(build, attacker, changes, rank(reasons), harms_its_reader)
