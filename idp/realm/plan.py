"""The whole realm as it should be, in Keycloak's words."""

from collections.abc import Mapping
from dataclasses import dataclass

from idp.levels import AuthenticationLevel
from idp.realm.client_scopes import client_scopes
from idp.realm.clients import (
    ADMIN_ROLES,
    PLATFORM_OPTIONAL_SCOPES,
    PLATFORM_SCOPES,
    SHUT_CLIENTS,
    JsonWebKeys,
    RelyingPartyClient,
    audience_client,
    service_client,
    shut_client,
)
from idp.realm.flows import Flow, sign_in_flow
from idp.realm.policies import settings
from idp.realm.required_actions import OPEN_ACTIONS
from idp.realm.user_profile import user_profile

PLATFORM = "platform"
APPROVALS = "platform-approvals"
ADMIN = "platform-admin"
API = "platform-api"

Representation = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Site:
    """Where our web application is and how it proves itself."""

    realm: str
    title: str
    """The service's name on sign-in pages."""
    origin: str
    """What browsers see."""
    backchannel_origin: str
    """What Keycloak calls; differs from `origin` only where that is a `*.localhost` name."""
    platform_keys: JsonWebKeys
    """Of both clients that people sign in to: one process holds the one key."""
    admin_keys: JsonWebKeys
    platform: str = PLATFORM
    approvals: str = APPROVALS
    api: str = API

    @property
    def callback(self) -> str:
        """Where a sign-in comes back to."""
        return f"{self.origin}/login/callback"

    @property
    def after_logout(self) -> tuple[str, ...]:
        """Where a sign-out may come back to."""
        return (f"{self.origin}/logout/done", f"{self.origin}/")


@dataclass(frozen=True, slots=True)
class RealmPlan:
    """All that `apply` makes so and `diff` compares."""

    name: str
    settings: Representation
    required_actions: tuple[Representation, ...]
    user_profile: Representation
    sign_in: Flow
    client_scopes: tuple[Representation, ...]
    clients: tuple[Representation, ...]
    service_roles: Mapping[str, tuple[str, ...]]
    """Of each service client, its roles of `realm-management`."""


def plan_realm(site: Site) -> RealmPlan:
    """Return the realm that serves this site."""
    return RealmPlan(
        name=site.realm,
        settings=settings(site.realm, site.title),
        required_actions=OPEN_ACTIONS,
        user_profile=user_profile(),
        sign_in=sign_in_flow(site.realm),
        client_scopes=client_scopes(site.api),
        clients=(
            _platform(site),
            _approvals(site),
            service_client(ADMIN, site.title, site.admin_keys),
            audience_client(site.api, site.title),
            *map(shut_client, SHUT_CLIENTS),
        ),
        service_roles={ADMIN: ADMIN_ROLES},
    )


def _platform(site: Site) -> Representation:
    return RelyingPartyClient(
        client_id=site.platform,
        title=site.title,
        home=f"{site.origin}/",
        redirect_uris=(site.callback,),
        keys=site.platform_keys,
        backchannel_logout=f"{site.backchannel_origin}/logout/backchannel",
        after_logout=site.after_logout,
        scopes=PLATFORM_SCOPES,
        optional_scopes=PLATFORM_OPTIONAL_SCOPES,
    ).representation()


def _approvals(site: Site) -> Representation:
    # Nothing an officer approves may be altered in his browser's address line; the page where he
    # signs in for it says what that means.
    return RelyingPartyClient(
        client_id=site.approvals,
        title=f"批准用印 · {site.title}",
        home=f"{site.origin}/",
        redirect_uris=(site.callback,),
        keys=site.platform_keys,
        pushed_only=True,
        least_level=AuthenticationLevel.ONE_TIME_CODE,
    ).representation()
