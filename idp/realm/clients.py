"""Who may ask the realm for tokens, and the doors of Keycloak's own clients, which are shut.

Every client proves itself by a key of its own (`private_key_jwt`, ES256), uses PKCE, exact
addresses and no grant but the authorization code.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from idp.levels import AuthenticationLevel
from idp.realm.client_scopes import (
    ACTING,
    BASIC,
    FULL_NAME,
    IDENTITY_DOCUMENT,
    IDENTITY_LEVEL,
    ORGANIZATION,
)

SHUT_CLIENTS = ("account", "account-console", "admin-cli", "security-admin-console")
"""Keycloak's own pages and its password grant. The server is administered in realm `master`."""

ADMIN_ROLES = (
    "manage-organizations",
    "manage-users",
    "query-users",
    "view-events",
    "view-organizations",
    "view-users",
)
"""What our web application may do in the realm: accounts, companies, sessions; reading events."""

AUTHORITY_CLAIM = "authority"
"""In the access token of a department's own system: the authority it speaks for."""

JsonWebKeys = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RelyingPartyClient:
    """A client that people sign in to."""

    client_id: str
    title: str
    """Shown on the sign-in page."""
    redirect_uris: Sequence[str]
    keys: JsonWebKeys
    """The public keys as a JWK set."""
    home: str | None = None
    """Where the way back leads from a page on which a sign-in ended."""
    backchannel_logout: str | None = None
    """Where Keycloak itself calls: `localhost` or a real name, never `*.localhost`."""
    after_logout: Sequence[str] = ()
    scopes: Sequence[str] = (*BASIC, IDENTITY_LEVEL)
    optional_scopes: Sequence[str] = ()
    pushed_only: bool = False
    least_level: AuthenticationLevel | None = None
    pairwise_salt: str | None = field(default=None, repr=False)
    """A secret of this client alone; without it, `sub` is the account."""

    def representation(self) -> Mapping[str, object]:
        """Return it in Keycloak's words, whole: what is absent is switched off."""
        attributes = {
            **_key_attributes(self.keys),
            "pkce.code.challenge.method": "S256",
            "post.logout.redirect.uris": "##".join(self.after_logout),
            "require.pushed.authorization.requests": _word(on=self.pushed_only),
        }
        if self.backchannel_logout is not None:
            attributes["backchannel.logout.url"] = self.backchannel_logout
        if self.least_level is not None:
            attributes["minimum.acr.value"] = self.least_level.acr
        return {
            **_client(self.client_id, self.title, attributes),
            "standardFlowEnabled": True,
            "redirectUris": list(self.redirect_uris),
            "baseUrl": self.home or "",
            "defaultClientScopes": list(self.scopes),
            "optionalClientScopes": list(self.optional_scopes),
            "protocolMappers": _pairwise_mappers(self.pairwise_salt),
        }


def service_client(client_id: str, title: str, keys: JsonWebKeys) -> Mapping[str, object]:
    """Return a client that acts in its own name, with roles given to its service account."""
    return {
        **_client(client_id, title, _key_attributes(keys)),
        "serviceAccountsEnabled": True,
        "fullScopeAllowed": True,  # its own roles, which are few
        "defaultClientScopes": ["basic", "service_account"],
    }


def machine_client(
    client_id: str, title: str, keys: JsonWebKeys, *, scopes: Sequence[str], authority: str
) -> Mapping[str, object]:
    """Return a department's own system: nobody signs in to it, and it holds no role.

    It may ask for `scopes`, and its access tokens say for which `authority` (USCC) it speaks.
    """
    return {
        **_client(client_id, title, _key_attributes(keys)),
        "serviceAccountsEnabled": True,
        "defaultClientScopes": ["basic", "service_account"],
        "optionalClientScopes": list(scopes),
        "protocolMappers": [
            {
                "name": AUTHORITY_CLAIM,
                "protocol": "openid-connect",
                "protocolMapper": "oidc-hardcoded-claim-mapper",
                "config": {
                    "claim.name": AUTHORITY_CLAIM,
                    "claim.value": authority,
                    "jsonType.label": "String",
                    "access.token.claim": "true",
                    "id.token.claim": "false",
                    "userinfo.token.claim": "false",
                    "introspection.token.claim": "true",
                },
            }
        ],
    }


def audience_client(client_id: str, title: str) -> Mapping[str, object]:
    """Return a client that is nothing but the name of an audience: it can ask for nothing."""
    return _client(client_id, title, _key_attributes({"keys": []}))


def shut_client(client_id: str) -> Mapping[str, object]:
    """Return what makes one of Keycloak's own clients unusable."""
    return {
        "clientId": client_id,
        "enabled": False,
        "standardFlowEnabled": False,
        "directAccessGrantsEnabled": False,
    }


PLATFORM_SCOPES = (*BASIC, IDENTITY_LEVEL, FULL_NAME, IDENTITY_DOCUMENT)
"""We are the office that knows people by name and document; portals are granted less."""
PLATFORM_OPTIONAL_SCOPES = (ORGANIZATION, ACTING)


def _client(client_id: str, title: str, attributes: Mapping[str, str]) -> dict[str, object]:
    return {
        "clientId": client_id,
        "name": title,
        "enabled": True,
        "protocol": "openid-connect",
        "publicClient": False,
        "bearerOnly": False,
        "clientAuthenticatorType": "client-jwt",
        "standardFlowEnabled": False,
        "implicitFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "serviceAccountsEnabled": False,
        "consentRequired": False,
        "fullScopeAllowed": False,
        "frontchannelLogout": False,
        "redirectUris": [],
        "webOrigins": [],
        "authenticationFlowBindingOverrides": {},
        "defaultClientScopes": list(BASIC),
        "optionalClientScopes": [],
        "protocolMappers": [],
        "attributes": {
            "backchannel.logout.session.required": "true",
            "backchannel.logout.revoke.offline.tokens": "false",
            **attributes,
        },
    }


def _key_attributes(keys: JsonWebKeys) -> Mapping[str, str]:
    return {
        "use.jwks.url": "false",
        "use.jwks.string": "true",
        "jwks.string": json.dumps(keys, sort_keys=True),
        "token.endpoint.auth.signing.alg": "ES256",
    }


def _pairwise_mappers(salt: str | None) -> list[Mapping[str, object]]:
    if salt is None:
        return []
    if not salt:
        raise ValueError("an empty salt breaks every request for a token")
    return [
        {
            "name": "pairwise",
            "protocol": "openid-connect",
            "protocolMapper": "oidc-sha256-pairwise-sub-mapper",
            "config": {"pairwiseSubAlgorithmSalt": salt},
        }
    ]


def _word(*, on: bool) -> str:
    return "true" if on else "false"
