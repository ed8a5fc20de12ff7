"""The order to issue one certificate: ORDER.json checked against its type and its authority.

authority?    unified social credit code of the issuing authority
holders       [{"type", "number", "name"}], identity documents (`idp.documents`)
attributes    by the type's schema.json
portrait?     base64 JPEG, for types that bear one
number?       for types numbered elsewhere
issued_on?    date, otherwise today in China
valid_from?   date, otherwise the day of issue
valid_to?     date or null (长期), otherwise what the type allows at most
"""

import base64
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from certs.authorities import Authorities, IssuingAuthority
from certs.catalogue import CertificateType, NumberSource
from certs.errors import Fault, FaultyDataError, InvalidOrderError, NotEntitledError
from certs.holders import Holder
from certs.portraits import MOST_OCTETS as MOST_PORTRAIT_OCTETS
from certs.portraits import parse_portrait
from certs.unverified import Json, Shape, clean, read_json
from idp.documents import DocumentFault, IdentityDocument, InvalidDocumentError
from signing.canonical import canonical_sm3

MOST_ORDER_OCTETS = MOST_PORTRAIT_OCTETS * 4 // 3 + 64 * 1024
"""A portrait in base64 and everything else."""
CHINA_TIME = dt.timezone(dt.timedelta(hours=8), "Asia/Shanghai")
"""Dates on certificates are China's; it has kept this one offset since 1991."""


@dataclass(frozen=True, slots=True, repr=False)
class IssuanceOrder:
    """An order that can be issued: every value checked, every default filled in."""

    certificate_type: CertificateType
    authority: IssuingAuthority
    holders: tuple[Holder, ...]
    attributes: Mapping[str, Json]
    portrait: bytes | None
    """The JPEG as it came."""
    number: str | None
    """Only for types numbered elsewhere."""
    issued_on: dt.date
    valid_from: dt.date
    valid_to: dt.date | None
    """The last day; None is 长期, without end."""
    body_sm3: str = field(compare=False)
    """Digest of the order as it was sent, before defaults: what an idempotency key is bound to."""

    def as_json(self) -> dict[str, Json]:
        """Return the order as ORDER.json with every default spelt out; parsing it gives it back."""
        order: dict[str, Json] = {
            "authority": self.authority.uscc,
            "holders": [holder.as_json() for holder in self.holders],
            "attributes": dict(self.attributes),
            "issued_on": self.issued_on.isoformat(),
            "valid_from": self.valid_from.isoformat(),
            "valid_to": None if self.valid_to is None else self.valid_to.isoformat(),
        }
        if self.portrait is not None:
            order["portrait"] = base64.b64encode(self.portrait).decode()
        if self.number is not None:
            order["number"] = self.number
        return order

    def __repr__(self) -> str:
        """Show type and authority alone: the rest does not belong in logs."""
        return f"IssuanceOrder({self.certificate_type!r}, {self.authority.uscc}, …)"


def read_order(unverified_json: bytes) -> object:
    """Return what ORDER.json holds, not yet an order; raise `InvalidOrderError`."""
    try:
        return read_json(unverified_json, most_octets=MOST_ORDER_OCTETS)
    except FaultyDataError as error:
        raise InvalidOrderError(error.faults) from None


def parse_order(
    unverified_order: object,
    *,
    certificate_type: CertificateType,
    authorities: Authorities,
    authority_uscc: str | None = None,
    at: dt.datetime,
) -> IssuanceOrder:
    """Return the order as it is understood at `at`.

    The authority is the one that the order or the caller (`authority_uscc`) names, else the only
    one entitled. Raise `InvalidOrderError` with every fault; `UnknownAuthorityError` and
    `NotEntitledError` where there is nobody to issue it.
    """
    faults: list[Fault] = []
    body, unverified_portrait = _clean(unverified_order, faults)
    broken = {fault.pointer.split("/")[1] for fault in faults}
    sound = {key: value for key, value in body.items() if key not in broken}
    authority = _authority(sound, certificate_type, authorities, authority_uscc, faults)
    holders = list(_holders(body, certificate_type, faults))
    attributes = cast("dict[str, Json]", body.get("attributes"))
    if isinstance(attributes, dict):
        faults += certificate_type.attributes.faults(attributes, pointer="/attributes")
    portrait = _portrait(unverified_portrait, certificate_type, faults)
    number_expected = certificate_type.number is NumberSource.EXTERNAL
    faults += _presence("/number", expected=number_expected, given="number" in body)
    issued_on, valid_from, valid_to = _dates(sound, certificate_type, at, faults)
    if faults or authority is None:
        raise InvalidOrderError(faults)
    return IssuanceOrder(
        certificate_type=certificate_type,
        authority=authority,
        holders=tuple(holders),
        attributes=attributes,
        portrait=portrait,
        number=cast("str | None", sound.get("number")),
        issued_on=issued_on,
        valid_from=valid_from,
        valid_to=valid_to,
        body_sm3=canonical_sm3({**body, "portrait": unverified_portrait}),
    )


