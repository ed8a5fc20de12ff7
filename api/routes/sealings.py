"""`/v1/sealings`: an officer's approval of drafts, begun here and given by a sign-in."""

from http import HTTPStatus

from fastapi import APIRouter

from api.approvals import page_of
from api.deps import CurrentServices
from api.desk import CurrentDesk
from api.schemas.drafts import DraftResultOut, SealingAskedOut, SealingIn, SealingOut
from certs.approval_requests import SeenDraft

router = APIRouter(prefix="/v1/sealings", tags=["drafts"])


@router.post("", status_code=HTTPStatus.ACCEPTED)
def ask_for_sealing(
    asked: SealingIn, desk: CurrentDesk, services: CurrentServices
) -> SealingAskedOut:
    """Begin the approval of drafts; the officer's browser goes to `sign_in` to give it."""
    seen = []
    for one in asked.drafts:
        if isinstance(one, str):
            # Named without a digest, a draft is approved as it is at this moment.
            seen.append(SeenDraft(one, desk.draft_to_seal(one).draft_sm3 or ""))
        else:
            seen.append(SeenDraft(one.id, one.draft_sm3))
    request = desk.ask_for_approval(seen)
    return SealingAskedOut(
        id=request.id,
        nonce=request.nonce,
        sign_in=f"{services.settings.origin}{page_of(request.id)}/sign-in",
    )


@router.get("/{request_id}")
def get_sealing(request_id: str, desk: CurrentDesk) -> SealingOut:
    """Answer how far an approval of one's own is, and what became of each draft."""
    request = desk.request(request_id)
    certificates = desk.certificates(request.results)
    return SealingOut(
        id=request.id,
        nonce=request.nonce,
        state=request.state,
        requested_at=request.requested_at,
        approved_at=request.approved_at,
        drafts=[
            DraftResultOut(
                id=seen.draft_id,
                draft_sm3=seen.draft_sm3,
                result=request.results[seen.draft_id],
                number=certificates[seen.draft_id].number
                if seen.draft_id in certificates
                else None,
            )
            for seen in request.drafts
        ],
    )
