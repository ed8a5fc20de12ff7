"""Writing e-seals and seal signatures of GB/T 38540-2020, version 4.

Each is made in two steps, because the key lives elsewhere: first what is to be signed, then the
whole around the signature. A `Signature` exists only verified; the second step checks that it is
one over these octets by this certificate's key.

>>> info_der = build_seal_info(description)                               # doctest: +SKIP
>>> signature = sign_digest(key, maker_cert.public_key.digest(info_der))  # doctest: +SKIP
>>> eseal = assemble_seal(info_der, maker_cert, signature)                # doctest: +SKIP

Whether a seal may be used (signer in its list, time within its validity) is not asked here: that
is `signing.eseal_checks`, and whoever holds a key asks before using it.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from signing import der
from signing.errors import InvalidSignatureError, MalformedSealError
from signing.eseal import (
    CA_CERTS,
    DIGEST_OCTETS,
    HEADER_ID,
    MAX_CA_CERTS,
    MAX_LISTED,
    SM2_SM3,
    VERSION,
    CertListKind,
    ESeal,
    SealSignature,
)
from signing.picture import SealPicture
from signing.sm2 import LONGEST_SIGNATURE, Hasher, Signature, Sm2PublicKey
from signing.x509 import SigningCert

CACHED_HASHERS = 64  # one for each seal, key and length of the property text in use

_HEADER_ID = der.ia5_string(HEADER_ID)
_VERSION = der.integer(VERSION)
_PNG = der.ia5_string("PNG")


@dataclass(frozen=True, slots=True)
class SealDescription:
    """What a seal maker is asked to make a seal of.

    Raise `MalformedSealError` if a text cannot be written, the list is empty or too long, or the
    validity ends before it begins.
    """

    seal_id: str
    vendor_id: str
    kind: int
    name: str
    listed_certs: tuple[SigningCert, ...]
    """Who may use the seal (certListType 1)."""

    created_at: datetime
    valid_from: datetime
    valid_to: datetime
    picture: SealPicture
    ca_certs: tuple[SigningCert, ...] = ()
    """CA certificates above maker and users, for verifiers who hold only the roots."""

    def __post_init__(self) -> None:
        """Check what a reader would refuse, before a key is used."""
        for text in (self.seal_id, self.vendor_id):
            if not (text and text.isascii() and text.isprintable()):
                raise MalformedSealError("text outside ASCII")
        if not (self.name and self.name.isprintable()) or self.kind < 0:
            raise MalformedSealError("name or kind")
        if not 0 < len(self.listed_certs) <= MAX_LISTED or len(self.ca_certs) > MAX_CA_CERTS:
            raise MalformedSealError("number of certificates")
        if not self.valid_from <= self.valid_to:
            raise MalformedSealError("validity")


def build_seal_info(description: SealDescription) -> bytes:
    """Return SES_SealInfo, which the maker signs whole: `maker_cert.public_key.digest(info)`."""
    listed = (der.octet_string(signing_cert.der) for signing_cert in description.listed_certs)
    picture = description.picture
    parts = [
        der.sequence(_HEADER_ID, _VERSION, der.ia5_string(description.vendor_id)),
        der.ia5_string(description.seal_id),
        der.sequence(
            der.integer(description.kind),
            der.utf8_string(description.name),
            der.integer(CertListKind.CERTS),
            der.sequence(*listed),
            der.generalized_time(description.created_at),
            der.generalized_time(description.valid_from),
            der.generalized_time(description.valid_to),
        ),
        der.sequence(
            _PNG,
            der.octet_string(picture.png),
            der.integer(picture.width_mm),
            der.integer(picture.height_mm),
        ),
    ]
    if description.ca_certs:
        ca_certs = (der.octet_string(ca_cert.der) for ca_cert in description.ca_certs)
        parts.append(der.sequence(_extension(CA_CERTS, der.sequence(*ca_certs))))
    return der.sequence(*parts)


def _extension(extension_id: bytes, value: bytes) -> bytes:
    """Return ExtData with `critical` written out.

    DER would leave the default FALSE out, but ofdrw reads three items always: it drops an
    extension of two and then finds the seal changed. Seals in the field write it out.
    """
    return der.sequence(extension_id, der.boolean(value=False), der.octet_string(value))


def assemble_seal(info_der: bytes, maker_cert: SigningCert, signature: Signature) -> ESeal:
    """Return the seal of `info_der` under the maker's signature.

    Raise `InvalidSignatureError` if the signature is not the maker's over `info_der`,
    `MalformedSealError` if `info_der` is none.
    """
    _verify_belongs(signature, maker_cert, maker_cert.public_key.digest(info_der))
    return ESeal.parse(der.sequence(info_der, *_signature_parts(maker_cert, signature.der)))


@dataclass(frozen=True, slots=True)
class TbsSign:
    """TBS_Sign: one use of a seal, ready to be signed. Made by `build_tbs_sign`."""

    eseal: ESeal
    signer_cert: SigningCert
    signed_at: datetime
    data_digest: bytes
    property_info: str
    der: bytes = field(repr=False)
    digest: bytes
    """What the signer's key signs: SM3 of Z and `der`."""


