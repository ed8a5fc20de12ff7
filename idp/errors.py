"""Why somebody could not be identified. One base; every error has a stable code."""

from collections.abc import Iterable
from typing import ClassVar

from idp.levels import AuthenticationLevel, IdentityLevel


class IdentityError(Exception):
    """Base of all errors of this package."""

    code: ClassVar[str]


class DamagedIdentityError(IdentityError):
    """A value of the identity database was changed, moved, or encrypted with another key."""

    code = "damaged_identity"


class NotPermittedError(IdentityError):
    """Somebody may not do this: he holds no post for it, or it is not his."""

    code = "not_permitted"


# ---- sessions and sign-in attempts ----


class SessionEndedError(IdentityError):
    """There is no such session, or it is over: signing in again opens another."""

    code = "session_ended"


class UnknownAttemptError(IdentityError):
    """A sign-in that was finished, took too long, or was begun in another browser."""

    code = "unknown_attempt"


class NotSignedInError(IdentityError):
    """Nobody is signed in, and this is for somebody who is."""

    code = "not_signed_in"


class AssuranceTooLowError(IdentityError):
    """The person is signed in, but not surely enough, or was not checked thoroughly enough."""

    code = "assurance_too_low"

    def __init__(self, needs: AuthenticationLevel | IdentityLevel) -> None:
        """Remember what is needed: a step-up mends the one level, a check the other."""
        self.needs = needs
        super().__init__(needs.name)


class CrossSiteError(IdentityError):
    """A request that does not prove that it was made by a page of ours."""

    code = "cross_site"


class InvalidPortalError(IdentityError):
    """A file does not describe a portal; `faults` lists all that was found."""

    code = "invalid_portal"

    def __init__(self, faults: Iterable[str]) -> None:
        """Keep `faults`, each with its place and never with a value."""
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))
