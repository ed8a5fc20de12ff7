"""X.509 certificates signed with SM2, as GB/T 20518 shapes them: reading.

`SigningCert.parse` reads strict DER and knows nothing of trust; `signing.x509_path` proves who
issued a certificate and whether the path may be used, `signing.x509_build` writes new ones.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar

from signing import der
from signing.errors import MalformedSigningCertError, UnsupportedAlgorithmError
from signing.sm2 import Sm2PublicKey, new_sm3
from signing.x509_values import (
    SET,
    dotted,
    read_public_key,
    read_serial_number,
    read_text,
    read_time,
    read_uris,
    reader_of,
)

ARC = "2.25.133184900397522060199573098679968166027"
"""The arc of our own object identifiers: docs/decisions/0001-object-identifiers.md."""

SM2_WITH_SM3 = "1.2.156.10197.1.501"  # GM/T 0006

MAX_CERT_SIZE = 16 * 1024  # those of public CAs take 1 to 3 kB
MAX_EXTENSIONS = 32  # those of public CAs have about ten
_CERTS_KEPT = 256  # one process meets those of its authorities and their CAs; at most 12 MB

_USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}")  # GB 32100: no I, O, S, V, Z
_VERSION_3 = 2

_NULL = b"\x05\x00"
_CONTEXT_3 = 0xA3
_CONTEXT_0_PRIMITIVE = 0x80


class ExtendedKeyUsage(StrEnum):
    """The roles of certificates: docs/decisions/0001-object-identifiers.md."""

    UNIT_SEALING = f"{ARC}.1.1"
    SEAL_MAKING = f"{ARC}.1.2"
    TIME_STAMPING = f"{ARC}.1.3"


class KeyUsage(StrEnum):
    """The bits of keyUsage in their order (RFC 5280, 4.2.1.3)."""

    DIGITAL_SIGNATURE = "digitalSignature"
    NON_REPUDIATION = "nonRepudiation"
    KEY_ENCIPHERMENT = "keyEncipherment"
    DATA_ENCIPHERMENT = "dataEncipherment"
    KEY_AGREEMENT = "keyAgreement"
    KEY_CERT_SIGN = "keyCertSign"
    CRL_SIGN = "cRLSign"
    ENCIPHER_ONLY = "encipherOnly"
    DECIPHER_ONLY = "decipherOnly"


class ExtensionId(StrEnum):
    """The extensions that are read; any other one is refused when it is critical."""

    SUBJECT_KEY_ID = "2.5.29.14"
    KEY_USAGE = "2.5.29.15"
    BASIC_CONSTRAINTS = "2.5.29.19"
    CRL_DISTRIBUTION_POINTS = "2.5.29.31"
    AUTHORITY_KEY_ID = "2.5.29.35"
    EXTENDED_KEY_USAGE = "2.5.29.37"
    AUTHORITY_INFO_ACCESS = "1.3.6.1.5.5.7.1.1"
    ORGANIZATION_CODE = "1.2.156.10260.4.1.4"
    """GB/T 20518, 统一社会信用代码 in practice."""


@dataclass(frozen=True, slots=True)
class DistinguishedName:
    """Who a certificate speaks of; an empty text where the name does not say."""

    COUNTRY: ClassVar[str] = "2.5.4.6"
    ORGANIZATION: ClassVar[str] = "2.5.4.10"
    ORGANIZATION_IDENTIFIER: ClassVar[str] = "2.5.4.97"
    COMMON_NAME: ClassVar[str] = "2.5.4.3"

    country: str
    organization: str
    common_name: str
    uscc: str | None = None
    """The unit's unified social credit code (GB 32100); its check digit is not looked at."""


