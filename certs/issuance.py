"""Issue certificates: from an order to a sealed file in the register, whatever happens between.

The steps, each durable before the next one begins (design, decisions 3 and 4):

1. the order is accepted: number, code, key, the encrypted order (one transaction for all orders);
2. it is drawn and prepared; no transaction is open while that or sealing takes its time;
3. the custodian writes the uses of the keys into the ledger, then the keys work;
4. the sealed files are checked, encrypted and entered into the register (one transaction);
5. the uses of the keys are completed.

What a crash leaves behind is finished by the same key again or by `resume`, and any number of
processes may be at it: they meet in the ledger (one use of a key a certificate) and in the
register (one attempt an order).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from certs.acceptance import KeyedOrder
from certs.approving import Admitted, Approving, NotApprovedError, approval_of_use
from certs.attempts import continues, states_time
from certs.database import Transactions
from certs.drawing import missing_characters
from certs.entries import ECertificate, Entry, encode_entry, insert_entries
from certs.errors import (
    CertsError,
    DrawingError,
    InvalidOrderError,
    NotEntitledError,
    TypeChangedError,
    UnknownAuthorityError,
    UnknownTypeError,
)
from certs.lifecycle import Standing, State
from certs.register import Register
from certs.reservation import OrderState, OrderVoidError, Reservation, Reservations, settle
from certs.row_cipher import RowCipher
from certs.sealing import Commission, Draft, SealedCertificate, Sealing, use_subject
from certs.seals import SealNotUsableError
from hsm.approvals import Approval, SealingApproval
from hsm.custody import Custodian
from hsm.errors import ApprovalRejectedError, DailyCapReachedError, SubjectInUseError
from hsm.ledger import Ledger
from hsm.permissions import Permissions
from hsm.uses import KeyUse, SubjectKind, UseState

MOST_TRIES = 4
"""How often an order is begun again because another process was at it: two meet once or twice."""

RESUMED_AT_ONCE = 100
"""Orders finished together after a crash: some 30 MB in memory."""

_NOT_APPROVED = (ApprovalRejectedError, DailyCapReachedError)
_HOPELESS = (
    DrawingError,
    InvalidOrderError,
    NotEntitledError,
    TypeChangedError,
    UnknownAuthorityError,
    UnknownTypeError,
)
"""What no later try would change: the order is given up and its number stays unused."""


@dataclass(frozen=True, slots=True, repr=False)
class Issued:
    """A certificate in the register."""

    certificate: ECertificate
    data: bytes
    """The very octets issued, the same for the same key for ever."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An order that did not become a certificate."""

    error: CertsError


@dataclass(frozen=True, slots=True)
class Resumption:
    """What `resume` did."""

    issued: int
    refused: int
    """Given up, or waiting for a seal that may be used, or for an approval."""
    closed: int
    """Uses of keys that only had to be closed."""


