"""Reading seals and seal signatures: the form of GB/T 38540 and nothing beside it."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulators.pki import AT, NOT_AFTER, NOT_BEFORE
from simulators.seals import (
    DATA_DIGEST,
    PICTURE,
    PROPERTY_INFO,
    SEAL_ID,
    SEAL_NAME,
    SealOffice,
    seal_of_info,
)

from signing import der
from signing.canonical import sm3
from signing.errors import (
    MalformedPictureError,
    MalformedSealError,
    SignerNotInSealError,
    SigningError,
    UnsupportedAlgorithmError,
)
from signing.eseal import (
    CA_CERTS,
    MAX_CA_CERTS,
    MAX_EXTENSIONS,
    MAX_LISTED,
    MAX_SEAL_OCTETS,
    MAX_SEAL_SIGNATURE_OCTETS,
    SM2_SM3,
    CertListKind,
    ESeal,
    SealSignature,
)

RSA_OID = der.object_identifier("1.2.840.113549.1.1.11")
OTHER_EXTENSION = der.object_identifier("1.2.156.10197.6.7.2.2.1")  # seen in the field
TIME = der.generalized_time(AT)
FALSE, TRUE = der.boolean(value=False), der.boolean(value=True)


def info(**parts: bytes) -> bytes:
    """Write SES_SealInfo part by part; each part can be another one."""
    default = {
        "header_id": der.ia5_string("ES"),
        "version": der.integer(4),
        "vendor_id": der.ia5_string("Vendor"),
        "header_end": b"",
        "seal_id": der.ia5_string(SEAL_ID),
        "kind": der.integer(1),
        "name": der.utf8_string(SEAL_NAME),
        "list_kind": der.integer(1),
        "list": der.sequence(der.octet_string(b"a certificate")),
        "times": TIME * 3,
        "property_end": b"",
        "picture_kind": der.ia5_string("PNG"),
        "picture": der.octet_string(PICTURE.png),
        "width": der.integer(42),
        "height": der.integer(42),
        "picture_end": b"",
        "extensions": b"",
        "end": b"",
    }
    assert parts.keys() <= default.keys()
    p = default | parts
    return der.sequence(
        der.sequence(p["header_id"], p["version"], p["vendor_id"], p["header_end"]),
        p["seal_id"],
        der.sequence(
            p["kind"], p["name"], p["list_kind"], p["list"], p["times"], p["property_end"]
        ),
        der.sequence(p["picture_kind"], p["picture"], p["width"], p["height"], p["picture_end"]),
        p["extensions"],
        p["end"],
    )


def extensions(*entries: bytes) -> bytes:
    return der.sequence(*entries)


def extension(
    critical: bytes, extension_id: bytes = OTHER_EXTENSION, value: bytes = b"2.1"
) -> bytes:
    return der.sequence(extension_id, critical, der.octet_string(value))


def read(office: SealOffice, **parts: bytes) -> ESeal:
    """Sign such an info as the maker and read the seal."""
    return seal_of_info(office.maker, info(**parts))


def test_a_seal_says_what_it_was_made_of(office: SealOffice) -> None:
    eseal = ESeal.parse(office.eseal.der)
    assert (eseal.version, eseal.vendor_id, eseal.seal_id) == (4, "Zhengyin", SEAL_ID)
    assert (eseal.kind, eseal.name) == (1, SEAL_NAME)
    assert eseal.cert_list_kind is CertListKind.CERTS
    assert eseal.listed_certs == (office.unit.cert.der,)
    assert eseal.listed_digests == ()
    assert (eseal.created_at, eseal.valid_from, eseal.valid_to) == (AT, NOT_BEFORE, NOT_AFTER)
    assert (eseal.picture_kind, eseal.picture_data) == ("PNG", PICTURE.png)
    assert eseal.picture == PICTURE
    assert eseal.maker_cert == office.maker.cert
    assert eseal.ca_certs == office.pki.intermediates
    assert eseal.info_der in eseal.der


def test_a_seal_signature_says_what_was_sealed(
    office: SealOffice, seal_signature: SealSignature
) -> None:
    signature = SealSignature.parse(seal_signature.der)
    assert signature.version == 4
    assert signature.eseal == office.eseal
    assert (signature.signed_at, signature.data_digest) == (AT, DATA_DIGEST)
    assert signature.property_info == PROPERTY_INFO
    assert signature.signer_cert == office.unit.cert
    assert signature.time_stamp is None
    assert signature.tbs_der in signature.der


def test_the_same_octets_are_read_once(office: SealOffice) -> None:
    octets = office.eseal.der
    assert ESeal.parse(bytes(bytearray(octets))) is ESeal.parse(octets)


def test_the_smallest_form_is_read(office: SealOffice) -> None:
    eseal = read(office)
    assert eseal.vendor_id == "Vendor"
    assert eseal.ca_certs == ()


@pytest.mark.parametrize("name", ["SM3", "sm3", "1.2.156.10197.1.401"])
def test_a_list_of_digests_is_read(office: SealOffice, name: str) -> None:
    digest = sm3(office.unit.cert.der)
    entry = der.sequence(der.element(der.PRINTABLE_STRING, name.encode()), der.octet_string(digest))
    eseal = read(office, list_kind=der.integer(2), list=der.sequence(entry))
    assert eseal.cert_list_kind is CertListKind.DIGESTS
    assert eseal.listed_certs == ()
    assert eseal.listed_digests == (digest,)
    eseal.verify_lists(office.unit.cert)
    with pytest.raises(SignerNotInSealError):
        eseal.verify_lists(office.maker.cert)


def test_digests_of_another_algorithm_are_not_allowed(office: SealOffice) -> None:
    entry = der.sequence(der.element(der.PRINTABLE_STRING, b"SHA-1"), der.octet_string(bytes(20)))
    with pytest.raises(UnsupportedAlgorithmError):
        read(office, list_kind=der.integer(2), list=der.sequence(entry))


@pytest.mark.parametrize("critical", [FALSE, b""], ids=["written out", "left out"])
def test_unknown_extensions_are_passed_over(office: SealOffice, critical: bytes) -> None:
    eseal = read(office, extensions=extensions(extension(critical)))
    assert eseal.ca_certs == ()


def test_the_field_carries_pictures_of_other_kinds(office: SealOffice) -> None:
    eseal = read(office, picture_kind=der.ia5_string("ofd"), picture=der.octet_string(b"PK"))
    assert eseal.picture_kind == "ofd"
    with pytest.raises(MalformedPictureError):
        _ = eseal.picture


def test_the_kind_of_picture_is_not_case_sensitive(office: SealOffice) -> None:
    assert read(office, picture_kind=der.ia5_string("png")).picture == PICTURE


def test_a_png_that_is_not_of_our_kind_is_no_picture(office: SealOffice) -> None:
    eseal = read(office, picture=der.octet_string(b"\x89PNG\r\n\x1a\n" + bytes(2000)))
    with pytest.raises(MalformedPictureError):
        _ = eseal.picture


OCTET = der.octet_string(b"")


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({"header_id": der.ia5_string("EX")}, id="not a seal"),
        pytest.param({"header_id": der.utf8_string("ES")}, id="another string type"),
        pytest.param({"version": der.integer(1)}, id="version 1"),
        pytest.param({"version": der.integer(5)}, id="version 5"),
        pytest.param({"header_end": der.integer(1)}, id="header too long"),
        pytest.param({"vendor_id": b""}, id="header too short"),
        pytest.param({"seal_id": der.element(der.IA5_STRING, "章".encode())}, id="esID no ASCII"),
        pytest.param({"name": der.utf8_string("公章\u202e")}, id="name turns the text"),
        pytest.param({"list_kind": der.integer(3)}, id="unknown kind of list"),
        pytest.param({"list": der.sequence(der.integer(1))}, id="list of something else"),
        pytest.param({"list": der.sequence(OCTET * (MAX_LISTED + 1))}, id="long list"),
        pytest.param({"list_kind": der.integer(2)}, id="list of the other kind"),
        pytest.param({"times": TIME * 2}, id="a time missing"),
        pytest.param({"times": TIME * 4}, id="a time too many"),
        pytest.param(
            {"times": TIME * 2 + der.element(0x17, b"261124013000Z")}, id="UTCTime of version 1"
        ),
        pytest.param({"width": der.integer(0)}, id="no width"),
        pytest.param({"height": der.integer(10_000)}, id="ten metres high"),
        pytest.param({"picture_end": OCTET}, id="picture too long"),
        pytest.param({"extensions": der.integer(1)}, id="no extensions"),
        pytest.param({"extensions": extensions(extension(TRUE))}, id="critical extension"),
        pytest.param({"extensions": extensions(extension(FALSE) * 2)}, id="extension twice"),
        pytest.param(
            {
                "extensions": extensions(
                    *(
                        extension(FALSE, der.object_identifier(f"1.2.{n}"))
                        for n in range(MAX_EXTENSIONS + 1)
                    )
                )
            },
            id="many extensions",
        ),
        pytest.param({"extensions": extensions(extension(OCTET))}, id="extension too long"),
        pytest.param({"end": OCTET}, id="info too long"),
        pytest.param(
            {"extensions": extensions(extension(FALSE, CA_CERTS, b"\x30\x00\x00"))},
            id="octets after the CA certificates",
        ),
        pytest.param(
            {"extensions": extensions(extension(FALSE, CA_CERTS, der.sequence(OCTET)))},
            id="a CA certificate that is none",
        ),
        pytest.param(
            {
                "extensions": extensions(
                    extension(FALSE, CA_CERTS, der.sequence(OCTET * (MAX_CA_CERTS + 1)))
                )
            },
            id="many CA certificates",
        ),
    ],
)
def test_another_form_is_no_seal(office: SealOffice, parts: dict[str, bytes]) -> None:
    with pytest.raises(MalformedSealError):
        read(office, **parts)


def test_many_digests_are_refused(office: SealOffice) -> None:
    entry = der.sequence(der.element(der.PRINTABLE_STRING, b"SM3"), der.octet_string(bytes(32)))
    entries = der.sequence(entry * (MAX_LISTED + 1))
    with pytest.raises(MalformedSealError):
        read(office, list_kind=der.integer(2), list=entries)


def seal_with(office: SealOffice, *parts: bytes) -> bytes:
    """Write SESeal of a right info and any parts after it."""
    return der.sequence(office.eseal.info_der, *parts)


def seal_parts(office: SealOffice) -> tuple[bytes, bytes, bytes]:
    return (
        der.octet_string(office.maker.cert.der),
        SM2_SM3,
        der.bit_string(office.eseal.signature_der),
    )


def test_the_outer_form_of_a_seal(office: SealOffice) -> None:
    maker, oid, value = seal_parts(office)
    assert seal_with(office, maker, oid, value) == office.eseal.der
    malformed = [
        seal_with(office, maker, oid),
        seal_with(office, maker, oid, value, value),
        seal_with(office, oid, maker, value),
        seal_with(office, der.octet_string(b"no certificate"), oid, value),
        seal_with(office, maker, der.sequence(oid), value),
        office.eseal.der + b"\0",
        office.eseal.der[:-1],
        b"",
        b"\x30\x80" + office.eseal.der[4:] + b"\0\0",
        der.sequence(bytes(MAX_SEAL_OCTETS)),
    ]
    for octets in malformed:
        with pytest.raises(MalformedSealError):
            ESeal.parse(octets)
    with pytest.raises(UnsupportedAlgorithmError):
        ESeal.parse(seal_with(office, maker, RSA_OID, value))


def tbs(office: SealOffice, **parts: bytes) -> bytes:
    default = {
        "version": der.integer(4),
        "eseal": office.eseal.der,
        "time": TIME,
        "digest": der.bit_string(DATA_DIGEST),
        "property": der.ia5_string(PROPERTY_INFO),
        "end": b"",
    }
    return der.sequence(*(default | parts).values())


def signature_with(office: SealOffice, tbs_der: bytes, *, end: bytes = b"") -> SealSignature:
    """Read SES_Signature around any TBS_Sign; its signature value is not right."""
    value = der.bit_string(office.eseal.signature_der)
    return SealSignature.parse(
        der.sequence(tbs_der, der.octet_string(office.unit.cert.der), SM2_SM3, value, end)
    )


def explicit(*content: bytes) -> bytes:
    return der.element(der.CONTEXT_0, *content)


def test_optional_parts_of_a_seal_signature_are_read(office: SealOffice) -> None:
    right = signature_with(office, tbs(office))
    assert right.tbs_der == tbs(office)
    end = explicit(extensions(extension(FALSE)))
    assert signature_with(office, tbs(office, end=end)).tbs_der == tbs(office, end=end)
    stamped = signature_with(office, tbs(office), end=explicit(der.bit_string(b"token")))
    assert stamped.time_stamp == b"token"


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({"version": der.integer(1)}, id="version 1"),
        pytest.param({"eseal": der.sequence()}, id="no seal"),
        pytest.param({"time": der.bit_string(b"20261124013000Z")}, id="time of version 1"),
        pytest.param({"property": der.utf8_string("范围")}, id="property not IA5"),
        pytest.param({"property": der.element(der.IA5_STRING, b"[0\n1]")}, id="line in property"),
        pytest.param({"end": extensions(extension(FALSE))}, id="extensions without their tag"),
        pytest.param({"end": explicit(extensions(extension(TRUE)))}, id="critical extension"),
        pytest.param({"end": explicit(extensions(), extensions())}, id="extensions twice"),
        pytest.param({"end": OCTET}, id="too long"),
    ],
)
def test_another_form_is_no_seal_signature(office: SealOffice, parts: dict[str, bytes]) -> None:
    with pytest.raises(MalformedSealError):
        signature_with(office, tbs(office, **parts))


@pytest.mark.parametrize(
    "end",
    [der.bit_string(b"token"), explicit(), explicit(OCTET), explicit(der.bit_string(b"")) * 2],
    ids=["without its tag", "empty", "no bits", "twice"],
)
def test_another_form_is_no_time_stamp(office: SealOffice, end: bytes) -> None:
    with pytest.raises(MalformedSealError):
        signature_with(office, tbs(office), end=end)


def test_a_digest_of_another_length_is_not_allowed(office: SealOffice) -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        signature_with(office, tbs(office, digest=der.bit_string(bytes(20))))


def test_a_seal_signature_has_bounds(seal_signature: SealSignature) -> None:
    whole = seal_signature.der
    for octets in (whole + b"\0", whole[:-1], der.sequence(bytes(MAX_SEAL_SIGNATURE_OCTETS))):
        with pytest.raises(MalformedSealError):
            SealSignature.parse(octets)


def test_a_certificate_that_is_not_sm2_is_not_allowed(office: SealOffice) -> None:
    other = office.unit.cert.der.replace(SM2_SM3, der.object_identifier("1.2.156.10197.1.502"))
    value = der.bit_string(office.eseal.signature_der)
    octets = der.sequence(tbs(office), der.octet_string(other), SM2_SM3, value)
    with pytest.raises(UnsupportedAlgorithmError):
        SealSignature.parse(octets)


@settings(max_examples=300)
@given(data=st.data())
@pytest.mark.parametrize("parse", [ESeal.parse, SealSignature.parse], ids=["seal", "signature"])
def test_hostile_octets_raise_nothing_but_signing_errors(
    office: SealOffice,
    seal_signature: SealSignature,
    parse: Callable[[bytes], object],
    data: st.DataObject,
) -> None:
    octets = bytearray(office.eseal.der if parse == ESeal.parse else seal_signature.der)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(octets)))
        end = start + data.draw(st.integers(0, 6))
        octets[start:end] = data.draw(st.binary(max_size=6))
    with suppress(SigningError):
        parse(bytes(octets))


@given(st.binary(max_size=200))
def test_any_octets_raise_nothing_but_signing_errors(octets: bytes) -> None:
    for parse in (ESeal.parse, SealSignature.parse):
        with pytest.raises(MalformedSealError):
            parse(octets)
        with pytest.raises(MalformedSealError):
            parse(der.sequence(octets))
