"""SignedData: written in one shape, read strictly, bound to one certificate."""

import hashlib
from contextlib import suppress

import pytest
from asn1crypto import cms as second_reader
from asn1crypto.tsp import SigningCertificateV2
from hypothesis import given
from hypothesis import strategies as st
from simulators.pki import OTHER_UNIT_NAME, Pki

from signing import der
from signing.cms import (
    MAX_ATTRIBUTES,
    MAX_CERTIFICATES,
    MAX_SIGNED_DATA_SIZE,
    SignedData,
    assemble_signed_data,
    build_signed_attributes,
    signed_data_size,
)
from signing.errors import (
    DigestMismatchError,
    InvalidSignatureError,
    MalformedCmsError,
    UnsupportedAlgorithmError,
)
from signing.sm2 import Sm2PrivateKey, new_sm3, sign_digest
from signing.x509 import SigningCert
from signing.x509_values import SET

PKI = Pki.create()
UNIT = PKI.issue_unit()
CHAIN = (PKI.unit_ca.cert,)
DATA_DIGEST = new_sm3(b"what was sealed").digest()

oid = der.object_identifier
SM3 = der.sequence(oid("1.2.156.10197.1.401"))
SM2_WITH_SM3 = der.sequence(oid("1.2.156.10197.1.501"))
SHA_256 = der.sequence(oid("2.16.840.1.101.3.4.2.1"))
DATA, SIGNED_DATA = oid("1.2.840.113549.1.7.1"), oid("1.2.840.113549.1.7.2")
GB_DATA, GB_SIGNED_DATA = oid("1.2.156.10197.6.1.4.2.1"), oid("1.2.156.10197.6.1.4.2.2")
CONTENT_TYPE, MESSAGE_DIGEST = oid("1.2.840.113549.1.9.3"), oid("1.2.840.113549.1.9.4")
SIGNING_CERTIFICATE_V2 = oid("1.2.840.113549.1.9.16.2.47")
SIGNING_TIME = oid("1.2.840.113549.1.9.5")


def signed() -> bytes:
    attributes = build_signed_attributes(data_digest=DATA_DIGEST, signer_cert=UNIT.cert)
    return assemble_signed_data(
        signed_attributes=attributes,
        signer_cert=UNIT.cert,
        chain=CHAIN,
        signature=sign_digest(UNIT.key, UNIT.cert.public_key.digest(attributes)),
    )


GENUINE = signed()


def attribute(kind: bytes, *values: bytes) -> bytes:
    return der.sequence(kind, der.element(SET, *values))


def names_cert(signing_cert: SigningCert, *, algorithm: bytes = SM3) -> bytes:
    digest = new_sm3(signing_cert.der).digest()
    cert_id = der.sequence(algorithm, der.octet_string(digest))
    return attribute(SIGNING_CERTIFICATE_V2, der.sequence(der.sequence(cert_id)))


def attributes_of(**changes: bytes) -> bytes:
    """Return signed attributes with some of them replaced or left out."""
    parts = {
        "content_type": attribute(CONTENT_TYPE, DATA),
        "message_digest": attribute(MESSAGE_DIGEST, der.octet_string(DATA_DIGEST)),
        "signing_certificate": names_cert(UNIT.cert),
        "more": b"",
        **changes,
    }
    return der.element(SET, *parts.values())


def other_cms(
    *, attributes: bytes = b"", signers: int = 1, trailing: bytes = b"", **changes: bytes
) -> bytes:
    """Return a SignedData as somebody else might write it, rightly signed, parts replaced."""
    attributes = attributes or attributes_of()
    signature = sign_digest(UNIT.key, UNIT.key.public_key.digest(attributes)).der
    part = {
        "content_type": SIGNED_DATA,
        "version": der.integer(1),
        "digest_algorithms": der.element(SET, SM3),
        "content": der.sequence(DATA),
        "certificates": der.element(0xA0, UNIT.cert.der),
        "crls": b"",
        "signer_version": der.integer(1),
        "sid": der.sequence(UNIT.cert.issuer_der, der.integer(UNIT.cert.serial_number)),
        "digest_algorithm": SM3,
        "sent_attributes": b"\xa0" + attributes[1:],
        "signature_algorithm": SM2_WITH_SM3,
        "signature": der.octet_string(signature),
        "unsigned": b"",
        "more": b"",
        **changes,
    }
    signer_info = der.sequence(
        part["signer_version"], part["sid"], part["digest_algorithm"], part["sent_attributes"],
        part["signature_algorithm"], part["signature"], part["unsigned"],
    )  # fmt: skip
    signed_data = der.sequence(
        part["version"], part["digest_algorithms"], part["content"], part["certificates"],
        part["crls"], der.element(SET, *[signer_info] * signers), part["more"],
    )  # fmt: skip
    return der.sequence(part["content_type"], der.element(0xA0, signed_data)) + trailing


