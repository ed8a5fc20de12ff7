"""Pages without sign-in: home, verify, trust, for departments, and a visitor's preferences."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from api.deps import CurrentServices
from api.messages import Language
from api.problems import STATUS_OF, ApiError
from api.rendering import LANGUAGE_COOKIE, LARGE_PRINT, PRINT_COOKIE, render
from api.uploads import read_upload
from verify.errors import VerifyError
from verify.policy import POLICIES
from verify.report import OUTCOMES

router = APIRouter(include_in_schema=False)

PREFERENCE_SECONDS = 365 * 24 * 3600


@router.get("/")
def home(request: Request) -> Response:
    """Show what can be done here."""
    return render(request.scope, "home.html")


@router.get("/verify")
def verify_form(request: Request) -> Response:
    """Show the form that takes a file."""
    return render(request.scope, "verify.html", fault=None)


@router.post("/verify")
async def verify_upload(request: Request, services: CurrentServices) -> Response:
    """Show the verdict on the uploaded file; a file that cannot be tried shows the form again."""
    try:
        unverified_file = await read_upload(request)
        report = await run_in_threadpool(services.verify, unverified_file)
    except (VerifyError, ApiError) as error:
        if error.code not in STATUS_OF:
            raise
        return render(
            request.scope,
            "verify.html",
            status=STATUS_OF[error.code],
            fault=error.code,
        )
    return render(
        request.scope,
        "report.html",
        report=report,
        other_reasons=[code for code in report.reason_codes if code is not report.reason_code],
        outcomes=OUTCOMES,
    )


@router.get("/trust")
def trust(request: Request, services: CurrentServices) -> Response:
    """Show the anchors, the policies, and how to check without us."""
    return render(
        request.scope,
        "trust.html",
        anchors=services.trust.anchors(at=services.clock()).seal,
        policies=POLICIES.values(),
    )


@router.get("/trust/roots.pem")
def trust_roots(services: CurrentServices) -> Response:
    """Answer the anchors as PEM, roots only."""
    return PlainTextResponse(services.trust.export_roots(), media_type="application/x-pem-file")


@router.get("/docs")
def documentation(request: Request) -> Response:
    """Show departments the machine interface."""
    return render(request.scope, "docs.html", schema=request.app.openapi())


@router.get("/problems/{code}")
def explain_problem(code: str, request: Request) -> Response:
    """Show what the `type` of a problem means."""
    if code not in STATUS_OF:
        raise ApiError("not_found")
    return render(request.scope, "error.html", code=code)


@router.get("/preferences")
def prefer(
    *,
    services: CurrentServices,
    lang: Annotated[Language | None, Query()] = None,
    large: Annotated[bool | None, Query()] = None,
    to: Annotated[str, Query(max_length=200)] = "/",
) -> Response:
    """Keep the visitor's language or size of print and go back to where he was."""
    # A path of this site only: "//host" and "/\host" would lead away.
    if not to.startswith("/") or to[1:2] in {"/", "\\"}:
        to = "/"
    answer = RedirectResponse(to, HTTPStatus.SEE_OTHER)
    chosen = {}
    if lang is not None:
        chosen[LANGUAGE_COOKIE] = lang.value
    if large is not None:
        chosen[PRINT_COOKIE] = LARGE_PRINT if large else ""
    for name, value in chosen.items():
        answer.set_cookie(
            name,
            value,
            max_age=PREFERENCE_SECONDS,
            secure=services.settings.is_https,
            httponly=True,
            samesite="lax",
        )
    return answer