def _clean(unverified_order: object, faults: list[Fault]) -> tuple[dict[str, Json], object]:
    """Return the members of the order and, apart, its portrait, which is longer than any text."""
    if not isinstance(unverified_order, dict):
        raise InvalidOrderError([Fault("", "type", "object")])
    rest = {key: value for key, value in unverified_order.items() if key != "portrait"}
    body = cast("dict[str, Json]", clean(rest, faults))
    faults += _SHAPE.faults(body)
    if any(fault.pointer == "" for fault in faults):
        raise InvalidOrderError(faults)
    return body, unverified_order.get("portrait")


def _authority(
    sound: Mapping[str, Json],
    certificate_type: CertificateType,
    authorities: Authorities,
    authority_uscc: str | None,
    faults: list[Fault],
) -> IssuingAuthority | None:
    named = {sound.get("authority"), authority_uscc} - {None}
    if len(named) > 1:
        faults.append(Fault("/authority", "another_authority"))
        return None
    if named:
        authority = authorities.find(str(named.pop()))
        authority.require_entitled(certificate_type)
        return authority
    match authorities.entitled(certificate_type):
        case [authority]:
            return authority
        case []:
            raise NotEntitledError
        case _:
            faults.append(Fault("/authority", "required"))
            return None


def _holders(
    body: Mapping[str, Json], certificate_type: CertificateType, faults: list[Fault]
) -> Iterator[Holder]:
    """Give the holders whose shape is right, adding what else is wrong with them."""
    unverified_holders: Any = body.get("holders")
    if not isinstance(unverified_holders, list):
        return
    if len(unverified_holders) > certificate_type.max_holders:
        faults.append(Fault("/holders", "max_items", str(certificate_type.max_holders)))
    places = (fault.pointer.split("/") for fault in faults if fault.pointer[:9] == "/holders/")
    broken = {place[2] for place in places if place[3:] != ["name"]}
    for place, holder in enumerate(unverified_holders):
        if str(place) in broken:
            continue
        pointer = f"/holders/{place}"
        try:
            document = IdentityDocument.parse(holder["type"], holder["number"])
        except InvalidDocumentError as error:
            key = "type" if error.reason is DocumentFault.UNKNOWN_TYPE else "number"
            faults.append(Fault(f"{pointer}/{key}", error.reason.value))
            continue
        if document.type.holder_kind not in certificate_type.holder_kinds:
            kinds = " ".join(sorted(certificate_type.holder_kinds))
            faults.append(Fault(f"{pointer}/type", "holder_kind", kinds))
        yield Holder(document, str(holder.get("name")))  # where it is at fault, so is the order


def _portrait(
    unverified_portrait: object, certificate_type: CertificateType, faults: list[Fault]
) -> bytes | None:
    faults += _presence(
        "/portrait", expected=certificate_type.portrait, given=unverified_portrait is not None
    )
    if unverified_portrait is None:
        return None
    if not isinstance(unverified_portrait, str):
        faults.append(Fault("/portrait", "type", "string"))
        return None
    try:
        return parse_portrait(unverified_portrait)
    except FaultyDataError as error:
        faults += error.faults
        return None


def _presence(pointer: str, *, expected: bool, given: bool) -> Iterator[Fault]:
    if expected and not given:
        yield Fault(pointer, "required")
    if given and not expected:
        yield Fault(pointer, "not_of_this_type")


def _dates(
    sound: Mapping[str, Json],
    certificate_type: CertificateType,
    at: dt.datetime,
    faults: list[Fault],
) -> tuple[dt.date, dt.date, dt.date | None]:
    """Return day of issue, first and last day of validity."""
    given = {
        key: dt.date.fromisoformat(str(sound[key]))
        for key in ("issued_on", "valid_from", "valid_to")
        if sound.get(key) is not None
    }
    today = at.astimezone(CHINA_TIME).date()
    issued_on = given.get("issued_on", today)
    if issued_on > today:
        faults.append(Fault("/issued_on", "in_the_future"))
    valid_from = given.get("valid_from", issued_on)
    last = _last_day(valid_from, certificate_type.validity_years)
    if "valid_to" in sound and sound["valid_to"] is None and last is not None:
        faults.append(Fault("/valid_to", "without_end"))
    valid_to = given.get("valid_to", last)
    if valid_to is not None and valid_to < max(valid_from, issued_on):
        faults.append(Fault("/valid_to", "too_early", "not before issue and first day"))
    if valid_to is not None and last is not None and valid_to > last:
        faults.append(Fault("/valid_to", "too_late", f"{certificate_type.validity_years}年"))
    return issued_on, valid_from, valid_to


def _last_day(valid_from: dt.date, years: int | None) -> dt.date | None:
    """Return the day before the anniversary, None for validity without end."""
    if years is None:
        return None
    year = valid_from.year + years
    if (valid_from.month, valid_from.day) == (2, 29):
        return dt.date(year, 2, 28)  # leap year or not
    return valid_from.replace(year=year) - dt.timedelta(days=1)


_SHAPE = Shape.named("order")