# ---- what we write ----


def test_what_was_signed_is_read_and_verified() -> None:
    read = SignedData.parse(GENUINE)
    assert read.signer_cert == UNIT.cert
    assert set(read.certificates) == {UNIT.cert, *CHAIN}
    assert read.message_digest == DATA_DIGEST
    read.verify_signature()
    read.verify_digest(DATA_DIGEST)
    with pytest.raises(DigestMismatchError):
        read.verify_digest(DATA_DIGEST[::-1])


def test_a_second_reader_reads_the_same() -> None:
    content = second_reader.ContentInfo.load(GENUINE, strict=True)
    assert content["content_type"].native == "signed_data"
    theirs = content["content"]
    assert theirs["version"].native == "v1"
    assert theirs["encap_content_info"]["content_type"].native == "data"
    assert theirs["encap_content_info"]["content"].native is None
    assert {one.chosen.dump() for one in theirs["certificates"]} == {UNIT.cert.der, CHAIN[0].der}
    (signer,) = theirs["signer_infos"]
    sid = signer["sid"].chosen
    assert (sid["issuer"].dump(), sid["serial_number"].native) == (
        UNIT.cert.issuer_der,
        UNIT.cert.serial_number,
    )
    assert signer["digest_algorithm"]["algorithm"].dotted == "1.2.156.10197.1.401"
    assert signer["signature_algorithm"]["algorithm"].dotted == "1.2.156.10197.1.501"
    values = {one["type"].dotted: one["values"][0] for one in signer["signed_attrs"]}
    assert len(values) == 3
    assert values["1.2.840.113549.1.9.3"].native == "data"
    assert values["1.2.840.113549.1.9.4"].native == DATA_DIGEST
    signing_certificate = values["1.2.840.113549.1.9.16.2.47"].dump()
    (cert_id,) = SigningCertificateV2.load(signing_certificate)["certs"]
    assert cert_id["cert_hash"].native == new_sm3(UNIT.cert.der).digest()
    for members in (theirs["certificates"], signer["signed_attrs"]):
        octets = [member.dump() for member in members]
        assert octets == sorted(octets)  # SET OF in the order of DER


def test_the_size_is_that_of_the_longest_signature() -> None:
    bound = signed_data_size(signer_cert=UNIT.cert, chain=CHAIN)
    sizes = {len(signed()) for _ in range(40)}
    assert max(sizes) <= bound
    assert max(sizes) >= bound - 1  # r or s with its sign octet: nearly always one of them


def test_a_certificate_is_sent_once() -> None:
    attributes = build_signed_attributes(data_digest=DATA_DIGEST, signer_cert=UNIT.cert)
    octets = assemble_signed_data(
        signed_attributes=attributes,
        signer_cert=UNIT.cert,
        chain=(UNIT.cert, *CHAIN, *CHAIN),
        signature=sign_digest(UNIT.key, UNIT.cert.public_key.digest(attributes)),
    )
    assert octets.count(UNIT.cert.der) == octets.count(CHAIN[0].der) == 1


def test_a_signature_of_another_or_over_something_else_is_not_packed() -> None:
    attributes = build_signed_attributes(data_digest=DATA_DIGEST, signer_cert=UNIT.cert)
    key = UNIT.cert.public_key
    other = Sm2PrivateKey.generate()
    for signature in (
        sign_digest(UNIT.key, key.digest(attributes + b"\x00")),
        sign_digest(other, other.public_key.digest(attributes)),
        sign_digest(other, key.digest(attributes)),
    ):
        with pytest.raises(InvalidSignatureError):
            assemble_signed_data(
                signed_attributes=attributes,
                signer_cert=UNIT.cert,
                chain=CHAIN,
                signature=signature,
            )


