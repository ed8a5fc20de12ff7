"""Writing X.509 certificates and requests of the shape of GB/T 20518.

Two steps, so that whoever holds the key stands between them: `build_tbs` gives the octets to
sign (their digest is `issuer.public_key.digest(tbs)`), `assemble_signing_cert` takes the verified
signature. Requests (PKCS#10, RFC 2986) go the same way.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from signing import der
from signing.errors import InvalidSignatureError, MalformedSigningCertError
from signing.sm2 import Signature, Sm2PublicKey, new_sm3, verify_digest
from signing.x509 import (
    SM2_WITH_SM3,
    DistinguishedName,
    ExtendedKeyUsage,
    ExtensionId,
    KeyUsage,
    SigningCert,
    read_name,
    read_signed,
)
from signing.x509_values import SET, UTC_TIME, read_public_key

_SIGNATURE_ALGORITHM = der.sequence(der.object_identifier(SM2_WITH_SM3))
_VERSION_3 = der.element(der.CONTEXT_0, der.integer(2))
_CONTEXT_3 = 0xA3
_KEY_IDENTIFIER = 0x80  # [0] IMPLICIT of AuthorityKeyIdentifier
_KEY_ID_SIZE = 20  # RFC 7093, method 1, with SM3: the first 160 bits of the digest of the key
_FIRST_YEAR_OF_GENERALIZED_TIME = 2050  # RFC 5280, 4.1.2.5


@dataclass(frozen=True, slots=True)
class Role:
    """What a certificate may do: basicConstraints, keyUsage, extKeyUsage."""

    key_usages: tuple[KeyUsage, ...]
    extended_key_usage: ExtendedKeyUsage | None
    path_length: int | None = None
    """How many CAs may follow; None for a certificate that is no CA."""


_CA_USAGES = (KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN)
_SIGNER_USAGES = (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION)


class Profile(Enum):
    """The certificates we issue; CAs bear the usage they may hand down."""

    ROOT = Role(_CA_USAGES, None, path_length=1)
    UNIT_CA = Role(_CA_USAGES, ExtendedKeyUsage.UNIT_SEALING, path_length=0)
    SEAL_MAKER_CA = Role(_CA_USAGES, ExtendedKeyUsage.SEAL_MAKING, path_length=0)
    UNIT = Role(_SIGNER_USAGES, ExtendedKeyUsage.UNIT_SEALING)
    SEAL_MAKER = Role(_SIGNER_USAGES, ExtendedKeyUsage.SEAL_MAKING)


@dataclass(frozen=True, slots=True)
class CertTemplate:
    """What a certificate to be issued says. Whole seconds; the serial number is positive."""

    subject: DistinguishedName
    public_key: Sm2PublicKey
    profile: Profile
    not_before: datetime
    not_after: datetime
    serial_number: int


def build_tbs(template: CertTemplate, issuer_cert: SigningCert | None) -> bytes:
    """Return the DER TBSCertificate to be signed by the issuer, or by itself without one."""
    own_key_id = key_identifier(template.public_key)
    issuer_key_id = own_key_id if issuer_cert is None else issuer_cert.subject_key_id
    subject_der = encode_name(template.subject)
    return encode_tbs(
        template,
        subject_der=subject_der,
        issuer_der=subject_der if issuer_cert is None else issuer_cert.subject_der,
        extensions=(
            *role_extensions(template.profile.value),
            encode_extension(ExtensionId.SUBJECT_KEY_ID, der.octet_string(own_key_id)),
            *authority_key_extension(issuer_key_id),
            *uscc_extension(template.subject),
        ),
    )


def encode_tbs(
    template: CertTemplate, *, subject_der: bytes, issuer_der: bytes, extensions: tuple[bytes, ...]
) -> bytes:
    """Return a TBSCertificate with exactly these names and extensions (RFC 5280, 4.1)."""
    return der.sequence(
        _VERSION_3,
        der.integer(template.serial_number),
        _SIGNATURE_ALGORITHM,
        issuer_der,
        der.sequence(_time(template.not_before), _time(template.not_after)),
        subject_der,
        template.public_key.subject_public_key_info,
        der.element(_CONTEXT_3, der.sequence(*extensions)),
    )


def assemble_signing_cert(tbs: bytes, signature: Signature) -> SigningCert:
    """Return the certificate of `tbs`.

    Raises `InvalidSignatureError` when the signature is over something else, and
    `MalformedSigningCertError` when the template said what no certificate may say.
    """
    return SigningCert.parse(_signed(tbs, signature))


def build_request_info(subject: DistinguishedName, public_key: Sm2PublicKey) -> bytes:
    """Return the CertificationRequestInfo that the holder of `public_key` is to sign."""
    return der.sequence(
        der.integer(0),
        encode_name(subject),
        public_key.subject_public_key_info,
        der.element(der.CONTEXT_0),
    )


def assemble_request(request_info: bytes, signature: Signature) -> bytes:
    """Return the DER CertificationRequest; errors as in `assemble_signing_cert`."""
    return _signed(request_info, signature)


def parse_request(unverified_der: bytes) -> tuple[DistinguishedName, Sm2PublicKey]:
    """Return subject and key of a PKCS#10 request whose holder proved to have the key.

    Raises `MalformedSigningCertError`, `UnsupportedAlgorithmError`, `InvalidSignatureError`.
    """
    request_info, signature_der = read_signed(unverified_der)
    reader = der.Reader(request_info, MalformedSigningCertError).enter()
    if reader.integer() != 0:
        raise MalformedSigningCertError("not a request of version 1")
    subject = read_name(reader.whole())
    public_key = read_public_key(reader)
    reader.whole(der.CONTEXT_0)  # attributes: wishes of the holder that we do not grant
    reader.finish()
    verify_digest(public_key, public_key.digest(request_info), signature_der)
    return subject, public_key


def key_identifier(public_key: Sm2PublicKey) -> bytes:
    """Return the subjectKeyIdentifier of a key."""
    return new_sm3(public_key.point).digest()[:_KEY_ID_SIZE]


def encode_name(name: DistinguishedName) -> bytes:
    """Return a Name: country in PrintableString, everything else in UTF8String (GB/T 20518)."""
    attributes = (
        (DistinguishedName.COUNTRY, der.PRINTABLE_STRING, name.country),
        (DistinguishedName.ORGANIZATION, der.UTF8_STRING, name.organization),
        (DistinguishedName.ORGANIZATION_IDENTIFIER, der.UTF8_STRING, name.uscc),
        (DistinguishedName.COMMON_NAME, der.UTF8_STRING, name.common_name),
    )
    return der.sequence(
        *(
            der.element(
                SET, der.sequence(der.object_identifier(oid), der.element(tag, text.encode()))
            )
            for oid, tag, text in attributes
            if text
        )
    )


def encode_extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    """Return one Extension (RFC 5280, 4.1); `value` is the DER inside its OCTET STRING."""
    mark = der.boolean(value=True) if critical else b""
    return der.sequence(der.object_identifier(oid), mark, der.octet_string(value))


def role_extensions(role: Role) -> tuple[bytes, ...]:
    """Return basicConstraints and keyUsage, both critical, and extKeyUsage where there is one."""
    constraints = b""
    if role.path_length is not None:
        constraints = der.boolean(value=True) + der.integer(role.path_length)
    extensions = (
        encode_extension(ExtensionId.BASIC_CONSTRAINTS, der.sequence(constraints), critical=True),
        encode_extension(ExtensionId.KEY_USAGE, _key_usage_bits(role.key_usages), critical=True),
    )
    if role.extended_key_usage is None:
        return extensions
    usage = der.sequence(der.object_identifier(role.extended_key_usage))
    return (*extensions, encode_extension(ExtensionId.EXTENDED_KEY_USAGE, usage))


def authority_key_extension(issuer_key_id: bytes | None) -> tuple[bytes, ...]:
    """Return authorityKeyIdentifier, when the issuer's certificate has an identifier."""
    if issuer_key_id is None:
        return ()
    value = der.sequence(der.element(_KEY_IDENTIFIER, issuer_key_id))
    return (encode_extension(ExtensionId.AUTHORITY_KEY_ID, value),)


