"""The catalogue: which types of certificate there are, each a folder `<code>/<version>/`.

A type is five files and no code:

    type.toml        what it is called, who may hold it, how it is numbered, sealed and shared
    schema.json      its attributes (`certs.attributes`)
    layout.typ       how it looks
    background.svg   what lies under the text
    sample.json      a valid order

The digest of the folder is stored with every certificate issued, so a version that has been used
cannot change unnoticed: what changes is a new version.
"""

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from certs.attributes import AttributeSchema
from certs.errors import Fault, FaultyDataError, InvalidTypeError, UnknownTypeError
from certs.unverified import Shape, read_json, text_faults
from idp.documents import HolderKind, IdentityDocument, InvalidDocumentError
from signing.canonical import canonical_sm3, sm3
from signing.pdf.placement import Placement, SignatureForm

FILES = ("background.svg", "layout.typ", "sample.json", "schema.json", "type.toml")
LARGEST_FILE = 4 * 2**20
"""Octets of one file of a type; a background of fine lines has some hundred thousand."""


class NumberSource(StrEnum):
    """Where the number on the certificate's face comes from."""

    RULE = "rule"
    """From the issuing authority's numbering rule and counter."""
    EXTERNAL = "external"
    """From another system, with the order."""


class Role(StrEnum):
    """What the office does with certificates of a type."""

    ISSUED = "issued"
    COLLECTED = "collected"
    """Issued elsewhere; registered and verified here."""


class Sharing(StrEnum):
    """共享类型: under which condition other departments may use a certificate."""

    UNCONDITIONAL = "无条件"
    CONDITIONAL = "有条件"
    NONE = "不予共享"


@dataclass(frozen=True, slots=True, eq=False)
class CertificateType:
    """One version of a certificate type."""

    code: str
    """证照类型代码: the defining body's unified social credit code and three digits."""
    version: int
    sm3: str
    """Digest of the folder, see `folder_sm3`."""
    folder: Path
    slug: str
    """A short name for command lines and addresses."""
    name_zh: str
    name_en: str
    holder_kinds: frozenset[HolderKind]
    max_holders: int
    portrait: bool
    """Whether it bears the holder's portrait."""
    form: SignatureForm
    four_eyes: bool
    """Whether drafting and sealing need two officers."""
    number: NumberSource
    role: Role
    public_register: bool
    """Whether anyone who knows the number may ask for the status."""
    sharing: Sharing
    validity_years: int | None
    """The longest validity; None is 长期, without end."""
    placement: Placement
    """Where the seal goes."""
    attributes: AttributeSchema

    def __repr__(self) -> str:
        """Name code and version."""
        return f"CertificateType({self.code}/{self.version})"


class Catalogue:
    """All types in all their versions."""

    def __init__(self, types: Mapping[tuple[str, int], CertificateType]) -> None:
        """Hold the types by code and version."""
        self._types = dict(types)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read every `<code>/<version>/` in `folder`.

        Raise `InvalidTypeError` with the faults of all of them, each pointer beginning with the
        path from `folder`.
        """
        types: dict[tuple[str, int], CertificateType] = {}
        faults: list[Fault] = []
        for version_folder in sorted(folder.glob("*/*")):
            try:
                certificate_type = read_type(version_folder)
            except InvalidTypeError as error:
                place = version_folder.relative_to(folder).as_posix()
                faults += (
                    Fault(f"{place}/{fault.pointer}", fault.code, fault.detail)
                    for fault in error.faults
                )
            else:
                types[certificate_type.code, certificate_type.version] = certificate_type
        codes_of_slugs = {kind.slug: kind.code for kind in types.values()}
        faults += (
            Fault(f"{kind.code}/{kind.version}/type.toml#/slug", "not_unique")
            for kind in types.values()
            if codes_of_slugs[kind.slug] != kind.code
        )
        if faults:
            raise InvalidTypeError(faults)
        return cls(types)

    def __iter__(self) -> Iterator[CertificateType]:
        """Give every version of every type, by code and version."""
        return iter([self._types[key] for key in sorted(self._types)])

    def find(self, code_or_slug: str, version: int | None = None) -> CertificateType:
        """Return the type in this version, without one in its latest; raise `UnknownTypeError`."""
        found = [
            certificate_type
            for certificate_type in self
            if code_or_slug in {certificate_type.code, certificate_type.slug}
            and version in {certificate_type.version, None}
        ]
        if not found:
            raise UnknownTypeError
        return found[-1]


def folder_sm3(files: Mapping[str, bytes]) -> str:
    """Return the digest of a type's files: SM3 of the canonical JSON {name: SM3 of the content}."""
    return canonical_sm3({name: sm3(content).hex() for name, content in files.items()})


