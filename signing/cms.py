"""SM2 SignedData (RFC 5652; GB/T 35275 on reading): the CMS of a PAdES signature.

Written: detached, one signer, signed attributes contentType, messageDigest and
signingCertificateV2 with SM3 (EN 319 142-1, baseline B-B; no signingTime, /M says it).

    attributes = build_signed_attributes(data_digest=…, signer_cert=…)
    signature = sign_digest(key, signer_cert.public_key.digest(attributes))
    contents = assemble_signed_data(signed_attributes=attributes, …, signature=signature)

Read: the same, and what else a careful signer writes beside it. The octets that were signed are
kept as they stand; nothing is encoded anew to be verified.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

from signing import der
from signing.errors import (
    DigestMismatchError,
    InvalidSignatureError,
    MalformedCmsError,
    MalformedSigningCertError,
    UnsupportedAlgorithmError,
)
from signing.sm2 import DIGEST_SIZE, LONGEST_SIGNATURE, Signature, new_sm3, verify_digest
from signing.x509 import SM2_WITH_SM3, SigningCert
from signing.x509_values import SET

MAX_SIGNED_DATA_SIZE = 256 * 1024  # ours takes 2 to 3 kB; foreign ones may carry a CRL
MAX_CERTIFICATES = 16  # a path has six members at most
MAX_ATTRIBUTES = 16  # three are needed, others write up to eight
_SIGNERS_KEPT = 256  # certificates of units, with their encoded attribute and list

_Value = TypeVar("_Value")

_CONTEXT_1 = 0xA1
_NULL = b"\x05\x00"


def _algorithms(*dotted: str) -> frozenset[bytes]:
    """Return the AlgorithmIdentifiers of these, with parameters absent and with NULL."""
    return frozenset(
        der.sequence(der.object_identifier(name), parameters)
        for name in dotted
        for parameters in (b"", _NULL)
    )


_DATA = der.object_identifier("1.2.840.113549.1.7.1")
_SIGNED_DATA = der.object_identifier("1.2.840.113549.1.7.2")
# The content types of GB/T 35275: the same structure under their own names.
_GB_DATA = der.object_identifier("1.2.156.10197.6.1.4.2.1")
_GB_SIGNED_DATA = der.object_identifier("1.2.156.10197.6.1.4.2.2")
_CONTENT_TYPES = {_SIGNED_DATA: _DATA, _GB_SIGNED_DATA: _GB_DATA}

_SM3 = "1.2.156.10197.1.401"
_SM2_SIGNING = "1.2.156.10197.1.301.1"  # GM/T 0006; what others write for SM2 with SM3
_SM3_ALGORITHM = der.sequence(der.object_identifier(_SM3))
_SM2_WITH_SM3_ALGORITHM = der.sequence(der.object_identifier(SM2_WITH_SM3))
_DIGEST_ALGORITHMS = _algorithms(_SM3)
_SIGNATURE_ALGORITHMS = _algorithms(SM2_WITH_SM3, _SM2_SIGNING)

_CONTENT_TYPE = der.object_identifier("1.2.840.113549.1.9.3")  # RFC 5652, 11.1
_MESSAGE_DIGEST = der.object_identifier("1.2.840.113549.1.9.4")  # RFC 5652, 11.2
_SIGNING_CERTIFICATE_V2 = der.object_identifier("1.2.840.113549.1.9.16.2.47")  # RFC 5035

_VERSION_1 = der.integer(1)
_VERSIONS = frozenset((_VERSION_1, der.integer(3)))  # 3: some write it for other content types


def build_signed_attributes(*, data_digest: bytes, signer_cert: SigningCert) -> bytes:
    """Return the DER SET OF Attribute: what is signed is `public_key.digest` of it.

    `data_digest` is the SM3 of the detached data.
    """
    return der.element(
        SET,  # in the order of DER (X.690, 11.6), given by the lengths of the three
        _CONTENT_TYPE_ATTRIBUTE,
        _attribute(_MESSAGE_DIGEST, der.octet_string(data_digest)),
        _signing_certificate_attribute(signer_cert),
    )


def assemble_signed_data(
    *,
    signed_attributes: bytes,
    signer_cert: SigningCert,
    chain: Sequence[SigningCert],
    signature: Signature,
) -> bytes:
    """Return the DER ContentInfo; `chain` are the certificates to send along with the signer's.

    Raises `InvalidSignatureError` when the signature is not the signer's over these attributes.
    """
    if (
        signature.public_key != signer_cert.public_key
        or signature.digest != signature.public_key.digest(signed_attributes)
    ):
        raise InvalidSignatureError("the signature is another's, or over something else")
    return _encode(signed_attributes, signer_cert, tuple(chain), signature.der)


def signed_data_size(*, signer_cert: SigningCert, chain: Sequence[SigningCert]) -> int:
    """Return how many octets `assemble_signed_data` gives at most."""
    attributes = build_signed_attributes(data_digest=bytes(DIGEST_SIZE), signer_cert=signer_cert)
    return len(_encode(attributes, signer_cert, tuple(chain), bytes(LONGEST_SIGNATURE)))


@dataclass(frozen=True, slots=True)
class SignedData:
    """A detached SignedData of one signer, as it stands: read, not verified."""

    signer_cert: SigningCert
    """The one certificate that the signer's information names."""
    certificates: tuple[SigningCert, ...] = field(repr=False)
    """All that were sent along, the signer's among them."""
    signed_attributes: bytes = field(repr=False)
    """DER SET OF Attribute: the octets that were signed."""
    message_digest: bytes = field(repr=False)
    signer_cert_digest: tuple[str, bytes] = field(repr=False)
    """Hash and digest of the signer's certificate, as signingCertificateV2 says."""
    signature_der: bytes = field(repr=False)
    unsigned_attributes: bytes | None = field(repr=False)
    """What anybody may have added, as a time stamp is; not read, and proof of nothing."""

    @classmethod
    def parse(cls, unverified_der: bytes) -> "SignedData":
        """Read the strict DER of a ContentInfo.

        Raises `UnsupportedAlgorithmError` for anything but SM2 and SM3, and `MalformedCmsError`
        for all that is not one signer, one certificate of his, and the three attributes.
        """
        if len(unverified_der) > MAX_SIGNED_DATA_SIZE:
            raise MalformedCmsError("too large to be a signature")
        signed_data, content_type = _read_content_info(unverified_der)
        certificates = _read_certificates(signed_data)
        if signed_data.next_is(_CONTEXT_1):
            signed_data.whole(_CONTEXT_1)  # CRLs: revocation is asked elsewhere
        signer_infos = signed_data.enter(SET)
        signed_data.finish()
        signer_info = signer_infos.enter()
        signer_infos.finish()
        _read_version(signer_info)
        signer_cert = _find_signer(signer_info.enter(), certificates)
        _read_algorithm(signer_info, _DIGEST_ALGORITHMS)
        # Signed with the tag of a SET OF, sent with the tag [0] (RFC 5652, 5.4).
        signed_attributes = bytes([SET]) + signer_info.whole(der.CONTEXT_0)[1:]
        _read_algorithm(signer_info, _SIGNATURE_ALGORITHMS)
        signature_der = signer_info.octet_string()
        unsigned_attributes = None
        if signer_info.next_is(_CONTEXT_1):
            unsigned_attributes = signer_info.whole(_CONTEXT_1)
        signer_info.finish()
        attributes = _read_attributes(signed_attributes)
        if _only(attributes, _CONTENT_TYPE, der.Reader.object_identifier) != content_type:
            raise MalformedCmsError("two content types")
        return cls(
            signer_cert=signer_cert,
            certificates=certificates,
            signed_attributes=signed_attributes,
            message_digest=_only(attributes, _MESSAGE_DIGEST, der.Reader.octet_string),
            signer_cert_digest=_only(attributes, _SIGNING_CERTIFICATE_V2, _read_cert_digest),
            signature_der=signature_der,
            unsigned_attributes=unsigned_attributes,
        )

    def verify_signature(self) -> None:
        """Raise `InvalidSignatureError` unless this very certificate's key signed (RFC 5652, 5.6).

        The certificate is the one the signer meant (RFC 5035, 5.4): another one for the same key,
        with other names, does not pass. Whether it may sign is for `signing.x509_path`.
        """
        name, cert_digest = self.signer_cert_digest
        if hashlib.new(name, self.signer_cert.der).digest() != cert_digest:
            raise InvalidSignatureError("the signer meant another certificate")
        key = self.signer_cert.public_key
        verify_digest(key, key.digest(self.signed_attributes), self.signature_der)

    def verify_digest(self, data_digest: bytes) -> None:
        """Raise `DigestMismatchError` unless `data_digest` is what was signed."""
        if data_digest != self.message_digest:
            raise DigestMismatchError("the signature is over other data")


