"""What a certificate says: `certificate.json`, sealed into the file, and what the public may see.

The metadata bear the short names of GB/T 36903, the attributes those of the type's schema.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from certs.authorities import IssuingAuthority
from certs.catalogue import CertificateType
from certs.holders import Holder
from certs.orders import IssuanceOrder
from certs.unverified import Json
from idp.documents import IdentityDocument
from signing.canonical import canonical_json, canonical_sm3, sm3


def draft_sm3(order: IssuanceOrder, draft_id: str) -> str:
    """Return the digest an approval is bound to: of all that is decided, without times.

    SM3 of the canonical JSON (RFC 8785) of {draft_id, authority, type, type_version, type_sm3,
    holders, attributes, portrait_sm3, valid_from, valid_to}. A number that is given elsewhere is
    typed by the drafter and stands there too, as {number}; ours comes after the approval.
    """
    numbered_elsewhere = {} if order.number is None else {"number": order.number}
    return canonical_sm3(
        {
            **numbered_elsewhere,
            "draft_id": draft_id,
            "authority": order.authority.uscc,
            "type": order.certificate_type.code,
            "type_version": order.certificate_type.version,
            "type_sm3": order.certificate_type.sm3,
            "holders": [holder.as_json() for holder in order.holders],
            "attributes": order.attributes,
            "portrait_sm3": portrait_sm3(order),
            "valid_from": order.valid_from.isoformat(),
            "valid_to": _date(order.valid_to) or None,
        }
    )


def draft_sm3_of_content(content: Mapping[str, Any], draft_id: str) -> str:
    """Return the same digest, computed from a `certificate.json`.

    Which digest it names says whether its number was approved. Raise `LookupError` or `TypeError`
    for what is no `certificate.json`.
    """
    metadata, kind = content["metadata"], content["type"]
    decided = {
        "draft_id": draft_id,
        "authority": metadata["ZZBFJGDM"],
        "type": kind["code"],
        "type_version": kind["version"],
        "type_sm3": kind["sm3"],
        "holders": [
            {"type": held["CZZTDMLXDM"], "number": held["CZZTDM"], "name": held["CZZT"]}
            for held in metadata["holders"]
        ],
        "attributes": content["attributes"],
        "portrait_sm3": content["portrait_sm3"],
        "valid_from": metadata["ZZYXQQSRQ"],
        "valid_to": metadata["ZZYXQJZRQ"] or None,
    }
    with_number = canonical_sm3({**decided, "number": metadata["ZZBH"]})
    return with_number if with_number == content["draft_sm3"] else canonical_sm3(decided)


def portrait_sm3(order: IssuanceOrder) -> str | None:
    """Return the SM3 of the portrait's octets, None without one."""
    return None if order.portrait is None else sm3(order.portrait).hex()


@dataclass(frozen=True, slots=True, repr=False)
class CertificateContent:
    """All that a certificate says, once it has its number."""

    order: IssuanceOrder
    number: str
    """证照编号, printed on the face."""
    identifier: str
    """证照标识 of GB/T 36904."""
    code: str
    """What the QR leads to; not part of `certificate.json`."""
    draft_sm3: str
    seal_id: str
    seal_picture_sm3: str

    @classmethod
    def restore(
        cls,
        sealed: Mapping[str, Any],
        *,
        code: str,
        certificate_type: CertificateType,
        authority: IssuingAuthority,
    ) -> Self:
        """Return what the register's `certificate.json` said, but for the portrait.

        The authority appears under the name it had.
        """
        metadata = sealed["metadata"]
        last_day = metadata["ZZYXQJZRQ"]
        order = IssuanceOrder(
            certificate_type=certificate_type,
            authority=replace(authority, name=metadata["ZZBFJG"]),
            holders=tuple(
                Holder(IdentityDocument.parse(h["CZZTDMLXDM"], h["CZZTDM"]), h["CZZT"])
                for h in metadata["holders"]
            ),
            attributes=sealed["attributes"],
            portrait=None,
            number=None,
            issued_on=dt.date.fromisoformat(metadata["ZZBFRQ"]),
            valid_from=dt.date.fromisoformat(metadata["ZZYXQQSRQ"]),
            valid_to=dt.date.fromisoformat(last_day) if last_day else None,
            body_sm3="",
        )
        return cls(
            order=order,
            number=metadata["ZZBH"],
            identifier=metadata["ZZBS"],
            code=code,
            draft_sm3=sealed["draft_sm3"],
            seal_id=sealed["seal"]["id"],
            seal_picture_sm3=sealed["seal"]["picture_sm3"],
        )

    def as_json(self) -> dict[str, Json]:
        """Return `certificate.json`."""
        order = self.order
        kind = order.certificate_type
        return {
            "metadata": {
                "ZZMC": kind.name_zh,
                "ZZLXMC": kind.name_zh,
                "ZZLXDM": kind.code,
                "ZZBH": self.number,
                "ZZBS": self.identifier,
                "ZZBFJG": order.authority.name,
                "ZZBFJGDM": order.authority.uscc,
                "ZZBFJGJB": order.authority.level.value,
                "ZZBFRQ": _date(order.issued_on),
                "ZZYXQQSRQ": _date(order.valid_from),
                "ZZYXQJZRQ": _date(order.valid_to),
                "holders": [
                    {
                        "CZZT": holder.name,
                        "CZZTDM": holder.document.number,
                        "CZZTDMLX": holder.document.type.title_zh,
                        "CZZTDMLXDM": holder.document.type.value,
                    }
                    for holder in order.holders
                ],
            },
            "attributes": dict(order.attributes),
            "type": {"code": kind.code, "version": kind.version, "sm3": kind.sm3},
            "draft_sm3": self.draft_sm3,
            "portrait_sm3": portrait_sm3(order),
            "seal": {"id": self.seal_id, "picture_sm3": self.seal_picture_sm3},
        }

    @property
    def json(self) -> bytes:
        """The octets of `certificate.json`: its canonical JSON."""
        return canonical_json(self.as_json())

    def public_fields(self) -> dict[str, str]:
        """Return what a public page and a report may tell, as texts by short name.

        Of a type without public register this is the holder's masked name and nothing else.
        """
        holders = self.order.holders
        fields = {"CZZT": "、".join(holder.public_name for holder in holders)}
        if self.order.certificate_type.public_register:
            fields["CZZTDM"] = "、".join(holder.public_number for holder in holders)
            attributes = self.order.certificate_type.attributes.mask(self.order.attributes)
            fields |= {key: _as_text(value) for key, value in attributes.items()}
        return fields

    def __repr__(self) -> str:
        """Show the type alone: the rest does not belong in logs."""
        return f"CertificateContent({self.order.certificate_type!r}, …)"


def _date(day: dt.date | None) -> str:
    """Return the day in ISO 8601; 长期 is empty (GB/T 36903)."""
    return "" if day is None else day.isoformat()


def _as_text(value: Json) -> str:
    """Return a value in one line: lists joined by "；", records by " "."""
    match value:
        case list():
            return "；".join(map(_as_text, value))
        case dict():
            return " ".join(map(_as_text, value.values()))
        case bool():
            return "是" if value else "否"
        case _:
            return str(value)
