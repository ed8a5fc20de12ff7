"""Writing seals and seal signatures: read back alike, and by OpenSSL alone."""

import base64
import re
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulators.pki import AT, NOT_BEFORE
from simulators.seals import (
    DATA_DIGEST,
    PICTURE,
    PROPERTY_INFO,
    SealOffice,
    description_for,
    seal_of,
    seal_of_info,
)

from signing import der
from signing.errors import InvalidSignatureError, MalformedSealError
from signing.eseal import CA_CERTS, MAX_CA_CERTS, MAX_LISTED, ESeal, SealSignature
from signing.eseal_write import (
    TbsSign,
    assemble_seal,
    assemble_seal_signature,
    build_seal_info,
    build_tbs_sign,
    seal_signature_size,
)
from signing.sm2 import Sm2PublicKey, sign_digest

printable = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=40)
ascii_text = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


def prepare(
    office: SealOffice,
    *,
    signed_at: datetime = AT,
    data_digest: bytes = DATA_DIGEST,
    property_info: str = PROPERTY_INFO,
) -> TbsSign:
    return build_tbs_sign(
        eseal=office.eseal,
        signer_cert=office.unit.cert,
        signed_at=signed_at,
        data_digest=data_digest,
        property_info=property_info,
    )


@settings(max_examples=50)
@given(
    texts=st.fixed_dictionaries(
        {
            "seal_id": ascii_text,
            "vendor_id": ascii_text,
            "name": printable,
            "kind": st.integers(0, 99),
        }
    ),
    times=st.lists(moments, min_size=3, max_size=3).map(sorted),
    listed=st.integers(1, 3),
    cas=st.integers(0, 2),
)
def test_every_description_becomes_a_seal_that_says_it(
    office: SealOffice, texts: dict[str, object], times: list[datetime], listed: int, cas: int
) -> None:
    description = description_for(
        office.pki,
        office.unit,
        **texts,
        **dict(zip(("created_at", "valid_from", "valid_to"), times, strict=True)),
        listed_certs=(office.unit.cert, office.maker.cert, office.pki.root.cert)[:listed],
        ca_certs=office.pki.intermediates[:cas],
    )
    eseal = seal_of(office.maker, description)
    assert eseal.info_der == build_seal_info(description)
    assert {name: getattr(eseal, name) for name in texts} == texts
    assert [eseal.created_at, eseal.valid_from, eseal.valid_to] == [
        moment.replace(microsecond=0) for moment in times
    ]
    assert eseal.listed_certs == tuple(cert.der for cert in description.listed_certs)
    assert eseal.ca_certs == description.ca_certs
    assert eseal.picture == PICTURE


@settings(max_examples=50)
@given(signed_at=moments, digest=st.binary(min_size=32, max_size=32), text=ascii_text)
def test_an_assembled_signature_is_what_its_octets_say(
    office: SealOffice, signed_at: datetime, digest: bytes, text: str
) -> None:
    tbs = prepare(office, signed_at=signed_at, data_digest=digest, property_info=text)
    assembled = assemble_seal_signature(tbs, sign_digest(office.unit.key, tbs.digest))
    assert SealSignature.parse(assembled.der) == assembled
    assert assembled.tbs_der == tbs.der


@settings(max_examples=50)
@given(signed_at=moments, digest=st.binary(min_size=32, max_size=32), text=ascii_text)
def test_the_digest_of_what_is_signed_is_that_of_its_octets(
    office: SealOffice, signed_at: datetime, digest: bytes, text: str
) -> None:
    """The hashing up to the seal's end is shared, also between texts of other lengths."""
    tbs = prepare(office, signed_at=signed_at, data_digest=digest, property_info=text)
    assert tbs.digest == office.unit.cert.public_key.digest(tbs.der)


def test_two_keys_share_no_hashing(office: SealOffice) -> None:
    stranger = office.pki.issue_unit()
    tbs = build_tbs_sign(
        eseal=office.eseal,
        signer_cert=stranger.cert,
        signed_at=AT,
        data_digest=DATA_DIGEST,
        property_info=PROPERTY_INFO,
    )
    assert tbs.der == prepare(office).der
    assert tbs.digest == stranger.cert.public_key.digest(tbs.der)
    assert tbs.digest != prepare(office).digest


