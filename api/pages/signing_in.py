"""Signing in: to the provider and back, "continue as …", who am I and for whom.

`/login` asks the provider without a page whether it knows the browser. If not, its page is shown,
and what comes back to `/login/callback` opens a session. If it does, `/login/continue` asks before
one opens. `/login/again` is where "sign in as somebody else" comes back to, `/login/resume/…` where
a step-up does, with the form that waited for it.
"""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.deps import (
    CSRF_FIELD,
    CurrentServices,
    CurrentVisitor,
    VerifiedForm,
    read_form,
    verify_same_origin,
)
from api.identity import Identity
from api.leaving import OWN_CLAIMS
from api.rendering import render
from api.sign_in_answers import login_address, render_refused, render_unavailable
from api.visitors import Visitor, cookie_of, name_in
from api.web_sessions import (
    PURPOSES,
    REFUSALS,
    SESSION,
    drop_cookie,
    identity_of,
    know_browser,
    open_session,
    present_session,
    resume_acting,
    set_cookie,
    start_sign_in,
)
from api.wiring import Services
from idp.attempts import KeptAttempt
from idp.errors import (
    LoginError,
    ProviderUnavailableError,
    SessionEndedError,
    UnknownAttemptError,
)
from idp.faults import LoginReason
from idp.login import Prompt, RelyingParty, SignedIn, SignInRequest
from idp.return_paths import own_path
from idp.sessions import WebSession, browser_cookie, session_cookie, unconfirmed_cookie

router = APIRouter(include_in_schema=False)

SILENT = "silent"
AGAIN = "/login/again"
DOORS = (
    ("/me/certificates", "certificates"),
    ("/acting", "acting"),
    ("/me/mandates", "mandates"),
    ("/me/identity", "identity"),
    ("/me/history", "history"),
    ("/services", "services"),
)
OFFICERS_DOORS = (("/office", "office"),)
EXPLAINED = frozenset(
    {LoginReason.ACCESS_DENIED, LoginReason.ATTEMPT_EXPIRED, LoginReason.LEVEL_TOO_LOW}
)
"""Reasons that a person can do something about."""

Next = Annotated[str, Query(alias="next")]
UnverifiedForm = Annotated[VerifiedForm, Depends(read_form)]

_log = structlog.get_logger(__name__)


@router.get("/login")
def login(request: Request, services: CurrentServices, unverified_next: Next = "/me") -> Response:
    """Go to the provider and come back to `next`, a path of this site."""
    return_to = own_path(unverified_next)
    if present_session(request, services) is not None:
        return RedirectResponse(return_to, HTTPStatus.SEE_OTHER)
    silent = SignInRequest(prompt=Prompt.NONE)
    return start_sign_in(request, services, silent, purpose=SILENT, return_to=return_to)


@router.get("/login/callback")
def callback(request: Request, services: CurrentServices) -> Response:
    """Finish what this browser began, once."""
    identity, at = identity_of(services), services.clock()
    browser = cookie_of(request.scope, browser_cookie(identity.platform.client_id)) or ""
    try:
        kept = identity.attempts.take(request.query_params.get("state", ""), browser, at=at)
    except UnknownAttemptError:
        if present_session(request, services) is None:
            return render_refused(request, why="unknown_attempt", return_to="/me")
        # The back button: he is signed in already.
        return RedirectResponse("/me", HTTPStatus.SEE_OTHER)
    purpose = kept.purpose.partition(":")[0]
    try:
        signed_in = _party(identity, kept).finish(kept.attempt, request.url.query, at=at)
    except LoginError as error:
        refused = REFUSALS.get(purpose, _say_refused)
        answer = refused(request, services, error, kept)
    except ProviderUnavailableError:
        answer = render_unavailable(request, again=login_address(kept.return_to))
    else:
        answer = PURPOSES[purpose](request, services, signed_in, kept)
    # The address holds a code: nobody is told it, spent as it is.
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@router.get("/login/continue")
def ask_to_continue(
    request: Request, services: CurrentServices, unverified_next: Next = "/me"
) -> Response:
    """Name the service, what it receives and for whom, before a session opens here."""
    try:
        session = _unconfirmed_session(request, services)
    except SessionEndedError:
        return RedirectResponse(login_address(own_path(unverified_next)), HTTPStatus.SEE_OTHER)
    return render(
        request.scope,
        "continue.html",
        session=session,
        name=name_in(session.claims),
        received=OWN_CLAIMS,
        acting=Visitor(session, identity_of(services), services.clock()).acting,
        return_to=own_path(unverified_next),
    )


@router.post("/login/continue")
def confirm(request: Request, services: CurrentServices, form: UnverifiedForm) -> Response:
    """Open the session that he said he wants."""
    identity, at = identity_of(services), services.clock()
    session = _unconfirmed_session(request, services)
    _verify_own_form(request, services, session, form)
    confirmed, cookie = identity.sessions.confirm(session, at=at)
    identity.leaving.history.note_own(confirmed, at=at)
    answer = RedirectResponse(own_path(form.text("next")), HTTPStatus.SEE_OTHER)
    set_cookie(answer, session_cookie(identity.platform.client_id), cookie)
    drop_cookie(answer, unconfirmed_cookie(identity.platform.client_id))
    return answer


