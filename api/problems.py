"""Errors as RFC 9457 problem details: a code becomes a status and a translated sentence.

The packages below know codes only; this is the one place that knows HTTP and prose.
"""

import traceback
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Scope

from api.messages import Language, messages
from api.rendering import language_of, render
from api.visitors import remember_visitor
from certs.errors import CertsError, FaultyDataError
from hsm.errors import CustodyError
from idp.errors import IdentityError
from signing.errors import SigningError
from verify.errors import VerifyError

PROBLEM_JSON = "application/problem+json"
# Where a person can read what a `type` means; relative, so that it holds on every host.
TYPE_BASE = "/problems/"

_log = structlog.get_logger(__name__)

STATUS_OF: Mapping[str, HTTPStatus] = {
    "document_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "not_a_document": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "too_many": HTTPStatus.TOO_MANY_REQUESTS,
    "rate_limited": HTTPStatus.TOO_MANY_REQUESTS,
    "not_found": HTTPStatus.NOT_FOUND,
    "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "invalid_request": HTTPStatus.UNPROCESSABLE_ENTITY,
    "no_file": HTTPStatus.UNPROCESSABLE_ENTITY,
    "register_unreachable": HTTPStatus.SERVICE_UNAVAILABLE,
    "register_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "sandbox_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "not_ready": HTTPStatus.SERVICE_UNAVAILABLE,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
    "login_failed": HTTPStatus.BAD_REQUEST,
    "invalid_token": HTTPStatus.UNAUTHORIZED,
    "provider_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "not_signed_in": HTTPStatus.UNAUTHORIZED,
    "session_ended": HTTPStatus.UNAUTHORIZED,
    "unknown_attempt": HTTPStatus.BAD_REQUEST,
    "assurance_too_low": HTTPStatus.FORBIDDEN,
    "not_permitted": HTTPStatus.FORBIDDEN,
    "insufficient_scope": HTTPStatus.FORBIDDEN,
    "cross_site": HTTPStatus.FORBIDDEN,
    "invalid_name": HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid_document": HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid_matter": HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid_mandate": HTTPStatus.UNPROCESSABLE_ENTITY,
    "base_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "unknown_person": HTTPStatus.NOT_FOUND,
    "unknown_legal_person": HTTPStatus.NOT_FOUND,
    "data_differ": HTTPStatus.CONFLICT,
    "document_held": HTTPStatus.CONFLICT,
    "person_ended": HTTPStatus.FORBIDDEN,
    "legal_person_ended": HTTPStatus.FORBIDDEN,
    "unknown_mandate": HTTPStatus.NOT_FOUND,
    "mandate_ended": HTTPStatus.FORBIDDEN,
    "mandate_transition": HTTPStatus.CONFLICT,
    "matter_not_covered": HTTPStatus.FORBIDDEN,
    "organisation_missing": HTTPStatus.FORBIDDEN,
    "not_in_realm": HTTPStatus.NOT_FOUND,
    "already_in_realm": HTTPStatus.CONFLICT,
    "realm_refused": HTTPStatus.UNPROCESSABLE_ENTITY,
    "keycloak_not_started": HTTPStatus.SERVICE_UNAVAILABLE,
    "faulty_data": HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid_order": HTTPStatus.UNPROCESSABLE_ENTITY,
    "drawing_failed": HTTPStatus.UNPROCESSABLE_ENTITY,
    "not_entitled": HTTPStatus.FORBIDDEN,
    "unknown_type": HTTPStatus.UNPROCESSABLE_ENTITY,
    "unknown_authority": HTTPStatus.UNPROCESSABLE_ENTITY,
    "already_issued": HTTPStatus.CONFLICT,
    "order_void": HTTPStatus.CONFLICT,
    "seal_not_usable": HTTPStatus.CONFLICT,
    "numbers_exhausted": HTTPStatus.CONFLICT,
    "type_changed": HTTPStatus.CONFLICT,
    "four_eyes": HTTPStatus.FORBIDDEN,
    "unknown_draft": HTTPStatus.NOT_FOUND,
    "draft_state": HTTPStatus.CONFLICT,
    "draft_changed": HTTPStatus.CONFLICT,
    "own_draft": HTTPStatus.FORBIDDEN,
    "unknown_approval_request": HTTPStatus.NOT_FOUND,
    "approval_expired": HTTPStatus.CONFLICT,
    "approval_used": HTTPStatus.CONFLICT,
    "approval_mismatch": HTTPStatus.FORBIDDEN,
    "approval_rejected": HTTPStatus.FORBIDDEN,
    "not_approved": HTTPStatus.FORBIDDEN,
    "sign_in_unverifiable": HTTPStatus.SERVICE_UNAVAILABLE,
    "daily_cap_reached": HTTPStatus.TOO_MANY_REQUESTS,
    "malformed_mandate": HTTPStatus.UNPROCESSABLE_ENTITY,
    "posts_must_not_meet": HTTPStatus.CONFLICT,
    "invalid_organisation": HTTPStatus.UNPROCESSABLE_ENTITY,
    "organisation_changed": HTTPStatus.CONFLICT,
    "wrong_code": HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid_passkey": HTTPStatus.UNPROCESSABLE_ENTITY,
    "enrolment_over": HTTPStatus.GONE,
    "enrolment_under_way": HTTPStatus.CONFLICT,
    "account_shut": HTTPStatus.CONFLICT,
    "officers_account": HTTPStatus.FORBIDDEN,
    "account_alarmed": HTTPStatus.CONFLICT,
    "document_replaced": HTTPStatus.CONFLICT,
    "invalid_username": HTTPStatus.UNPROCESSABLE_ENTITY,
    "username_taken": HTTPStatus.CONFLICT,
}

