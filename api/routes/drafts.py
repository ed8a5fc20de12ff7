"""`/v1/drafts`: what the desk's pages do with drafts, for programs of officers."""

from http import HTTPStatus
from typing import Any
from uuid import uuid4

from fastapi import APIRouter

from api.desk import CurrentDesk, OfficersDesk, faults_as_errors
from api.schemas.drafts import DraftChangeIn, DraftIn, DraftLinks, DraftOut, ReturnIn
from api.schemas.problem import FaultOut
from certs.draft_entries import CertificateDraft, Typed
from certs.errors import DrawingError, InvalidOrderError

router = APIRouter(prefix="/v1/drafts", tags=["drafts"])


@router.post("", status_code=HTTPStatus.CREATED)
def create_draft(asked: DraftIn, desk: CurrentDesk) -> DraftOut:
    """Begin a draft. What is wrong with it is told and kept; to be handed on it must be whole."""
    kind = desk.office.catalogue.find(asked.type)
    authority = desk.authority_for(kind, asked.authority)
    draft = desk.drafting.drafts.create(
        uuid4().hex,
        certificate_type=kind,
        authority_uscc=authority,
        drafter=desk.officer.account,
        typed=_typed(asked.order),
        at=desk.at,
    )
    if asked.submit:
        try:
            draft = _submit(desk, draft)
        except (InvalidOrderError, DrawingError):
            desk.drafting.drafts.discard(draft.id, drafter=draft.drafter)
            raise
    return draft_out(desk, draft)


@router.get("/{draft_id}")
def get_draft(draft_id: str, desk: CurrentDesk) -> DraftOut:
    """Answer a draft of one's own, or one that lies with an authority one seals for."""
    return draft_out(desk, desk.draft(draft_id))


@router.put("/{draft_id}")
def change_draft(draft_id: str, asked: DraftChangeIn, desk: CurrentDesk) -> DraftOut:
    """Replace what was typed; a portrait that is not sent stays."""
    own = desk.own_draft(draft_id)
    draft = desk.drafting.drafts.save(
        own.id,
        _typed(asked.order),
        drafter=desk.officer.account,
        revision=asked.revision,
        at=desk.at,
    )
    return draft_out(desk, _submit(desk, draft) if asked.submit else draft)


@router.post("/{draft_id}/return")
def return_draft(draft_id: str, asked: ReturnIn, desk: CurrentDesk) -> DraftOut:
    """Give a submitted draft back to its drafter with a reason."""
    draft = desk.draft_to_seal(draft_id)
    returned = desk.drafting.drafts.return_(
        draft.id,
        officer=desk.officer.account,
        reason=asked.reason,
        seen_sm3=asked.draft_sm3 or draft.draft_sm3 or "",
        at=desk.at,
    )
    return draft_out(desk, returned)


def _typed(order: dict[str, Any]) -> Typed:
    """Return what was sent; a portrait that is no text stays among the rest, as a fault."""
    portrait = order.get("portrait")
    if not isinstance(portrait, str):
        return Typed(order)
    return Typed({key: value for key, value in order.items() if key != "portrait"}, portrait)


def _submit(desk: OfficersDesk, draft: CertificateDraft) -> CertificateDraft:
    return desk.drafting.drafts.submit(
        draft.id,
        drafter=desk.officer.account,
        revision=draft.revision,
        sample=desk.office.drawn_as_sample,
        at=desk.at,
    )


def draft_out(desk: OfficersDesk, draft: CertificateDraft) -> DraftOut:
    """Return a draft as it is answered."""
    certificate = desk.certificates([draft.id]).get(draft.id)
    faults = desk.faults(draft) if draft.typed else ()
    page = f"/office/drafts/{draft.id}"
    return DraftOut(
        id=draft.id,
        state=draft.state,
        revision=draft.revision,
        type=draft.type_code,
        type_version=draft.type_version,
        authority=draft.authority,
        drafter=draft.drafter,
        changed_at=draft.changed_at,
        submitted_at=draft.submitted_at,
        draft_sm3=draft.draft_sm3,
        reason=draft.reason,
        refusal=draft.refusal,
        number=None if certificate is None else certificate.number,
        order=dict(draft.typed),
        errors=[FaultOut(**error) for error in faults_as_errors(faults)],
        links=DraftLinks(
            self=f"/v1/drafts/{draft.id}",
            page=page,
            face=f"{page}/face.svg" if draft.typed and not faults else None,
        ),
    )
