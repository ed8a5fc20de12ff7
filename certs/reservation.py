"""Orders between their acceptance and their end: each holds a number, a code and its key.

An order is accepted by one short transaction, before anything is drawn. From then on it is either
finished (`issued`) or given up for a reason (`void`); its number is never used again, so every
number up to a counter is a certificate or a void order. `attempt` counts how often an order was
prepared anew: whoever began an earlier attempt can no longer register what he made of it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, select, update

from certs.acceptance import Candidate, KeyedOrder, accept, find_keys
from certs.authorities import Authorities
from certs.catalogue import Catalogue
from certs.database import Transactions
from certs.errors import AlreadyIssuedError, CertsError, TypeChangedError
from certs.orders import IssuanceOrder, parse_order
from certs.row_cipher import RowCipher
from certs.tables import orders, types


class OrderState(StrEnum):
    """How far an order has come."""

    RESERVED = "reserved"
    ISSUED = "issued"
    VOID = "void"


class OrderVoidError(CertsError):
    """The order was given up; its key stands for that outcome. A new key makes a new order."""

    code = "order_void"

    def __init__(self, reason: str) -> None:
        """Remember the `reason`, the code of an error."""
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, repr=False)
class Reservation:
    """An accepted order."""

    id: str
    """Also the id of its draft and of its certificate."""
    type_code: str
    type_version: int
    type_sm3: str
    number: str
    version: int
    identifier: str
    code: str
    reserved_at: datetime
    prepared_at: datetime
    """The signing time that a `pades` file of this attempt states, in whole seconds."""
    attempt: int
    state: OrderState
    void_reason: str | None
    body: bytes | None
    """The encrypted order; kept no longer than it is needed."""
    order: IssuanceOrder | None = None
    """The order itself, where it has just come in."""

    def __repr__(self) -> str:
        """Name it by its identifier: the rest does not belong in logs."""
        return f"Reservation({self.identifier}, {self.state})"


class Reservations:
    """Accepts orders and knows how far each has come.

    Every method may raise `RegisterUnavailableError`.
    """

    def __init__(
        self,
        transactions: Transactions,
        cipher: RowCipher,
        *,
        catalogue: Catalogue,
        authorities: Authorities,
    ) -> None:
        """Understand stored orders by `catalogue` and `authorities`."""
        self._transactions = transactions
        self._cipher = cipher
        self._catalogue = catalogue
        self._authorities = authorities

    def reserve(
        self, requests: Sequence[KeyedOrder], *, at: datetime
    ) -> list[Reservation | CertsError]:
        """Accept the orders by one transaction; return what became of each, in their order.

        Whose key was used before gets that order's reservation, as far as it has come, or
        `AlreadyIssuedError` if it was another order; so gets a draft that another key was used
        for. Refused is also what has no number to get
        (`InvalidOrderError`, `NumbersExhaustedError`) and a type that changed (`TypeChangedError`).
        """
        candidates = [Candidate.of(request, self._cipher) for request in requests]
        first: dict[bytes, Candidate] = {}
        for candidate in candidates:
            first.setdefault(candidate.key_index, candidate)
        with self._transactions() as connection:
            held = find_keys(connection, first)
            fresh = [candidate for key, candidate in first.items() if key not in held]
            refused = accept(connection, fresh, at=at)
            held |= {
                candidate.key_index: (candidate.id, candidate.body_index) for candidate in fresh
            }
            ids = [order_id for order_id, _ in held.values()]
            reservations = _load(connection, orders.c.id.in_(ids))
        for candidate in fresh:
            if candidate.key_index not in refused:
                reservation = replace(reservations[candidate.id], order=candidate.order)
                reservations[candidate.id] = reservation
        return [
            _answer(candidate, *held[candidate.key_index], refused, reservations)
            for candidate in candidates
        ]

    def count_new(self, requests: Sequence[KeyedOrder]) -> int:
        """Return how many of these keys were never used."""
        indexes = {
            self._cipher.index_idempotency_key(r.order.authority.uscc, r.key) for r in requests
        }
        with self._transactions.reading() as connection:
            return len(indexes) - len(find_keys(connection, indexes))

    def load(self, ids: Iterable[str]) -> dict[str, Reservation]:
        """Return the orders with these ids."""
        with self._transactions.reading() as connection:
            return _load(connection, orders.c.id.in_(list(ids)))

    def load_by_identifier(self, identifiers: Iterable[str]) -> dict[str, Reservation]:
        """Return the orders of these certificate identifiers, by identifier."""
        with self._transactions.reading() as connection:
            found = _load(connection, orders.c.identifier.in_(list(identifiers)))
        return {reservation.identifier: reservation for reservation in found.values()}

    def next_unfinished(self, *, after: str, limit: int) -> list[Reservation]:
        """Return up to `limit` orders that are neither issued nor void, in order of their ids."""
        unfinished = (orders.c.state == OrderState.RESERVED) & (orders.c.id > after)
        query = select(orders.c.id).where(unfinished).order_by(orders.c.id).limit(limit)
        with self._transactions.reading() as connection:
            ids = connection.execute(query).scalars().all()
            found = _load(connection, orders.c.id.in_(ids))
        return [found[order_id] for order_id in ids]

    def understand(self, reservation: Reservation) -> IssuanceOrder:
        """Return what was ordered, by the rules of the day it was accepted.

        Raise a `CertsError` if it can no longer be issued: `OrderVoidError`, `UnknownTypeError`,
        `TypeChangedError`, `DamagedRegisterError`, and all that `parse_order` raises.
        """
        if reservation.order is not None:
            return reservation.order
        if reservation.body is None:
            raise OrderVoidError(reservation.void_reason or reservation.state)
        certificate_type = self._catalogue.find(reservation.type_code, reservation.type_version)
        if certificate_type.sm3 != reservation.type_sm3:
            raise TypeChangedError
        body = self._cipher.decrypt(reservation.body, orders.c.body, reservation.id)
        return parse_order(
            json.loads(body),
            certificate_type=certificate_type,
            authorities=self._authorities,
            at=reservation.reserved_at,
        )

    def begin_anew(self, reservation: Reservation, *, at: datetime) -> Reservation | None:
        """Begin another attempt at `at`: whoever is at an earlier one is shut out.

        Return None if somebody else began one or brought the order to its end.
        """
        attempt, prepared_at = reservation.attempt + 1, at.replace(microsecond=0)
        statement = (
            update(orders)
            .where(
                orders.c.id == reservation.id,
                orders.c.state == OrderState.RESERVED,
                orders.c.attempt == reservation.attempt,
            )
            .values(attempt=attempt, prepared_at=prepared_at)
        )
        with self._transactions() as connection:
            if connection.execute(statement).rowcount == 0:
                return None
        return replace(reservation, attempt=attempt, prepared_at=prepared_at)

    def void(self, reservation: Reservation, reason: str) -> Reservation:
        """Give the order up, unless it is issued; return it as it now stands."""
        this = orders.c.id == reservation.id
        statement = (
            update(orders)
            .where(this, orders.c.state == OrderState.RESERVED)
            .values(state=OrderState.VOID, void_reason=reason, body=None)
        )
        with self._transactions() as connection:
            connection.execute(statement)
            return _load(connection, this)[reservation.id]


def settle(connection: Connection, reservations: Sequence[Reservation]) -> set[str]:
    """Mark as issued those that are still at the same attempt; return their ids.

    For the transaction that enters the certificates, which is the only writer.
    """
    attempts = {reservation.id: reservation.attempt for reservation in reservations}
    query = select(orders.c.id, orders.c.attempt).where(
        orders.c.id.in_(attempts), orders.c.state == OrderState.RESERVED
    )
    settled = {row.id for row in connection.execute(query) if attempts[row.id] == row.attempt}
    issued = {"state": OrderState.ISSUED, "body": None}
    connection.execute(update(orders).where(orders.c.id.in_(settled)).values(issued))
    return settled


def _load(connection: Connection, condition: ColumnElement[bool]) -> dict[str, Reservation]:
    query = select(orders, types.c.sm3.label("type_sm3")).join(types).where(condition)
    return {
        row["id"]: Reservation(
            id=row["id"],
            type_code=row["type_code"],
            type_version=row["type_version"],
            type_sm3=row["type_sm3"],
            number=row["number"],
            version=row["version"],
            identifier=row["identifier"],
            code=row["code"],
            reserved_at=row["reserved_at"],
            prepared_at=row["prepared_at"],
            attempt=row["attempt"],
            state=OrderState(row["state"]),
            void_reason=row["void_reason"],
            body=row["body"],
        )
        for row in connection.execute(query).mappings()
    }


def _answer(
    candidate: Candidate,
    order_id: str,
    body_index: bytes,
    refused: Mapping[bytes, CertsError],
    reservations: Mapping[str, Reservation],
) -> Reservation | CertsError:
    if candidate.key_index in refused:
        return refused[candidate.key_index]
    of_another_draft = candidate.draft_id not in {None, order_id}
    if of_another_draft or body_index != candidate.body_index:
        return AlreadyIssuedError()
    return reservations[order_id]
