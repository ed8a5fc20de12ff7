"""Where the provider tells of a leaving (OpenID Connect Back-Channel Logout 1.0).

Tokens for the platform itself end sessions here; those for a portal are kept to be passed on, and
the caller does not wait for the portal.
"""

from functools import partial

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from api.deps import CurrentServices
from api.leaving import BACKCHANNEL
from api.web_sessions import identity_of
from idp.logout import answer_logout

router = APIRouter(include_in_schema=False)


@router.post(BACKCHANNEL)
async def leave_here(request: Request, services: CurrentServices) -> Response:
    """End the sessions that a logout token for us names."""
    receive = partial(identity_of(services).leaving.backchannel.receive, at=services.clock())
    answer = await run_in_threadpool(answer_logout, receive, await request.body())
    return Response(answer.body, answer.status, answer.headers)


@router.post(BACKCHANNEL + "/{unverified_client_id}")
async def leave_portal(
    unverified_client_id: str, request: Request, services: CurrentServices
) -> Response:
    """Take a logout token for one of the portals."""
    relay = identity_of(services).leaving.relay
    receive = partial(relay.receive, unverified_client_id, at=services.clock())
    answer = await run_in_threadpool(answer_logout, receive, await request.body())
    return Response(answer.body, answer.status, answer.headers)
