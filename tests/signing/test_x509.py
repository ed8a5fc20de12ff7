"""Reading certificates: what they say, what a second reader says, what is refused."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509 as second_reader
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from simulators.pki import NOT_AFTER, NOT_BEFORE, UNIT_NAME, Issued, Pki

from signing import der, sm2
from signing.errors import MalformedSigningCertError, UnsupportedAlgorithmError
from signing.x509 import (
    MAX_CERT_SIZE,
    MAX_EXTENSIONS,
    DistinguishedName,
    ExtendedKeyUsage,
    ExtensionId,
    KeyUsage,
    SigningCert,
)
from signing.x509_build import Profile, encode_extension, encode_name, role_extensions
from signing.x509_values import SET

ALGORITHM = der.sequence(der.object_identifier("1.2.156.10197.1.501"))
ALGORITHM_WITH_NULL = der.sequence(der.object_identifier("1.2.156.10197.1.501"), b"\x05\x00")
ECDSA_WITH_SHA256 = der.sequence(der.object_identifier("1.2.840.10045.4.3.2"))
SIGNATURE = der.bit_string(der.sequence(der.integer(1), der.integer(1)))
PUBLIC_KEY = sm2.Sm2PrivateKey.from_scalar(bytes(31) + b"\x05").public_key


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.create()


@pytest.fixture(scope="module")
def unit(pki: Pki) -> Issued:
    return pki.issue_unit()


def utc_time(text: str) -> bytes:
    return der.element(0x17, text.encode())


def cert_der(
    *, outer_algorithm: bytes = ALGORITHM, trailing: bytes = b"", **changes: bytes
) -> bytes:
    """Return a well-formed certificate with parts of it replaced; its signature is nonsense."""
    parts = {
        "version": der.element(der.CONTEXT_0, der.integer(2)),
        "serial_number": der.integer(77),
        "algorithm": ALGORITHM,
        "issuer": encode_name(UNIT_NAME),
        "validity": der.sequence(utc_time("260101000000Z"), utc_time("360101000000Z")),
        "subject": encode_name(UNIT_NAME),
        "public_key": PUBLIC_KEY.subject_public_key_info,
        "extensions": b"",
        "more": b"",
        **changes,
    }
    return der.sequence(der.sequence(*parts.values()), outer_algorithm, SIGNATURE) + trailing


def with_extensions(*extensions: bytes) -> bytes:
    return cert_der(extensions=der.element(0xA3, der.sequence(*extensions)))


def name(*attributes: tuple[str, int, bytes]) -> bytes:
    return der.sequence(
        *(
            der.element(SET, der.sequence(der.object_identifier(oid), der.element(tag, text)))
            for oid, tag, text in attributes
        )
    )


# ---- what is said ----


def test_a_unit_certificate_says_who_may_seal(pki: Pki, unit: Issued) -> None:
    read = SigningCert.parse(unit.cert.der)
    assert read.subject == UNIT_NAME
    assert read.issuer_der == pki.unit_ca.cert.subject_der
    assert (read.not_before, read.not_after) == (NOT_BEFORE, NOT_AFTER)
    assert read.public_key == unit.key.public_key
    assert (read.is_ca, read.path_length) == (False, None)
    assert read.key_usages == {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION}
    assert read.extended_key_usages == {ExtendedKeyUsage.UNIT_SEALING}
    assert read.authority_key_id == pki.unit_ca.cert.subject_key_id
    assert not read.has_unknown_critical_extension
    assert len(read.sm3) == 64


def test_ca_certificates_say_what_they_may_hand_down(pki: Pki) -> None:
    root, unit_ca, maker_ca = pki.root.cert, pki.unit_ca.cert, pki.seal_maker_ca.cert
    assert [ca.path_length for ca in (root, unit_ca, maker_ca)] == [1, 0, 0]
    assert all(ca.is_ca for ca in (root, unit_ca, maker_ca))
    assert root.extended_key_usages == set()
    assert unit_ca.extended_key_usages == {ExtendedKeyUsage.UNIT_SEALING}
    assert maker_ca.extended_key_usages == {ExtendedKeyUsage.SEAL_MAKING}
    assert root.key_usages == {KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN}


def test_the_same_octets_give_the_same_object(unit: Issued) -> None:
    octets = bytes(bytearray(unit.cert.der))
    assert SigningCert.parse(octets) is SigningCert.parse(unit.cert.der)


def test_certificates_are_equal_when_their_octets_are(pki: Pki, unit: Issued) -> None:
    assert unit.cert == SigningCert.parse(unit.cert.der)
    assert unit.cert != pki.issue_unit(key=unit.key).cert


def test_addresses_of_revocation_are_read() -> None:
    def uri(address: str) -> bytes:
        return der.element(0x86, address.encode())

    points = der.sequence(
        der.sequence(der.element(0xA0, der.element(0xA0, uri("http://a.example/1.crl")))),
        der.sequence(der.element(0xA0, der.element(0xA0, uri("http://b.example/2.crl")))),
    )
    access = der.sequence(
        der.sequence(der.object_identifier("1.3.6.1.5.5.7.48.2"), uri("http://a.example/ca")),
        der.sequence(der.object_identifier("1.3.6.1.5.5.7.48.1"), uri("http://a.example/ocsp")),
    )
    read = SigningCert.parse(
        with_extensions(
            encode_extension(ExtensionId.CRL_DISTRIBUTION_POINTS, points),
            encode_extension(ExtensionId.AUTHORITY_INFO_ACCESS, access),
        )
    )
    assert read.crl_urls == ("http://a.example/1.crl", "http://b.example/2.crl")
    assert read.ocsp_urls == ("http://a.example/ocsp",)
    assert read.names_revocation_source


DIRECTORY_NAME = der.element(0xA4, der.sequence())
REVOCATION_WITHOUT_ADDRESS = {
    "CRL in a directory": (
        ExtensionId.CRL_DISTRIBUTION_POINTS,
        der.sequence(der.sequence(der.element(0xA0, der.element(0xA0, DIRECTORY_NAME)))),
    ),
    "OCSP in a directory": (
        ExtensionId.AUTHORITY_INFO_ACCESS,
        der.sequence(der.sequence(der.object_identifier("1.3.6.1.5.5.7.48.1"), DIRECTORY_NAME)),
    ),
}


@pytest.mark.parametrize("how", REVOCATION_WITHOUT_ADDRESS)
def test_revocation_told_at_no_address_is_not_overlooked(how: str) -> None:
    read = SigningCert.parse(with_extensions(encode_extension(*REVOCATION_WITHOUT_ADDRESS[how])))
    assert (read.crl_urls, read.ocsp_urls) == ((), ())
    assert read.names_revocation_source


def test_a_certificate_may_say_nothing_of_revocation(unit: Issued) -> None:
    assert not unit.cert.names_revocation_source


@pytest.mark.parametrize("algorithm", [ALGORITHM, ALGORITHM_WITH_NULL])
def test_parameters_may_be_absent_or_null(algorithm: bytes) -> None:
    SigningCert.parse(cert_der(algorithm=algorithm, outer_algorithm=algorithm))


def test_both_forms_of_time_are_read() -> None:
    validity = der.sequence(utc_time("500101000000Z"), der.element(0x18, b"20500102030405Z"))
    read = SigningCert.parse(cert_der(validity=validity))
    assert read.not_before == datetime(1950, 1, 1, tzinfo=UTC)
    assert read.not_after == datetime(2050, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tag", "octets"),
    [(0x0C, "示例".encode()), (0x1E, "示例".encode("utf-16-be")), (0x13, b"Example")],
    ids=["UTF8String", "BMPString", "PrintableString"],
)
def test_names_are_read_in_the_forms_that_cas_write(tag: int, octets: bytes) -> None:
    read = SigningCert.parse(cert_der(subject=name((DistinguishedName.COMMON_NAME, tag, octets))))
    assert read.subject.common_name in {"示例", "Example"}
    assert (read.subject.country, read.subject.organization, read.subject.uscc) == ("", "", None)


def test_the_unit_code_may_stand_in_the_extension_alone() -> None:
    code = encode_extension(ExtensionId.ORGANIZATION_CODE, der.element(0x13, b"11999901MB0000027N"))
    subject = name((DistinguishedName.COMMON_NAME, 0x0C, "示例".encode()))
    octets = cert_der(subject=subject, extensions=der.element(0xA3, der.sequence(code)))
    assert SigningCert.parse(octets).subject.uscc == "11999901MB0000027N"


def test_an_identifier_that_is_no_unit_code_is_not_taken_for_one() -> None:
    subject = name((DistinguishedName.ORGANIZATION_IDENTIFIER, 0x0C, b"NTRXX-12345"))
    assert SigningCert.parse(cert_der(subject=subject)).subject.uscc is None


def test_an_unknown_extension_is_remembered_only_when_critical() -> None:
    for critical in (False, True):
        extension = encode_extension("1.2.3.4", b"\x05\x00", critical=critical)
        read = SigningCert.parse(with_extensions(extension))
        assert read.has_unknown_critical_extension is critical


# ---- a second reader ----

# Of at most 64 octets: the second reader warns beyond, though RFC 5280 counts characters.
names = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=16)


@settings(max_examples=25, deadline=None)
@given(
    organization=names,
    common_name=names,
    serial_number=st.integers(1, 2**159 - 1),
    profile=st.sampled_from([Profile.UNIT, Profile.SEAL_MAKER, Profile.UNIT_CA]),
    not_after=st.datetimes(datetime(2027, 1, 1), datetime(2120, 1, 1)),  # noqa: DTZ001 - made aware below
)
def test_a_second_reader_reads_the_same(
    organization: str,
    common_name: str,
    serial_number: int,
    profile: Profile,
    not_after: datetime,
) -> None:
    not_after = not_after.replace(microsecond=0, tzinfo=UTC)
    subject = DistinguishedName("CN", organization, common_name, UNIT_NAME.uscc)
    ours = PKI.unit_ca.issue(
        subject, profile, serial_number=serial_number, not_after=not_after, key=KEY
    ).cert
    theirs = second_reader.load_der_x509_certificate(ours.der)
    assert ours.subject == subject

    def text(oid: second_reader.ObjectIdentifier) -> Any:  # noqa: ANN401 - theirs
        return theirs.subject.get_attributes_for_oid(oid)[0].value

    assert text(NameOID.ORGANIZATION_NAME) == organization
    assert text(NameOID.COMMON_NAME) == common_name
    assert text(NameOID.ORGANIZATION_IDENTIFIER) == subject.uscc
    assert theirs.serial_number == ours.serial_number == serial_number
    assert theirs.not_valid_before_utc == ours.not_before
    assert theirs.not_valid_after_utc == ours.not_after == not_after
    assert theirs.tbs_certificate_bytes == ours.tbs
    assert theirs.signature == ours.signature_der
    extensions = theirs.extensions
    constraints = extensions.get_extension_for_class(second_reader.BasicConstraints)
    assert (constraints.value.ca, constraints.value.path_length) == (ours.is_ca, ours.path_length)
    usages = extensions.get_extension_for_class(second_reader.ExtendedKeyUsage)
    assert {usage.dotted_string for usage in usages.value} == ours.extended_key_usages
    usage = extensions.get_extension_for_class(second_reader.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature == (KeyUsage.DIGITAL_SIGNATURE in ours.key_usages)
    assert usage.value.key_cert_sign == (KeyUsage.KEY_CERT_SIGN in ours.key_usages)
    assert not usage.value.key_encipherment
    own = extensions.get_extension_for_class(second_reader.SubjectKeyIdentifier)
    assert own.value.digest == ours.subject_key_id


PKI = Pki.create()
KEY = sm2.Sm2PrivateKey.generate()
GENUINE = PKI.issue_unit().cert.der


# ---- what is refused ----


@given(where=st.integers(0, 10_000), mask=st.integers(1, 255))
def test_a_changed_octet_never_gives_another_error(where: int, mask: int) -> None:
    changed = bytearray(GENUINE)
    changed[where % len(changed)] ^= mask
    with suppress(MalformedSigningCertError, UnsupportedAlgorithmError):
        SigningCert.parse(bytes(changed))


@given(st.binary(max_size=100))
def test_random_octets_are_malformed(unverified_der: bytes) -> None:
    with pytest.raises((MalformedSigningCertError, UnsupportedAlgorithmError)):
        SigningCert.parse(unverified_der)


def test_every_cut_is_malformed() -> None:
    for end in range(0, len(GENUINE), 7):
        with pytest.raises(MalformedSigningCertError):
            SigningCert.parse(GENUINE[:end])


@pytest.mark.parametrize(
    "changes",
    [
        {"algorithm": ECDSA_WITH_SHA256},
        {"outer_algorithm": ECDSA_WITH_SHA256},
        {"public_key": PUBLIC_KEY.subject_public_key_info.replace(b"\x82\x2d", b"\x82\x2e")},
        {"public_key": der.sequence(ALGORITHM, der.bit_string(PUBLIC_KEY.point))},
    ],
    ids=["tbs signature", "signature", "curve", "key algorithm"],
)
def test_other_algorithms_are_named_as_such(changes: dict[str, bytes]) -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        SigningCert.parse(cert_der(**changes))


OFF_CURVE = PUBLIC_KEY.subject_public_key_info[:-1] + b"\x00"
COMMON_NAME = DistinguishedName.COMMON_NAME
MALFORMED: dict[str, bytes] = {
    "trailing": cert_der(trailing=b"\x00"),
    "more inside": cert_der(more=der.integer(1)),
    "version 1": cert_der(version=b""),
    "version 2": cert_der(version=der.element(der.CONTEXT_0, der.integer(1))),
    "serial number 0": cert_der(serial_number=der.integer(0)),
    "serial number negative": cert_der(serial_number=b"\x02\x01\x80"),
    "serial number empty": cert_der(serial_number=b"\x02\x00"),
    "serial number padded": cert_der(serial_number=b"\x02\x02\x00\x01"),
    "serial number too long": cert_der(serial_number=der.integer(2**160)),
    "key off the curve": cert_der(public_key=OFF_CURVE),
    "no such day": cert_der(
        validity=der.sequence(utc_time("260230000000Z"), utc_time("360101000000Z"))
    ),
    "time without seconds": cert_der(
        validity=der.sequence(utc_time("2601010000Z"), utc_time("360101000000Z"))
    ),
    "time with a zone": cert_der(
        validity=der.sequence(utc_time("260101000000+0800"), utc_time("360101000000Z"))
    ),
    "one time": cert_der(validity=der.sequence(utc_time("260101000000Z"))),
    "three times": cert_der(validity=der.sequence(*[utc_time("260101000000Z")] * 3)),
    "issuer unique id": cert_der(more=der.element(0x81, b"\x00\x01")),
    "too large": cert_der(subject=name((COMMON_NAME, 0x0C, b"x" * MAX_CERT_SIZE))),
    "common name twice": cert_der(
        subject=name((COMMON_NAME, 0x0C, b"one"), (COMMON_NAME, 0x0C, b"two"))
    ),
    "bad UTF-8": cert_der(subject=name((COMMON_NAME, 0x0C, b"\xff"))),
    "bad UTF-16": cert_der(subject=name((COMMON_NAME, 0x1E, b"\xd8\x00"))),
    "control characters": cert_der(subject=name((COMMON_NAME, 0x1E, b"\x00\x07"))),
    "text turned round": cert_der(subject=name((COMMON_NAME, 0x0C, "\u202egnp".encode()))),
    "two unit codes": cert_der(
        subject=name((DistinguishedName.ORGANIZATION_IDENTIFIER, 0x0C, b"11999901MB0000027N")),
        extensions=der.element(
            0xA3,
            der.sequence(
                encode_extension(
                    ExtensionId.ORGANIZATION_CODE, der.element(0x13, b"11999902MB00000350")
                )
            ),
        ),
    ),
    "extension twice": with_extensions(*role_extensions(Profile.UNIT.value) * 2),
    "too many extensions": with_extensions(
        *(encode_extension(f"1.2.3.{arc}", b"\x05\x00") for arc in range(MAX_EXTENSIONS + 1))
    ),
    "critical neither true nor false": with_extensions(
        der.sequence(
            der.object_identifier("1.2.3"), b"\x01\x01\x01", der.octet_string(b"\x05\x00")
        )
    ),
    "path length of no CA": with_extensions(
        encode_extension(ExtensionId.BASIC_CONSTRAINTS, der.sequence(der.integer(0)))
    ),
    "octets after constraints": with_extensions(
        encode_extension(ExtensionId.BASIC_CONSTRAINTS, der.sequence() + b"\x00")
    ),
    "key usage of nothing": with_extensions(
        encode_extension(ExtensionId.KEY_USAGE, b"\x03\x01\x00")
    ),
    "key usage of no octets": with_extensions(encode_extension(ExtensionId.KEY_USAGE, b"\x03\x00")),
    "key usage all zero": with_extensions(
        encode_extension(ExtensionId.KEY_USAGE, b"\x03\x02\x00\x00")
    ),
    "key usage with 8 unused": with_extensions(
        encode_extension(ExtensionId.KEY_USAGE, b"\x03\x02\x08\x80")
    ),
    "key usage in unused bits": with_extensions(
        encode_extension(ExtensionId.KEY_USAGE, b"\x03\x02\x07\x81")
    ),
}  # fmt: skip


@pytest.mark.parametrize("unverified_der", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_malformed_is_refused(unverified_der: bytes) -> None:
    SigningCert.parse(cert_der())  # what was changed is what is refused
    with pytest.raises(MalformedSigningCertError):
        SigningCert.parse(unverified_der)
