"""The claim `organization`: companies somebody belongs to, as Keycloak states them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.errors import InvalidTokenError
from idp.faults import TokenFault

CLAIM = "organization"


@dataclass(frozen=True, slots=True)
class Organization:
    """One company, as the token names it."""

    alias: str
    id: str | None
    attributes: Mapping[str, tuple[str, ...]]

    @property
    def uscc(self) -> str | None:
        """Its unified social credit code; None when the token does not say it, or says two."""
        codes = self.attributes.get("uscc", ())
        return codes[0] if len(codes) == 1 else None


def read_organizations(claims: Mapping[str, Any]) -> Mapping[str, Organization]:
    """Return the companies by alias; none when the claim is absent; raise `InvalidTokenError`.

    Keycloak states `{alias: {"id": …, "uscc": […]}}`, or aliases alone as a list.
    """
    stated = claims.get(CLAIM, {})
    if isinstance(stated, list) and all(isinstance(alias, str) for alias in stated):
        return {alias: Organization(alias, None, {}) for alias in stated}
    if not isinstance(stated, dict):
        raise InvalidTokenError(TokenFault.MALFORMED_CLAIM, CLAIM)
    return {alias: _read(alias, members) for alias, members in stated.items()}


def _read(alias: str, members: object) -> Organization:
    if not isinstance(members, dict):
        raise InvalidTokenError(TokenFault.MALFORMED_CLAIM, CLAIM)
    attributes = {}
    for name, values in members.items():
        if name == "id":
            continue
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise InvalidTokenError(TokenFault.MALFORMED_CLAIM, CLAIM)
        attributes[name] = tuple(values)
    organization_id = members.get("id")
    if organization_id is not None and not isinstance(organization_id, str):
        raise InvalidTokenError(TokenFault.MALFORMED_CLAIM, CLAIM)
    return Organization(alias, organization_id, attributes)
