"""Leaving one service or all, and what became of it; a person's sign-ins; "this was not me"."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.deps import (
    CurrentForm,
    CurrentServices,
    CurrentVisitor,
    VerifiedForm,
    read_form,
    verify_same_origin,
)
from api.history_export import Exported, to_csv, to_json
from api.identity import Identity
from api.messages import messages
from api.rendering import language_of, render
from api.visitors import cookie_of
from api.web_sessions import drop_cookie, identity_of, set_cookie
from api.wiring import Services
from idp.departures import Departure, Scope, form_secret, open_services, verify_form
from idp.history import KEPT_FOR, PAGE, SignIn
from idp.logout_relay import Relay, RelayState
from idp.sessions import REFRESH_EVERY, OpenSession, session_cookie

router = APIRouter(include_in_schema=False)

DONE = "/logout/done"
MOST_PAGES = 1_000
UnverifiedForm = Annotated[VerifiedForm, Depends(read_form)]


class Outcome(StrEnum):
    """What became of a service that was open."""

    LEFT = "left"
    WAITING = "waiting"
    """It was not reached yet, and is tried on."""
    NOT_REACHED = "not_reached"
    """It is tried no more; it finds out by itself."""
    PROVIDER_AWAY = "provider_away"
    """The provider does not know yet, and tells nobody."""


@dataclass(frozen=True, slots=True)
class OpenService:
    """A service as a page shows it."""

    name: str
    home: str | None = None
    outcome: Outcome | None = None


@router.get("/logout")
def logout() -> Response:
    """Show what there is to leave."""
    return RedirectResponse("/services", HTTPStatus.SEE_OTHER)


@router.get("/services")
def services_page(request: Request, services: CurrentServices, visitor: CurrentVisitor) -> Response:
    """List the services open in this sign-in, and offer to leave this one or all."""
    open_clients = _open_clients(identity_of(services), visitor.session)
    listed = None if open_clients is None else _named(request, services, open_clients)
    return render(request.scope, "services.html", listed=listed)


@router.post("/logout")
def leave(services: CurrentServices, visitor: CurrentVisitor, form: CurrentForm) -> Response:
    """Leave this service, or all of this sign-in."""
    identity, at, session = identity_of(services), services.clock(), visitor.session
    scope = Scope.ALL if form.text("scope") == Scope.ALL else Scope.THIS
    departures = identity.leaving.departures
    secret = departures.begin(session, scope, _open_clients(identity, session), at=at)
    identity.sessions.end(session)
    answer: Response = RedirectResponse(DONE, HTTPStatus.SEE_OTHER)
    if scope is Scope.ALL:
        if session.session_id is not None:
            identity.people.choices.forget(session.session_id)
        if identity.admin is None:
            answer = _leave_at_provider(services, session, at=at)
        else:
            departures.tell(identity.admin, at=at)
    set_cookie(answer, _departure_cookie(identity), secret)
    drop_cookie(answer, session_cookie(identity.platform.client_id))
    return answer


@router.get(DONE)
def done(request: Request, services: CurrentServices) -> Response:
    """Show what became of each service; looking again tries again what was not reached."""
    identity = identity_of(services)
    secret = cookie_of(request.scope, _departure_cookie(identity))
    departure = identity.leaving.departures.find(secret, at=services.clock())
    if departure is None or secret is None:
        return render(request.scope, "left.html", departure=None)
    if departure.scope is Scope.ALL:
        departure = _settle(services, departure, secret)
    listed = None if departure.services is None else _results(request, services, departure)
    return render(
        request.scope,
        "left.html",
        departure=departure,
        listed=listed,
        form_secret=form_secret(secret),
        minutes=REFRESH_EVERY.seconds // 60,
    )


@router.post("/logout/rest")
def leave_the_rest(request: Request, services: CurrentServices, form: UnverifiedForm) -> Response:
    """Leave the other services as well, after this one was left alone."""
    verify_same_origin(request, services)
    identity, at = identity_of(services), services.clock()
    secret = cookie_of(request.scope, _departure_cookie(identity))
    departures = identity.leaving.departures
    if secret is not None and departures.find(secret, at=at) is not None:
        verify_form(form.text("leaving"), secret)
        departures.extend(secret)
    return RedirectResponse(DONE, HTTPStatus.SEE_OTHER)


# ---- history ----


@router.get("/me/history")
def history(
    request: Request,
    services: CurrentServices,
    visitor: CurrentVisitor,
    page: Annotated[int, Query(ge=1, le=MOST_PAGES)] = 1,
) -> Response:
    """Show a person his sign-ins, the newest first."""
    kept = identity_of(services).leaving.history
    found = kept.of_account(visitor.account, at=services.clock(), page=page - 1)
    return render(
        request.scope,
        "history.html",
        entries=_exported(request, services, found[:PAGE]),
        page=page,
        has_next=len(found) > PAGE,
        days=KEPT_FOR.days,
    )


@router.get("/me/history.csv")
def history_as_csv(
    request: Request, services: CurrentServices, visitor: CurrentVisitor
) -> Response:
    """Answer all of them as a table that any office program opens."""
    table = to_csv(_all(request, services, visitor.account), messages(language_of(request.scope)))
    return _download(table, "text/csv; charset=utf-8", "sign-ins.csv")


@router.get("/me/history.json")
def history_as_json(
    request: Request, services: CurrentServices, visitor: CurrentVisitor
) -> Response:
    """Answer all of them for programs."""
    table = to_json(_all(request, services, visitor.account))
    return _download(table, "application/json", "sign-ins.json")


@router.get("/me/history/alarm")
def ask_for_alarm(
    request: Request,
    services: CurrentServices,
    visitor: CurrentVisitor,
    unverified_entry: Annotated[str, Query(alias="entry", max_length=64)] = "",
) -> Response:
    """Say what "this was not me" does, before it is done."""
    kept = identity_of(services).leaving.history
    found = kept.find(visitor.account, unverified_entry, at=services.clock())
    entries = _exported(request, services, () if found is None else (found,))
    return render(request.scope, "alarm.html", entries=entries)


@router.post("/me/history/alarm")
def raise_alarm(services: CurrentServices, visitor: CurrentVisitor, form: CurrentForm) -> Response:
    """End every session of the account and shut it until the person comes to a counter."""
    identity, at = identity_of(services), services.clock()
    found = identity.leaving.history.find(visitor.account, form.text("entry"), at=at)
    alarms = identity.leaving.alarms
    alarms.report(visitor.account, None if found is None else found.id, at=at)
    if identity.admin is not None:
        alarms.enforce(identity.admin, at=at)
    answer = RedirectResponse("/me/history/alarm/done", HTTPStatus.SEE_OTHER)
    drop_cookie(answer, session_cookie(identity.platform.client_id))
    return answer


@router.get("/me/history/alarm/done")
def alarm_raised(request: Request) -> Response:
    """Say what happens next; nobody is signed in any more."""
    return render(request.scope, "alarm_raised.html")


# ---- parts ----


def _departure_cookie(identity: Identity) -> str:
    return f"__Host-{identity.platform.client_id}-leaving"


def _open_clients(identity: Identity, session: OpenSession) -> tuple[str, ...] | None:
    """Return the other clients of this sign-in; None when they cannot be learnt."""
    if identity.admin is None:
        return None
    own = {identity.platform.client_id, identity.approvals.client_id}
    found = open_services(identity.admin, session)
    return None if found is None else tuple(one for one in found if one not in own)


def _leave_at_provider(services: Services, session: OpenSession, *, at: datetime) -> Response:
    """Leave by RP-Initiated Logout 1.0: the only way with a provider that is not ours."""
    address = identity_of(services).platform.logout_address(
        id_token=session.tokens.id_token,
        return_to=f"{services.settings.origin}{DONE}",
        state=secrets.token_urlsafe(16),
        at=at,
    )
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


def _settle(services: Services, departure: Departure, secret: str) -> Departure:
    """Tell whoever was not told yet, within the few seconds that somebody waits for a page."""
    identity = identity_of(services)
    leaving, at = identity.leaving, services.clock()
    if not departure.is_done:
        if identity.admin is None:
            leaving.departures.confirm(secret, at=at)  # the provider sent him back
        else:
            leaving.departures.tell(identity.admin, at=at)
    if any(relay.is_retried for relay in leaving.relay.of_session(departure.session_id)):
        leaving.relay.pass_on(at=services.clock())
        leaving.relay.wait_until_tried(departure.session_id)
    return leaving.departures.find(secret, at=at) or departure


def _results(request: Request, services: Services, departure: Departure) -> list[OpenService]:
    clients = departure.services or ()
    if departure.scope is Scope.THIS:
        return _named(request, services, clients)
    told = identity_of(services).leaving.relay.of_session(departure.session_id)
    of_client = {relay.client_id: relay for relay in told}
    return [
        OpenService(
            _name(request, services, client),
            outcome=_outcome(of_client.get(client), is_done=departure.is_done),
        )
        for client in clients
    ]


def _outcome(relay: Relay | None, *, is_done: bool) -> Outcome:
    if relay is not None and relay.state is RelayState.LEFT:
        return Outcome.LEFT
    if relay is not None and relay.is_retried:
        return Outcome.WAITING
    return Outcome.NOT_REACHED if is_done else Outcome.PROVIDER_AWAY


def _named(request: Request, services: Services, clients: Sequence[str]) -> list[OpenService]:
    portals = identity_of(services).portals
    homes = {portal.client: portal.home for portal in portals}
    return [OpenService(_name(request, services, one), homes.get(one)) for one in clients]


def _name(request: Request, services: Services, client_id: str) -> str:
    identity, language = identity_of(services), language_of(request.scope)
    if client_id == identity.platform.client_id:
        return services.settings.site_name
    if client_id == identity.approvals.client_id:
        return messages(language)("page.services.approvals", site=services.settings.site_name)
    portal = identity.portals.find(client_id)
    if portal is None:
        return messages(language)("page.services.unknown", client=client_id)
    return portal.names.in_language(language)


def _all(request: Request, services: Services, account: str) -> list[Exported]:
    kept = identity_of(services).leaving.history
    return _exported(request, services, kept.of_account(account, at=services.clock()))


def _exported(request: Request, services: Services, found: Sequence[SignIn]) -> list[Exported]:
    names = {one: _name(request, services, one) for one in {entry.client_id for entry in found}}
    return [Exported(entry, names[entry.client_id]) for entry in found]


def _download(octets: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(octets, media_type=media_type, headers=headers)