# ---- what else is read ----

READ = {
    "as we write it": other_cms(),
    "NULL parameters": other_cms(
        digest_algorithms=der.element(SET, der.sequence(SM3[2:], b"\x05\x00")),
        digest_algorithm=der.sequence(SM3[2:], b"\x05\x00"),
        signature_algorithm=der.sequence(SM2_WITH_SM3[2:], b"\x05\x00"),
    ),
    "SM2 under its other name": other_cms(
        signature_algorithm=der.sequence(oid("1.2.156.10197.1.301.1"))
    ),
    "content types of GB/T 35275": other_cms(
        content_type=GB_SIGNED_DATA,
        content=der.sequence(GB_DATA),
        attributes=attributes_of(content_type=attribute(CONTENT_TYPE, GB_DATA)),
    ),
    "more attributes": other_cms(
        attributes=attributes_of(
            more=attribute(SIGNING_TIME, der.element(0x17, b"261124013000Z"))
        )
    ),
    "unsigned attributes": other_cms(unsigned=der.element(0xA1, attribute(oid("1.2.3"), b""))),
    "a CRL": other_cms(crls=der.element(0xA1, der.sequence())),
    "a certificate named by SHA-256": other_cms(
        attributes=attributes_of(
            signing_certificate=attribute(
                SIGNING_CERTIFICATE_V2,
                der.sequence(
                    der.sequence(
                        der.sequence(der.octet_string(hashlib.sha256(UNIT.cert.der).digest()))
                    )
                ),
            )
        )
    ),
    "the chain": other_cms(certificates=der.element(0xA0, CHAIN[0].der, UNIT.cert.der)),
}  # fmt: skip


@pytest.mark.parametrize("unverified_der", READ.values(), ids=READ.keys())
def test_what_others_write_rightly_is_read(unverified_der: bytes) -> None:
    read = SignedData.parse(unverified_der)
    read.verify_signature()
    read.verify_digest(DATA_DIGEST)
    assert read.signer_cert == UNIT.cert


# ---- what is refused ----


def test_a_signature_does_not_pass_to_another_certificate_of_the_same_key() -> None:
    """The signer's name stands outside what is signed; signingCertificateV2 inside it."""
    other_name = PKI.unit_ca.issue(OTHER_UNIT_NAME, key=UNIT.key)
    sid = der.sequence(other_name.cert.issuer_der, der.integer(other_name.cert.serial_number))
    swapped = other_cms(
        attributes=attributes_of(),
        sid=sid,
        certificates=der.element(0xA0, other_name.cert.der),
    )
    read = SignedData.parse(swapped)
    assert read.signer_cert == other_name.cert
    with pytest.raises(InvalidSignatureError):
        read.verify_signature()


def test_changed_attributes_and_a_foreign_signature_are_noticed() -> None:
    changed = attributes_of(message_digest=attribute(MESSAGE_DIGEST, der.octet_string(bytes(32))))
    for unverified_der in (
        other_cms(sent_attributes=b"\xa0" + changed[1:]),
        other_cms(signature=der.octet_string(sign_digest(UNIT.key, DATA_DIGEST).der)),
        other_cms(signature=der.octet_string(b"")),
    ):
        read = SignedData.parse(unverified_der)
        with pytest.raises(InvalidSignatureError):
            read.verify_signature()


