"""Writing certificates and requests."""

from datetime import UTC, datetime

import pytest
from simulators.pki import NOT_AFTER, NOT_BEFORE, UNIT_NAME, Pki

from signing import der
from signing.errors import (
    InvalidSignatureError,
    MalformedSigningCertError,
    UnsupportedAlgorithmError,
)
from signing.sm2 import Sm2PrivateKey, sign_digest
from signing.x509_build import (
    CertTemplate,
    Profile,
    assemble_request,
    assemble_signing_cert,
    build_request_info,
    build_tbs,
    parse_request,
)
from signing.x509_path import verify_issued_by


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.create()


@pytest.fixture(scope="module")
def key() -> Sm2PrivateKey:
    return Sm2PrivateKey.generate()


def template_for(key: Sm2PrivateKey, not_after: datetime = NOT_AFTER) -> CertTemplate:
    return CertTemplate(UNIT_NAME, key.public_key, Profile.UNIT, NOT_BEFORE, not_after, 4711)


def test_the_issuer_signs_what_the_template_says(pki: Pki, key: Sm2PrivateKey) -> None:
    tbs = build_tbs(template_for(key), pki.unit_ca.cert)
    signature = sign_digest(pki.unit_ca.key, pki.unit_ca.key.public_key.digest(tbs))
    made = assemble_signing_cert(tbs, signature)
    verify_issued_by(made, pki.unit_ca.cert)
    assert made.tbs == tbs
    assert (made.subject, made.serial_number, made.public_key) == (UNIT_NAME, 4711, key.public_key)


def test_the_test_authority_writes_what_the_real_one_writes(pki: Pki, key: Sm2PrivateKey) -> None:
    odd = pki.issue_unit(key=key, serial_number=4711)
    assert odd.cert.tbs == build_tbs(template_for(key), pki.unit_ca.cert)


@pytest.mark.parametrize(
    ("not_after", "tag"),
    [
        (datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), b"\x17\x0d491231235959Z"),
        (datetime(2050, 1, 1, tzinfo=UTC), b"\x18\x0f20500101000000Z"),
    ],
)
def test_the_form_of_time_follows_the_year(
    pki: Pki, key: Sm2PrivateKey, not_after: datetime, tag: bytes
) -> None:
    assert tag in build_tbs(template_for(key, not_after), pki.unit_ca.cert)


def test_chinese_names_are_utf8_strings_and_the_country_is_printable(
    pki: Pki, key: Sm2PrivateKey
) -> None:
    tbs = build_tbs(template_for(key), pki.unit_ca.cert)
    assert der.utf8_string(UNIT_NAME.organization) in tbs
    assert der.element(der.PRINTABLE_STRING, b"CN") in tbs


def test_a_signature_over_something_else_makes_no_certificate(pki: Pki, key: Sm2PrivateKey) -> None:
    tbs = build_tbs(template_for(key), pki.unit_ca.cert)
    signature = sign_digest(pki.unit_ca.key, pki.unit_ca.key.public_key.digest(tbs + b"\x00"))
    with pytest.raises(InvalidSignatureError):
        assemble_signing_cert(tbs, signature)


def test_a_template_no_certificate_may_follow_is_refused(pki: Pki, key: Sm2PrivateKey) -> None:
    for serial_number in (0, 2**160):
        with pytest.raises(MalformedSigningCertError):
            pki.issue_unit(key=key, serial_number=serial_number)


# ---- requests ----


def test_a_request_gives_name_and_key_of_who_made_it(key: Sm2PrivateKey) -> None:
    info = build_request_info(UNIT_NAME, key.public_key)
    request = assemble_request(info, sign_digest(key, key.public_key.digest(info)))
    assert parse_request(request) == (UNIT_NAME, key.public_key)


def test_a_request_for_the_key_of_another_is_refused(key: Sm2PrivateKey) -> None:
    other = Sm2PrivateKey.generate()
    info = build_request_info(UNIT_NAME, key.public_key)
    request = assemble_request(info, sign_digest(other, other.public_key.digest(info)))
    with pytest.raises(InvalidSignatureError):
        parse_request(request)


def test_what_is_no_request_is_refused(pki: Pki, key: Sm2PrivateKey) -> None:
    info = build_request_info(UNIT_NAME, key.public_key)
    request = assemble_request(info, sign_digest(key, key.public_key.digest(info)))
    later_version = info.replace(b"\x02\x01\x00", b"\x02\x01\x01", 1)
    for unverified_der in (
        b"",
        request[:-1],
        request + b"\x00",
        assemble_request(later_version, sign_digest(key, key.public_key.digest(later_version))),
        pki.unit_ca.cert.der,
    ):
        with pytest.raises(MalformedSigningCertError):
            parse_request(unverified_der)


def test_a_request_signed_otherwise_is_named_as_such(key: Sm2PrivateKey) -> None:
    info = build_request_info(UNIT_NAME, key.public_key)
    request = assemble_request(info, sign_digest(key, key.public_key.digest(info)))
    ecdsa = der.object_identifier("1.2.156.10197.1.502")
    with pytest.raises(UnsupportedAlgorithmError):
        parse_request(request.replace(der.object_identifier("1.2.156.10197.1.501"), ecdsa))
