"""The seal keeper's desk: what may be sealed with nobody looking on, how often, until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import uuid4

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response

from api.authorising import PAGE, begin_authorisation
from api.days import read_day, start_of
from api.deps import CurrentForm, CurrentServices, VerifiedForm, verified_form
from api.desk import SEALING_IDENTITY, CurrentDesk, OfficersDesk
from api.pages.officers_desk import redirect, type_name
from api.problems import ApiError
from api.rendering import language_of, render
from certs.authorities import IssuingAuthority
from certs.catalogue import CertificateType
from certs.errors import NotEntitledError
from hsm.permits import (
    CHINA_TIME,
    LONGEST_AUTHORISATION,
    MOST_A_DAY,
    SealingAuthorisation,
    UnattendedUse,
)
from idp.errors import AssuranceTooLowError, IdentityError, NotPermittedError
from idp.officers import Post
from idp.separation import verify_may_authorise

router = APIRouter(prefix=PAGE, include_in_schema=False)

FIELDS = ("choice", "since", "until", "daily_cap")
LONGEST_FIELD = 100
USUAL_PERIOD = timedelta(days=90)
MOST_LISTED = 100
"""The latest; each takes a look at what it was used for today."""
RECALLED_BY_KEEPER = "by_seal_keeper"
"""The ledger's word for why an authorisation was recalled on this page."""

_log = structlog.get_logger(__name__)