def test_times_are_written_in_utc_to_the_second(office: SealOffice) -> None:
    beijing = datetime(2026, 11, 24, 9, 30, 15, 999_999, timezone(timedelta(hours=8)))
    tbs = prepare(office, signed_at=beijing)
    assert tbs.signed_at == datetime(2026, 11, 24, 1, 30, 15, tzinfo=UTC)
    assert b"20261124013015Z" in tbs.der


@pytest.mark.parametrize("text", ["", "[0 1 2 3]", "x" * 200])
def test_the_size_is_never_too_small(office: SealOffice, text: str) -> None:
    size = seal_signature_size(eseal=office.eseal, signer_cert=office.unit.cert, property_info=text)
    tbs = prepare(office, property_info=text)
    lengths = {
        len(assemble_seal_signature(tbs, sign_digest(office.unit.key, tbs.digest)).der)
        for _ in range(100)
    }
    assert max(lengths) == size
    assert min(lengths) > size - 10


def test_critical_is_written_out(office: SealOffice) -> None:
    """Readers like ofdrw drop an extension without it and then find the seal changed."""
    ca_certs = der.sequence(*(der.octet_string(ca.der) for ca in office.pki.intermediates))
    written_out = der.sequence(CA_CERTS, b"\x01\x01\x00", der.octet_string(ca_certs))
    assert office.eseal.info_der.endswith(der.sequence(written_out))


def test_a_signature_over_something_else_makes_no_seal(office: SealOffice) -> None:
    info_der = office.eseal.info_der
    other = sign_digest(office.maker.key, office.maker.key.public_key.digest(info_der + b"\0"))
    with pytest.raises(InvalidSignatureError):
        assemble_seal(info_der, office.maker.cert, other)


def test_a_signature_by_somebody_else_makes_no_seal(office: SealOffice) -> None:
    info_der = office.eseal.info_der
    stranger = office.pki.issue_seal_maker()
    theirs = sign_digest(stranger.key, stranger.key.public_key.digest(info_der))
    with pytest.raises(InvalidSignatureError):
        assemble_seal(info_der, office.maker.cert, theirs)
    same_digest = sign_digest(stranger.key, office.maker.key.public_key.digest(info_der))
    with pytest.raises(InvalidSignatureError):
        assemble_seal(info_der, office.maker.cert, same_digest)


def test_what_is_no_info_makes_no_seal(office: SealOffice) -> None:
    with pytest.raises(MalformedSealError):
        seal_of_info(office.maker, der.sequence(der.integer(4)))


def test_a_signature_over_something_else_makes_no_seal_signature(office: SealOffice) -> None:
    tbs, other = prepare(office), prepare(office, property_info="[0 1 2 3]")
    with pytest.raises(InvalidSignatureError):
        assemble_seal_signature(tbs, sign_digest(office.unit.key, other.digest))
    with pytest.raises(InvalidSignatureError):
        assemble_seal_signature(tbs, sign_digest(office.maker.key, tbs.digest))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"seal_id": ""}, id="no esID"),
        pytest.param({"seal_id": "章01"}, id="esID not ASCII"),
        pytest.param({"vendor_id": "a\nb"}, id="vendor of two lines"),
        pytest.param({"name": ""}, id="no name"),
        pytest.param({"name": "公章\u202e"}, id="name turns the text"),
        pytest.param({"listed_certs": ()}, id="nobody may use it"),
        pytest.param({"kind": -1}, id="kind"),
        pytest.param({"valid_to": NOT_BEFORE - timedelta(seconds=1)}, id="ends before it begins"),
    ],
)
def test_what_cannot_be_a_seal_is_not_described(
    office: SealOffice, changes: dict[str, object]
) -> None:
    with pytest.raises(MalformedSealError):
        description_for(office.pki, office.unit, **changes)


def test_lists_have_bounds(office: SealOffice) -> None:
    cert = office.unit.cert
    for changes in (
        {"listed_certs": (cert,) * (MAX_LISTED + 1)},
        {"ca_certs": (cert,) * (MAX_CA_CERTS + 1)},
    ):
        with pytest.raises(MalformedSealError):
            description_for(office.pki, office.unit, **changes)