def _attribute(oid_der: bytes, value: bytes) -> bytes:
    return der.sequence(oid_der, der.element(SET, value))


@lru_cache(maxsize=_SIGNERS_KEPT)
def _signing_certificate_attribute(signer_cert: SigningCert) -> bytes:
    """Return signingCertificateV2 (RFC 5035, 3) with one ESSCertIDv2 hashed by SM3."""
    cert_digest = der.octet_string(new_sm3(signer_cert.der).digest())
    cert_id = der.sequence(_SM3_ALGORITHM, cert_digest)
    return _attribute(_SIGNING_CERTIFICATE_V2, der.sequence(der.sequence(cert_id)))


@lru_cache(maxsize=_SIGNERS_KEPT)
def _certificate_set(certificates: frozenset[SigningCert]) -> bytes:
    octets = sorted(signing_cert.der for signing_cert in certificates)
    return der.element(der.CONTEXT_0, *octets)


def _encode(
    signed_attributes: bytes,
    signer_cert: SigningCert,
    chain: tuple[SigningCert, ...],
    signature_der: bytes,
) -> bytes:
    signer_info = der.sequence(
        _VERSION_1,
        der.sequence(signer_cert.issuer_der, der.integer(signer_cert.serial_number)),
        _SM3_ALGORITHM,
        bytes([der.CONTEXT_0]) + signed_attributes[1:],
        _SM2_WITH_SM3_ALGORITHM,
        der.octet_string(signature_der),
    )
    signed_data = der.sequence(
        _VERSION_1,
        der.element(SET, _SM3_ALGORITHM),
        der.sequence(_DATA),
        _certificate_set(frozenset((signer_cert, *chain))),
        der.element(SET, signer_info),
    )
    return der.sequence(_SIGNED_DATA, der.element(der.CONTEXT_0, signed_data))