class _TypedWrongError(Exception):
    """What was typed will not do; `faults` are words of the catalogue by field."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(", ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class KeepersDesk:
    """The desk of somebody who keeps seals."""

    desk: OfficersDesk
    authorities: tuple[str, ...]
    """Those (USCC) whose seals he keeps."""

    def may_give_for(self) -> tuple[str, ...]:
        """Return the authorities whose seals he may authorise; none for who drafts or seals."""
        found = []
        for authority in self.authorities:
            try:
                verify_may_authorise(self.desk.officer, authority, at=self.desk.at)
            except IdentityError:
                continue
            found.append(authority)
        return tuple(found)

    def verify_may_give(self) -> None:
        """Raise `NotPermittedError`, and `AssuranceTooLowError` for who was not seen."""
        if not self.may_give_for():
            raise NotPermittedError("drafts or seals himself")
        if self.desk.identity_level < SEALING_IDENTITY:
            raise AssuranceTooLowError(SEALING_IDENTITY)

    def choices(self) -> dict[str, tuple[IssuingAuthority, CertificateType]]:
        """Return what he may authorise: types that do not need two officers."""
        office, authorities = self.desk.office, self.may_give_for()
        latest = {kind.code: kind for kind in office.catalogue}
        return {
            f"{authority.uscc}/{kind.code}": (authority, kind)
            for authority in office.authorities
            if authority.uscc in authorities
            for kind in latest.values()
            if not kind.four_eyes and _is_entitled(authority, kind)
        }

    def given(self) -> list[UnattendedUse]:
        """Return what was ever given for these seals, the latest first."""
        uses = self.desk.office.permissions.authorisations()
        return [use for use in reversed(uses) if use.authorisation.authority in self.authorities]

    def name_of(self, use: UnattendedUse) -> str:
        """Return who gave it, "" for nobody who signed in."""
        if use.of_development:
            return ""
        return self.desk.officers.name_of(use.officer) or use.officer


def _keepers_desk(desk: CurrentDesk) -> KeepersDesk:
    authorities = desk.officer.authorities(Post.SEAL_KEEPING, at=desk.at)
    if not authorities:
        raise NotPermittedError("no post of seal keeping")
    return KeepersDesk(desk, authorities)


CurrentKeeper = Annotated[KeepersDesk, Depends(_keepers_desk)]
"""The desk of somebody with the post of seal keeping; 403 for anybody else."""


@router.get("")
def list_authorisations(
    request: Request,
    keeper: CurrentKeeper,
    *,
    given: Annotated[bool, Query()] = False,
    recalled: Annotated[bool, Query()] = False,
) -> Response:
    """Show all authorisations of the seals he keeps, and what was used of each today."""
    return render(
        request.scope,
        "office/authorisations.html",
        rows=[_row_of(request, keeper, use) for use in keeper.given()[:MOST_LISTED]],
        may_give=bool(keeper.may_give_for()),
        done="given" if given else "recalled" if recalled else "",
    )


@router.get("/new")
def new_authorisation(request: Request, keeper: CurrentKeeper) -> Response:
    """Show the form."""
    keeper.verify_may_give()
    today = keeper.desk.at.astimezone(CHINA_TIME).date()
    values = dict.fromkeys(FIELDS, "") | {
        "since": today.isoformat(),
        "until": (today + USUAL_PERIOD).isoformat(),
    }
    return _form_page(request, keeper, values, {})


@router.post("/new")
def give_authorisation(
    request: Request, keeper: CurrentKeeper, services: CurrentServices, form: CurrentForm
) -> Response:
    """Send him to sign in for what he filled in; what is wrong is said beside it."""
    keeper.verify_may_give()
    values = {name: form.text(name)[:LONGEST_FIELD] for name in FIELDS}
    try:
        authorisation = _read(keeper, form)
    except _TypedWrongError as error:
        return _form_page(request, keeper, values, error.faults)
    account = keeper.desk.officer.account
    return begin_authorisation(request, services, authorisation, keeper=account)


@router.post("/{number}/recall", dependencies=[Depends(verified_form)])
def recall_authorisation(number: int, keeper: CurrentKeeper) -> Response:
    """Stop one at once; no sign-in is asked for, stopping must be easy."""
    if number not in {use.number for use in keeper.given()}:
        raise ApiError("not_found")
    officer = keeper.desk.officer.account
    permissions = keeper.desk.office.permissions
    permissions.recall(number, officer=officer, reason=RECALLED_BY_KEEPER)
    _log.info("authorisation_recalled", row=number, keeper=officer)
    return redirect(f"{PAGE}?recalled=true")


def state_of(use: UnattendedUse, at: datetime) -> str:
    """Return a word for where an authorisation stands."""
    if use.recalled:
        return "recalled"
    if at >= use.authorisation.until:
        return "expired"
    return "in_force" if use.in_force(at) else "not_yet"


def _row_of(request: Request, keeper: KeepersDesk, use: UnattendedUse) -> Mapping[str, object]:
    office, terms, at = keeper.desk.office, use.authorisation, keeper.desk.at
    kinds = {kind.code: kind for kind in office.catalogue}
    kind = kinds.get(terms.type_code)
    names = {authority.uscc: authority.name for authority in office.authorities}
    return {
        "number": use.number,
        "type": type_name(kind, language_of(request.scope)) if kind else terms.type_code,
        "authority": names.get(terms.authority, terms.authority),
        "since": terms.since,
        "last_moment": terms.until - timedelta(microseconds=1),
        "daily_cap": terms.daily_cap,
        "used": office.permissions.used_today(use.number),
        "by": keeper.name_of(use),
        "state": state_of(use, at),
    }


def _form_page(
    request: Request, keeper: KeepersDesk, values: Mapping[str, str], faults: Mapping[str, str]
) -> Response:
    language = language_of(request.scope)
    return render(
        request.scope,
        "office/authorise.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK,
        values=values,
        faults={field: faults[field] for field in FIELDS if field in faults},
        choices={
            value: f"{type_name(kind, language)} · {authority.name}"
            for value, (authority, kind) in keeper.choices().items()
        },
        most=MOST_A_DAY,
        longest=LONGEST_AUTHORISATION.days,
    )


def _read(keeper: KeepersDesk, form: VerifiedForm) -> SealingAuthorisation:
    """Return what was filled in; raise `_TypedWrongError` with every fault of it."""
    faults: dict[str, str] = {}
    choice = keeper.choices().get(form.text("choice"))
    if choice is None:
        faults["choice"] = "choice"
    since, until = (_read_day(form, field, faults) for field in ("since", "until"))
    cap = form.text("daily_cap").strip()
    daily_cap = int(cap) if cap.isascii() and cap.isdecimal() and len(cap) < LONGEST_FIELD else 0
    if not 0 < daily_cap <= MOST_A_DAY:
        faults["daily_cap"] = "daily_cap"
    if since is not None and until is not None:
        faults |= _faults_of_period(since, until, keeper.desk.at)
    if faults or choice is None or since is None or until is None:
        raise _TypedWrongError(faults)
    authority, kind = choice
    return SealingAuthorisation(
        id=uuid4().hex,
        authority=authority.uscc,
        type_code=kind.code,
        # Not from before it is given.
        since=max(start_of(since), keeper.desk.at.replace(microsecond=0)),
        until=start_of(until + timedelta(days=1)),  # the last day is a day of it
        daily_cap=daily_cap,
    )


def _read_day(form: VerifiedForm, field: str, faults: dict[str, str]) -> date | None:
    day = read_day(form.text(field))
    if day is None:
        faults[field] = "day"
    return day


def _faults_of_period(since: date, until: date, at: datetime) -> dict[str, str]:
    today, faults = at.astimezone(CHINA_TIME).date(), {}
    if since < today:
        faults["since"] = "since_past"
    if until < since:
        faults["until"] = "until_before_since"
    elif until - since >= LONGEST_AUTHORISATION:
        faults["until"] = "too_long"
    return faults


def _is_entitled(authority: IssuingAuthority, kind: CertificateType) -> bool:
    try:
        authority.require_entitled(kind)
    except NotEntitledError:
        return False
    return True
