"""The pages of a department's portal: its matters, and the way in and out.

The way in: `/login` asks the provider without a page. Where it knows nobody, its page is shown and
what comes back opens a session. Where it knows somebody, `/login/continue` first says who is who
and what this portal will be told. The way out: `/logout` for this portal; the platform's page for
all of them; `/logout/backchannel` when the person left somewhere else.
"""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from demo.portal_parts import PortalParts
from demo.portal_rendering import SecurityHeaders, language_of, render, style_sheet
from idp.attempts import KeptAttempt, KeptForm
from idp.errors import (
    CrossSiteError,
    LoginError,
    NotSignedInError,
    ProviderUnavailableError,
    SessionEndedError,
    UnknownAttemptError,
)
from idp.faults import LoginReason
from idp.login import Prompt, SignedIn, SignInRequest
from idp.logout import answer_logout
from idp.portals import CALLBACK, Matter
from idp.return_paths import own_path
from idp.sessions import (
    SECRET_LENGTH,
    WebSession,
    browser_cookie,
    new_secret,
    session_cookie,
    unconfirmed_cookie,
)

SESSION, SILENT = "session", "silent"
CSRF_FIELD = "csrf_token"
LONGEST_TEXT = 2_000
"""Of a field that somebody fills in."""

Fields = dict[str, str]


async def read_form(request: Request) -> Fields:
    """Return the fields of a form; of several of one name the last."""
    async with request.form(max_files=0, max_fields=20) as form:
        return {name: str(value)[:LONGEST_TEXT] for name, value in form.items()}


Form = Annotated[Fields, Depends(read_form)]
Next = Annotated[str, Query(alias="next")]


