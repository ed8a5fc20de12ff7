"""Who calls `/v1/certificates`: somebody signed in, or a department's own system by its token.

A system shows an access token that the identity server gave it for itself. What it may do is said
twice, by the token and by the file that was applied here, and both must agree.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeAlias

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from api.deps import CurrentServices, current_visitor
from api.problems import ApiError
from api.visitors import Visitor
from api.web_sessions import identity_of
from api.wiring import Services
from certs.catalogue import CertificateType
from idp.errors import InvalidTokenError, NotPermittedError
from idp.faults import TokenFault
from idp.systems import Permission, System
from idp.tokens import verify_access_token

_BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class CallingSystem:
    """A department's own system, as its access token and its file prove it."""

    system: System
    scopes: frozenset[str]
    """What this very token may be used for."""
    at: datetime

    @property
    def account(self) -> str:
        """What it is called where an officer's account would stand."""
        return self.system.account

    def verify_may(self, permission: Permission) -> None:
        """Raise `ApiError` unless both its token and its file say so."""
        if permission.value not in self.scopes or permission not in self.system.may:
            raise ApiError("insufficient_scope")

    def authority_for(self, _: CertificateType, named: str | None) -> str:
        """Return its own authority (USCC); raise `NotPermittedError` if another is named."""
        if named not in {None, self.system.authority}:
            raise NotPermittedError("another authority")
        return self.system.authority


def bearer_token(unverified_header: str) -> str:
    """Return the token of an `Authorization` header; raise `InvalidTokenError` if it has none."""
    if not has_bearer(unverified_header):
        raise InvalidTokenError(TokenFault.MALFORMED)
    return unverified_header[len(_BEARER) :].strip()


def has_bearer(unverified_header: str) -> bool:
    """Whether an `Authorization` header is meant to hold a token."""
    return unverified_header[: len(_BEARER)].lower() == _BEARER


def find_system(unverified_header: str, services: Services) -> CallingSystem:
    """Return the system that shows this header.

    Raise `InvalidTokenError`, `ProviderUnavailableError`; `NotPermittedError` for a person's token,
    a client that is no system applied here, and an authority that is not its own.
    """
    identity, at = identity_of(services), services.clock()
    access = verify_access_token(
        bearer_token(unverified_header),
        provider=identity.provider,
        audience=services.settings.identity.api_audience,
        at=at,
    )
    if access.session_id is not None:
        raise NotPermittedError("a person's")
    system = identity.systems.find(access.client_id)
    if system is None:
        raise NotPermittedError("no system")
    if access.authority != system.authority:
        raise NotPermittedError("another authority")
    return CallingSystem(system, access.scopes, at)


async def _current_caller(request: Request, services: CurrentServices) -> Visitor | CallingSystem:
    authorization = request.headers.get("authorization", "")
    if has_bearer(authorization):  # then no cookie counts, so no other site can use one
        return await run_in_threadpool(find_system, authorization, services)
    return await current_visitor(request, services)


Caller: TypeAlias = Visitor | CallingSystem
CurrentCaller = Annotated[Caller, Depends(_current_caller)]
"""Somebody signed in, or a system; 401 for anybody else."""
