"""Why somebody could not be identified. One base; every error has a stable code."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from idp.faults import LoginReason, ProviderFault, ServerFault, TokenFault
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.portal_faults import PortalFault


class IdentityError(Exception):
    """Base of all errors of this package."""

    code: ClassVar[str]


class DamagedIdentityError(IdentityError):
    """A value of the identity database was changed, moved, or encrypted with another key."""

    code = "damaged_identity"


class InvalidTokenError(IdentityError):
    """A token of the provider is not to be believed; nothing of it is quoted."""

    code = "invalid_token"

    def __init__(self, reason: TokenFault, claim: str = "") -> None:
        """Remember the `reason`, and the name of the claim that gave it."""
        self.reason = reason
        self.claim = claim
        super().__init__(f"{reason.value} {claim}".rstrip())


class LoginError(IdentityError):
    """A sign-in did not come about."""

    code = "login_failed"

    def __init__(
        self, reason: LoginReason, *, error: str = "", fault: TokenFault | None = None
    ) -> None:
        """Remember the `reason`, the provider's word for it, and what is wrong with the token."""
        self.reason = reason
        self.error = error
        self.fault = fault
        super().__init__(" ".join(filter(None, (reason.value, error, fault))))


class ProviderUnavailableError(IdentityError):
    """The OpenID provider cannot be used at present; what was tried may be tried again."""

    code = "provider_unavailable"

    def __init__(self, reason: ProviderFault) -> None:
        """Remember the `reason`."""
        self.reason = reason
        super().__init__(reason.value)


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

    def __init__(self, faults: Iterable[PortalFault]) -> None:
        """Keep `faults`, each with its place and never with a value."""
        self.faults = tuple(faults)
        super().__init__("; ".join(map(str, self.faults)))


class InvalidSystemError(InvalidPortalError):
    """The same of a file that should describe a department's own system."""

    code = "invalid_system"


# ---- the realm ----


class NotInRealmError(IdentityError):
    """The realm has no such account, client, session or company."""

    code = "not_in_realm"


class AlreadyInRealmError(IdentityError):
    """The realm has one of that name already."""

    code = "already_in_realm"


class ServerStartError(IdentityError):
    """Keycloak cannot be started here."""

    code = "keycloak_not_started"

    def __init__(self, fault: ServerFault, detail: str = "") -> None:
        """Remember the `fault`, and the file, port or command it is about."""
        self.fault = fault
        self.detail = detail
        super().__init__(f"{fault.value} {detail}".rstrip())


class RealmRefusedError(IdentityError):
    """The realm's own rules refuse it, a password for instance; `reason` is Keycloak's word."""

    code = "realm_refused"

    def __init__(self, reason: str) -> None:
        """Remember the `reason`."""
        self.reason = reason
        super().__init__(reason)


# ---- people, companies, mandates ----


class BaseUnavailableError(IdentityError):
    """The population base or the base of legal persons does not answer, which is no "no"."""

    code = "base_unavailable"


class UnknownPersonError(IdentityError):
    """Nobody is known under this id or document."""

    code = "unknown_person"


class UnknownLegalPersonError(IdentityError):
    """The base of legal persons has no such code."""

    code = "unknown_legal_person"


class DataDifferError(IdentityError):
    """Name and number do not belong together; which of the two is wrong is not told."""

    code = "data_differ"


class DocumentHeldError(IdentityError):
    """The document belongs to somebody who has another account."""

    code = "document_held"


class PersonEndedError(IdentityError):
    """The population base says that the person has died."""

    code = "person_ended"


class LegalPersonEndedError(IdentityError):
    """The base says that the legal person is no more; it may have a successor."""

    code = "legal_person_ended"

    def __init__(self, state: str, successor: str | None = None) -> None:
        """Remember in what way it ended, and the code of what it became a part of."""
        self.state = state
        self.successor = successor
        super().__init__(state)


class UnknownMandateError(IdentityError):
    """There is no such mandate, or it is none of this person's affairs."""

    code = "unknown_mandate"


class MandateEndedError(IdentityError):
    """Nobody can act under the mandate now."""

    code = "mandate_ended"

    def __init__(self, state: str) -> None:
        """Remember the `state` it is in."""
        self.state = state
        super().__init__(state)


class MandateTransitionError(IdentityError):
    """The mandate's state does not allow this."""

    code = "mandate_transition"


class MatterNotCoveredError(IdentityError):
    """The mandate does not extend to this matter."""

    code = "matter_not_covered"


class InvalidMandateError(IdentityError):
    """The mandate cannot be granted like this."""

    code = "invalid_mandate"

    def __init__(self, faults: Sequence["MandateFault"]) -> None:
        """Remember every fault."""
        self.faults = tuple(faults)
        super().__init__(", ".join(fault.code for fault in faults))


class OrganisationMissingError(IdentityError):
    """The identity server's answer does not name the organisation that was asked for."""

    code = "organisation_missing"


@dataclass(frozen=True, slots=True)
class MandateFault:
    """One thing wrong with a mandate: where, and what."""

    field: str
    code: str
