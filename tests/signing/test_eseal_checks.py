"""Each check of a seal and of a seal signature, with a good and a bad case.

The cases are those of GM/T 0047-2016: broken format, broken signature, changed original data,
expired and wrong-usage certificates of maker and signer, signer not in the list, signing time
outside certificate or seal, expired seal whose signing time lay inside. (Revocation is decided
elsewhere.)
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulators.pki import AT, NOT_AFTER, NOT_BEFORE, OTHER_UNIT_NAME, UNIT_NAME, Issued, Pki
from simulators.seals import DATA, DATA_DIGEST, PICTURE, SEAL_NAME, SealOffice, seal_of_info

from signing import der
from signing.canonical import sm3
from signing.errors import (
    ChainNotAllowedError,
    DigestMismatchError,
    InvalidSignatureError,
    MalformedSealError,
    NoPathError,
    OutsideValidityError,
    SealForgedError,
    SealNotValidThenError,
    SignerNotInSealError,
    SigningError,
)
from signing.eseal import ESeal, SealSignature
from signing.eseal_checks import (
    verify_creation_time,
    verify_data_digest,
    verify_maker_cert,
    verify_maker_signature,
    verify_seal_period,
    verify_signature_value,
    verify_signer_cert,
    verify_signer_in_list,
    verify_signing_time,
)
from signing.x509 import SigningCert
from signing.x509_build import Profile
from signing.x509_path import build_path

SECOND = timedelta(seconds=1)


def path_of(office: SealOffice, leaf: SigningCert) -> tuple[SigningCert, ...]:
    """Build the path as a verifier with only the root does: through what the seal carries."""
    return build_path(leaf, office.eseal.ca_certs, office.pki.anchors)


def verify_all(office: SealOffice, signature: SealSignature, digest: bytes = DATA_DIGEST) -> None:
    """Every step of GB/T 38540-2020, 7.3, in its order."""
    eseal = signature.eseal
    signer_path = path_of(office, signature.signer_cert)
    verify_signature_value(signature)
    verify_signer_in_list(signature)
    verify_signer_cert(signature, signer_path)
    verify_signing_time(signature, signer_path)
    verify_data_digest(signature, digest)
    verify_maker_signature(eseal)
    verify_creation_time(eseal, signature.signed_at)
    verify_maker_cert(eseal, path_of(office, eseal.maker_cert))
    verify_seal_period(eseal, signature.signed_at)


def test_a_right_signature_passes_every_check(
    office: SealOffice, seal_signature: SealSignature
) -> None:
    verify_all(office, SealSignature.parse(seal_signature.der))


def flip(octets: bytes, part: bytes, offset: int = -1) -> bytes:
    """Change the last octet of `part` (or the one at `offset`) where it stands in `octets`."""
    start = octets.index(part)
    position = start + offset % len(part)
    return octets[:position] + bytes([octets[position] ^ 1]) + octets[position + 1 :]


# ---- seal, step 1; signature, step a: format ----


def test_a_broken_format_is_malformed(seal_signature: SealSignature) -> None:
    with pytest.raises(MalformedSealError):
        ESeal.parse(seal_signature.eseal.der[:-1])
    with pytest.raises(MalformedSealError):
        SealSignature.parse(seal_signature.der[:-1])


# ---- seal, step 2: the maker's signature ----


def test_a_changed_seal_is_forged(office: SealOffice) -> None:
    for part in (SEAL_NAME.encode(), b"99990100000001", PICTURE.alpha_stream):
        with pytest.raises(SealForgedError):
            verify_maker_signature(ESeal.parse(flip(office.eseal.der, part)))


def test_a_seal_signed_by_another_key_is_forged(office: SealOffice) -> None:
    theirs = office.make_seal(maker=office.pki.issue_seal_maker())
    assert theirs.info_der == office.eseal.info_der
    verify_maker_signature(theirs)
    with pytest.raises(SealForgedError):
        verify_maker_signature(replace(theirs, maker_cert=office.maker.cert))


def test_a_maker_signature_that_is_none_is_forged(office: SealOffice) -> None:
    for value in (b"", b"\x30\x06\x02\x01\x00\x02\x01\x00", office.eseal.signature_der + b"\0"):
        with pytest.raises(SealForgedError):
            verify_maker_signature(replace(office.eseal, signature_der=value))


# ---- seal, step 3 (2025): made before it was used ----


def test_a_seal_is_not_used_before_it_was_made(office: SealOffice) -> None:
    verify_creation_time(office.eseal, AT)
    with pytest.raises(SealNotValidThenError):
        verify_creation_time(office.eseal, AT - SECOND)


# ---- seal, step 4: the maker's certificate ----


def test_a_maker_that_expired_since_keeps_its_seals(office: SealOffice) -> None:
    maker = office.pki.issue_seal_maker(not_after=AT)
    eseal = office.make_seal(maker=maker, created_at=AT)
    verify_maker_cert(eseal, path_of(office, maker.cert))


@pytest.mark.parametrize(
    "validity", [{"not_after": AT - SECOND}, {"not_before": AT + SECOND}], ids=["late", "early"]
)
def test_a_maker_makes_seals_while_it_is_valid(
    office: SealOffice, validity: dict[str, Any]
) -> None:
    maker = office.pki.issue_seal_maker(**validity)
    eseal = office.make_seal(maker=maker, created_at=AT)
    with pytest.raises(OutsideValidityError):
        verify_maker_cert(eseal, path_of(office, maker.cert))


@pytest.mark.parametrize(
    "maker_of",
    [
        pytest.param(lambda pki: pki.issue_unit(), id="a unit"),
        pytest.param(
            lambda pki: pki.unit_ca.issue(UNIT_NAME, Profile.SEAL_MAKER), id="by the units' CA"
        ),
        pytest.param(lambda pki: pki.seal_maker_ca, id="the CA itself"),
    ],
)
def test_only_a_seal_maker_makes_seals(
    office: SealOffice, maker_of: Callable[[Pki], Issued]
) -> None:
    maker = maker_of(office.pki)
    eseal = office.make_seal(maker=maker)
    verify_maker_signature(eseal)
    with pytest.raises(ChainNotAllowedError):
        verify_maker_cert(eseal, path_of(office, maker.cert))


def test_a_maker_below_another_root_leads_nowhere(office: SealOffice) -> None:
    stranger = SealOffice.create()
    with pytest.raises(NoPathError):
        path_of(office, stranger.eseal.maker_cert)


# ---- seal, step 5; signature, step f: the seal's validity ----


def test_a_seal_is_valid_from_the_first_to_the_last_second(office: SealOffice) -> None:
    verify_seal_period(office.eseal, NOT_BEFORE)
    verify_seal_period(office.eseal, NOT_AFTER)
    for outside in (NOT_BEFORE - SECOND, NOT_AFTER + SECOND):
        with pytest.raises(SealNotValidThenError):
            verify_seal_period(office.eseal, outside)


def test_an_expired_seal_keeps_what_it_sealed(office: SealOffice) -> None:
    eseal = office.make_seal(valid_to=AT + SECOND)
    verify_all(office, office.apply(eseal=eseal))
    with pytest.raises(SealNotValidThenError):
        verify_all(office, office.apply(eseal=eseal, signed_at=AT + 2 * SECOND))


# ---- signature, step b: the signature value ----


def test_a_changed_signing_time_breaks_the_signature(seal_signature: SealSignature) -> None:
    whole = seal_signature.der
    start = whole.rindex(b"20261124013000Z")
    changed = whole[:start] + b"20261124013001Z" + whole[start + 15 :]
    with pytest.raises(InvalidSignatureError):
        verify_signature_value(SealSignature.parse(changed))


def test_a_changed_digest_or_property_breaks_the_signature(seal_signature: SealSignature) -> None:
    for part in (DATA_DIGEST, seal_signature.property_info.encode()):
        changed = SealSignature.parse(flip(seal_signature.der, part, offset=1))
        with pytest.raises(InvalidSignatureError):
            verify_signature_value(changed)


def test_a_signature_by_the_maker_is_not_the_units(office: SealOffice) -> None:
    theirs = office.apply(signer=office.maker)
    verify_signature_value(theirs)
    with pytest.raises(InvalidSignatureError):
        verify_signature_value(replace(theirs, signer_cert=office.unit.cert))


# ---- signature, after step b: the signer is in the list ----


def test_a_signer_outside_the_list_is_found(office: SealOffice) -> None:
    other_unit = office.pki.issue_unit(OTHER_UNIT_NAME)
    signature = office.apply(signer=other_unit)
    verify_signature_value(signature)
    with pytest.raises(SignerNotInSealError):
        verify_signer_in_list(signature)


def test_a_renewed_certificate_of_the_same_key_is_not_in_the_list(office: SealOffice) -> None:
    renewed = office.pki.issue_unit(key=office.unit.key)
    with pytest.raises(SignerNotInSealError):
        verify_signer_in_list(office.apply(signer=renewed))


def test_a_list_of_digests_names_certificates_too(office: SealOffice) -> None:
    digest = sm3(office.unit.cert.der)
    entry = der.sequence(der.element(der.PRINTABLE_STRING, b"SM3"), der.octet_string(digest))
    listed = der.sequence(der.octet_string(office.unit.cert.der))
    one, two = der.integer(1), der.integer(2)
    # certListType and certList of the right seal, replaced; lengths around them written anew.
    inside = der.Reader(office.eseal.info_der, MalformedSealError).enter()
    header, seal_id, prop = inside.whole(), inside.whole(der.IA5_STRING), inside.content(0x30)
    rest = b"".join(iter_whole(inside))
    assert prop.count(one + listed) == 1
    info_der = der.sequence(
        header,
        seal_id,
        der.sequence(prop.replace(one + listed, two + der.sequence(entry))),
        rest,
    )
    eseal = seal_of_info(office.maker, info_der)
    verify_signer_in_list(office.apply(eseal=eseal))
    with pytest.raises(SignerNotInSealError):
        verify_signer_in_list(office.apply(eseal=eseal, signer=office.pki.issue_unit()))


def iter_whole(reader: der.Reader) -> list[bytes]:
    found = []
    while not reader.at_end():
        found.append(reader.whole())
    return found


# ---- signature, steps c and d: the signer's certificate and the signing time ----


@pytest.mark.parametrize(
    "signer_of",
    [
        pytest.param(lambda pki: pki.issue_seal_maker(), id="a seal maker"),
        pytest.param(
            lambda pki: pki.seal_maker_ca.issue(UNIT_NAME, Profile.UNIT), id="by the makers' CA"
        ),
        pytest.param(lambda pki: pki.unit_ca, id="the CA itself"),
    ],
)
def test_only_a_unit_applies_seals(office: SealOffice, signer_of: Callable[[Pki], Issued]) -> None:
    signer = signer_of(office.pki)
    eseal = office.make_seal(listed_certs=(signer.cert,))
    signature = office.apply(eseal=eseal, signer=signer)
    verify_signer_in_list(signature)
    with pytest.raises(ChainNotAllowedError):
        verify_signer_cert(signature, path_of(office, signer.cert))


def test_same_names_below_another_root_lead_nowhere(office: SealOffice) -> None:
    stranger = Pki.create().issue_unit()
    with pytest.raises(NoPathError):
        path_of(office, stranger.cert)


def test_the_signing_time_lies_within_the_certificate(office: SealOffice) -> None:
    unit = office.pki.issue_unit(not_before=AT, not_after=AT + SECOND)
    eseal = office.make_seal(listed_certs=(unit.cert,), created_at=NOT_BEFORE)
    path = path_of(office, unit.cert)
    for signed_at in (AT, AT + SECOND):
        verify_signing_time(office.apply(eseal=eseal, signer=unit, signed_at=signed_at), path)
    for signed_at in (AT - SECOND, AT + 2 * SECOND):
        signature = office.apply(eseal=eseal, signer=unit, signed_at=signed_at)
        verify_signer_cert(signature, path)
        with pytest.raises(OutsideValidityError):
            verify_signing_time(signature, path)


def test_a_path_of_somebody_else_proves_nothing(
    office: SealOffice, seal_signature: SealSignature
) -> None:
    others = path_of(office, office.pki.issue_unit().cert)
    for path in (others, ()):
        with pytest.raises(ChainNotAllowedError):
            verify_signer_cert(seal_signature, path)
        with pytest.raises(ChainNotAllowedError):
            verify_signing_time(seal_signature, path)
        with pytest.raises(ChainNotAllowedError):
            verify_maker_cert(office.eseal, path)


# ---- signature, step e: the protected data ----


def test_changed_data_are_found(seal_signature: SealSignature) -> None:
    verify_data_digest(seal_signature, sm3(DATA))
    with pytest.raises(DigestMismatchError):
        verify_data_digest(seal_signature, sm3(DATA + b"."))


# ---- all together: nothing changed passes ----


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_no_changed_seal_signature_passes(
    office: SealOffice, seal_signature: SealSignature, data: st.DataObject
) -> None:
    octets = bytearray(seal_signature.der)
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    if bytes(octets) == seal_signature.der:
        return
    with pytest.raises(SigningError):
        verify_all(office, SealSignature.parse(bytes(octets)))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_cut_or_stretched_seal_signature_passes(
    office: SealOffice, seal_signature: SealSignature, data: st.DataObject
) -> None:
    octets = bytearray(seal_signature.der)
    start = data.draw(st.integers(0, len(octets)))
    octets[start : start + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    if bytes(octets) == seal_signature.der:
        return
    with pytest.raises(SigningError):
        verify_all(office, SealSignature.parse(bytes(octets)))
