"""Drafts in an office: a drafter, a sealing officer, and what becomes of what they do."""

import json
from dataclasses import dataclass
from uuid import uuid4

from simulators.approvals import DRAFTER, SEALER, id_token
from simulators.office import MARKET_BUREAU, PUBLIC_URL, Office

from certs.approval_requests import (
    ApprovalRequest,
    ApprovalRequests,
    ApprovedRequest,
    FreshSignIn,
    SeenDraft,
)
from certs.approved_sealing import ApprovedSealing
from certs.draft_entries import CertificateDraft, Typed
from certs.drafts import Drafts
from certs.drawing import Drawing
from hsm.approvals import SealingApproval
from hsm.permits import DraftRef


@dataclass(frozen=True, slots=True)
class Desk:
    """The officers' desk of an office."""

    office: Office
    drafts: Drafts
    requests: ApprovalRequests
    sealing: ApprovedSealing

    @classmethod
    def of(cls, office: Office) -> "Desk":
        """Return the desk over an office."""
        drafts = Drafts(
            office.transactions,
            office.cipher,
            catalogue=office.catalogue,
            authorities=office.authorities,
            drawing=Drawing(public_url=PUBLIC_URL, site_name="示例平台"),
        )
        requests = ApprovalRequests(office.transactions, office.cipher, drafts)
        sealing = ApprovedSealing(
            drafts=drafts,
            requests=requests,
            issuance=office.issuance,
            reservations=office.reservations,
            approval_of=_approval_of,
        )
        return cls(office, drafts, requests, sealing)

    def typed(self, slug: str = "food-business-licence", **changes: object) -> Typed:
        """Return the type's sample as somebody types it, with `changes` to its members."""
        folder = self.office.catalogue.find(slug).folder
        sample: dict[str, object] = json.loads((folder / "sample.json").read_bytes()) | changes
        portrait = sample.pop("portrait", None)
        return Typed(sample, None if portrait is None else str(portrait))

    def drafted(
        self,
        typed: Typed | None = None,
        *,
        slug: str = "food-business-licence",
        authority: str = MARKET_BUREAU,
        drafter: str = DRAFTER,
    ) -> CertificateDraft:
        """Return a new draft."""
        return self.drafts.create(
            uuid4().hex,
            certificate_type=self.office.catalogue.find(slug),
            authority_uscc=authority,
            drafter=drafter,
            typed=typed or self.typed(slug),
            at=self.office.at,
        )

    def submitted(
        self,
        typed: Typed | None = None,
        *,
        slug: str = "food-business-licence",
        authority: str = MARKET_BUREAU,
    ) -> CertificateDraft:
        """Return a new draft that was handed on."""
        return self.submit(self.drafted(typed, slug=slug, authority=authority))

    def submit(self, draft: CertificateDraft) -> CertificateDraft:
        """Hand a draft on."""
        return self.drafts.submit(
            draft.id, drafter=draft.drafter, revision=draft.revision, sample=True, at=self.office.at
        )

    def ask(self, *drafts: CertificateDraft, officer: str = SEALER) -> ApprovalRequest:
        """Ask for the approval of drafts as they are."""
        return self.requests.open(
            [SeenDraft(draft.id, str(draft.draft_sm3)) for draft in drafts],
            officer=officer,
            at=self.office.at,
        )

    def sign_in(self, request: ApprovalRequest, **changes: object) -> FreshSignIn:
        """Return the sign-in that approves a request, with `changes`."""
        facts: dict[str, object] = {
            "officer": request.officer,
            "nonce": request.nonce,
            "authenticated_at": self.office.at,
            "id_token": id_token(request.officer, request.nonce, at=self.office.at),
        }
        return FreshSignIn(**(facts | changes))  # type: ignore[arg-type] # the test's own facts

    def approve(self, request: ApprovalRequest) -> ApprovalRequest:
        """Approve a request, without sealing anything yet."""
        return self.requests.approve(request.id, self.sign_in(request), at=self.office.at)

    def seal(self, *drafts: CertificateDraft) -> ApprovalRequest:
        """Take drafts from the question to their results."""
        request = self.approve(self.ask(*drafts))
        return self.sealing.finish(request.id, at=self.office.at)


def _approval_of(approved: ApprovedRequest) -> SealingApproval:
    drafters = {draft.id: draft.drafter for draft in approved.drafts}
    return SealingApproval(
        officer=approved.request.officer,
        authority=approved.drafts[0].authority,
        id_token=approved.id_token,
        drafts=tuple(
            DraftRef(seen.draft_id, seen.draft_sm3, drafters[seen.draft_id])
            for seen in approved.request.drafts
        ),
        asked_at=approved.request.requested_at,
    )