def test_a_text_that_is_not_ascii_is_refused(office: SealOffice) -> None:
    for text in ("范围", "[0\n1]"):
        with pytest.raises(MalformedSealError):
            prepare(office, property_info=text)


def test_a_digest_that_is_not_sm3_is_refused(office: SealOffice) -> None:
    with pytest.raises(MalformedSealError):
        prepare(office, data_digest=bytes(20))


# ---- OpenSSL as the judge: it neither shares our reader nor our SM2 binding ----


def openssl(*arguments: str, folder: Path) -> str:
    run = subprocess.run(
        ["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return run.stdout


def parts_by_openssl(octets: bytes, depth: int, folder: Path) -> list[tuple[str, bytes]]:
    """Return type and whole octets of the elements at `depth`, as `openssl asn1parse` finds."""
    (folder / "whole.der").write_bytes(octets)
    listing = openssl("asn1parse", "-inform", "DER", "-in", "whole.der", folder=folder)
    line = re.compile(
        r"\s*(\d+):d=(\d+)\s+hl=(\d+)\s+l=\s*(\d+)\s+\w+:\s+([A-Z0-9 ]+?)\s*(?:[:\[].*)?"
    )
    found = []
    for text in listing.splitlines():
        match = line.fullmatch(text)
        assert match is not None, text
        start, at_depth, header, length = map(int, match.groups()[:4])
        if at_depth == depth:
            found.append((match[5], octets[start : start + header + length]))
    return found


def verify_by_openssl(
    public_key: Sm2PublicKey, message: bytes, signature_element: bytes, folder: Path
) -> str:
    """Let `openssl pkeyutl` verify the content of a BIT STRING over `message`."""
    spki = base64.encodebytes(public_key.subject_public_key_info).decode()
    (folder / "key.pem").write_text(f"-----BEGIN PUBLIC KEY-----\n{spki}-----END PUBLIC KEY-----\n")
    (folder / "message").write_bytes(message)
    (folder / "signature").write_bytes(signature_element[3:])  # tag, length, unused bits
    return openssl(
        *("pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-digest", "sm3"),
        *("-in", "message", "-sigfile", "signature"),
        *("-pkeyopt", "distid:1234567812345678"),
        folder=folder,
    )


def test_openssl_reads_a_seal_and_confirms_its_maker(office: SealOffice, tmp_path: Path) -> None:
    info, maker, oid, value = parts_by_openssl(office.eseal.der, 1, tmp_path)
    assert [kind for kind, _ in (info, maker, oid, value)] == [
        "SEQUENCE",
        "OCTET STRING",
        "OBJECT",
        "BIT STRING",
    ]
    assert info[1] == office.eseal.info_der
    assert maker[1].endswith(office.maker.cert.der)
    key = office.maker.cert.public_key
    assert "Successfully" in verify_by_openssl(key, info[1], value[1], tmp_path)
    with pytest.raises(subprocess.CalledProcessError):
        verify_by_openssl(key, info[1] + b"\0", value[1], tmp_path)


def test_openssl_reads_a_seal_signature_and_confirms_its_signer(
    office: SealOffice, seal_signature: SealSignature, tmp_path: Path
) -> None:
    to_sign, signer, _, value = parts_by_openssl(seal_signature.der, 1, tmp_path)
    assert to_sign[1] == seal_signature.tbs_der
    assert signer[1].endswith(office.unit.cert.der)
    key = office.unit.cert.public_key
    assert "Successfully" in verify_by_openssl(key, to_sign[1], value[1], tmp_path)
    kinds = [kind for kind, _ in parts_by_openssl(to_sign[1], 1, tmp_path)]
    assert kinds == ["INTEGER", "SEQUENCE", "GENERALIZEDTIME", "BIT STRING", "IA5STRING"]
    assert parts_by_openssl(to_sign[1], 1, tmp_path)[1][1] == office.eseal.der


def test_a_seal_in_the_file_is_the_seal_that_was_made(
    office: SealOffice, seal_signature: SealSignature
) -> None:
    assert seal_signature.eseal.der == office.eseal.der
    assert ESeal.parse(seal_signature.eseal.der) == office.eseal
