"""Who is in front of a page: the person, for whom he acts, and his posts.

What costs a look into the database is looked up when it is first asked for.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Scope

from api.identity import Identity
from api.people import acquaint
from api.settings import Settings
from api.wiring import Services
from certs.errors import CertsError
from idp.errors import (
    BaseUnavailableError,
    LegalPersonEndedError,
    MandateEndedError,
    PersonEndedError,
    SessionEndedError,
    UnknownMandateError,
)
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.mandates import Mandate
from idp.officers import Officer
from idp.persons import NaturalPerson
from idp.return_paths import own_path
from idp.sessions import WebSession, session_cookie
from idp.subjects import STATE_MAY_BE_OLD_IN_OUTAGE

NO_LONGER_ACTING = (
    BaseUnavailableError,
    LegalPersonEndedError,
    MandateEndedError,
    PersonEndedError,
    UnknownMandateError,
)
"""Why somebody does not act for another any more, whatever he chose."""


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in."""

    session: WebSession
    identity: Identity = field(repr=False)
    at: datetime

    @property
    def account(self) -> str:
        """The account: opaque, the same for ever."""
        return self.session.account

    @property
    def level(self) -> AuthenticationLevel:
        """How he signed in."""
        return self.session.level

    @property
    def identity_level(self) -> IdentityLevel:
        """How he was checked."""
        return self.session.identity_level

    @cached_property
    def claims(self) -> Mapping[str, Any]:
        """What the provider told us of him at sign-in."""
        return self.session.claims

    @cached_property
    def person(self) -> NaturalPerson | None:
        """Who he is, as far as that was ever registered."""
        return acquaint(
            self.identity.people.subjects,
            self.account,
            self.claims,
            self.identity_level,
            at=self.at,
        )

    @cached_property
    def acting(self) -> Mandate | None:
        """The mandate under which he acts; None: for himself, also when it has ended.

        What the bases say is minutes old, and half an hour where one does not answer: after that
        nobody acts for another.
        """
        if self.session.acting is None:
            return None
        try:
            mandate = self.identity.people.representation.current(
                self.session.acting, at=self.at, outage=STATE_MAY_BE_OLD_IN_OUTAGE
            )
        except NO_LONGER_ACTING:
            return None
        return mandate if self.person and mandate.actor == self.person.id else None

    @cached_property
    def officer(self) -> Officer | None:
        """His posts, when he has any now."""
        return self.identity.officers.of_account(self.account, at=self.at)

    @property
    def name(self) -> str:
        """What the header calls him."""
        return name_in(self.claims)


def name_in(claims: Mapping[str, Any]) -> str:
    """Return the person's name among the claims; a provider of others may call it `name`."""
    names = (claims.get("full_name"), claims.get("name"))
    return next((name for name in names if isinstance(name, str)), "")


def find_visitor(scope: Scope, services: Services) -> Visitor | None:
    """Return who shows a session's cookie, without asking the provider: for what pages say.

    Whether he may do something is asked of `api.deps`, which refreshes the session when it is due.
    """
    identity = services.identity
    cookie = cookie_of(scope, session_cookie(services.settings.identity.client_id))
    if identity is None or cookie is None:
        return None
    at = services.clock()
    try:
        session = identity.sessions.find(cookie, at=at)
    except SessionEndedError:
        return None
    return Visitor(session, identity, at)


def needs_a_look(scope: Scope) -> bool:
    """Whether it takes a look into the database to say who this is: a cookie, not looked up yet."""
    services: Services = scope["app"].state.services
    cookie = session_cookie(services.settings.identity.client_id)
    return "visitor" not in scope.setdefault("state", {}) and cookie_of(scope, cookie) is not None


def remember_visitor(scope: Scope) -> None:
    """Let the page that answers say in its header who acts for whom.

    Pages for everybody do not fail because nobody can be recognised: then the header is silent.
    """
    if needs_a_look(scope):
        scope["state"]["visitor"] = None
        with suppress(CertsError):  # the database's errors
            scope["state"]["visitor"] = find_visitor(scope, scope["app"].state.services)


def refresh_visitor(scope: Scope, services: Services, visitor: Visitor) -> Visitor:
    """Return the visitor after the provider was asked whether his session goes on.

    Raise `SessionEndedError`, and `ProviderUnavailableError` when that cannot be learnt.
    """
    cookie = cookie_of(scope, session_cookie(services.settings.identity.client_id)) or ""
    session = visitor.identity.refresher.refreshed(visitor.session, cookie, at=visitor.at)
    return Visitor(session, visitor.identity, visitor.at)


def cookie_of(scope: Scope, name: str) -> str | None:
    """Return the value of a cookie, None where the browser sent none of this name."""
    return cookie_parser(Headers(scope=scope).get("cookie", "")).get(name)


def address_of(scope: Scope) -> str:
    """Return the page somebody is at, or was at when he sent a form: a path of this site.

    Nothing but the path: an address may be kept for the way back, and a query may hold secrets.
    So may a path that leads nowhere.
    """
    if scope["method"] in {"GET", "HEAD"}:
        return str(scope["path"]) if "route" in scope else "/"
    settings: Settings = scope["app"].state.services.settings
    referrer = Headers(scope=scope).get("referer", "")
    path = referrer.removeprefix(settings.origin).partition("?")[0]
    return own_path(path) if referrer.startswith(f"{settings.origin}/") else "/"
