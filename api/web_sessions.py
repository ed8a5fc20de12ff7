"""Cookies of sessions, and sign-ins that begin on a page and come back to it.

Who needs a sign-in for something of his own (an approval, a company) starts it here with a purpose
and registers in `PURPOSES` what is to be done when it comes back.
"""

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import TypeAlias

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from api.identity import Identity
from api.rendering import language_of
from api.visitors import cookie_of
from api.wiring import Services
from idp.attempts import KeptAttempt
from idp.errors import LoginError, NotSignedInError, SessionEndedError
from idp.login import RelyingParty, SignedIn, SignInRequest
from idp.sessions import (
    SECRET_LENGTH,
    WebSession,
    browser_cookie,
    new_secret,
    session_cookie,
    unconfirmed_cookie,
)

Completes: TypeAlias = Callable[[Request, Services, SignedIn, KeptAttempt], Response]
Refuses: TypeAlias = Callable[[Request, Services, LoginError, KeptAttempt], Response]

SESSION = "session"
"""The purpose of a sign-in that opens a session, or raises its level."""
PURPOSES: dict[str, Completes] = {}
"""What is done with a finished sign-in, by the word before the colon of its purpose."""
REFUSALS: dict[str, Refuses] = {}
"""What is answered when it did not come about; without one a page says so."""


def identity_of(services: Services) -> Identity:
    """Return the parts that know people. Raise `NotSignedInError` where nobody can sign in."""
    if services.identity is None:
        raise NotSignedInError
    return services.identity


def start_sign_in(  # noqa: PLR0913 - all that a sign-in is about
    request: Request,
    services: Services,
    sign_in: SignInRequest,
    *,
    return_to: str,
    purpose: str = SESSION,
    party: RelyingParty | None = None,
) -> Response:
    """Send the browser to the provider; it comes back for `purpose`, and then to `return_to`.

    Raise `ProviderUnavailableError`, and `LoginError` when a pushed request is refused.
    """
    identity, at = identity_of(services), services.clock()
    party = party or identity.platform
    attempt, address = party.begin(in_language(request, sign_in), at=at)
    answer = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    identity.attempts.keep(
        attempt,
        browser=know_browser(request, services, answer),
        client_id=party.client_id,
        return_to=return_to,
        purpose=purpose,
        at=at,
    )
    return answer


def in_language(request: Request, sign_in: SignInRequest) -> SignInRequest:
    """Return the request with the language of our pages, so that the provider's have it too."""
    return replace(sign_in, language=sign_in.language or language_of(request.scope).value)


def know_browser(request: Request, services: Services, answer: Response) -> str:
    """Return the secret of this browser; one that has none is given one with `answer`."""
    name = browser_cookie(services.settings.identity.client_id)
    known = cookie_of(request.scope, name)
    if known is not None and len(known) == SECRET_LENGTH:
        return known
    browser = new_secret()
    set_cookie(answer, name, browser)
    return browser


def open_session(
    request: Request, services: Services, signed_in: SignedIn, answer: Response
) -> WebSession:
    """Open a session with a cookie that nobody could know before, and give it with `answer`.

    Somebody who is signed in already, and is the same, keeps his session at its new level.
    """
    identity, at = identity_of(services), services.clock()
    client_id = services.settings.identity.client_id
    present = present_session(request, services)
    if present is not None and present.account == signed_in.claims.account:
        session, cookie = identity.sessions.step_up(present, signed_in, at=at)
    else:
        if present is not None:
            identity.sessions.end(present)
        session, cookie = identity.sessions.open(signed_in, at=at)
        resume_acting(services, session)
    identity.leaving.history.note_own(session, at=at)
    set_cookie(answer, session_cookie(client_id), cookie)
    drop_cookie(answer, unconfirmed_cookie(client_id))
    return session


def resume_acting(services: Services, session: WebSession) -> None:
    """Let a new session act for whom the person chose with this sign-in, here or at a portal."""
    identity, at = identity_of(services), services.clock()
    if session.session_id is None:
        return
    choice = identity.people.choices.of_session(session.session_id, at=at)
    if choice is not None and choice.account == session.account and choice.mandate_id is not None:
        identity.sessions.set_acting(session, choice.mandate_id)


def present_session(request: Request, services: Services) -> WebSession | None:
    """Return the session whose cookie the browser shows, whatever the provider says of it."""
    identity = identity_of(services)
    cookie = cookie_of(request.scope, session_cookie(services.settings.identity.client_id))
    try:
        return identity.sessions.find(cookie, at=services.clock())
    except SessionEndedError:
        return None


def set_cookie(answer: Response, name: str, value: str) -> None:
    """Give a cookie for as long as the browser is open; what it opens ends on the server."""
    answer.set_cookie(name, value, path="/", secure=True, httponly=True, samesite="lax")


def drop_cookie(answer: Response, name: str) -> None:
    """Take a cookie back."""
    answer.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