def _reader(octets: bytes) -> der.Reader:
    return der.Reader(octets, MalformedCmsError)


def _read_content_info(unverified_der: bytes) -> tuple[der.Reader, bytes]:
    """Return a reader standing at the certificates, and the type of the detached content."""
    outer = _reader(unverified_der)
    content_info = outer.enter()
    outer.finish()
    content_type = _CONTENT_TYPES.get(content_info.object_identifier())
    if content_type is None:
        raise MalformedCmsError("not a SignedData")
    content = content_info.enter(der.CONTEXT_0)
    content_info.finish()
    signed_data = content.enter()
    content.finish()
    _read_version(signed_data)
    digest_algorithms = signed_data.enter(SET)
    _read_algorithm(digest_algorithms, _DIGEST_ALGORITHMS)
    digest_algorithms.finish()
    encapsulated = signed_data.enter()
    if encapsulated.object_identifier() != content_type:
        raise MalformedCmsError("not over plain data")
    encapsulated.finish()  # detached: the data are outside
    return signed_data, content_type


def _read_version(reader: der.Reader) -> None:
    if reader.whole(der.INTEGER) not in _VERSIONS:
        raise MalformedCmsError("version")


def _read_algorithm(reader: der.Reader, allowed: frozenset[bytes]) -> None:
    if reader.whole() not in allowed:
        raise UnsupportedAlgorithmError("only SM2 with SM3")


def _read_certificates(signed_data: der.Reader) -> tuple[SigningCert, ...]:
    certificates: list[SigningCert] = []
    items = signed_data.enter(der.CONTEXT_0)
    while not items.at_end():
        if len(certificates) == MAX_CERTIFICATES:
            raise MalformedCmsError("too many certificates")
        try:
            certificates.append(SigningCert.parse(items.whole()))
        except MalformedSigningCertError as error:
            raise MalformedCmsError("a certificate that is none") from error
    return tuple(certificates)


def _find_signer(identifier: der.Reader, certificates: tuple[SigningCert, ...]) -> SigningCert:
    """Return the certificate with this issuer and serial number; there must be just one."""
    issuer_der = identifier.whole()
    serial_der = identifier.whole(der.INTEGER)
    identifier.finish()
    found = {
        signing_cert
        for signing_cert in certificates
        if signing_cert.issuer_der == issuer_der
        and der.integer(signing_cert.serial_number) == serial_der
    }
    if len(found) != 1:
        raise MalformedCmsError("not exactly one certificate of the signer")
    return found.pop()


def _read_attributes(signed_attributes: bytes) -> dict[bytes, bytes]:
    """Return the values of each attribute by its type."""
    values: dict[bytes, bytes] = {}
    attributes = _reader(signed_attributes).enter(SET)
    while not attributes.at_end():
        attribute = attributes.enter()
        oid = attribute.object_identifier()
        if oid in values or len(values) == MAX_ATTRIBUTES:
            raise MalformedCmsError("an attribute twice, or too many")
        values[oid] = attribute.content(SET)
        attribute.finish()
    return values


def _only(
    attributes: dict[bytes, bytes], oid: bytes, read: Callable[[der.Reader], _Value]
) -> _Value:
    """Return what `read` makes of the one value that this attribute must have."""
    if oid not in attributes:
        raise MalformedCmsError("an attribute is missing")
    values = _reader(attributes[oid])
    value = read(values)
    values.finish()
    return value


def _read_cert_digest(value: der.Reader) -> tuple[str, bytes]:
    """Return hash and digest of the first ESSCertIDv2, which is the signer's (RFC 5035, 3).

    Without a hashAlgorithm it is SHA-256, the default of the RFC: others write SM2 like this.
    """
    cert_id = value.enter().enter().enter()
    if not cert_id.next_is(der.SEQUENCE):
        return "sha256", cert_id.octet_string()
    _read_algorithm(cert_id, _DIGEST_ALGORITHMS)
    return "sm3", cert_id.octet_string()


_CONTENT_TYPE_ATTRIBUTE = _attribute(_CONTENT_TYPE, _DATA)
