"""The officers' desk: who may do what with which drafts.

An officer sees the drafts he wrote, as long as he holds the drafting post of their authority, and
those that lie with an authority whose sealing post he holds. Of any other draft he is not told
whether it exists.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends

from api.deps import CurrentServices, CurrentVisitor
from api.drafting import Drafting
from api.office import Office
from api.problems import ApiError
from api.visitors import Visitor
from certs.approval_requests import ApprovalRequest, SeenDraft, UnknownApprovalRequestError
from certs.authorities import IssuingAuthority
from certs.catalogue import CertificateType
from certs.draft_entries import EDITABLE, CertificateDraft, DraftState, UnknownDraftError
from certs.entries import ECertificate
from certs.errors import DrawingError, Fault, InvalidOrderError, NotEntitledError
from idp.errors import AssuranceTooLowError, NotPermittedError
from idp.levels import AuthenticationLevel, IdentityLevel
from idp.officers import Officer, Officers, Post

SEALING_IDENTITY = IdentityLevel.SEEN
"""Who seals was seen as the real person; how he was, is the counter's business."""
SEALING_LEVEL = AuthenticationLevel.ONE_TIME_CODE
"""Of the fresh sign-in by which he approves."""
MOST_LISTED = 100
"""Of one queue on a page."""


@dataclass(frozen=True, slots=True)
class OfficersDesk:
    """The desk of one officer, now."""

    office: Office
    officers: Officers
    officer: Officer
    identity_level: IdentityLevel
    at: datetime

    @property
    def drafting(self) -> Drafting:
        """The office's drafts."""
        return self.office.drafting

    @property
    def account(self) -> str:
        """The officer's account."""
        return self.officer.account

    def may_draft_for(self) -> tuple[str, ...]:
        """Return the authorities (USCC) whose drafting post he holds."""
        return self.officer.authorities(Post.DRAFTING, at=self.at)

    def may_seal_for(self) -> tuple[str, ...]:
        """Return the authorities (USCC) whose sealing post he holds."""
        return self.officer.authorities(Post.SEALING, at=self.at)

    def choices(self) -> list[tuple[IssuingAuthority, CertificateType]]:
        """Return what he may draft: each type in its latest version, for each authority."""
        latest = {kind.code: kind for kind in self.office.catalogue}
        found = []
        for authority in self.office.authorities:
            if authority.uscc in self.may_draft_for():
                found += [
                    (authority, kind) for kind in latest.values() if _is_entitled(authority, kind)
                ]
        return found

    def authority_for(self, kind: CertificateType, named: str | None) -> str:
        """Return the authority (USCC) he drafts this type for: the one named, or his only one.

        Raise `NotPermittedError` for none, `ApiError` if there are several and none is named.
        """
        if named is None:
            found = {authority.uscc for authority, own in self.choices() if own.code == kind.code}
            if len(found) > 1:
                raise ApiError("invalid_request", [{"pointer": "/authority", "code": "required"}])
            named = found.pop() if found else ""
        self.verify_may_draft(named)
        return named

    def verify_may_draft(self, authority_uscc: str) -> None:
        """Raise `NotPermittedError` unless he holds the drafting post there."""
        self.officer.verify_holds(Post.DRAFTING, authority_uscc, at=self.at)

    def verify_may_seal(self, authority_uscc: str) -> None:
        """Raise unless he may seal there: `NotPermittedError`, `AssuranceTooLowError`."""
        self.officer.verify_holds(Post.SEALING, authority_uscc, at=self.at)
        if self.identity_level < SEALING_IDENTITY:
            raise AssuranceTooLowError(SEALING_IDENTITY)

    def own_draft(self, unverified_id: str) -> CertificateDraft:
        """Return a draft of his own; raise `UnknownDraftError`."""
        draft = self.drafting.drafts.get(unverified_id)
        if not self._wrote(draft):
            raise UnknownDraftError
        return draft

    def draft_to_seal(self, unverified_id: str) -> CertificateDraft:
        """Return a draft that lies, or lay, with an authority he seals for.

        Raise `UnknownDraftError`, and `AssuranceTooLowError` for too low an identity level.
        """
        draft = self.drafting.drafts.get(unverified_id)
        if not self._handed_to(draft):
            raise UnknownDraftError
        self.verify_may_seal(draft.authority)
        return draft

    def draft(self, unverified_id: str) -> CertificateDraft:
        """Return a draft he may see, of his own or to be sealed; raise `UnknownDraftError`."""
        draft = self.drafting.drafts.get(unverified_id)
        if not self._wrote(draft) and not self._handed_to(draft):
            raise UnknownDraftError
        return draft

    def own_drafts(self) -> list[CertificateDraft]:
        """Return what he wrote, last changed first."""
        drafts = self.drafting.drafts.of_drafter(
            self.officer.account, states=DraftState, limit=MOST_LISTED
        )
        return [draft for draft in drafts if self._wrote(draft)]

    def waiting(self) -> list[CertificateDraft]:
        """Return what waits for his decision, who waits longest first."""
        drafts = self.drafting.drafts.waiting(self.may_seal_for(), limit=MOST_LISTED)
        return [draft for draft in drafts if draft.drafter != self.officer.account]

    def faults(self, draft: CertificateDraft) -> tuple[Fault, ...]:
        """Return all that speaks against handing a draft on, a page that cannot be drawn too."""
        try:
            order = self.drafting.drafts.order_of(draft, at=self.at)
            self.drafting.drafts.draw(order, sample=self.office.drawn_as_sample, form="svg")
        except InvalidOrderError as error:
            return error.faults
        except DrawingError as error:
            return (Fault("", error.code),)
        return ()

    def ask_for_approval(self, seen: Sequence[SeenDraft]) -> ApprovalRequest:
        """Begin the approval of drafts he saw; raise what `ApprovalRequests.open` raises."""
        for one in seen:
            self.draft_to_seal(one.draft_id)
        return self.drafting.requests.open(seen, officer=self.officer.account, at=self.at)

    def request(self, unverified_id: str) -> ApprovalRequest:
        """Return a request of his own; raise `UnknownApprovalRequestError`."""
        request = self.drafting.requests.get(unverified_id, at=self.at)
        if request.officer != self.officer.account:
            raise UnknownApprovalRequestError
        return request

    def certificates(self, drafts: Iterable[str]) -> dict[str, ECertificate]:
        """Return the certificates that drafts became, by the drafts' ids."""
        return self.office.register.get_all(list(drafts))

    def name_of(self, account: str | None) -> str:
        """Return what an officer is called, "" for one who left."""
        if account is None:
            return ""
        if account == self.officer.account:
            return self.officer.name
        found = self.officers.of_account(account, at=self.at)
        return "" if found is None else found.name

    def _wrote(self, draft: CertificateDraft) -> bool:
        own = draft.drafter == self.officer.account
        return own and draft.authority in self.may_draft_for()

    def _handed_to(self, draft: CertificateDraft) -> bool:
        return draft.state not in EDITABLE and draft.authority in self.may_seal_for()


