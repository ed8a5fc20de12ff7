"""A draft on its page: the form of its type, what is wrong with it, the preview, handing it on.

Every post leads to a page that can be loaded again, so neither the back button nor a double click
does anything twice. What was typed is kept with its faults; where somebody sends an old page, the
form comes back as he typed it.
"""

import base64
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from api.deps import CurrentForm, VerifiedForm, verified_form
from api.desk import CurrentDesk, OfficersDesk
from api.form_reading import add_row, read_form, remove_row
from api.form_words import FormWords
from api.forms import element_id, make_form
from api.messages import messages
from api.pages.officers_desk import redirect, row_of
from api.problems import ApiError
from api.rendering import language_of, render
from certs.draft_entries import (
    EDITABLE,
    CertificateDraft,
    DraftChangedError,
    DraftState,
    DraftStateError,
    Typed,
)
from certs.errors import DrawingError, Fault, FaultyDataError, InvalidOrderError
from certs.portraits import parse_portrait, prepare_portrait
from signing.canonical import sm3

router = APIRouter(prefix="/office/drafts/{draft_id}", include_in_schema=False)

FACE_HEADERS = {"Content-Security-Policy": "default-src 'none'; img-src data:; sandbox"}
"""As for the drawing of the public page: opened by itself it runs nothing."""


@router.get("")
def draft_page(
    draft_id: str,
    request: Request,
    desk: CurrentDesk,
    *,
    check: Annotated[bool, Query()] = False,
    saved: Annotated[bool, Query()] = False,
) -> Response:
    """Show the form of a draft that can still be changed, or what became of it."""
    draft = desk.draft(draft_id)
    if draft.state not in EDITABLE:
        return _show(request, desk, draft)
    return _edit(request, desk, draft, faults=desk.faults(draft) if check else (), saved=saved)


def _edit(  # noqa: PLR0913 - all that the page can say
    request: Request,
    desk: OfficersDesk,
    draft: CertificateDraft,
    *,
    faults: Sequence[Fault] = (),
    saved: bool = False,
    typed: Mapping[str, object] | None = None,
    conflict: bool = False,
) -> Response:
    kind = desk.drafting.drafts.type_of(draft)
    words = FormWords(messages(language_of(request.scope)))
    made = make_form(kind, draft.typed if typed is None else typed, faults)
    return render(
        request.scope,
        "office/edit.html",
        status=HTTPStatus.CONFLICT if conflict else HTTPStatus.OK,
        draft=draft,
        row=row_of(desk, request, draft),
        form=made,
        words=words,
        summary=words.summary(made),
        saved=saved,
        conflict=conflict,
    )


def _show(
    request: Request, desk: OfficersDesk, draft: CertificateDraft, *, late: bool = False
) -> Response:
    return render(
        request.scope,
        "office/draft.html",
        status=HTTPStatus.CONFLICT if late else HTTPStatus.OK,
        late=late,
        draft=draft,
        row=row_of(desk, request, draft),
        certificate=desk.certificates([draft.id]).get(draft.id),
        own=draft.drafter == desk.officer.account,
    )


@router.post("")
def save_draft(draft_id: str, request: Request, desk: CurrentDesk, form: CurrentForm) -> Response:
    """Keep what was typed, and do what the button says: check it, add or remove a row."""
    draft = desk.own_draft(draft_id)
    typed, place = _typed(desk, draft, form)
    faults: Sequence[Fault] = ()
    portrait = None
    try:
        portrait = _portrait(form)
    except FaultyDataError as error:
        faults = error.faults
    drafts, drafter = desk.drafting.drafts, desk.officer.account
    try:
        saved = drafts.save(
            draft.id,
            Typed(typed, portrait),
            drafter=drafter,
            revision=_revision(form),
            at=desk.at,
        )
        if form.text("action") == "remove_portrait":
            drafts.remove_portrait(draft.id, drafter=drafter, revision=saved.revision, at=desk.at)
    except DraftChangedError:
        return _edit(request, desk, draft, typed=typed, conflict=True)
    except DraftStateError:
        return _show(request, desk, drafts.get(draft.id), late=True)
    if faults:
        return _edit(request, desk, saved, faults=faults)
    return _after(draft, form, place, sound=not desk.faults(saved))


def _after(draft: CertificateDraft, form: VerifiedForm, place: str, *, sound: bool) -> Response:
    page = f"/office/drafts/{draft.id}"
    if place:
        return redirect(f"{page}#{place}")
    if form.text("action") == "check":
        return redirect(f"{page}/preview" if sound else f"{page}?check=1")
    return redirect(f"{page}?saved=1")