@dataclass(frozen=True, slots=True)
class SigningCert:
    """An X.509 certificate as it stands: read, not trusted. Equal means: the same octets."""

    der: bytes = field(repr=False)
    subject: DistinguishedName = field(compare=False)
    subject_der: bytes = field(compare=False, repr=False)
    issuer_der: bytes = field(compare=False, repr=False)
    serial_number: int = field(compare=False)
    not_before: datetime = field(compare=False)
    not_after: datetime = field(compare=False)
    public_key: Sm2PublicKey = field(compare=False, repr=False)
    tbs: bytes = field(compare=False, repr=False)
    """The octets the issuer signed, as they stand."""
    signature_der: bytes = field(compare=False, repr=False)
    is_ca: bool = field(compare=False)
    path_length: int | None = field(compare=False)
    key_usages: frozenset[str] = field(compare=False)
    extended_key_usages: frozenset[str] = field(compare=False)
    """Dotted object identifiers."""
    subject_key_id: bytes | None = field(compare=False, repr=False)
    authority_key_id: bytes | None = field(compare=False, repr=False)
    crl_urls: tuple[str, ...] = field(compare=False)
    ocsp_urls: tuple[str, ...] = field(compare=False)
    names_revocation_source: bool = field(compare=False)
    """Whether it says where revocations are told, also where that is no address we read."""
    has_unknown_critical_extension: bool = field(compare=False)

    @staticmethod
    @lru_cache(maxsize=_CERTS_KEPT)
    def parse(unverified_der: bytes) -> "SigningCert":
        """Read one certificate; the same octets give the same object while it is remembered.

        Raises `UnsupportedAlgorithmError` when key or signature are not SM2 with SM3, and
        `MalformedSigningCertError` for everything that is no such certificate.
        """
        if len(unverified_der) > MAX_CERT_SIZE:
            raise MalformedSigningCertError("a certificate too large to be one")
        tbs, signature_der = read_signed(unverified_der)
        reader = reader_of(tbs).enter()
        _read_version(reader)
        serial_number = read_serial_number(reader)
        _read_algorithm(reader)
        issuer_der = reader.whole()
        validity = reader.enter()
        not_before, not_after = read_time(validity), read_time(validity)
        validity.finish()
        subject_der = reader.whole()
        public_key = read_public_key(reader)
        extensions = _read_extensions(reader)
        reader.finish()
        return SigningCert(
            der=unverified_der,
            subject=read_name(subject_der, extension_uscc=extensions.organization_code),
            subject_der=subject_der,
            issuer_der=issuer_der,
            serial_number=serial_number,
            not_before=not_before,
            not_after=not_after,
            public_key=public_key,
            tbs=tbs,
            signature_der=signature_der,
            is_ca=extensions.is_ca,
            path_length=extensions.path_length,
            key_usages=extensions.key_usages,
            extended_key_usages=extensions.extended_key_usages,
            subject_key_id=extensions.subject_key_id,
            authority_key_id=extensions.authority_key_id,
            crl_urls=extensions.crl_urls,
            ocsp_urls=extensions.ocsp_urls,
            names_revocation_source=extensions.names_revocation_source,
            has_unknown_critical_extension=extensions.has_unknown_critical,
        )

    @property
    def sm3(self) -> str:
        """The SM3 of the certificate in hex, its fingerprint."""
        return new_sm3(self.der).digest().hex()


@dataclass(slots=True)
class _Extensions:
    """What the extensions said, filled in one by one."""

    is_ca: bool = False
    path_length: int | None = None
    key_usages: frozenset[str] = frozenset()
    extended_key_usages: frozenset[str] = frozenset()
    subject_key_id: bytes | None = None
    authority_key_id: bytes | None = None
    crl_urls: tuple[str, ...] = ()
    ocsp_urls: tuple[str, ...] = ()
    names_revocation_source: bool = False
    organization_code: str | None = None
    has_unknown_critical: bool = False


def read_signed(unverified_der: bytes) -> tuple[bytes, bytes]:
    """Split SIGNED{…} (X.509, 6.1) into what is signed and the signature, SM2 with SM3 only."""
    outer = reader_of(unverified_der)
    reader = outer.enter()
    outer.finish()
    signed = reader.whole()
    _read_algorithm(reader)
    signature_der = reader.bit_string()
    reader.finish()
    return signed, signature_der


def read_name(name_der: bytes, *, extension_uscc: str | None = None) -> DistinguishedName:
    """Read a Name; `extension_uscc` is the unit's code as an extension gives it.

    Raises `MalformedSigningCertError` when an attribute we read is there twice, or name and
    extension give different codes: whom it names would depend on the reader.
    """
    texts: dict[bytes, str] = {}
    relative_names = reader_of(name_der).enter()
    while not relative_names.at_end():
        attributes = relative_names.enter(SET)
        while not attributes.at_end():
            attribute = attributes.enter()
            oid = attribute.object_identifier()
            if oid in _NAME_ATTRIBUTES:
                if oid in texts:
                    raise MalformedSigningCertError("a name that says the same thing twice")
                texts[oid] = read_text(attribute)
                attribute.finish()
    country, organization, name_uscc, common_name = map(texts.get, _NAME_ATTRIBUTES)
    codes = {code for code in (name_uscc, extension_uscc) if code and _USCC.fullmatch(code)}
    if len(codes) > 1:
        raise MalformedSigningCertError("name and extension give different unit codes")
    return DistinguishedName(
        country=country or "",
        organization=organization or "",
        common_name=common_name or "",
        uscc=codes.pop() if codes else None,
    )


def _read_version(reader: der.Reader) -> None:
    version = reader.enter(der.CONTEXT_0)
    if version.integer() != _VERSION_3:
        raise MalformedSigningCertError("not version 3")
    version.finish()


def _read_algorithm(reader: der.Reader) -> None:
    """Read an AlgorithmIdentifier: SM2 with SM3, parameters absent or NULL (both are written)."""
    if reader.whole() not in _SIGNATURE_ALGORITHMS:
        raise UnsupportedAlgorithmError("not signed by SM2 with SM3")