def read_type(folder: Path) -> CertificateType:
    """Return the type that `folder` describes; raise `InvalidTypeError` with all its faults.

    The sample order is not judged here but by `certs.type_check`, which knows orders.
    """
    certificate_type, faults = examine_type(folder)
    if faults or certificate_type is None:
        raise InvalidTypeError(faults)
    return certificate_type


def examine_type(folder: Path) -> tuple[CertificateType | None, list[Fault]]:
    """Return what `folder` describes, if type.toml and schema.json tell, and all its faults."""
    faults: list[Fault] = []
    files = dict(_read_files(folder, faults))
    description = _read_description(folder, files, faults)
    attributes = _read_attributes(files, faults)
    if description is None or attributes is None:
        return None, faults
    validity: str = description["validity"]
    seal: Mapping[str, Any] = description["seal"]
    certificate_type = CertificateType(
        code=description["code"],
        version=description["version"],
        sm3=folder_sm3(files),
        folder=folder,
        slug=description["slug"],
        name_zh=description["name_zh"],
        name_en=description["name_en"],
        holder_kinds=frozenset(map(HolderKind, description["holders"])),
        max_holders=description["max_holders"],
        portrait=description["portrait"],
        form=SignatureForm(description["form"]),
        four_eyes=description["four_eyes"],
        number=NumberSource(description["number"]),
        role=Role(description["role"]),
        public_register=description["public_register"],
        sharing=Sharing(description["sharing"]),
        validity_years=int(validity.removesuffix("年")) if validity.endswith("年") else None,
        placement=Placement(
            page=int(seal["page"]),
            left_mm=float(seal["left_mm"]),
            bottom_mm=float(seal["bottom_mm"]),
        ),
        attributes=attributes,
    )
    return certificate_type, faults


def _read_files(folder: Path, faults: list[Fault]) -> Iterator[tuple[str, bytes]]:
    if not folder.is_dir():
        faults.append(Fault("", "not_a_folder"))
        return
    present = {path.name for path in folder.iterdir()}
    faults += (Fault(name, "missing_file") for name in FILES if name not in present)
    faults += (Fault(name, "unexpected_file") for name in present.difference(FILES))
    for name in sorted(present.intersection(FILES)):
        path = folder / name
        if path.is_symlink() or not path.is_file():
            faults.append(Fault(name, "not_a_file"))
        elif path.stat().st_size > LARGEST_FILE:
            faults.append(Fault(name, "too_large", f"at most {LARGEST_FILE} octets"))
        else:
            yield name, path.read_bytes()


def _read_description(
    folder: Path, files: Mapping[str, bytes], faults: list[Fault]
) -> Mapping[str, Any] | None:
    name = "type.toml"
    if name not in files:
        return None
    try:
        description = tomllib.loads(files[name].decode(), parse_float=_finite)
    except ValueError:
        faults.append(Fault(name, "not_toml", "TOML in UTF-8"))
        return None
    found = list(_DESCRIPTION.faults(description, pointer=f"{name}#"))
    faults += found
    if found:
        return None
    for key, folder_name in (("code", folder.parent.name), ("version", folder.name)):
        if str(description[key]) != folder_name:
            faults.append(Fault(f"{name}#/{key}", "not_the_folder"))
    for key in ("name_zh", "name_en"):
        faults += text_faults(description[key], f"{name}#/{key}")
    try:
        IdentityDocument.parse("001", description["code"][:-3])
    except InvalidDocumentError as error:
        faults.append(Fault(f"{name}#/code", error.reason.value))
    return description


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("infinite")
    return number


def _read_attributes(files: Mapping[str, bytes], faults: list[Fault]) -> AttributeSchema | None:
    name = "schema.json"
    if name not in files:
        return None
    try:
        return AttributeSchema(read_json(files[name], most_octets=LARGEST_FILE))
    except FaultyDataError as error:
        faults += (
            Fault(f"{name}#{fault.pointer}", fault.code, fault.detail) for fault in error.faults
        )
        return None


_DESCRIPTION = Shape.named("type")
