"""Whether ledger and register tell the same story, in both directions and down to the bytes.

The ledger is written before a key works, the register after; whoever goes round one of them leaves
a row in the other that nothing matches. The ledger's own chain is for `Ledger.verify_chain`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, exists, func, or_, select

from certs.content import draft_sm3_of_content
from certs.database import Transactions
from certs.entries import ECertificate
from certs.errors import CertsError
from certs.lifecycle import Act, State
from certs.register import Register
from certs.reservation import OrderState
from certs.tables import certificates, counters, lifecycle_events, orders
from hsm.ledger import Ledger
from hsm.uses import KeyUse, SubjectKind, UseState, UseSubject
from signing.canonical import canonical_json, sm3
from signing.errors import SigningError
from signing.pdf.attachments import Attachment
from signing.pdf.extract import read_signed_pdf
from signing.pdf.signatures import EmbeddedSignature

_AT_ONCE = 200  # rows compared in one go

_Item = TypeVar("_Item")


class NotReconciledError(CertsError):
    """Something was done past the ledger, past the register, or to one of them."""

    code = "not_reconciled"

    def __init__(self, row: str, reason: str) -> None:
        """Name the first bad `row` and what is wrong with it."""
        super().__init__(f"{row}: {reason}")
        self.row = row
        self.reason = reason


class Reconciliation:
    """Compares the register with the ledger of the keys that sealed what is in it."""

    def __init__(self, transactions: Transactions, register: Register, ledger: Ledger) -> None:
        """Read all three; nothing is ever changed, and certificates may be issued meanwhile."""
        self._transactions = transactions
        self._register = register
        self._ledger = ledger

    def verify(self) -> None:
        """Raise `NotReconciledError`, naming the first bad row, unless everything fits.

        `RegisterUnavailableError`, `DamagedRegisterError` and `LedgerUnavailableError` also say
        that it was not proven.
        """
        for state in UseState:
            for uses in _chunks(self._ledger.uses(SubjectKind.CERTIFICATE, state)):
                self._verify_uses(uses)
        for entered in _chunks(self._register.walk()):
            self._verify_certificates(entered)
        self._verify_orders()

    def _verify_uses(self, uses: Sequence[KeyUse]) -> None:
        """Each use of a key was for an order; each completed one is in the register."""
        ids = self._ids_of({use.opening.subject.id for use in uses})
        entered = self._register.get_all(list(ids.values()))
        for use in uses:
            row = f"ledger row {use.number}"
            order_id = ids.get(use.opening.subject.id)
            if order_id is None:
                raise NotReconciledError(row, "no_order")
            if use.state is UseState.COMPLETED:
                if order_id not in entered:
                    raise NotReconciledError(row, "no_certificate")
                _verify_same(use, entered[order_id], row)

    def _ids_of(self, identifiers: Iterable[str]) -> dict[str, str]:
        query = select(orders.c.identifier, orders.c.id).where(
            orders.c.identifier.in_(list(identifiers))
        )
        with self._transactions.reading() as connection:
            return {row.identifier: row.id for row in connection.execute(query)}

    def _verify_certificates(self, entered: Sequence[ECertificate]) -> None:
        """Each certificate was sealed by a use of a key, and its bytes are those sealed."""
        subjects = {c.id: UseSubject(SubjectKind.CERTIFICATE, c.identifier) for c in entered}
        uses = self._ledger.find_all(list(subjects.values()))
        for certificate in entered:
            row = f"certificate {certificate.identifier}"
            use = uses.get(subjects[certificate.id])
            # Still open: entered this very moment, or before a crash that `resume` will mend.
            if use is None or use.state is UseState.ABANDONED:
                raise NotReconciledError(row, "no_use_of_a_key")
            _verify_same(use, certificate, row)
            _verify_bytes(certificate, self._register.file(certificate), row)
            _verify_approved(use, certificate, row)

    def _verify_orders(self) -> None:
        """Each number is a certificate or void for a reason; each state has its event."""
        with self._transactions.reading() as connection:
            for reason, query in _CONTRADICTIONS.items():
                row = connection.execute(query.limit(1)).one_or_none()
                if row is not None:
                    raise NotReconciledError(" ".join(map(str, row)), reason)


def _chunks(items: Iterator[_Item]) -> Iterator[list[_Item]]:
    while chunk := list(islice(items, _AT_ONCE)):
        yield chunk


def _verify_same(use: KeyUse, certificate: ECertificate, row: str) -> None:
    if use.opening.digest != certificate.signed_sm3:
        raise NotReconciledError(row, "another_digest")
    # Uses of the first release name no draft.
    drafted_as = use.opening.draft_id or certificate.id
    if (drafted_as, use.opening.draft_sm3) != (certificate.id, certificate.draft_sm3):
        raise NotReconciledError(row, "another_draft")


def _verify_approved(use: KeyUse, certificate: ECertificate, row: str) -> None:
    """Raise unless what the sealed certificate.json says is what its draft's digest stands for."""
    try:
        computed = draft_sm3_of_content(certificate.content, certificate.id)
    except (LookupError, TypeError, SigningError):
        raise NotReconciledError(row, "another_content") from None
    if computed != certificate.draft_sm3:
        raise NotReconciledError(row, "not_as_approved")
    if use.opening.authority not in {None, certificate.authority}:
        raise NotReconciledError(row, "not_as_approved")