def _read_extensions(reader: der.Reader) -> _Extensions:
    """Read all extensions (RFC 5280, 4.2); each at most once."""
    extensions = _Extensions()
    if reader.at_end():
        return extensions
    seen: set[bytes] = set()
    wrapper = reader.enter(_CONTEXT_3)
    items = wrapper.enter()
    wrapper.finish()
    while not items.at_end():
        item = items.enter()
        oid = item.object_identifier()
        critical = item.boolean() if item.next_is(der.BOOLEAN) else False
        value = reader_of(item.octet_string())
        item.finish()
        if oid in seen or len(seen) == MAX_EXTENSIONS:
            raise MalformedSigningCertError("an extension twice, or too many")
        seen.add(oid)
        read = _EXTENSION_READERS.get(oid)
        if read is not None:
            read(value, extensions)
            value.finish()
        elif critical:
            extensions.has_unknown_critical = True
    return extensions


def _read_basic_constraints(value: der.Reader, extensions: _Extensions) -> None:
    constraints = value.enter()
    extensions.is_ca = constraints.boolean() if constraints.next_is(der.BOOLEAN) else False
    if constraints.next_is(der.INTEGER):
        if not extensions.is_ca:
            raise MalformedSigningCertError("a path length, but not a CA")
        extensions.path_length = constraints.integer()
    constraints.finish()


def _read_key_usage(value: der.Reader, extensions: _Extensions) -> None:
    unused, *octets = value.content(der.BIT_STRING) or b"\xff"
    bits = "".join(f"{octet:08b}" for octet in octets)
    if unused > 7 or "1" not in bits or "1" in bits[len(bits) - unused :]:  # noqa: PLR2004 - X.690, 8.6.2.2
        raise MalformedSigningCertError("key usage")
    extensions.key_usages = frozenset(
        usage for usage, bit in zip(KeyUsage, bits, strict=False) if bit == "1"
    )


def _read_extended_key_usage(value: der.Reader, extensions: _Extensions) -> None:
    usages = value.enter()
    found = set()
    while not usages.at_end():
        found.add(dotted(usages.object_identifier()))
    extensions.extended_key_usages = frozenset(found)


def _read_subject_key_id(value: der.Reader, extensions: _Extensions) -> None:
    extensions.subject_key_id = value.octet_string()


def _read_authority_key_id(value: der.Reader, extensions: _Extensions) -> None:
    identifier = value.enter()
    if identifier.next_is(_CONTEXT_0_PRIMITIVE):
        extensions.authority_key_id = identifier.content(_CONTEXT_0_PRIMITIVE)


def _read_crl_distribution_points(value: der.Reader, extensions: _Extensions) -> None:
    points = value.enter()
    urls: list[str] = []
    while not points.at_end():
        point = points.enter()
        if point.next_is(der.CONTEXT_0):
            name = point.enter(der.CONTEXT_0)
            if name.next_is(der.CONTEXT_0):
                urls.extend(read_uris(name.enter(der.CONTEXT_0)))
    extensions.crl_urls = tuple(urls)
    extensions.names_revocation_source = True


def _read_authority_info_access(value: der.Reader, extensions: _Extensions) -> None:
    descriptions = value.enter()
    urls: list[str] = []
    while not descriptions.at_end():
        description = descriptions.enter()
        if description.object_identifier() == _OCSP:
            extensions.names_revocation_source = True
            urls.extend(read_uris(description))
    extensions.ocsp_urls = tuple(urls)


def _read_organization_code(value: der.Reader, extensions: _Extensions) -> None:
    extensions.organization_code = read_text(value)


_SIGNATURE_ALGORITHMS = frozenset(
    der.sequence(der.object_identifier(SM2_WITH_SM3), parameters) for parameters in (b"", _NULL)
)
_OCSP = der.object_identifier("1.3.6.1.5.5.7.48.1")
_NAME_ATTRIBUTES = tuple(
    der.object_identifier(oid)
    for oid in (
        DistinguishedName.COUNTRY,
        DistinguishedName.ORGANIZATION,
        DistinguishedName.ORGANIZATION_IDENTIFIER,
        DistinguishedName.COMMON_NAME,
    )
)
_EXTENSION_READERS: dict[bytes, Callable[[der.Reader, _Extensions], None]] = {
    der.object_identifier(oid): read
    for oid, read in (
        (ExtensionId.SUBJECT_KEY_ID, _read_subject_key_id),
        (ExtensionId.KEY_USAGE, _read_key_usage),
        (ExtensionId.BASIC_CONSTRAINTS, _read_basic_constraints),
        (ExtensionId.CRL_DISTRIBUTION_POINTS, _read_crl_distribution_points),
        (ExtensionId.AUTHORITY_KEY_ID, _read_authority_key_id),
        (ExtensionId.EXTENDED_KEY_USAGE, _read_extended_key_usage),
        (ExtensionId.AUTHORITY_INFO_ACCESS, _read_authority_info_access),
        (ExtensionId.ORGANIZATION_CODE, _read_organization_code),
    )
}
