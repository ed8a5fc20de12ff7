"""What a page answers when it lacks something of its visitor: that he signs in, or more surely.

The machine interface answers the same errors as problems: nobody there can be led anywhere.
"""

from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from api.deps import MACHINE_PATHS, VerifiedForm, verified_form
from api.identity import Identity
from api.problems import STATUS_OF, answer_problem
from api.rendering import render
from api.visitors import Visitor, address_of
from api.web_sessions import identity_of, start_sign_in
from api.wiring import Services
from idp.attempts import KeptForm
from idp.errors import (
    AssuranceTooLowError,
    IdentityError,
    NotSignedInError,
    ProviderUnavailableError,
    SessionEndedError,
)
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.login import SignInRequest
from idp.second_factors import ONE_TIME_CODE, PASSKEY

_MEANS = {
    AuthenticationLevel.PASSWORD: frozenset({"password", PASSKEY}),
    AuthenticationLevel.ONE_TIME_CODE: frozenset({ONE_TIME_CODE, PASSKEY}),
    AuthenticationLevel.PASSKEY: frozenset({PASSKEY}),
}
"""What each level can be reached with."""


def install_sign_in_answers(app: FastAPI) -> None:
    """Lead people to the sign-in and back to where they were; say so where that cannot be."""
    for error in (NotSignedInError, SessionEndedError):
        app.add_exception_handler(error, _answer_not_signed_in)
    app.add_exception_handler(AssuranceTooLowError, _answer_assurance_too_low)
    app.add_exception_handler(ProviderUnavailableError, _answer_provider_unavailable)


def login_address(return_to: str) -> str:
    """Return the address that signs somebody in and leads back to a path of ours."""
    return f"/login?{urlencode({'next': return_to})}"


def render_refused(request: Request, *, why: str, return_to: str) -> Response:
    """Say why nobody is signed in now, and offer to try again."""
    return render(
        request.scope,
        "sign_in_refused.html",
        status=HTTPStatus.BAD_REQUEST,
        why=why,
        again=login_address(return_to),
    )


def render_unavailable(request: Request, *, again: str) -> Response:
    """Say that the sign-in service does not answer, what that means, and offer to try again."""
    status = STATUS_OF[ProviderUnavailableError.code]
    return render(request.scope, "sign_in_unavailable.html", status=status, again=again)


def _answer_not_signed_in(request: Request, error: Exception) -> Response:
    if _is_machine(request):
        return answer_problem(request.scope, getattr(error, "code", NotSignedInError.code))
    return RedirectResponse(login_address(_here(request)), HTTPStatus.SEE_OTHER)


def _answer_provider_unavailable(request: Request, _: Exception) -> Response:
    if _is_machine(request):
        return answer_problem(request.scope, ProviderUnavailableError.code)
    return render_unavailable(request, again=_here(request))


async def _answer_assurance_too_low(request: Request, error: Exception) -> Response:
    needs = getattr(error, "needs", AuthenticationLevel.PASSKEY)
    if _is_machine(request):
        word = needs.claim if isinstance(needs, IdentityLevel) else needs.acr
        errors = [{"pointer": "", "code": word}]
        return answer_problem(request.scope, AssuranceTooLowError.code, errors=errors)
    visitor: Visitor = request.state.visitor
    if isinstance(needs, IdentityLevel):
        return render(
            request.scope,
            "identity_too_low.html",
            status=HTTPStatus.FORBIDDEN,
            needs=needs,
            has=visitor.identity_level,
        )
    form = None if request.method == "GET" else await verified_form(request, visitor)
    return await run_in_threadpool(_step_up, request, visitor, needs, form)


def _step_up(
    request: Request, visitor: Visitor, level: AuthenticationLevel, form: VerifiedForm | None
) -> Response:
    """Ask for a surer sign-in; what was typed waits here, encrypted, for this session alone."""
    services: Services = request.app.state.services
    identity = identity_of(services)
    if _cannot_reach(identity, visitor.account, level):
        return render(
            request.scope, "no_second_factor.html", status=HTTPStatus.FORBIDDEN, needs=level
        )
    return_to = _here(request)
    if form is not None:
        kept = KeptForm(_with_query(request, request.url.path), form.fields)
        form_id = identity.kept_forms.keep(kept, visitor.session, at=services.clock())
        return_to = f"/login/resume/{form_id}"
    return start_sign_in(request, services, SignInRequest(level=level), return_to=return_to)


def _cannot_reach(identity: Identity, account: str, level: AuthenticationLevel) -> bool:
    """Whether he has nothing to sign in so surely with: the provider's page would be a dead end."""
    if identity.admin is None:
        return False
    try:
        kinds = {credential.type for credential in identity.admin.credentials(account)}
    except IdentityError:
        return False  # the provider's page says what it has to say
    return not kinds & _MEANS[level]


def _here(request: Request) -> str:
    path = address_of(request.scope)
    return _with_query(request, path) if request.method == "GET" else path


def _with_query(request: Request, path: str) -> str:
    return f"{path}?{request.url.query}" if request.url.query else path


def _is_machine(request: Request) -> bool:
    return request.url.path.startswith(MACHINE_PATHS)
