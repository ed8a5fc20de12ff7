"""The officers' desk: what waits for whom, and how a draft begins."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.deps import CurrentForm
from api.desk import CurrentDesk, OfficersDesk, holder_names
from api.form_reading import blank_order
from api.messages import Language
from api.rendering import language_of, render
from certs.catalogue import CertificateType
from certs.draft_entries import CertificateDraft, DraftState, Typed

router = APIRouter(prefix="/office", include_in_schema=False)


_IN_ORDER = (
    DraftState.RETURNED,
    DraftState.DRAFTING,
    DraftState.REFUSED,
    DraftState.SUBMITTED,
    DraftState.SEALING,
    DraftState.SEALED,
)
"""What there is to do first, then what others are at, then what is done."""


def redirect(path: str) -> Response:
    """Lead on after a form."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


def type_name(kind: CertificateType, language: Language) -> str:
    """Return what a type is called."""
    return kind.name_zh if language is Language.CHINESE else kind.name_en


@router.get("")
def desk_page(
    request: Request, desk: CurrentDesk, *, sent: Annotated[bool, Query()] = False
) -> Response:
    """Show what waits for this officer, by his posts."""
    own = desk.own_drafts()
    waiting = desk.waiting()
    ended = [d.id for d in own if d.state is DraftState.SEALED]
    return render(
        request.scope,
        "office/desk.html",
        sent=sent,
        posts=sorted({held.post.value for held in desk.officer.posts}),
        may_draft=bool(desk.may_draft_for()),
        may_seal=bool(desk.may_seal_for()),
        waiting=len(waiting),
        groups=[
            (state.value, [row_of(desk, request, draft) for draft in own if draft.state is state])
            for state in _IN_ORDER
        ],
        certificates=desk.certificates(ended),
    )


def row_of(desk: OfficersDesk, request: Request, draft: CertificateDraft) -> Mapping[str, object]:
    """Return what a queue shows of a draft."""
    kind = desk.drafting.drafts.type_of(draft)
    return {
        "draft": draft,
        "type": type_name(kind, language_of(request.scope)),
        "authority": desk.office.authorities.find(draft.authority).name,
        "holders": holder_names(draft),
        "drafter": desk.name_of(draft.drafter),
        "decided_by": desk.name_of(draft.decided_by),
    }


@router.get("/drafts/new")
def choose_type(request: Request, desk: CurrentDesk) -> Response:
    """Show which certificates this officer can draft."""
    language = language_of(request.scope)
    return render(
        request.scope,
        "office/new.html",
        draft_id=uuid4().hex,
        choices=[
            {
                "value": f"{authority.uscc}/{kind.code}",
                "type": type_name(kind, language),
                "authority": authority.name,
            }
            for authority, kind in desk.choices()
        ],
    )


@router.post("/drafts/new")
def begin_draft(desk: CurrentDesk, form: CurrentForm) -> Response:
    """Begin a draft; the same page sent twice begins it once."""
    chosen = form.text("choice")
    for authority, kind in desk.choices():
        if chosen == f"{authority.uscc}/{kind.code}":
            desk.verify_may_draft(authority.uscc)
            draft = desk.drafting.drafts.create(
                _new_id(form.text("draft")),
                certificate_type=kind,
                authority_uscc=authority.uscc,
                drafter=desk.officer.account,
                typed=Typed(blank_order(kind)),
                at=desk.at,
            )
            return redirect(f"/office/drafts/{draft.id}")
    return redirect("/office/drafts/new")


def _new_id(unverified_id: str) -> str:
    """Return the id that the page gave the draft, or another where it did not."""
    is_id = len(unverified_id) == len(uuid4().hex) and set(unverified_id) <= set("0123456789abcdef")
    return unverified_id if is_id else uuid4().hex
