"""How a seal keeper's authorisation comes about: filled in here, given at the provider, kept.

As with approvals (`api.approvals`): a pushed request for a fresh sign-in of level 2 that bears the
nonce of what is allowed. What was filled in waits with the attempt, on this side, and the ID token
names its digest; custody verifies both before the ledger has it.
"""

import json
from http import HTTPStatus

import structlog
from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from api.desk import SEALING_LEVEL
from api.rendering import render
from api.web_sessions import PURPOSES, identity_of, start_sign_in
from api.wiring import Services
from hsm.errors import (
    ApprovalRejectedError,
    LedgerUnavailableError,
    SignInUnverifiableError,
)
from hsm.permits import SealingAuthorisation
from idp.attempts import KeptAttempt
from idp.login import Prompt, SignedIn, SignInRequest

PURPOSE = "authorisation"
PAGE = "/office/authorisations"
REFUSALS = {
    ApprovalRejectedError.code: HTTPStatus.FORBIDDEN,
    SignInUnverifiableError.code: HTTPStatus.SERVICE_UNAVAILABLE,
    LedgerUnavailableError.code: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Why nothing was given, in words of the catalogue, and with which status that is said."""

_log = structlog.get_logger(__name__)


def begin_authorisation(
    request: Request, services: Services, authorisation: SealingAuthorisation, *, keeper: str
) -> Response:
    """Send the seal keeper to sign in afresh for what he filled in.

    Raise `ProviderUnavailableError`.
    """
    sign_in = SignInRequest(level=SEALING_LEVEL, prompt=Prompt.LOGIN, nonce=authorisation.nonce)
    return start_sign_in(
        request,
        services,
        sign_in,
        return_to=PAGE,
        purpose=f"{PURPOSE}:{json.dumps([keeper, authorisation.statement])}",
        party=identity_of(services).approvals,
    )


def complete(
    request: Request, services: Services, signed_in: SignedIn, kept: KeptAttempt
) -> Response:
    """Take a verified sign-in for the keeper's word; whoever else signed in gives nothing."""
    keeper, statement = json.loads(kept.purpose.partition(":")[2])
    authorisation = SealingAuthorisation.from_statement(statement)
    try:
        services.office.permissions.authorise(
            authorisation,
            keeper=keeper,
            id_token=signed_in.tokens.id_token,
            asked_at=kept.attempt.asked_at,
        )
    except (
        ApprovalRejectedError,
        LedgerUnavailableError,
        SignInUnverifiableError,
    ) as error:
        _log.warning("authorisation_refused", code=error.code, authorisation=authorisation.id)
        return render(
            request.scope,
            "office/not_authorised.html",
            status=REFUSALS[error.code],
            code=error.code,
        )
    _log.info("authorisation_given", authorisation=authorisation.id, keeper=keeper)
    return RedirectResponse(f"{PAGE}?given=true", HTTPStatus.SEE_OTHER)


PURPOSES[PURPOSE] = complete