def _typed(
    desk: OfficersDesk, draft: CertificateDraft, form: VerifiedForm
) -> tuple[dict[str, object], str]:
    """Return what was typed, and the element to go on at when a row came or went."""
    kind = desk.drafting.drafts.type_of(draft)
    verb, _, name = form.text("action").partition(":")
    if verb == "remove":
        list_name = name.rpartition("/")[0]
        return read_form(kind, remove_row(form.fields, name)), element_id(list_name)
    typed = read_form(kind, form.fields, keep_blank_rows=verb == "add")
    if verb == "add":
        return add_row(kind, typed, name), f"{element_id(name)}-end"
    return typed, "portrait" if verb == "remove_portrait" else ""


def _portrait(form: VerifiedForm) -> str | None:
    """Return the portrait made of an uploaded photograph; raise `FaultyDataError`."""
    unverified_picture = form.file("portrait")
    if unverified_picture is None:
        return None
    return base64.b64encode(prepare_portrait(unverified_picture)).decode()


def _revision(form: VerifiedForm) -> int:
    """Return which revision the page showed; what is no number is none that there is."""
    said = form.text("revision")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 10 else -1  # noqa: PLR2004 - fits any database


@router.get("/preview")
def preview_page(draft_id: str, request: Request, desk: CurrentDesk) -> Response:
    """Show the page as it will be, before it is handed on."""
    draft = desk.own_draft(draft_id)
    page = f"/office/drafts/{draft.id}"
    if draft.state not in EDITABLE:
        return redirect(page)
    if desk.faults(draft):
        return redirect(f"{page}?check=1")
    return render(
        request.scope,
        "office/preview.html",
        draft=draft,
        row=row_of(desk, request, draft),
    )


@router.post("/submit")
def submit_draft(draft_id: str, desk: CurrentDesk, form: CurrentForm) -> Response:
    """Hand the draft on to those who seal; a second click changes nothing."""
    draft = desk.own_draft(draft_id)
    page = f"/office/drafts/{draft.id}"
    try:
        desk.drafting.drafts.submit(
            draft.id,
            drafter=desk.officer.account,
            revision=_revision(form),
            sample=desk.office.drawn_as_sample,
            at=desk.at,
        )
    except (InvalidOrderError, DrawingError):
        return redirect(f"{page}?check=1")
    except DraftChangedError:
        return redirect(f"{page}/preview")
    except DraftStateError:
        return redirect(page)
    return redirect("/office?sent=1")


@router.post("/discard", dependencies=[Depends(verified_form)])
def discard_draft(draft_id: str, desk: CurrentDesk) -> Response:
    """Forget a draft that was never to be decided on."""
    draft = desk.own_draft(draft_id)
    try:
        desk.drafting.drafts.discard(draft.id, drafter=desk.officer.account)
    except DraftStateError:
        return redirect(f"/office/drafts/{draft.id}")
    return redirect("/office")


@router.post("/copy", dependencies=[Depends(verified_form)])
def copy_draft(draft_id: str, desk: CurrentDesk) -> Response:
    """Begin a new draft with what was typed into one whose order was given up."""
    draft = desk.own_draft(draft_id)
    if draft.state is not DraftState.REFUSED:
        raise DraftStateError(draft.state)
    drafts = desk.drafting.drafts
    copy = drafts.create(
        sm3(f"copy of {draft.id}".encode()).hex()[:32],  # clicked twice, it is one copy
        certificate_type=drafts.type_of(draft),
        authority_uscc=draft.authority,
        drafter=desk.officer.account,
        typed=Typed(draft.typed, drafts.portrait(draft)),
        at=desk.at,
    )
    return redirect(f"/office/drafts/{copy.id}")


@router.get("/face.svg")
def face(draft_id: str, desk: CurrentDesk) -> Response:
    """Answer the page as it will be, marked 草稿."""
    drawn = _draw(desk, desk.draft(draft_id), "svg")
    return Response(drawn, media_type="image/svg+xml", headers=FACE_HEADERS)


@router.get("/draft.pdf")
def face_as_pdf(draft_id: str, desk: CurrentDesk) -> Response:
    """Answer the same as PDF, to be printed or sent around."""
    drawn = _draw(desk, desk.draft(draft_id), "pdf")
    return Response(drawn, media_type="application/pdf")


def _draw(desk: OfficersDesk, draft: CertificateDraft, form: Literal["pdf", "svg"]) -> bytes:
    drafts = desk.drafting.drafts
    try:
        order = drafts.order_of(draft, at=desk.at)
        return drafts.draw(order, sample=desk.office.drawn_as_sample, form=form)
    except (InvalidOrderError, DrawingError):
        raise ApiError("not_found") from None


@router.get("/portrait.jpg")
def portrait(draft_id: str, desk: CurrentDesk) -> Response:
    """Answer the portrait that is kept, if it is one."""
    kept = desk.drafting.drafts.portrait(desk.draft(draft_id))
    try:
        jpeg = parse_portrait(kept or "")
    except FaultyDataError:
        raise ApiError("not_found") from None
    return Response(jpeg, media_type="image/jpeg")
