"""How an order gets in: under its key, with its number and its code, encrypted."""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_bytes
from typing import Any, Self
from uuid import uuid4

from sqlalchemy import Connection, and_, insert, or_, select

from certs.catalogue import CertificateType
from certs.errors import AlreadyIssuedError, CertsError, TypeChangedError
from certs.identifiers import CertificateIdentifier
from certs.numbering import AssignedNumber, assign_numbers
from certs.orders import IssuanceOrder
from certs.row_cipher import RowCipher
from certs.tables import orders, types
from signing.canonical import canonical_json

FIRST_VERSION = 1
_DRAFT_ID = re.compile(r"[0-9a-f]{32}")
CODE_OCTETS = 16
"""The code of a public page is 128 random bits: nobody finds a page by trying."""


@dataclass(frozen=True, slots=True, repr=False)
class KeyedOrder:
    """An order under an idempotency key: one key never gives two certificates."""

    order: IssuanceOrder
    key: str
    """Chosen by the caller; belongs to the authority of the order."""
    draft_id: str | None = None
    """The draft that was approved: the order gets its id; without one, an id is made."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for what is no id of a draft: it becomes part of the identifier."""
        if self.draft_id is not None and not _DRAFT_ID.fullmatch(self.draft_id):
            raise ValueError("not the id of a draft")


@dataclass(frozen=True, slots=True, repr=False)
class Candidate:
    """An order with all that can be made of it before a transaction begins."""

    id: str
    draft_id: str | None
    """The id that the caller gave it."""
    order: IssuanceOrder
    key_index: bytes
    body_index: bytes
    body: bytes

    @classmethod
    def of(cls, request: KeyedOrder, cipher: RowCipher) -> Self:
        """Return the candidate that asks for what is requested."""
        order = request.order
        order_id = request.draft_id or uuid4().hex
        return cls(
            id=order_id,
            draft_id=request.draft_id,
            order=order,
            key_index=cipher.index_idempotency_key(order.authority.uscc, request.key),
            body_index=cipher.index_body(order.certificate_type.code, order.body_sm3),
            body=cipher.encrypt(canonical_json(order.as_json()), orders.c.body, order_id),
        )

    def row(self, assigned: AssignedNumber, at: datetime) -> dict[str, Any]:
        """Return the row of the order under its number."""
        order = self.order
        identifier = CertificateIdentifier(
            order.certificate_type.code, order.authority.uscc, self.id.upper(), FIRST_VERSION
        )
        return {
            "id": self.id,
            "authority": order.authority.uscc,
            "key_index": self.key_index,
            "body_index": self.body_index,
            "type_code": order.certificate_type.code,
            "type_version": order.certificate_type.version,
            "number": assigned.number,
            "version": FIRST_VERSION,
            "counter_year": None if assigned.counter is None else assigned.counter[2],
            "serial": assigned.serial,
            "identifier": str(identifier),
            "code": base64.b32encode(token_bytes(CODE_OCTETS)).decode().rstrip("=").lower(),
            "reserved_at": at,
            "prepared_at": at.replace(microsecond=0),
            "attempt": 1,
            "state": "reserved",
            "body": self.body,
        }


def find_keys(
    connection: Connection, key_indexes: Iterable[bytes]
) -> dict[bytes, tuple[str, bytes]]:
    """Return id and body index of the orders that hold these keys."""
    query = select(orders.c.key_index, orders.c.id, orders.c.body_index).where(
        orders.c.key_index.in_(list(key_indexes))
    )
    return {row.key_index: (row.id, row.body_index) for row in connection.execute(query)}


def accept(
    connection: Connection, candidates: Sequence[Candidate], *, at: datetime
) -> dict[bytes, CertsError]:
    """Write the orders, as the only writer; return why some were refused, by key index.

    A version of a type that was used before is the one that was used (`TypeChangedError`), and a
    draft is ordered under one key only (`AlreadyIssuedError`).
    """
    refused: dict[bytes, CertsError] = {}
    taken = _find_taken(connection, candidates)
    used = _find_types(connection, {_version(candidate) for candidate in candidates})
    sound = []
    for candidate in candidates:
        if candidate.draft_id is not None:
            if candidate.draft_id in taken:
                refused[candidate.key_index] = AlreadyIssuedError()
                continue
            taken.add(candidate.draft_id)
        sm3 = candidate.order.certificate_type.sm3
        if used.get(_version(candidate), sm3) == sm3:
            sound.append(candidate)
        else:
            refused[candidate.key_index] = TypeChangedError()
    rows = []
    new_types = {}
    assignments = assign_numbers(connection, [candidate.order for candidate in sound])
    for candidate, assigned in zip(sound, assignments, strict=True):
        if isinstance(assigned, CertsError):
            refused[candidate.key_index] = assigned
            continue
        rows.append(candidate.row(assigned, at))
        if _version(candidate) not in used:
            new_types[_version(candidate)] = candidate.order.certificate_type
    if rows:
        _insert_types(connection, new_types.values())
        connection.execute(insert(orders), rows)
    return refused


def _find_taken(connection: Connection, candidates: Iterable[Candidate]) -> set[str]:
    """Return which of the drafts were ordered before, under keys of their own."""
    draft_ids = [c.draft_id for c in candidates if c.draft_id is not None]
    if not draft_ids:
        return set()
    query = select(orders.c.id).where(orders.c.id.in_(draft_ids))
    return set(connection.execute(query).scalars())


def _version(candidate: Candidate) -> tuple[str, int]:
    kind = candidate.order.certificate_type
    return kind.code, kind.version


def _find_types(
    connection: Connection, versions: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], str]:
    wanted = [and_(types.c.code == code, types.c.version == v) for code, v in versions]
    rows = connection.execute(select(types).where(or_(False, *wanted)))  # noqa: FBT003 - SQL's
    return {(row.code, row.version): row.sm3 for row in rows}


def _insert_types(connection: Connection, new_types: Iterable[CertificateType]) -> None:
    rows = [{"code": kind.code, "version": kind.version, "sm3": kind.sm3} for kind in new_types]
    if rows:
        connection.execute(insert(types), rows)
