"""Telling the identity server at once what has just changed here."""

from api.web_sessions import identity_of
from api.wiring import Services


def tell_realm(services: Services) -> None:
    """Tell what waits; what cannot be told now is told later by a job."""
    identity = identity_of(services)
    if identity.admin is not None:
        identity.people.realm_changes.catch_up(identity.admin, at=services.clock())