def create_portal(parts: PortalParts) -> FastAPI:
    """Return the portal as an application."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.parts = parts
    app.add_middleware(SecurityHeaders, provider_origin=parts.provider_origin)
    pages = PortalPages(parts)
    pages.add_to(app)
    return app


class PortalPages:
    """The pages over their parts."""

    def __init__(self, parts: PortalParts) -> None:
        """Serve `parts`."""
        self._parts = parts
        client_id = parts.portal.client
        self._session_cookie = session_cookie(client_id)
        self._browser_cookie = browser_cookie(client_id)
        self._unconfirmed_cookie = unconfirmed_cookie(client_id)

    def add_to(self, app: FastAPI) -> None:
        """Put every page at its address."""
        gets: dict[str, Callable[..., object]] = {
            "/": self.home,
            "/portal.css": self.style,
            "/login": self.login,
            CALLBACK: self.callback,
            "/login/continue": self.ask_to_continue,
            "/login/again": self.login_again,
            "/login/resume/{form_id}": self.resume,
            "/matters/{code}": self.matter,
            "/logout/done": self.left,
        }
        posts: dict[str, Callable[..., object]] = {
            "/login/continue": self.confirm,
            "/login/other": self.somebody_else,
            "/matters/{code}": self.send,
            "/logout": self.leave,
            "/logout/backchannel": self.backchannel,
        }
        for path, page in gets.items():
            app.add_api_route(path, page, methods=["GET"], response_model=None)
        for path, page in posts.items():
            app.add_api_route(path, page, methods=["POST"], response_model=None)
        app.add_exception_handler(NotSignedInError, self._answer_not_signed_in)
        app.add_exception_handler(SessionEndedError, self._answer_not_signed_in)
        app.add_exception_handler(ProviderUnavailableError, self._answer_unavailable)
        app.add_exception_handler(CrossSiteError, self._answer_cross_site)
        app.add_exception_handler(UnknownAttemptError, self._answer_unknown_attempt)

    # ---- what the portal is for ----

    def home(self, request: Request) -> Response:
        """Show the matters of the portal; nobody need sign in to read them."""
        return self._render(request, "home.html")

    def matter(self, code: str, request: Request) -> Response:
        """Show a matter with its form, what the portal was told, and for whom it would be."""
        session, matter = self._signed_in(request), self._matter(code)
        if matter is None:
            return self._not_found(request)
        acting = self._parts.acting.of(session, at=self._parts.clock())
        return self._render(request, "matter.html", matter=matter, acting=acting, sent=None)

    def send(self, code: str, request: Request, form: Form) -> Response:
        """Take the form, from somebody who signed in surely enough and was checked enough."""
        session, matter = self._signed_in(request), self._matter(code)
        self._verify_form(request, session, form)
        if matter is None:
            return self._not_found(request)
        at = self._parts.clock()
        if session.level < matter.authentication:
            fields = tuple((n, v) for n, v in form.items() if n != CSRF_FIELD)
            kept = self._parts.kept_forms.keep(KeptForm(request.url.path, fields), session, at=at)
            sign_in = SignInRequest(level=matter.authentication)
            return self._start(request, sign_in, SESSION, f"/login/resume/{kept}")
        if session.identity_level < matter.identity:
            return self._refused(request, "identity", f"/matters/{code}", HTTPStatus.FORBIDDEN)
        acting = self._parts.acting.of(session, at=at)
        sent = form.get("words", "")
        return self._render(request, "matter.html", matter=matter, acting=acting, sent=sent)

    def style(self) -> Response:
        """Answer the department's own look."""
        return Response(style_sheet(self._parts.portal.colours), media_type="text/css")

    # ---- the way in ----

    def login(self, request: Request, unverified_next: Next = "/") -> Response:
        """Ask the provider whether it knows this browser, without a page."""
        return_to = own_path(unverified_next)
        if self._session(request) is not None:
            return RedirectResponse(return_to, HTTPStatus.SEE_OTHER)
        sign_in = SignInRequest(level=self._parts.portal.authentication, prompt=Prompt.NONE)
        return self._start(request, sign_in, SILENT, return_to)

    def callback(self, request: Request) -> Response:
        """Finish what this browser began, once."""
        at = self._parts.clock()
        browser = request.cookies.get(self._browser_cookie, "")
        try:
            kept = self._parts.attempts.take(request.query_params.get("state", ""), browser, at=at)
        except UnknownAttemptError:
            if self._session(request) is None:
                raise
            return RedirectResponse("/", HTTPStatus.SEE_OTHER)  # the back button
        try:
            signed_in = self._parts.party.finish(kept.attempt, request.url.query, at=at)
        except LoginError as error:
            return self._answer_refusal(request, error, kept)
        if signed_in.claims.identity_level < self._parts.portal.identity:
            return self._refused(request, "identity", kept.return_to, HTTPStatus.FORBIDDEN)
        opened = self._open(request, signed_in, kept)
        # The address holds a code: nobody is told it, spent as it is.
        opened.headers["Referrer-Policy"] = "no-referrer"
        return opened

    def ask_to_continue(self, request: Request, unverified_next: Next = "/") -> Response:
        """Say who would enter, and what this portal would be told of him."""
        return_to = own_path(unverified_next)
        try:
            session = self._unconfirmed(request)
        except SessionEndedError:
            return RedirectResponse(_login_address(return_to), HTTPStatus.SEE_OTHER)
        acting = self._parts.acting.of(session, at=self._parts.clock())
        return self._render(
            request, "continue.html", unconfirmed=session, return_to=return_to, acting=acting
        )

    def confirm(self, request: Request, form: Form) -> Response:
        """Open the session that he said he wants."""
        session = self._unconfirmed(request)
        self._verify_form(request, session, form)
        _, cookie = self._parts.sessions.confirm(session, at=self._parts.clock())
        answer = RedirectResponse(own_path(form.get("next", "/")), HTTPStatus.SEE_OTHER)
        self._set(answer, self._session_cookie, cookie)
        self._drop(answer, self._unconfirmed_cookie)
        return answer

    def somebody_else(self, request: Request, form: Form) -> Response:
        """End the provider's session, since it lets nobody change the name in it, and ask anew.

        The provider asks once more, since it is not shown the ID token: that would stand in an
        address, with all it says of the person.
        """
        at = self._parts.clock()
        session = self._unconfirmed(request)
        self._verify_form(request, session, form)
        answer = Response(status_code=HTTPStatus.SEE_OTHER)
        browser = self._browser(request, answer)
        state = self._parts.returns.keep(own_path(form.get("next", "/")), browser=browser, at=at)
        answer.headers["Location"] = self._parts.party.logout_address(
            id_token=None,
            return_to=f"{self._parts.portal.home}/login/again",
            state=state,
            at=at,
        )
        self._parts.sessions.end(session)
        self._drop(answer, self._unconfirmed_cookie)
        return answer

    def login_again(self, request: Request, state: str = "") -> Response:
        """Sign in anew after the provider's session was ended."""
        browser = request.cookies.get(self._browser_cookie, "")
        try:
            return_to = self._parts.returns.take(state, browser, at=self._parts.clock())
        except UnknownAttemptError:
            return_to = "/"
        return RedirectResponse(_login_address(return_to), HTTPStatus.SEE_OTHER)

    def resume(self, form_id: str, request: Request) -> Response:
        """Give back the form that waited for a surer sign-in."""
        session = self._signed_in(request)
        form = self._parts.kept_forms.look_at(form_id, session, at=self._parts.clock())
        return self._render(request, "resume.html", form=form)

    # ---- the way out ----

    def leave(self, request: Request, form: Form) -> Response:
        """Leave this portal; the others, and the provider's session, go on."""
        session = self._session(request)
        if session is not None:
            self._verify_form(request, session, form)
            self._parts.sessions.end(session)
        answer = RedirectResponse("/logout/done", HTTPStatus.SEE_OTHER)
        self._drop(answer, self._session_cookie)
        return answer

    def left(self, request: Request) -> Response:
        """Say what was left and what was not."""
        return self._render(request, "left.html")

    async def backchannel(self, request: Request) -> Response:
        """End the sessions that a logout token names."""
        receive = partial(self._parts.backchannel.receive, at=self._parts.clock())
        told = await run_in_threadpool(answer_logout, receive, await request.body())
        return Response(told.body, told.status, told.headers)

    # ---- parts of the above ----

    def _start(
        self, request: Request, sign_in: SignInRequest, purpose: str, return_to: str
    ) -> Response:
        at, party = self._parts.clock(), self._parts.party
        sign_in = SignInRequest(
            level=sign_in.level, prompt=sign_in.prompt, language=language_of(request)
        )
        attempt, address = party.begin(sign_in, at=at)
        answer = RedirectResponse(address, HTTPStatus.SEE_OTHER)
        self._parts.attempts.keep(
            attempt,
            browser=self._browser(request, answer),
            client_id=party.client_id,
            return_to=return_to,
            purpose=purpose,
            at=at,
        )
        return answer

    def _open(self, request: Request, signed_in: SignedIn, kept: KeptAttempt) -> Response:
        at, sessions, present = self._parts.clock(), self._parts.sessions, self._session(request)
        if kept.purpose == SILENT:
            _, cookie = sessions.open(signed_in, at=at, confirmed=False)
            address = f"/login/continue?{urlencode({'next': kept.return_to})}"
            answer = RedirectResponse(address, HTTPStatus.SEE_OTHER)
            self._set(answer, self._unconfirmed_cookie, cookie)
            return answer
        if present is not None and present.account == signed_in.claims.account:
            _, cookie = sessions.step_up(present, signed_in, at=at)
        else:
            if present is not None:
                sessions.end(present)
            _, cookie = sessions.open(signed_in, at=at)
        answer = RedirectResponse(kept.return_to, HTTPStatus.SEE_OTHER)
        self._set(answer, self._session_cookie, cookie)
        return answer

    def _answer_refusal(self, request: Request, error: LoginError, kept: KeptAttempt) -> Response:
        if kept.purpose == SILENT and error.reason is LoginReason.LOGIN_REQUIRED:
            sign_in = SignInRequest(level=self._parts.portal.authentication)
            return self._start(request, sign_in, SESSION, kept.return_to)
        cancelled = error.reason is LoginReason.ACCESS_DENIED
        return self._refused(request, "cancelled" if cancelled else "refused", kept.return_to)

    def _session(self, request: Request) -> WebSession | None:
        cookie = request.cookies.get(self._session_cookie)
        try:
            return self._parts.sessions.find(cookie, at=self._parts.clock())
        except SessionEndedError:
            return None

    def _signed_in(self, request: Request) -> WebSession:
        """Return the session, after the provider was asked whether it goes on where that is due."""
        cookie = request.cookies.get(self._session_cookie, "")
        session = self._session(request)
        if session is None:
            raise NotSignedInError
        session = self._parts.refresher.refreshed(session, cookie, at=self._parts.clock())
        request.state.session = session
        return session

    def _unconfirmed(self, request: Request) -> WebSession:
        cookie = request.cookies.get(self._unconfirmed_cookie)
        return self._parts.sessions.find_unconfirmed(cookie, at=self._parts.clock())

    def _verify_form(self, request: Request, session: WebSession, form: Fields) -> None:
        if request.headers.get("origin") != self._parts.portal.home:
            raise CrossSiteError
        session.verify_csrf(form.get(CSRF_FIELD, ""))

    def _matter(self, code: str) -> Matter | None:
        return self._parts.portal.matter(code)

    def _browser(self, request: Request, answer: Response) -> str:
        known = request.cookies.get(self._browser_cookie, "")
        if len(known) == SECRET_LENGTH:
            return known
        browser = new_secret()
        self._set(answer, self._browser_cookie, browser)
        return browser

    @staticmethod
    def _set(answer: Response, name: str, value: str) -> None:
        answer.set_cookie(name, value, path="/", secure=True, httponly=True, samesite="lax")

    @staticmethod
    def _drop(answer: Response, name: str) -> None:
        answer.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")

    def _render(
        self,
        request: Request,
        template: str,
        status: HTTPStatus = HTTPStatus.OK,
        **context: object,
    ) -> Response:
        session = getattr(request.state, "session", None) or self._session(request)
        return render(request, template, self._parts, session, status=status, **context)

    def _refused(
        self,
        request: Request,
        why: str,
        return_to: str,
        status: HTTPStatus = HTTPStatus.BAD_REQUEST,
    ) -> Response:
        again = _login_address(return_to)
        return self._render(request, "refused.html", status=status, why=why, again=again)

    def _not_found(self, request: Request) -> Response:
        return self._refused(request, "not_found", "/", HTTPStatus.NOT_FOUND)

    def _answer_not_signed_in(self, request: Request, _: Exception) -> Response:
        path = request.url.path if request.method == "GET" else "/"
        return RedirectResponse(_login_address(own_path(path)), HTTPStatus.SEE_OTHER)

    def _answer_unavailable(self, request: Request, _: Exception) -> Response:
        path = own_path(request.url.path) if request.method == "GET" else "/"
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return self._render(request, "refused.html", status=status, why="unavailable", again=path)

    def _answer_cross_site(self, request: Request, _: Exception) -> Response:
        return self._refused(request, "cross_site", "/", HTTPStatus.FORBIDDEN)

    def _answer_unknown_attempt(self, request: Request, _: Exception) -> Response:
        return self._refused(request, "unknown", "/")


def _login_address(return_to: str) -> str:
    return f"/login?{urlencode({'next': return_to})}"
