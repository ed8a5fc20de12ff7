"""E-seals and seal signatures of GB/T 38540-2020 (version 4), read strictly.

An `ESeal` is what the seal maker made: picture, name, validity and the certificates that may use
it, under the maker's signature. A `SealSignature` is one use of it: the seal, the time and the
digest of what was sealed, under the signature of one of those certificates.

Reading says that the form is right and nothing more; `signing.eseal_checks` says the rest. What
was signed is kept as the octets that stood there (`info_der`, `tbs_der`), never encoded anew.
Versions 1 and 5 (GM/T 0031) are refused as malformed. All tags are universal; nesting is at most
six deep and fixed by this code.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from typing import Self

from signing.der import (
    BOOLEAN,
    CONTEXT_0,
    IA5_STRING,
    PRINTABLE_STRING,
    Reader,
    object_identifier,
)
from signing.errors import (
    MalformedPictureError,
    MalformedSealError,
    MalformedSigningCertError,
    SignerNotInSealError,
    UnsupportedAlgorithmError,
)
from signing.picture import SealPicture
from signing.x509 import ARC, SM2_WITH_SM3, SigningCert

VERSION = 4  # GB/T 38540-2020
HEADER_ID = "ES"
SM2_SM3 = object_identifier(SM2_WITH_SM3)  # a bare OID here, no AlgorithmIdentifier
# Certificates of the CAs above the seal maker and the unit, so that who holds only the roots can
# build both paths: SEQUENCE OF OCTET STRING, not critical. GB/T 38540 leaves no other place.
CA_CERTS = object_identifier(f"{ARC}.2.1")

MAX_SEAL_OCTETS = 768 * 1024  # a picture of 512 kB (limit of `signing.picture`) and certificates
MAX_SEAL_SIGNATURE_OCTETS = MAX_SEAL_OCTETS + 64 * 1024  # a seal, a certificate, a time stamp
MAX_LISTED = 64  # who may use one seal
MAX_CA_CERTS = 8  # two paths of four
MAX_EXTENSIONS = 16
MAX_SIDE_MM = 1000  # keeps sizes sane; the drawable limit is that of `signing.picture`
DIGEST_OCTETS = 32
CACHED_SEALS = 32  # of some 100 kB: a process meets the same few seals on thousands of documents

# Names of SM3 in a CertDigestObj: the standard leaves the text free.
_SM3_NAMES = frozenset({"SM3", "1.2.156.10197.1.401"})


class CertListKind(IntEnum):
    """`certListType`: how the seal names the certificates that may use it."""

    CERTS = 1
    DIGESTS = 2


@dataclass(frozen=True, slots=True)
class ESeal:
    """SESeal: an e-seal whose form is right."""

    der: bytes = field(repr=False)
    info_der: bytes = field(repr=False)
    """SES_SealInfo as it stands: what the maker signed."""

    version: int
    vendor_id: str
    seal_id: str
    """esID, the seal's code."""

    kind: int
    """The type of the seal by the business: 1 unit seal …"""

    name: str
    cert_list_kind: CertListKind
    listed_certs: tuple[bytes, ...] = field(repr=False)
    """DER certificates that may use the seal; empty when the list holds digests."""

    listed_digests: tuple[bytes, ...] = field(repr=False)
    """SM3 digests of such certificates; empty when the list holds certificates."""

    created_at: datetime
    valid_from: datetime
    valid_to: datetime
    picture_kind: str
    picture_data: bytes = field(repr=False)
    width_mm: int
    height_mm: int
    ca_certs: tuple[SigningCert, ...] = field(repr=False)
    """CA certificates the seal carries to help build paths; nobody vouches for them."""

    maker_cert: SigningCert = field(repr=False)
    signature_der: bytes = field(repr=False)

    @classmethod
    def parse(cls, unverified_der: bytes) -> "ESeal":
        """Return the seal that the octets are.

        GB/T 38540-2020, 6.3, step 1. Raise `MalformedSealError` if they are none of version 4,
        `UnsupportedAlgorithmError` if it or its maker's certificate is not signed with SM2.
        """
        return _parse_eseal(unverified_der)

    @property
    def picture(self) -> SealPicture:
        """The seal's picture; raise `MalformedPictureError` if it is not of the kind we draw."""
        if self.picture_kind.upper() != "PNG":
            raise MalformedPictureError("not a PNG")
        return SealPicture.from_png(
            self.picture_data, width_mm=self.width_mm, height_mm=self.height_mm
        )

    def verify_lists(self, signer_cert: SigningCert) -> None:
        """Raise `SignerNotInSealError` unless the seal names exactly this certificate."""
        if self.cert_list_kind is CertListKind.CERTS:
            found = signer_cert.der in self.listed_certs
        else:
            found = bytes.fromhex(signer_cert.sm3) in self.listed_digests
        if not found:
            raise SignerNotInSealError