def _is_entitled(authority: IssuingAuthority, kind: CertificateType) -> bool:
    try:
        authority.require_entitled(kind)
    except NotEntitledError:
        return False
    return True


def holder_names(draft: CertificateDraft) -> str:
    """Return whom a draft is about, as it was typed; "" for nobody yet."""
    holders = draft.typed.get("holders")
    names = [
        str(holder["name"])
        for holder in (holders if isinstance(holders, list) else [])
        if isinstance(holder, dict) and holder.get("name")
    ]
    return "、".join(names)


def faults_as_errors(faults: Iterable[Fault]) -> list[dict[str, str]]:
    """Return faults as the machine interface tells them."""
    return [{"pointer": f.pointer, "code": f.code, "detail": f.detail} for f in faults]


def _desk(services: CurrentServices, visitor: CurrentVisitor) -> OfficersDesk:
    return desk_of(services.office, visitor)


def desk_of(office: Office, visitor: Visitor) -> OfficersDesk:
    """Return the visitor's desk; raise `NotPermittedError` for somebody without a post."""
    if visitor.officer is None:
        raise NotPermittedError("no post")
    return OfficersDesk(
        office=office,
        officers=visitor.identity.officers,
        officer=visitor.officer,
        identity_level=visitor.identity_level,
        at=visitor.at,
    )


CurrentDesk = Annotated[OfficersDesk, Depends(_desk)]
"""The desk of the officer who is signed in; 403 for anybody else."""