_CHALLENGES: Mapping[str, str] = {
    "not_signed_in": "Bearer",
    "session_ended": "Bearer",
    "invalid_token": 'Bearer error="invalid_token"',
    "insufficient_scope": 'Bearer error="insufficient_scope"',
}
"""How programs may prove who they are (RFC 6750, 3)."""

_CODE_OF_STATUS = {
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
}


class ApiError(Exception):
    """A request that is refused here, before any package below is asked."""

    def __init__(self, code: str, errors: Sequence[Mapping[str, str]] = ()) -> None:
        """`code` is a key of `STATUS_OF`; `errors` point into the request."""
        super().__init__(code)
        self.code = code
        self.errors = errors


def problem(
    code: str,
    language: Language,
    *,
    status: HTTPStatus | None = None,
    errors: Sequence[Mapping[str, str]] = (),
) -> JSONResponse:
    """Return the problem `code` for machines, in `language`."""
    status = status or STATUS_OF[code]
    text = messages(language)(f"problem.{code}")
    body: dict[str, Any] = {
        "type": TYPE_BASE + code,
        "title": text,
        "status": status,
        "code": code,
        "detail": text,
        "errors": list(errors),
    }
    headers = {"Content-Language": language.value}
    return JSONResponse(body, status, headers, media_type=PROBLEM_JSON)


def answer_problem(
    scope: Scope,
    code: str,
    *,
    status: HTTPStatus | None = None,
    errors: Sequence[Mapping[str, str]] = (),
) -> Response:
    """Return `code` as a page for a browser that asked for one, else as a problem."""
    status = status or STATUS_OF[code]
    asks_for_page = "text/html" in Headers(scope=scope).get("accept", "")
    answer: Response
    if asks_for_page and not scope["path"].startswith("/v1/"):
        answer = render(scope, "error.html", status=status, code=code)
    else:
        answer = problem(code, language_of(scope), status=status, errors=errors)
        if code in _CHALLENGES:
            answer.headers["WWW-Authenticate"] = _CHALLENGES[code]
    return answer


def install_problems(app: FastAPI) -> None:
    """Make `app` answer every error as a problem; nothing of a traceback leaves the process."""
    for error in (CertsError, CustodyError, IdentityError, SigningError, VerifyError, ApiError):
        app.add_exception_handler(error, _answer_ours)
    app.add_exception_handler(RequestValidationError, _answer_invalid_request)
    app.add_exception_handler(HTTPException, _answer_http)


def _answer_ours(request: Request, error: Exception) -> Response:
    code = str(getattr(error, "code", "internal"))
    if code not in STATUS_OF:
        return answer_unexpected(request.scope, error)
    faults = [
        {"pointer": fault.pointer, "code": fault.code, "detail": fault.detail}
        for fault in (error.faults if isinstance(error, FaultyDataError) else ())
    ]
    return answer_problem(request.scope, code, errors=getattr(error, "errors", faults))


def _answer_invalid_request(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else ()
    errors = [
        {"pointer": "/" + "/".join(str(part) for part in fault["loc"]), "code": fault["type"]}
        for fault in faults
    ]
    return answer_problem(request.scope, "invalid_request", errors=errors)


def _answer_http(request: Request, error: Exception) -> Response:
    status = HTTPStatus(getattr(error, "status_code", HTTPStatus.INTERNAL_SERVER_ERROR))
    ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    code = _CODE_OF_STATUS.get(status, "internal" if ours else "invalid_request")
    remember_visitor(request.scope)
    answer = answer_problem(request.scope, code, status=status)
    answer.headers.update(getattr(error, "headers", None) or {})  # 405 names what is allowed
    return answer


def answer_unexpected(scope: Scope, error: Exception) -> Response:
    """Return what is said of an error nobody foresaw, and log where it came from."""
    # No words of it: they may quote what somebody sent.
    frames = traceback.extract_tb(error.__traceback__)
    _log.error(
        "unexpected_error",
        error=type(error).__qualname__,
        code=getattr(error, "code", ""),
        at=[f"{frame.filename}:{frame.lineno}" for frame in frames[-5:]],
    )
    return answer_problem(scope, "internal")