def uscc_extension(name: DistinguishedName) -> tuple[bytes, ...]:
    """Return the extension of GB/T 20518 for organisation codes, for a unit that has one."""
    if name.uscc is None:
        return ()
    value = der.element(der.PRINTABLE_STRING, name.uscc.encode())
    return (encode_extension(ExtensionId.ORGANIZATION_CODE, value),)


def _key_usage_bits(usages: tuple[KeyUsage, ...]) -> bytes:
    """Return a named BIT STRING: no trailing zero bits (X.690, 11.2.2)."""
    bits = "".join("1" if usage in usages else "0" for usage in KeyUsage).rstrip("0")
    unused = -len(bits) % 8
    octets = (int(bits, 2) << unused).to_bytes((len(bits) + unused) // 8, "big")
    return der.element(der.BIT_STRING, bytes([unused]), octets)


def _time(moment: datetime) -> bytes:
    """Return a Time: UTCTime up to 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5)."""
    moment = moment.astimezone(UTC)
    if moment.year >= _FIRST_YEAR_OF_GENERALIZED_TIME:
        return der.generalized_time(moment)
    return der.element(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())


def _signed(to_be_signed: bytes, signature: Signature) -> bytes:
    """Return SIGNED{…} (X.509, 6.1) of octets and the signature over them."""
    if signature.digest != signature.public_key.digest(to_be_signed):
        raise InvalidSignatureError("the signature is over something else")
    return der.sequence(to_be_signed, _SIGNATURE_ALGORITHM, der.bit_string(signature.der))
