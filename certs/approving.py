"""What allows an order to be sealed: an officer's approval of its draft, or an authorisation.

Before an order is accepted, `admit_…` finds out whether it may be sealed at all. When it is about
to be sealed, `approvals_of` gives what the ledger keeps of it; the custodian has the last word.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from certs.acceptance import KeyedOrder
from certs.content import draft_sm3
from certs.errors import CertsError
from certs.reservation import Reservations
from certs.sealing import Draft
from hsm.approvals import Approval, SealingApproval
from hsm.errors import ApprovalRejectedError, DailyCapReachedError
from hsm.permissions import Permissions
from hsm.permits import RecordedApproval, UnattendedUse
from hsm.uses import KeyUse


class NotApprovedError(CertsError):
    """Nobody approved the order, or not any more; it waits until somebody does."""

    code = "not_approved"


class Kind(NamedTuple):
    """What an authorisation is given for."""

    authority: str
    type_code: str


Admitted: TypeAlias = RecordedApproval | dict[Kind, UnattendedUse] | None
"""What was found out before orders were accepted; None: whatever the ledger keeps of each."""


class Approving:
    """Finds out what allows orders to be sealed; every method may raise `CustodyError`s."""

    def __init__(self, permissions: Permissions, reservations: Reservations) -> None:
        """Ask `permissions`, which keeps approvals and authorisations."""
        self._permissions = permissions
        self._reservations = reservations

    def admit_approved(
        self, requests: Sequence[KeyedOrder], approval: SealingApproval
    ) -> RecordedApproval:
        """Return the officer's approval, verified and kept, if it is one of these orders.

        Raise `ApprovalRejectedError` for the whole list, be it for one order that is not on it.
        """
        listed = {(draft.draft_id, draft.draft_sm3) for draft in approval.drafts}
        for request in requests:
            order, draft_id = request.order, request.draft_id
            if draft_id is None or order.authority.uscc != approval.authority:
                raise ApprovalRejectedError("no draft of this authority")
            if (draft_id, draft_sm3(order, draft_id)) not in listed:
                raise ApprovalRejectedError("not on the list")
        return self._permissions.record(approval)

    def admit_unattended(self, requests: Sequence[KeyedOrder]) -> dict[Kind, UnattendedUse]:
        """Return the authorisations in force for these orders, with room for all that are new.

        Raise `ApprovalRejectedError` where there is none, `DailyCapReachedError` where there is no
        room; orders accepted before are not held up by either.
        """
        admitted = {}
        for kind in Counter(map(_kind_of_request, requests)):
            of_kind = [r for r in requests if _kind_of_request(r) == kind]
            try:
                use, room = self._permissions.room(
                    authority=kind.authority, type_code=kind.type_code
                )
            except ApprovalRejectedError:
                if self._reservations.count_new(of_kind):
                    raise
                continue
            if room < len(of_kind) and room < self._reservations.count_new(of_kind):
                raise DailyCapReachedError(str(use.authorisation.daily_cap))
            admitted[kind] = use
        return admitted

    def approvals_of(
        self, drafts: Sequence[Draft], admitted: Admitted
    ) -> dict[str, Approval | None]:
        """Return what allows each draft to be sealed, by the order's id; None: nothing does."""
        if isinstance(admitted, RecordedApproval):
            return {draft.reservation.id: admitted for draft in drafts}
        # What has just been accepted without an approval has none.
        known = [
            d.reservation.id for d in drafts if admitted is None or d.reservation.order is None
        ]
        kept = self._permissions.of_drafts(known) if known else {}
        unattended: dict[Kind, UnattendedUse | None] = {**(admitted or {})}
        approvals: dict[str, Approval | None] = {}
        for draft in drafts:
            order_id = draft.reservation.id
            recorded = kept.get((order_id, draft.content.draft_sm3))
            kind = Kind(draft.order.authority.uscc, draft.reservation.type_code)
            if recorded is None and kind not in unattended:
                unattended[kind] = self._find_in_force(kind)
            approvals[order_id] = recorded or unattended[kind]
        return approvals

    def _find_in_force(self, kind: Kind) -> UnattendedUse | None:
        try:
            return self._permissions.in_force(authority=kind.authority, type_code=kind.type_code)
        except ApprovalRejectedError:
            return None


def approval_of_use(use: KeyUse) -> RecordedApproval | None:
    """Return the approval of its draft under which a use was opened, for whatever follows it."""
    opening = use.opening
    approval = opening.approval
    if (
        approval.kind != RecordedApproval.kind
        or approval.number is None
        or opening.authority is None
    ):
        return None
    return RecordedApproval(
        number=approval.number,
        officer=approval.officer,
        authority=opening.authority,
        evidence_sm3=approval.evidence_sm3,
        recorded_at=use.opened_at,
    )


def _kind_of_request(request: KeyedOrder) -> Kind:
    return Kind(request.order.authority.uscc, request.order.certificate_type.code)
