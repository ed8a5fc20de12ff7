"""What a page answers when it lacks something of its visitor: that he signs in, or more surely.

The machine interface answers the same errors as problems: nobody there can be led anywhere.
"""

from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from api.deps import MACHINE_PATHS
from api.problems import answer_problem
from api.visitors import address_of
from idp.errors import NotSignedInError, SessionEndedError


def install_sign_in_answers(app: FastAPI) -> None:
    """Lead those who are not signed in to the sign-in, and back to where they were."""
    for error in (NotSignedInError, SessionEndedError):
        app.add_exception_handler(error, _answer_not_signed_in)


def _answer_not_signed_in(request: Request, error: Exception) -> Response:
    if request.url.path.startswith(MACHINE_PATHS):
        return answer_problem(request.scope, getattr(error, "code", "not_signed_in"))
    path = address_of(request.scope)
    if request.method == "GET" and request.url.query:
        path = f"{path}?{request.url.query}"
    return RedirectResponse(f"/login?{urlencode({'next': path})}", HTTPStatus.SEE_OTHER)