MALFORMED: dict[str, bytes] = {
    "empty": b"",
    "trailing": other_cms(trailing=b"\x00"),
    "more inside": other_cms(more=der.integer(1)),
    "too large": other_cms(crls=der.element(0xA1, bytes(MAX_SIGNED_DATA_SIZE))),
    "plain data": other_cms(content_type=DATA),
    "mixed content types": other_cms(content_type=GB_SIGNED_DATA),
    "content inside": other_cms(
        content=der.sequence(DATA, der.element(0xA0, der.octet_string(b"x")))
    ),
    "time stamp info": other_cms(content=der.sequence(oid("1.2.840.113549.1.9.16.1.4"))),
    "version 2": other_cms(version=der.integer(2)),
    "signer version 2": other_cms(signer_version=der.integer(2)),
    "no certificates": other_cms(certificates=b""),
    "no certificate of the signer": other_cms(certificates=der.element(0xA0, CHAIN[0].der)),
    "a certificate that is none": other_cms(certificates=der.element(0xA0, der.sequence())),
    "too many certificates": other_cms(
        certificates=der.element(0xA0, *[UNIT.cert.der] * (MAX_CERTIFICATES + 1))
    ),
    "signer by key identifier": other_cms(sid=der.element(0x80, bytes(20))),
    "no signer": other_cms(signers=0),
    "two signers": other_cms(signers=2),
    "no attributes": other_cms(sent_attributes=b""),
    "no content type": other_cms(attributes=attributes_of(content_type=b"")),
    "no digest": other_cms(attributes=attributes_of(message_digest=b"")),
    "no signing certificate": other_cms(attributes=attributes_of(signing_certificate=b"")),
    "another content type": other_cms(
        attributes=attributes_of(content_type=attribute(CONTENT_TYPE, GB_DATA))
    ),
    "an attribute twice": other_cms(
        attributes=attributes_of(more=attribute(MESSAGE_DIGEST, der.octet_string(bytes(32))))
    ),
    "two digests": other_cms(
        attributes=attributes_of(
            message_digest=attribute(
                MESSAGE_DIGEST, der.octet_string(DATA_DIGEST), der.octet_string(bytes(32))
            )
        )
    ),
    "a digest of no value": other_cms(
        attributes=attributes_of(message_digest=attribute(MESSAGE_DIGEST))
    ),
    "too many attributes": other_cms(
        attributes=attributes_of(
            more=b"".join(attribute(oid(f"1.2.{arc}"), b"") for arc in range(MAX_ATTRIBUTES))
        )
    ),
}  # fmt: skip


@pytest.mark.parametrize("unverified_der", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_malformed_is_refused(unverified_der: bytes) -> None:
    with pytest.raises(MalformedCmsError):
        SignedData.parse(unverified_der)


def test_two_certificates_of_one_issuer_and_number_are_refused() -> None:
    """Whom the signer's information names must not depend on the reader."""
    twin = PKI.unit_ca.issue(OTHER_UNIT_NAME, serial_number=UNIT.cert.serial_number)
    both = der.element(0xA0, UNIT.cert.der, twin.cert.der)
    with pytest.raises(MalformedCmsError):
        SignedData.parse(other_cms(certificates=both))


UNSUPPORTED = {
    "digest algorithms": other_cms(digest_algorithms=der.element(SET, SHA_256)),
    "digest algorithm": other_cms(digest_algorithm=SHA_256),
    "signature algorithm": other_cms(signature_algorithm=der.sequence(oid("1.2.840.10045.4.3.2"))),
    "parameters": other_cms(signature_algorithm=der.sequence(SM2_WITH_SM3[2:], der.integer(1))),
    "hash of the certificate": other_cms(
        attributes=attributes_of(
            signing_certificate=names_cert(UNIT.cert, algorithm=der.sequence(oid("1.3.14.3.2.26")))
        )
    ),
}  # fmt: skip


@pytest.mark.parametrize("unverified_der", UNSUPPORTED.values(), ids=UNSUPPORTED.keys())
def test_other_algorithms_are_named_as_such(unverified_der: bytes) -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        SignedData.parse(unverified_der)


@given(where=st.integers(0, 10_000), mask=st.integers(1, 255))
def test_no_changed_octet_passes_for_the_genuine(where: int, mask: int) -> None:
    changed = bytearray(GENUINE)
    changed[where % len(changed)] ^= mask
    refusals = (MalformedCmsError, UnsupportedAlgorithmError, InvalidSignatureError)
    with suppress(*refusals, DigestMismatchError):
        read = SignedData.parse(bytes(changed))
        read.verify_signature()
        read.verify_digest(DATA_DIGEST)
        # What is left unproven here are other certificates sent along: they prove themselves.
        assert read.signer_cert == UNIT.cert
        assert read.signed_attributes == SignedData.parse(GENUINE).signed_attributes


@given(st.binary(max_size=100))
def test_random_octets_are_malformed(unverified_der: bytes) -> None:
    with pytest.raises(MalformedCmsError):
        SignedData.parse(unverified_der)
