"""From an officer's word to sealed certificates: what was approved is sealed once, come what may.

Sealing goes in handfuls, each with its results written down, so that who waits sees how far it is.
A crash, or a ledger or device that does not answer, leaves the rest as it is: `finish` and `resume`
go on from there, and what was sealed meanwhile is found sealed.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from certs.acceptance import KeyedOrder
from certs.approval_requests import ApprovalRequest, ApprovalRequests, ApprovedRequest
from certs.content import draft_sm3
from certs.draft_entries import CertificateDraft, DraftChangedError
from certs.drafts import Drafts
from certs.errors import CertsError, RegisterUnavailableError
from certs.issuance import Issuance, Issued, Refused
from certs.orders import IssuanceOrder
from certs.reservation import OrderState, OrderVoidError, Reservations
from hsm.approvals import SealingApproval
from hsm.errors import ApprovalRejectedError, CustodyError

AT_ONCE = 20
"""Drafts sealed together: about a second."""

OF_DRAFTS = "draft\n"
"""How the idempotency keys of drafts begin: no header, so no caller's own key, holds a line end."""


class ApprovedSealing:
    """Seals what officers approved. Threads and processes may be at the same request."""

    def __init__(
        self,
        *,
        drafts: Drafts,
        requests: ApprovalRequests,
        issuance: Issuance,
        reservations: Reservations,
        approval_of: Callable[[ApprovedRequest], SealingApproval],
    ) -> None:
        """Bring these parts together; `approval_of` makes of a request what the custodian takes."""
        self._drafts = drafts
        self._requests = requests
        self._issuance = issuance
        self._reservations = reservations
        self._approval_of = approval_of

    def finish(self, request_id: str, *, at: datetime) -> ApprovalRequest:
        """Seal what is left of an approved request, and return it with its results.

        A draft that cannot be sealed has the code of the error as its result: for good where its
        order is void, else it lies with the officers again. Raise what `Issuance.issue_many`
        raises, but for an approval that does not count: nothing is lost, and what has no result yet
        can be finished later.
        """
        approved = self._requests.approved(request_id, at=at)
        if approved is not None:
            pending = approved.pending
            for first in range(0, len(pending), AT_ONCE):
                self._seal(approved, pending[first : first + AT_ONCE], at)
        return self._requests.get(request_id, at=at)

    def resume(self, *, at: datetime) -> int:
        """Finish what a crash left; return how many requests could not be finished yet."""
        unfinished = 0
        for request_id in self._requests.unfinished():
            try:
                self.finish(request_id, at=at)
            except (CertsError, CustodyError):
                unfinished += 1
        return unfinished

    def _seal(
        self, approved: ApprovedRequest, pending: Sequence[CertificateDraft], at: datetime
    ) -> None:
        given_back: dict[str, str] = {}
        orders: dict[str, IssuanceOrder] = {}
        for draft in pending:
            try:
                orders[draft.id] = self._order_of(draft, at)
            except RegisterUnavailableError:
                raise
            except CertsError as error:
                given_back[draft.id] = error.code
        outcomes: Mapping[str, Issued | Refused] = {}
        if orders:
            keyed = [
                KeyedOrder(order, key=f"{OF_DRAFTS}{draft_id}", draft_id=draft_id)
                for draft_id, order in orders.items()
            ]
            try:
                outcomes = dict(
                    zip(
                        orders,
                        self._issuance.issue_many(
                            keyed, approval=self._approval_of(approved), at=at
                        ),
                        strict=True,
                    )
                )
            except ApprovalRejectedError as error:
                given_back |= dict.fromkeys(orders, error.code)
        self._settle(approved.request.id, outcomes, given_back, at)

    def _order_of(self, draft: CertificateDraft, at: datetime) -> IssuanceOrder:
        """Return the order that was approved; raise if it can no longer be made."""
        order = self._drafts.order_of(draft, at=at)
        if draft_sm3(order, draft.id) != draft.draft_sm3:
            raise DraftChangedError  # its type or the rules of this program changed meanwhile
        return order

    def _settle(
        self,
        request_id: str,
        outcomes: Mapping[str, Issued | Refused],
        given_back: Mapping[str, str],
        at: datetime,
    ) -> None:
        """Write down what became of each; an order that is still reserved is still under way."""
        codes = {key: _code(o) for key, o in outcomes.items() if isinstance(o, Refused)}
        ended = self._reservations.load(codes)
        refused, returned = {}, dict(given_back)
        for draft_id, code in codes.items():
            order = ended.get(draft_id)
            if order is None:
                returned[draft_id] = code
            elif order.state is not OrderState.RESERVED:
                refused[draft_id] = code
        self._requests.settle(
            request_id,
            sealed=[key for key, outcome in outcomes.items() if isinstance(outcome, Issued)],
            refused=refused,
            given_back=returned,
            at=at,
        )


def _code(refused: Refused) -> str:
    error = refused.error
    return error.reason if isinstance(error, OrderVoidError) else error.code