class Issuance:
    """Issues certificates. Threads and processes may issue at the same time.

    Every method may raise `RegisterUnavailableError`, what the custodian raises, and
    `SelfCheckError`; the orders accepted until then are finished later.
    """

    def __init__(  # noqa: PLR0913 - the parts that issuing brings together
        self,
        *,
        transactions: Transactions,
        cipher: RowCipher,
        reservations: Reservations,
        register: Register,
        sealing: Sealing,
        custodian: Custodian,
        permissions: Permissions,
        ledger: Ledger,
    ) -> None:
        """Bring these parts together; `ledger` is the custodian's and that of `permissions`."""
        self._transactions = transactions
        self._cipher = cipher
        self._reservations = reservations
        self._register = register
        self._sealing = sealing
        self._custodian = custodian
        self._ledger = ledger
        self._approving = Approving(permissions, reservations)

    def issue_many(
        self, requests: Sequence[KeyedOrder], *, approval: SealingApproval, at: datetime
    ) -> list[Issued | Refused]:
        """Issue the drafts that an officer approved; return what became of each, in their order.

        Commits are shared: some hundred orders a call are quick and fit into memory. The same key
        gives the same certificate again; refused is a key that served another order, a text that
        the fonts lack or the layout cannot take, a number in use, a seal that may not be used now.

        Raise `ApprovalRejectedError`, before anything is accepted, unless the approval is one of
        all these orders. It is kept before they are accepted: what a crash leaves is finished.
        """
        return self._issue(
            requests, lambda _: self._approving.admit_approved(requests, approval), at
        )

    def issue_unattended(
        self, requests: Sequence[KeyedOrder], *, at: datetime
    ) -> list[Issued | Refused]:
        """Issue under the authorisations of the authorities' seal keepers, as `issue_many` does.

        Raise `ApprovalRejectedError` or `DailyCapReachedError`, before anything is accepted, unless
        all that is new among these orders may be sealed so, today.
        """
        return self._issue(requests, self._approving.admit_unattended, at)

    def _issue(
        self,
        requests: Sequence[KeyedOrder],
        admit: Callable[[Sequence[KeyedOrder]], Admitted],
        at: datetime,
    ) -> list[Issued | Refused]:
        answers: list[Reservation | CertsError | None] = [
            self._objection(request, at) for request in requests
        ]
        sound = [place for place, answer in enumerate(answers) if answer is None]
        admitted = admit([requests[place] for place in sound])
        reserved = self._reservations.reserve([requests[place] for place in sound], at=at)
        for place, reservation in zip(sound, reserved, strict=True):
            answers[place] = reservation
        accepted = {a.id: a for a in answers if isinstance(a, Reservation)}
        outcomes = self._finish(list(accepted.values()), admitted, at)
        return [
            outcomes[answer.id] if isinstance(answer, Reservation) else Refused(answer)
            for answer in answers
            if answer is not None
        ]

    def resume(self, *, at: datetime) -> Resumption:
        """Finish or give up what was begun and not ended, and close the uses of keys it left.

        Uses that are open keep the approval they were opened with; orders for which no key was used
        yet have the approval of their draft, or the authorisation in force. Others wait.
        """
        issued = refused = 0
        after = ""
        while orders := self._reservations.next_unfinished(after=after, limit=RESUMED_AT_ONCE):
            outcomes = self._finish(orders, None, at).values()
            issued += sum(isinstance(outcome, Issued) for outcome in outcomes)
            refused += sum(isinstance(outcome, Refused) for outcome in outcomes)
            after = orders[-1].id
        return Resumption(issued, refused, self._close_all_uses())

    def _objection(self, request: KeyedOrder, at: datetime) -> CertsError | None:
        """Return what speaks against accepting an order."""
        if faults := missing_characters(request.order):
            return InvalidOrderError(faults)
        try:
            self._sealing.find_seal(request.order.authority, at=at)
        except SealNotUsableError as error:
            return error
        return None

    def _finish(
        self, reservations: Sequence[Reservation], admitted: Admitted, at: datetime
    ) -> dict[str, Issued | Refused]:
        """Bring accepted orders to their end, together if nothing is in the way of one of them."""
        try:
            outcomes = self._attempt(reservations, admitted, at)
        except (SubjectInUseError, *_NOT_APPROVED):
            outcomes = {}
        for reservation in reservations:
            if reservation.id not in outcomes:
                outcomes[reservation.id] = self._finish_alone(reservation.id, admitted, at)
        return outcomes

    def _finish_alone(self, order_id: str, admitted: Admitted, at: datetime) -> Issued | Refused:
        """Bring to its end one order that another process is at, or was until it died."""
        for _ in range(MOST_TRIES):
            current = self._reservations.load([order_id])
            try:
                outcomes = self._attempt(list(current.values()), admitted, at)
            except SubjectInUseError:
                continue
            except _NOT_APPROVED as error:
                return Refused(NotApprovedError(error.code))
            if order_id in outcomes:
                return outcomes[order_id]
        raise SubjectInUseError(SubjectKind.CERTIFICATE)

    def _attempt(
        self, reservations: Sequence[Reservation], admitted: Admitted, at: datetime
    ) -> dict[str, Issued | Refused]:
        """Take each order as far as it goes; those another process overtook are not in the answer.

        Raise `SubjectInUseError` if another process uses or used a key for one of them.
        """
        outcomes: dict[str, Issued | Refused] = {}
        drafts: list[Draft] = []
        ended: list[Reservation] = []
        for reservation in reservations:
            if reservation.state is not OrderState.RESERVED:
                ended.append(reservation)
                continue
            try:
                drafts.append(self._draft(reservation, at))
            except SealNotUsableError as error:
                outcomes[reservation.id] = Refused(error)
            except _HOPELESS as error:
                given_up = self._reservations.void(reservation, error.code)
                ended.append(given_up)
                if given_up.state is OrderState.VOID:
                    outcomes[reservation.id] = Refused(error)
        commissions, unapproved = self._begin(drafts, admitted, at)
        sealed = self._sealing.seal(commissions, at=at)
        return self._recall(ended) | self._enter(sealed, at) | outcomes | unapproved

    def _draft(self, reservation: Reservation, at: datetime) -> Draft:
        return self._sealing.draft(reservation, self._reservations.understand(reservation), at=at)

    def _begin(
        self, drafts: Sequence[Draft], admitted: Admitted, at: datetime
    ) -> tuple[list[Commission], dict[str, Refused]]:
        """Return the drafts as they can be sealed now, each with its officer, and all the rest."""
        # What has just been accepted was never sealed: the ledger need not be asked.
        earlier = [draft.subject for draft in drafts if draft.reservation.order is None]
        uses = self._ledger.find_all(earlier) if earlier else {}
        approvals = self._approving.approvals_of(drafts, admitted) if drafts else {}
        commissions = []
        unapproved = {}
        for draft in drafts:
            order_id, use = draft.reservation.id, uses.get(draft.subject)
            approval = (use and approval_of_use(use)) or approvals[order_id]
            if approval is None:
                unapproved[order_id] = Refused(NotApprovedError())
            else:
                commissions.append(self._commission(draft, use, approval, at))
        return commissions, unapproved

    def _commission(
        self, draft: Draft, use: KeyUse | None, approval: Approval, at: datetime
    ) -> Commission:
        """Continue the open use of this very attempt, under the approval it was opened with.

        Any other one is abandoned, and the certificate prepared anew under the same number.
        """
        match use:
            case KeyUse(state=UseState.COMPLETED):
                raise SubjectInUseError(draft.subject.kind)
            case KeyUse(state=UseState.OPEN):
                if continues(draft, use, at):
                    return Commission(draft, use.opening.approval.officer, approval)
                draft = self._begin_anew(draft, use, at)
            case _:
                if not states_time(draft, at):
                    draft = self._begin_anew(draft, None, at)
        return Commission(draft, approval.officer, approval)

    def _begin_anew(self, draft: Draft, use: KeyUse | None, at: datetime) -> Draft:
        """Shut out all earlier attempts, then close the use they left open."""
        reservation = self._reservations.begin_anew(draft.reservation, at=at)
        if reservation is None:
            raise SubjectInUseError(draft.subject.kind)
        if use is not None:
            self._custodian.abandon(draft.subject, "prepared_anew", number=use.number)
        return self._sealing.draft(reservation, draft.order, at=at)

    def _enter(
        self, sealed: Sequence[SealedCertificate], at: datetime
    ) -> dict[str, Issued | Refused]:
        """Enter the sealed certificates, but for those somebody else began anew meanwhile."""
        if not sealed:
            return {}
        entries = [_entry(certificate, at) for certificate in sealed]
        rows = [encode_entry(entry, self._cipher) for entry in entries]
        with self._transactions() as connection:
            settled = settle(connection, [c.draft.reservation for c in sealed])
            insert_entries(connection, [row for row in rows if row.certificate["id"] in settled])
        self._custodian.complete(
            [c.draft.subject for c in sealed if c.draft.reservation.id in settled]
        )
        return {
            entry.certificate.id: Issued(entry.certificate, entry.sealed)
            for entry in entries
            if entry.certificate.id in settled
        }

    def _recall(self, ended: Sequence[Reservation]) -> dict[str, Issued | Refused]:
        """Return how these orders ended, with no use of a key left open."""
        if not ended:
            return {}
        certificates = self._register.get_all([r.id for r in ended])
        uses = self._ledger.find_all([use_subject(r) for r in ended])
        self._close_uses(ended, certificates, uses.values())
        return {
            r.id: Issued(certificates[r.id], self._register.file(certificates[r.id]))
            if r.id in certificates
            else Refused(OrderVoidError(r.void_reason or r.state))
            for r in ended
        }

    def _close_all_uses(self) -> int:
        """Close what is open for orders that have ended; return how many uses that were."""
        closed = 0
        open_uses = self._ledger.uses(SubjectKind.CERTIFICATE, UseState.OPEN)
        while some := list(islice(open_uses, RESUMED_AT_ONCE)):
            found = self._reservations.load_by_identifier([use.opening.subject.id for use in some])
            certificates = self._register.get_all([r.id for r in found.values()])
            closed += self._close_uses(list(found.values()), certificates, some)
        return closed

    def _close_uses(
        self,
        reservations: Sequence[Reservation],
        certificates: Mapping[str, ECertificate],
        uses: Iterable[KeyUse],
    ) -> int:
        by_subject = {use_subject(r): r for r in reservations}
        completed = []
        abandoned = 0
        for use in uses:
            reservation = by_subject.get(use.opening.subject)
            if use.state is not UseState.OPEN or reservation is None:
                continue
            certificate = certificates.get(reservation.id)
            if reservation.state is OrderState.VOID:
                self._custodian.abandon(use.opening.subject, "void", number=use.number)
                abandoned += 1
            elif certificate is not None and certificate.signed_sm3 == use.opening.digest:
                completed.append(use.opening.subject)
        if completed:
            self._custodian.complete(completed)
        return len(completed) + abandoned


def _entry(sealed: SealedCertificate, at: datetime) -> Entry:
    draft = sealed.draft
    order = draft.order
    reservation = draft.reservation
    # The register's moment proves that the octets existed: it is never before their seal.
    registered_at = max(at, sealed.signed_at)
    certificate = ECertificate(
        id=reservation.id,
        number=reservation.number,
        version=reservation.version,
        identifier=reservation.identifier,
        code=reservation.code,
        authority=order.authority.uscc,
        type_code=reservation.type_code,
        type_version=reservation.type_version,
        issued_on=order.issued_on,
        registered_at=registered_at,
        draft_sm3=draft.content.draft_sm3,
        signed_sm3=draft.prepared.digest.hex(),
        file_sm3=sealed.sealed.sm3,
        standing=Standing(State.VALID, registered_at, None, order.valid_from, order.valid_to),
        content=draft.content.as_json(),
        public_fields=draft.content.public_fields(),
    )
    return Entry(
        certificate=certificate,
        sealed=sealed.sealed.data,
        portrait=order.portrait,
        documents=[holder.document for holder in order.holders],
        officer=sealed.officer,
    )
