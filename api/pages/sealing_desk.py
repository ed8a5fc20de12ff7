"""The desk of officers who seal: what waits, a draft beside its data, return or approve."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import APIRouter, Depends, Request, Response

from api.approvals import begin_approval, lead_to_results, page_of
from api.deps import CurrentForm, CurrentServices, verified_form
from api.desk import CurrentDesk, OfficersDesk
from api.form_words import FormWords
from api.messages import messages
from api.pages.draft_facts import facts_of
from api.pages.officers_desk import redirect, row_of
from api.rendering import language_of, render
from certs.approval_requests import (
    SEALED,
    ApprovalRequest,
    OwnDraftError,
    RequestState,
    SeenDraft,
)
from certs.draft_entries import (
    CertificateDraft,
    DraftChangedError,
    DraftState,
    DraftStateError,
    UnknownDraftError,
)
from certs.errors import InvalidOrderError

router = APIRouter(prefix="/office/sealing", include_in_schema=False)

SECONDS_BETWEEN_LOOKS = 2
"""How often the page of results loads itself while sealing goes on."""
_REFUSED_TO_ASK = (
    DraftChangedError,
    DraftStateError,
    InvalidOrderError,
    OwnDraftError,
    UnknownDraftError,
)


@router.get("")
def waiting_page(request: Request, desk: CurrentDesk) -> Response:
    """Show what waits to be sealed, by authority."""
    return _list(request, desk)


def _list(
    request: Request,
    desk: OfficersDesk,
    *,
    fault: str | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    for authority in desk.may_seal_for():
        desk.verify_may_seal(authority)
    rows: dict[str, list[Mapping[str, object]]] = {}
    for draft in desk.waiting():
        rows.setdefault(draft.authority, []).append(row_of(desk, request, draft))
    return render(
        request.scope,
        "office/waiting.html",
        status=status,
        authorities=[(desk.office.authorities.find(uscc), found) for uscc, found in rows.items()],
        fault=fault,
    )


@router.get("/drafts/{draft_id}")
def look_page(draft_id: str, request: Request, desk: CurrentDesk) -> Response:
    """Show a draft: the page as it will be, and what it says, side by side."""
    return _look(request, desk, desk.draft_to_seal(draft_id))


def _look(  # noqa: PLR0913 - all that the page can say
    request: Request,
    desk: OfficersDesk,
    draft: CertificateDraft,
    *,
    reason: str = "",
    fault: str | None = None,
    changed: bool = False,
) -> Response:
    language = language_of(request.scope)
    refused = HTTPStatus.CONFLICT if changed else HTTPStatus.UNPROCESSABLE_ENTITY
    return render(
        request.scope,
        "office/look.html",
        status=refused if changed or fault else HTTPStatus.OK,
        draft=draft,
        row=row_of(desk, request, draft),
        facts=facts_of(desk, draft, language) if draft.state is DraftState.SUBMITTED else None,
        own=draft.drafter == desk.officer.account,
        reason=reason,
        fault=fault,
        changed=changed,
    )


@router.post("/drafts/{draft_id}/return")
def return_draft(draft_id: str, request: Request, desk: CurrentDesk, form: CurrentForm) -> Response:
    """Give a draft back with a reason."""
    draft = desk.draft_to_seal(draft_id)
    reason = form.text("reason")
    try:
        desk.drafting.drafts.return_(
            draft.id,
            officer=desk.officer.account,
            reason=reason,
            seen_sm3=form.text("seen"),
            at=desk.at,
        )
    except InvalidOrderError as error:
        words = FormWords(messages(language_of(request.scope)))
        return _look(request, desk, draft, reason=reason, fault=words.fault(error.faults[0]))
    except DraftChangedError:
        return _look(request, desk, draft, reason=reason, changed=True)
    except DraftStateError:
        return redirect("/office/sealing")
    return redirect("/office/sealing")


@router.post("/requests")
def ask_for_approval(request: Request, desk: CurrentDesk, form: CurrentForm) -> Response:
    """Begin the approval of the drafts that were chosen, as they were seen."""
    seen = [
        SeenDraft(draft_id, draft_sm3)
        for draft_id, _, draft_sm3 in (value.partition(":") for value in form.texts("seen"))
    ]
    if not seen:
        return _list(request, desk, fault="nothing_chosen", status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        asked = desk.ask_for_approval(seen)
    except _REFUSED_TO_ASK as error:
        return _list(request, desk, fault=error.code, status=HTTPStatus.CONFLICT)
    return redirect(page_of(asked.id))


@router.get("/requests/{request_id}")
def request_page(request_id: str, request: Request, desk: CurrentDesk) -> Response:
    """Show what is about to be approved; afterwards how far it is, and each result."""
    asked = desk.request(request_id)
    drafts = desk.drafting.drafts.get_all(asked.results)
    certificates = desk.certificates(asked.results)
    results = [asked.results[draft_id] for draft_id in drafts]
    answer = render(
        request.scope,
        "office/request.html",
        asked=asked,
        authority=desk.office.authorities.find(next(iter(drafts.values())).authority),
        rows=[
            {
                **row_of(desk, request, draft),
                "result": asked.results[draft.id],
                "certificate": certificates.get(draft.id),
            }
            for draft in drafts.values()
        ],
        sealed=results.count(SEALED),
        ended=len(results) - results.count(None),
        minutes=_minutes_left(desk, asked),
    )
    if asked.state is RequestState.APPROVED:
        answer.headers["Refresh"] = str(SECONDS_BETWEEN_LOOKS)
    return answer


def _minutes_left(desk: OfficersDesk, asked: ApprovalRequest) -> int:
    left = asked.expires_at - desk.at
    return max(0, -(-int(left.total_seconds()) // 60))


@router.get("/requests/{request_id}/sign-in")
def sign_in(
    request_id: str, request: Request, desk: CurrentDesk, services: CurrentServices
) -> Response:
    """Send the officer to sign in afresh: that is his approval."""
    return begin_approval(request, services, desk.request(request_id))


@router.post("/requests/{request_id}/continue", dependencies=[Depends(verified_form)])
def continue_sealing(request_id: str, desk: CurrentDesk, services: CurrentServices) -> Response:
    """Go on with what was approved and could not be finished."""
    return lead_to_results(services, desk.request(request_id).id)
