"""Issuing authorities: data apart from the types, one file `<USCC>.toml` each.

An authority has a name, a level, an area, the types it may issue, its seal and the key the seal is
used with, and for each type that is numbered here the rule of its numbers.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from certs.catalogue import CertificateType, NumberSource, Role
from certs.errors import (
    Fault,
    InvalidAuthorityError,
    InvalidNumberRuleError,
    NotEntitledError,
    UnknownAuthorityError,
)
from certs.identifiers import NumberRule
from certs.unverified import Shape, text_faults
from idp.documents import IdentityDocument, InvalidDocumentError


class Level(StrEnum):
    """证照颁发机构级别 (GB/T 36902)."""

    NATION = "国家"
    PROVINCE = "省"
    CITY = "地市"
    DISTRICT = "区县"
    TOWN = "乡镇"
    OTHER = "其他"


@dataclass(frozen=True, slots=True)
class IssuingAuthority:
    """证照颁发机构: an office that issues certificates under its own name and seal."""

    uscc: str
    """Unified social credit code."""
    name: str
    level: Level
    area: str
    """Its area in GB/T 2260."""
    types: frozenset[str]
    """Codes of the types it may issue."""
    seal_id: str
    """esID of its seal."""
    key: str
    """Name of the key the seal is used with, as the key store knows it."""
    numbering: Mapping[str, NumberRule]
    """Rule by type code."""

    def require_entitled(self, certificate_type: CertificateType) -> None:
        """Raise `NotEntitledError` unless the authority may issue the type and can number it."""
        numbered = (
            certificate_type.number is NumberSource.EXTERNAL
            or certificate_type.code in self.numbering
        )
        if (
            certificate_type.role is not Role.ISSUED
            or certificate_type.code not in self.types
            or not numbered
        ):
            raise NotEntitledError


class Authorities:
    """All issuing authorities."""

    def __init__(self, authorities: Iterable[IssuingAuthority]) -> None:
        """Hold the authorities by their codes."""
        self._authorities = {authority.uscc: authority for authority in authorities}

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read every `<USCC>.toml` in `folder`.

        Raise `InvalidAuthorityError` with all that is wrong, each pointer beginning with the file.
        """
        faults: list[Fault] = []
        authorities = [
            authority
            for path in sorted(folder.glob("*.toml"))
            if (authority := _read_authority(path, faults)) is not None
        ]
        faults += _shared_between(authorities)
        if faults:
            raise InvalidAuthorityError(faults)
        return cls(authorities)

    def __iter__(self) -> Iterator[IssuingAuthority]:
        """Give the authorities by their codes."""
        return iter([self._authorities[uscc] for uscc in sorted(self._authorities)])

    def find(self, uscc: str) -> IssuingAuthority:
        """Return the authority with this code; raise `UnknownAuthorityError`."""
        try:
            return self._authorities[uscc]
        except KeyError:
            raise UnknownAuthorityError from None

    def knows(self, uscc: str) -> bool:
        """Tell whether an authority with this code issues here."""
        return uscc in self._authorities

    def entitled(self, certificate_type: CertificateType) -> tuple[IssuingAuthority, ...]:
        """Return the authorities that may issue the type, by their codes."""
        found = []
        for authority in self:
            try:
                authority.require_entitled(certificate_type)
            except NotEntitledError:
                continue
            found.append(authority)
        return tuple(found)


def _read_authority(path: Path, faults: list[Fault]) -> IssuingAuthority | None:
    try:
        described: Mapping[str, Any] = tomllib.loads(path.read_bytes().decode())
    except ValueError:
        faults.append(Fault(path.name, "not_toml", "TOML in UTF-8"))
        return None
    found = list(_DESCRIPTION.faults(described, pointer=f"{path.name}#"))
    if not found:
        found = list(_contradictions(path, described))
    faults += found
    if found:
        return None
    return IssuingAuthority(
        uscc=described["uscc"],
        name=described["name"],
        level=Level(described["level"]),
        area=described["area"],
        types=frozenset(described["types"]),
        seal_id=described["seal"]["id"],
        key=described["seal"]["key"],
        numbering={
            code: NumberRule.parse(numbering["rule"])
            for code, numbering in described.get("numbering", {}).items()
        },
    )


def _contradictions(path: Path, described: Mapping[str, Any]) -> Iterator[Fault]:
    if path.stem != described["uscc"]:
        yield Fault(f"{path.name}#/uscc", "not_the_file")
    try:
        IdentityDocument.parse("001", described["uscc"])
    except InvalidDocumentError as error:
        yield Fault(f"{path.name}#/uscc", error.reason.value)
    yield from text_faults(described["name"], f"{path.name}#/name")
    for code, numbering in described.get("numbering", {}).items():
        pointer = f"{path.name}#/numbering/{code}"
        if code not in described["types"]:
            yield Fault(pointer, "not_entitled")
        try:
            NumberRule.parse(numbering["rule"])
        except InvalidNumberRuleError as error:
            yield Fault(f"{pointer}/rule", error.code)


def _shared_between(authorities: Iterable[IssuingAuthority]) -> Iterator[Fault]:
    """Give what two authorities have in common and may not: a seal, a key, their numbers."""
    seen: set[tuple[str, str]] = set()
    for authority in authorities:
        owned = [("seal/id", authority.seal_id), ("seal/key", authority.key)]
        owned += (
            (f"numbering/{code}", rule.format(area=authority.area, year=1, seq=1))
            for code, rule in authority.numbering.items()
        )
        for pointer, value in owned:
            mark = (pointer.partition("/")[0], value)
            if mark in seen:
                yield Fault(f"{authority.uscc}.toml#/{pointer}", "not_unique")
            seen.add(mark)


_DESCRIPTION = Shape.named("authority")