def _verify_bytes(certificate: ECertificate, data: bytes, row: str) -> None:
    """Raise unless row, file and attached certificate.json are of one piece."""
    if sm3(data).hex() != certificate.file_sm3:
        raise NotReconciledError(row, "another_file")
    try:
        signed = read_signed_pdf(data)
    except SigningError as error:
        raise NotReconciledError(row, "unreadable_file") from error
    match signed.signatures, signed.attachments:
        case (EmbeddedSignature(digest=digest),), (Attachment(data=attached),):
            if digest.hex() != certificate.signed_sm3:
                raise NotReconciledError(row, "another_digest")
            if attached != canonical_json(certificate.content):
                raise NotReconciledError(row, "another_content")
        case _:
            raise NotReconciledError(row, "unreadable_file")
    if _told_by_columns(certificate) != _told_by_content(certificate.content):
        raise NotReconciledError(row, "another_content")


def _told_by_columns(certificate: ECertificate) -> tuple[str, ...]:
    """Return what stands in the register plainly and was sealed as well."""
    standing = certificate.standing
    days = (certificate.issued_on, standing.valid_from, standing.valid_to)
    return (
        certificate.number,
        certificate.identifier,
        certificate.draft_sm3,
        certificate.authority,
        certificate.type_code,
        *("" if day is None else day.isoformat() for day in days),
    )


def _told_by_content(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the same as `certificate.json` says it (GB/T 36903)."""
    metadata = content["metadata"]
    return (
        metadata["ZZBH"],
        metadata["ZZBS"],
        content["draft_sm3"],
        metadata["ZZBFJGDM"],
        metadata["ZZLXDM"],
        metadata["ZZBFRQ"],
        metadata["ZZYXQQSRQ"],
        metadata["ZZYXQJZRQ"],
    )


def _has_certificate() -> ColumnElement[bool]:
    return exists().where(certificates.c.id == orders.c.id)


def _was_revoked() -> ColumnElement[bool]:
    return exists().where(
        lifecycle_events.c.certificate_id == certificates.c.id,
        lifecycle_events.c.event == Act.REVOKED,
    )


def _of_this_counter(what: ColumnElement[int]) -> ScalarSelect[int]:
    return (
        select(what)
        .where(
            orders.c.authority == counters.c.authority,
            orders.c.type_code == counters.c.type_code,
            orders.c.counter_year == counters.c.year,
        )
        .scalar_subquery()
    )


_CONTRADICTIONS: dict[str, Select[tuple[str, ...]]] = {
    "order_without_certificate": select(orders.c.identifier).where(
        orders.c.state == OrderState.ISSUED, ~_has_certificate()
    ),
    "certificate_without_order": select(orders.c.identifier).where(
        orders.c.state != OrderState.ISSUED, _has_certificate()
    ),
    "numbers_missing": select(counters.c.authority, counters.c.type_code).where(
        or_(
            _of_this_counter(func.count()) != counters.c.last,
            _of_this_counter(func.max(orders.c.serial)) != counters.c.last,
        )
    ),
    "state_without_event": select(certificates.c.identifier).where(
        or_(
            and_(certificates.c.state == State.REVOKED, ~_was_revoked()),
            and_(certificates.c.state == State.VALID, _was_revoked()),
        )
    ),
}
"""What cannot be, by its reason: a query that finds the rows."""
