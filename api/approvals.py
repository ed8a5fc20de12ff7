"""How a sealing officer's approval comes about: asked here, given at the provider, finished here.

1. `begin_approval` sends the browser to the provider by a pushed request: a fresh sign-in of level
   2 that bears the nonce of what is approved (decision 9);
2. the provider sends it back to `/login/callback`, where the sign-in is verified, and `complete`
   takes it for the officer's word: the request's own officer, nonce and time, identity level L3;
3. `finish` seals after the answer is on its way, and the page of the request shows how far it is;
   the custodian verifies the same ID token again by keys of its own.
"""

from http import HTTPStatus

import structlog
from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.background import BackgroundTask

from api.desk import SEALING_IDENTITY, SEALING_LEVEL
from api.problems import STATUS_OF
from api.rendering import render
from api.web_sessions import PURPOSES, identity_of, start_sign_in
from api.wiring import Services
from certs.approval_requests import (
    ApprovalExpiredError,
    ApprovalMismatchError,
    ApprovalRequest,
    ApprovalUsedError,
    FreshSignIn,
    RequestState,
    UnknownApprovalRequestError,
)
from certs.errors import CertsError
from hsm.errors import CustodyError
from idp.attempts import KeptAttempt
from idp.errors import NotPermittedError
from idp.login import Prompt, SignedIn, SignInRequest
from idp.officers import Post

PURPOSE = "approval"

_log = structlog.get_logger(__name__)


def page_of(request_id: str) -> str:
    """Return the page of a request: its drafts, then its results."""
    return f"/office/sealing/requests/{request_id}"


def begin_approval(request: Request, services: Services, asked: ApprovalRequest) -> Response:
    """Send the officer to sign in afresh for what he was asked.

    Raise `ApprovalExpiredError`, `ApprovalUsedError`, `ProviderUnavailableError`.
    """
    if asked.state is RequestState.EXPIRED:
        raise ApprovalExpiredError
    if asked.state is not RequestState.OPEN:
        raise ApprovalUsedError
    sign_in = SignInRequest(level=SEALING_LEVEL, prompt=Prompt.LOGIN, nonce=asked.nonce)
    return start_sign_in(
        request,
        services,
        sign_in,
        return_to=page_of(asked.id),
        purpose=f"{PURPOSE}:{asked.id}",
        party=identity_of(services).approvals,
    )


def complete(
    request: Request, services: Services, signed_in: SignedIn, kept: KeptAttempt
) -> Response:
    """Take a verified sign-in for the officer's word, and seal; nothing else follows from it."""
    request_id = kept.purpose.partition(":")[2]
    claims, at = signed_in.claims, services.clock()
    requests = services.office.drafting.requests
    try:
        asked = requests.get(request_id, at=at)
        _verify_may_approve(services, asked, signed_in)
        requests.approve(
            request_id,
            FreshSignIn(
                officer=claims.account,
                nonce=claims.nonce,
                authenticated_at=claims.authenticated_at,
                id_token=signed_in.tokens.id_token,
            ),
            at=at,
        )
    except ApprovalUsedError:
        return RedirectResponse(page_of(request_id), HTTPStatus.SEE_OTHER)
    except (
        ApprovalExpiredError,
        ApprovalMismatchError,
        NotPermittedError,
        UnknownApprovalRequestError,
    ) as error:
        _log.warning("approval_refused", code=error.code, request_id=request_id)
        return render(
            request.scope, "office/refused.html", status=STATUS_OF[error.code], code=error.code
        )
    return lead_to_results(services, request_id)


def lead_to_results(services: Services, request_id: str) -> Response:
    """Lead to the page of the request, and seal what it approved while that is on its way."""
    task = BackgroundTask(finish, services, request_id)
    return RedirectResponse(page_of(request_id), HTTPStatus.SEE_OTHER, background=task)


def finish(services: Services, request_id: str) -> None:
    """Seal what was approved; what cannot be finished now is left to be finished later."""
    try:
        services.office.drafting.sealing.finish(request_id, at=services.clock())
    except (CertsError, CustodyError) as error:
        _log.error("approval_not_finished", code=error.code, request_id=request_id)


def _verify_may_approve(services: Services, asked: ApprovalRequest, signed_in: SignedIn) -> None:
    """Raise `NotPermittedError` unless he holds the post now and was seen as the real person."""
    claims, at = signed_in.claims, services.clock()
    if claims.level < SEALING_LEVEL or claims.identity_level < SEALING_IDENTITY:
        raise NotPermittedError("level")
    officer = identity_of(services).officers.of_account(claims.account, at=at)
    if officer is None:
        raise NotPermittedError("no post")
    drafts = services.office.drafting.drafts.get_all(seen.draft_id for seen in asked.drafts)
    for authority in {draft.authority for draft in drafts.values()}:
        officer.verify_holds(Post.SEALING, authority, at=at)


PURPOSES[PURPOSE] = complete