def build_tbs_sign(
    *,
    eseal: ESeal,
    signer_cert: SigningCert,
    signed_at: datetime,
    data_digest: bytes,
    property_info: str,
) -> TbsSign:
    """Return what `signer_cert`'s key has to sign to apply `eseal` to the data of that digest.

    `property_info` tells what is protected, in ASCII. Raise `MalformedSealError` if it is not, or
    the digest is not one of SM3.
    """
    if len(data_digest) != DIGEST_OCTETS:
        raise MalformedSealError("the digest is not SM3")
    if not (property_info.isascii() and property_info.isprintable()):
        raise MalformedSealError("property text outside ASCII")
    signed_at = signed_at.astimezone(UTC).replace(microsecond=0)
    head, tail = _tbs_parts(eseal, signed_at, data_digest, property_info)
    # Everything up to the end of the seal is the same for each document: it is hashed once.
    hasher = _hasher_after_seal(signer_cert.public_key, head, eseal.der).copy()
    hasher.update(tail)
    return TbsSign(
        eseal,
        signer_cert,
        signed_at,
        data_digest,
        property_info,
        b"".join((head, eseal.der, tail)),
        hasher.digest(),
    )


def _tbs_parts(
    eseal: ESeal, signed_at: datetime, data_digest: bytes, property_info: str
) -> tuple[bytes, bytes]:
    """Return what stands before and after the seal in TBS_Sign."""
    tail = b"".join(
        (
            der.generalized_time(signed_at),
            der.bit_string(data_digest),
            der.ia5_string(property_info),
        )
    )
    length = len(_VERSION) + len(eseal.der) + len(tail)
    head = bytes([der.SEQUENCE]) + der.length_octets(length) + _VERSION
    return head, tail


@lru_cache(maxsize=CACHED_HASHERS)
def _hasher_after_seal(public_key: Sm2PublicKey, head: bytes, eseal_der: bytes) -> Hasher:
    """Return a hasher that has taken in Z and TBS_Sign up to the end of the seal: copy it."""
    hasher = public_key.hasher()
    hasher.update(head)
    hasher.update(eseal_der)
    return hasher


def assemble_seal_signature(tbs: TbsSign, signature: Signature) -> SealSignature:
    """Return the whole seal signature.

    Raise `InvalidSignatureError` if the signature is not the signer's over `tbs`.
    """
    _verify_belongs(signature, tbs.signer_cert, tbs.digest)
    return SealSignature(
        der=der.sequence(tbs.der, *_signature_parts(tbs.signer_cert, signature.der)),
        tbs_der=tbs.der,
        version=VERSION,
        eseal=tbs.eseal,
        signed_at=tbs.signed_at,
        data_digest=tbs.data_digest,
        property_info=tbs.property_info,
        signer_cert=tbs.signer_cert,
        signature_der=signature.der,
        time_stamp=None,
    )


def seal_signature_size(*, eseal: ESeal, signer_cert: SigningCert, property_info: str) -> int:
    """Return how many octets a seal signature of these parts can have at most."""
    longest = bytes(LONGEST_SIGNATURE)
    head, tail = _tbs_parts(eseal, eseal.created_at, bytes(DIGEST_OCTETS), property_info)
    parts = (head, eseal.der, tail, *_signature_parts(signer_cert, longest))
    return len(der.sequence(*parts))


def _signature_parts(signing_cert: SigningCert, signature_der: bytes) -> tuple[bytes, ...]:
    return der.octet_string(signing_cert.der), SM2_SM3, der.bit_string(signature_der)


def _verify_belongs(signature: Signature, signing_cert: SigningCert, digest: bytes) -> None:
    if signature.public_key != signing_cert.public_key or signature.digest != digest:
        raise InvalidSignatureError("a signature over something else")
