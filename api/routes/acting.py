"""`/v1/acting`: for whom a sign-in acts, told to the portal that shows its access token."""

from typing import Annotated

from fastapi import APIRouter, Header, Response

from api.bearers import bearer_token
from api.deps import CurrentServices
from api.schemas.acting import KeySetOut
from api.web_sessions import identity_of
from idp.acting import AccessClaims
from idp.subjects import STATE_MAY_BE_OLD_IN_OUTAGE
from idp.tokens import verify_access_token

router = APIRouter(tags=["acting"])

JWT = "application/jwt"
JWKS_SECONDS = 300
"""As long as a portal may keep the key set: a new key is published long before it is used."""


@router.get(
    "/v1/acting",
    response_class=Response,
    responses={200: {"content": {JWT: {"schema": {"type": "string"}}}}},
)
def acting(
    services: CurrentServices, authorization: Annotated[str, Header(max_length=20_000)] = ""
) -> Response:
    """Answer a statement for the portal alone: `sub` the principal, `act.sub` whoever acts."""
    identity, at = identity_of(services), services.clock()
    people = identity.people
    access: AccessClaims = verify_access_token(
        bearer_token(authorization),
        provider=identity.provider,
        audience=services.settings.identity.api_audience,
        at=at,
    )
    session_id = access.session_id
    chosen = None if session_id is None else people.choices.of_session(session_id, at=at)
    mandate = None
    if chosen is not None and chosen.mandate_id is not None:
        # Never "himself" instead of a mandate that ended just now: the portal would go on with
        # what it began for another.
        mandate = people.representation.current(
            chosen.mandate_id, at=at, outage=STATE_MAY_BE_OLD_IN_OUTAGE
        )
    return Response(people.statements.issue(access, mandate, at=at), media_type=JWT)


@router.get("/.well-known/zhengyin-jwks.json")
def acting_keys(services: CurrentServices, response: Response) -> KeySetOut:
    """Answer the keys that such statements are checked with (RFC 7517)."""
    response.headers["Cache-Control"] = f"public, max-age={JWKS_SECONDS}"
    return KeySetOut.model_validate(identity_of(services).people.statements.jwks())