@router.post("/login/other")
def sign_in_as_somebody_else(
    request: Request, services: CurrentServices, form: UnverifiedForm
) -> Response:
    """End the provider's session, since it lets nobody change the name in it, and ask anew."""
    identity, at = identity_of(services), services.clock()
    session = _unconfirmed_session(request, services)
    _verify_own_form(request, services, session, form)
    return_to = own_path(form.text("next"))
    answer: Response = RedirectResponse(login_address(return_to), HTTPStatus.SEE_OTHER)
    if identity.admin is not None and session.session_id is not None:
        identity.admin.end_session(session.session_id)
    else:
        browser = know_browser(request, services, answer)
        state = identity.returns.keep(return_to, browser=browser, at=at)
        # Without the ID token, which would tell the address what it says of the person.
        answer.headers["Location"] = identity.platform.logout_address(
            id_token=None,
            return_to=f"{services.settings.origin}{AGAIN}",
            state=state,
            at=at,
        )
    identity.sessions.end(session)
    drop_cookie(answer, unconfirmed_cookie(identity.platform.client_id))
    return answer


@router.get(AGAIN)
def login_again(request: Request, services: CurrentServices, state: str = "") -> Response:
    """Sign in anew; had the provider's session not ended, "continue as …" would show it."""
    identity = identity_of(services)
    browser = cookie_of(request.scope, browser_cookie(identity.platform.client_id)) or ""
    try:
        return_to = identity.returns.take(state, browser, at=services.clock())
    except UnknownAttemptError:
        return_to = "/me"
    return RedirectResponse(login_address(return_to), HTTPStatus.SEE_OTHER)


@router.get("/login/resume/{unverified_id}")
def resume(
    unverified_id: str, request: Request, services: CurrentServices, visitor: CurrentVisitor
) -> Response:
    """Give back the form that waited for the step-up, to be sent with one button."""
    identity = identity_of(services)
    form = identity.kept_forms.look_at(unverified_id, visitor.session, at=services.clock())
    return render(request.scope, "resume.html", form=form)


@router.get("/me")
def me(request: Request, visitor: CurrentVisitor) -> Response:
    """Show who is signed in, how surely, and for whom he acts."""
    doors = OFFICERS_DOORS + DOORS if visitor.officer else DOORS
    return render(request.scope, "me.html", session=visitor.session, doors=doors)


def _open_session(
    request: Request, services: Services, signed_in: SignedIn, kept: KeptAttempt
) -> Response:
    answer = RedirectResponse(kept.return_to, HTTPStatus.SEE_OTHER)
    open_session(request, services, signed_in, answer)
    return answer


def _ask_before_opening(
    _: Request, services: Services, signed_in: SignedIn, kept: KeptAttempt
) -> Response:
    identity, at = identity_of(services), services.clock()
    session, cookie = identity.sessions.open(signed_in, at=at, confirmed=False)
    resume_acting(services, session)
    query = urlencode({"next": kept.return_to})
    answer = RedirectResponse(f"/login/continue?{query}", HTTPStatus.SEE_OTHER)
    set_cookie(answer, unconfirmed_cookie(identity.platform.client_id), cookie)
    return answer


def _show_provider(
    request: Request, services: Services, error: LoginError, kept: KeptAttempt
) -> Response:
    if error.reason is not LoginReason.LOGIN_REQUIRED:
        return _say_refused(request, services, error, kept)
    return start_sign_in(request, services, SignInRequest(), return_to=kept.return_to)


def _say_refused(request: Request, _: Services, error: LoginError, kept: KeptAttempt) -> Response:
    _log.warning("sign_in_refused", reason=error.reason, error=error.error, fault=error.fault)
    why = error.reason if error.reason in EXPLAINED else "other"
    return render_refused(request, why=why, return_to=kept.return_to)


PURPOSES.update({SESSION: _open_session, SILENT: _ask_before_opening})
REFUSALS.update({SILENT: _show_provider})


def _party(identity: Identity, kept: KeptAttempt) -> RelyingParty:
    parties = {party.client_id: party for party in (identity.platform, identity.approvals)}
    return parties[kept.client_id]


def _unconfirmed_session(request: Request, services: Services) -> WebSession:
    identity = identity_of(services)
    cookie = cookie_of(request.scope, unconfirmed_cookie(identity.platform.client_id))
    return identity.sessions.find_unconfirmed(cookie, at=services.clock())


def _verify_own_form(
    request: Request, services: Services, session: WebSession, form: VerifiedForm
) -> None:
    verify_same_origin(request, services)
    session.verify_csrf(form.text(CSRF_FIELD))
