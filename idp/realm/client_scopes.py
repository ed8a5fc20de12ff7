"""What tokens say. Keycloak's own scopes stay as it makes them; ours are added beside them.

A client gets what it lists and nothing else: every client lists its scopes.
"""

from collections.abc import Mapping

BASIC = ("basic", "acr")
"""`sub`, `auth_time`, and the level."""
IDENTITY_LEVEL = "identity-level"
ORGANIZATION = "organization"
FULL_NAME = "full-name"
IDENTITY_DOCUMENT = "identity-document"
ACTING = "acting"
"""Access tokens for our own API, to ask who acts for whom."""

CERTIFICATES_ISSUE = "certificates:issue"
CERTIFICATES_READ = "certificates:read"
"""Access tokens for our own API, of departments' systems; only those asked for come."""

_EVERYWHERE = {
    "id.token.claim": "true",
    "access.token.claim": "true",
    "userinfo.token.claim": "true",
    "introspection.token.claim": "true",
}
_ID_TOKEN_ONLY = {
    "id.token.claim": "true",
    "access.token.claim": "false",
    "userinfo.token.claim": "false",
    "introspection.token.claim": "false",
}


def client_scopes(api_audience: str) -> tuple[Mapping[str, object], ...]:
    """Return the scopes that are ours, and `organization` with what we add to it."""
    return (
        _scope(
            IDENTITY_LEVEL,
            _attribute_mapper("identity_level", "identityLevel", _EVERYWHERE),
            in_scope="false",
        ),
        _scope(FULL_NAME, _attribute_mapper("full_name", "fullName", _ID_TOKEN_ONLY)),
        _scope(
            IDENTITY_DOCUMENT,
            _attribute_mapper("document_type", "documentType", _ID_TOKEN_ONLY),
            _attribute_mapper("document_number", "documentNumber", _ID_TOKEN_ONLY),
        ),
        *(
            _scope(name, _audience_mapper(api_audience))
            for name in (ACTING, CERTIFICATES_ISSUE, CERTIFICATES_READ)
        ),
        _scope(
            ORGANIZATION,
            _mapper(
                "organization",
                "oidc-organization-membership-mapper",
                {
                    **_EVERYWHERE,
                    "claim.name": "organization",
                    "jsonType.label": "JSON",
                    "multivalued": "true",
                    "addOrganizationId": "true",
                    "addOrganizationAttributes": "true",
                },
            ),
        ),
    )


def _scope(
    name: str, *mappers: Mapping[str, object], in_scope: str = "true"
) -> Mapping[str, object]:
    return {
        "name": name,
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": in_scope, "display.on.consent.screen": "false"},
        "protocolMappers": list(mappers),
    }


def _audience_mapper(api_audience: str) -> Mapping[str, object]:
    return _mapper(
        "audience",
        "oidc-audience-mapper",
        {
            "included.client.audience": api_audience,
            "id.token.claim": "false",
            "access.token.claim": "true",
            "introspection.token.claim": "true",
        },
    )


def _attribute_mapper(claim: str, attribute: str, where: Mapping[str, str]) -> Mapping[str, object]:
    return _mapper(
        claim,
        "oidc-usermodel-attribute-mapper",
        {**where, "user.attribute": attribute, "claim.name": claim, "jsonType.label": "String"},
    )


def _mapper(name: str, kind: str, settings: Mapping[str, str]) -> Mapping[str, object]:
    return {
        "name": name,
        "protocol": "openid-connect",
        "protocolMapper": kind,
        "config": dict(settings),
    }
