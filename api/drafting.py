"""The parts by which drafts become certificates, introduced to one another."""

from dataclasses import dataclass

from certs.approval_requests import ApprovalRequests, ApprovedRequest
from certs.approved_sealing import ApprovedSealing
from certs.authorities import Authorities
from certs.catalogue import Catalogue
from certs.database import Transactions
from certs.drafts import Drafts
from certs.drawing import Drawing
from certs.issuance import Issuance
from certs.reservation import Reservations
from certs.row_cipher import RowCipher
from hsm.approvals import SealingApproval
from hsm.permits import DraftRef


@dataclass(frozen=True, slots=True)
class Drafting:
    """Drafts, the requests for their approval, and what finishes those."""

    drafts: Drafts
    requests: ApprovalRequests
    sealing: ApprovedSealing


def make_drafting(  # noqa: PLR0913 - the parts of the office it stands on
    transactions: Transactions,
    cipher: RowCipher,
    *,
    catalogue: Catalogue,
    authorities: Authorities,
    drawing: Drawing,
    issuance: Issuance,
    reservations: Reservations,
) -> Drafting:
    """Return the desk's parts over those of the office."""
    drafts = Drafts(
        transactions, cipher, catalogue=catalogue, authorities=authorities, drawing=drawing
    )
    requests = ApprovalRequests(transactions, cipher, drafts)
    sealing = ApprovedSealing(
        drafts=drafts,
        requests=requests,
        issuance=issuance,
        reservations=reservations,
        approval_of=sealing_approval,
    )
    return Drafting(drafts, requests, sealing)


def sealing_approval(approved: ApprovedRequest) -> SealingApproval:
    """Return the officer's word as the custodian takes it: token and whole list, checked there."""
    request, drafts = approved.request, {draft.id: draft for draft in approved.drafts}
    return SealingApproval(
        officer=request.officer,
        authority=approved.drafts[0].authority,
        id_token=approved.id_token,
        drafts=tuple(
            DraftRef(seen.draft_id, seen.draft_sm3, drafts[seen.draft_id].drafter)
            for seen in request.drafts
        ),
        asked_at=request.requested_at,
    )