@dataclass(frozen=True, slots=True)
class SealSignature:
    """SES_Signature: one use of an e-seal, whose form is right."""

    der: bytes = field(repr=False)
    tbs_der: bytes = field(repr=False)
    """TBS_Sign as it stands: what the signer signed."""

    version: int
    eseal: ESeal
    signed_at: datetime
    """timeInfo: the signer's word, proof of nothing."""

    data_digest: bytes
    """dataHash: SM3 of what was sealed."""

    property_info: str
    """What was protected; for a PDF the text of its /ByteRange."""

    signer_cert: SigningCert = field(repr=False)
    signature_der: bytes = field(repr=False)
    time_stamp: bytes | None = field(repr=False)
    """An RFC 3161 token over `signature_der`, not verified here."""

    @classmethod
    def parse(cls, unverified_der: bytes) -> Self:
        """Return the seal signature that the octets are.

        GB/T 38540-2020, 7.3, step a. Raise `MalformedSealError` if they are none of version 4,
        `UnsupportedAlgorithmError` if anything in it is not signed or hashed with SM2 and SM3.
        """
        if len(unverified_der) > MAX_SEAL_SIGNATURE_OCTETS:
            raise MalformedSealError("larger than a seal signature")
        outer = Reader(unverified_der, MalformedSealError)
        reader = outer.enter()
        outer.finish()
        tbs_der = reader.whole()
        tbs = Reader(tbs_der, MalformedSealError).enter()
        version = _read_version(tbs)
        eseal = ESeal.parse(tbs.whole())
        signed_at = tbs.generalized_time()
        data_digest = tbs.bit_string()
        if len(data_digest) != DIGEST_OCTETS:
            raise UnsupportedAlgorithmError("the digest is not SM3")
        property_info = tbs.ascii_text(IA5_STRING)
        if tbs.next_is(CONTEXT_0):
            explicit = tbs.enter(CONTEXT_0)
            _read_extensions(explicit)
            explicit.finish()
        tbs.finish()
        signer_cert = _read_signing_cert(reader)
        signature_der = _read_signature(reader)
        time_stamp = None
        if reader.next_is(CONTEXT_0):
            explicit = reader.enter(CONTEXT_0)
            time_stamp = explicit.bit_string()
            explicit.finish()
        reader.finish()
        return cls(
            unverified_der,
            tbs_der,
            version,
            eseal,
            signed_at,
            data_digest,
            property_info,
            signer_cert,
            signature_der,
            time_stamp,
        )


@lru_cache(maxsize=CACHED_SEALS)
def _parse_eseal(unverified_der: bytes) -> ESeal:
    """Read SESeal. The cache compares whole seals, so it never answers with another one."""
    if len(unverified_der) > MAX_SEAL_OCTETS:
        raise MalformedSealError("larger than a seal")
    outer = Reader(unverified_der, MalformedSealError)
    reader = outer.enter()
    outer.finish()
    info_der = reader.whole()
    info = Reader(info_der, MalformedSealError).enter()
    header = info.enter()
    if header.ascii_text(IA5_STRING) != HEADER_ID:
        raise MalformedSealError("not a seal")
    version = _read_version(header)
    vendor_id = header.ascii_text(IA5_STRING)
    header.finish()
    seal_id = info.ascii_text(IA5_STRING)
    prop = info.enter()
    kind = prop.integer()
    name = prop.utf8_string()
    cert_list_kind, listed_certs, listed_digests = _read_cert_list(prop)
    created_at, valid_from, valid_to = (prop.generalized_time() for _ in range(3))
    prop.finish()
    picture = info.enter()
    picture_kind = picture.ascii_text(IA5_STRING)
    picture_data = picture.octet_string()
    width_mm, height_mm = (_read_side(picture) for _ in range(2))
    picture.finish()
    extensions = {} if info.at_end() else _read_extensions(info)
    info.finish()
    maker_cert = _read_signing_cert(reader)
    signature_der = _read_signature(reader)
    reader.finish()
    return ESeal(
        der=unverified_der,
        info_der=info_der,
        version=version,
        vendor_id=vendor_id,
        seal_id=seal_id,
        kind=kind,
        name=name,
        cert_list_kind=cert_list_kind,
        listed_certs=listed_certs,
        listed_digests=listed_digests,
        created_at=created_at,
        valid_from=valid_from,
        valid_to=valid_to,
        picture_kind=picture_kind,
        picture_data=picture_data,
        width_mm=width_mm,
        height_mm=height_mm,
        ca_certs=_read_ca_certs(extensions.get(CA_CERTS)),
        maker_cert=maker_cert,
        signature_der=signature_der,
    )


