"""Which order gets which number: by the authority's rule without a gap, or as it came."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import ColumnElement, Connection, and_, insert, select, update

from certs.catalogue import NumberSource
from certs.errors import CertsError, Fault, InvalidOrderError
from certs.orders import IssuanceOrder
from certs.tables import counters, orders

Counter: TypeAlias = tuple[str, str, int]
"""Authority, type and year; the year is 0 where the rule does not begin anew each year."""


@dataclass(frozen=True, slots=True)
class AssignedNumber:
    """A number that now belongs to an order."""

    number: str
    counter: Counter | None
    """None for a number that came with the order."""
    serial: int | None


def assign_numbers(
    connection: Connection, placed: Sequence[IssuanceOrder]
) -> list[AssignedNumber | CertsError]:
    """Give every order its number and let the counters advance, as the only writer.

    Refused, without moving a counter, is a number in use (`InvalidOrderError`: also one that two
    rules make alike) and a counter at its end (`NumbersExhaustedError`).
    """
    last = _read_counters(connection, {_counter(order) for order in placed})
    in_use: set[str] = set()
    while True:
        plan, advanced = _plan(placed, last, in_use)
        numbers = [assigned.number for assigned in plan if isinstance(assigned, AssignedNumber)]
        query = select(orders.c.number).where(orders.c.number.in_(numbers))
        found = set(connection.execute(query).scalars())
        if not found:
            break
        in_use |= found
    _write_counters(connection, last, advanced)
    return plan


def _plan(
    placed: Iterable[IssuanceOrder], last: Mapping[Counter, int], in_use: Iterable[str]
) -> tuple[list[AssignedNumber | CertsError], dict[Counter, int]]:
    """Return what each order would get and where the counters would stand."""
    advanced = dict(last)
    taken = set(in_use)
    plan: list[AssignedNumber | CertsError] = []
    for order in placed:
        try:
            assigned = _next(order, advanced)
            if assigned.number in taken:
                raise InvalidOrderError([Fault("/number", "not_unique")])
        except CertsError as error:
            plan.append(error)
            continue
        taken.add(assigned.number)
        if assigned.counter is not None and assigned.serial is not None:
            advanced[assigned.counter] = assigned.serial
        plan.append(assigned)
    return plan, advanced


def _next(order: IssuanceOrder, last: Mapping[Counter, int]) -> AssignedNumber:
    counter = _counter(order)
    if counter is None:
        assert order.number is not None  # noqa: S101 - `parse_order` demands it of such a type
        return AssignedNumber(order.number, None, None)
    serial = last[counter] + 1
    rule = order.authority.numbering[order.certificate_type.code]
    number = rule.format(area=order.authority.area, year=order.issued_on.year, seq=serial)
    return AssignedNumber(number, counter, serial)


def _counter(order: IssuanceOrder) -> Counter | None:
    if order.certificate_type.number is NumberSource.EXTERNAL:
        return None
    type_code = order.certificate_type.code
    year = order.authority.numbering[type_code].counter_scope(order.issued_on.year)
    return order.authority.uscc, type_code, year


def _read_counters(connection: Connection, wanted: Iterable[Counter | None]) -> dict[Counter, int]:
    last = {}
    for counter in wanted:
        if counter is not None:
            query = select(counters.c.last).where(_is(counter))
            last[counter] = connection.execute(query).scalar_one_or_none() or 0
    return last


def _write_counters(
    connection: Connection, last: Mapping[Counter, int], advanced: Mapping[Counter, int]
) -> None:
    for counter, serial in advanced.items():
        authority, type_code, year = counter
        if last[counter] == serial:
            continue
        if last[counter] == 0:
            row = {"authority": authority, "type_code": type_code, "year": year, "last": serial}
            connection.execute(insert(counters), row)
        else:
            connection.execute(update(counters).where(_is(counter)).values(last=serial))


def _is(counter: Counter) -> ColumnElement[bool]:
    authority, type_code, year = counter
    return and_(
        counters.c.authority == authority,
        counters.c.type_code == type_code,
        counters.c.year == year,
    )