def _read_version(reader: Reader) -> int:
    version = reader.integer()
    if version != VERSION:
        raise MalformedSealError("another version than 4")
    return version


def _read_side(reader: Reader) -> int:
    side = reader.integer()
    if not 0 < side <= MAX_SIDE_MM:
        raise MalformedSealError("size of the picture")
    return side


def _read_cert_list(
    prop: Reader,
) -> tuple[CertListKind, tuple[bytes, ...], tuple[bytes, ...]]:
    """Read certListType and SES_CertList, an untagged choice that the type selects."""
    kind = prop.integer()
    entries = prop.enter()
    if kind == CertListKind.CERTS:
        return CertListKind.CERTS, tuple(_read_octet_strings(entries, MAX_LISTED)), ()
    if kind != CertListKind.DIGESTS:
        raise MalformedSealError("unknown kind of certificate list")
    digests: list[bytes] = []
    while not entries.at_end():
        entry = entries.enter()
        if entry.ascii_text(PRINTABLE_STRING).upper() not in _SM3_NAMES:
            raise UnsupportedAlgorithmError("the list is not of SM3 digests")
        digests.append(entry.octet_string())
        entry.finish()
        if len(digests) > MAX_LISTED:
            raise MalformedSealError("too many certificates listed")
    return CertListKind.DIGESTS, (), tuple(digests)


def _read_octet_strings(entries: Reader, most: int) -> list[bytes]:
    octet_strings: list[bytes] = []
    while not entries.at_end():
        octet_strings.append(entries.octet_string())
        if len(octet_strings) > most:
            raise MalformedSealError("too many certificates")
    return octet_strings


def _read_extensions(reader: Reader) -> dict[bytes, bytes]:
    """Read ExtensionDatas; `critical` may be written out (as everybody does) or left out.

    Raise `MalformedSealError` if one is critical, for we know none that may be, or comes twice.
    """
    entries = reader.enter()
    values: dict[bytes, bytes] = {}
    while not entries.at_end():
        entry = entries.enter()
        extension_id = entry.object_identifier()
        if entry.next_is(BOOLEAN) and entry.boolean():
            raise MalformedSealError("critical extension")
        value = entry.octet_string()
        entry.finish()
        if extension_id in values or len(values) == MAX_EXTENSIONS:
            raise MalformedSealError("too many extensions")
        values[extension_id] = value
    return values


def _read_ca_certs(unverified_value: bytes | None) -> tuple[SigningCert, ...]:
    if unverified_value is None:
        return ()
    outer = Reader(unverified_value, MalformedSealError)
    entries = outer.enter()
    outer.finish()
    return tuple(_parse_signing_cert(der) for der in _read_octet_strings(entries, MAX_CA_CERTS))


def _read_signing_cert(reader: Reader) -> SigningCert:
    return _parse_signing_cert(reader.octet_string())


def _parse_signing_cert(unverified_der: bytes) -> SigningCert:
    try:
        return SigningCert.parse(unverified_der)
    except MalformedSigningCertError as error:
        raise MalformedSealError("certificate") from error


def _read_signature(reader: Reader) -> bytes:
    """Read the bare algorithm OID and the signature value, which SM2 itself checks later."""
    if reader.object_identifier() != SM2_SM3:
        raise UnsupportedAlgorithmError("not SM2 with SM3")
    return reader.bit_string()
