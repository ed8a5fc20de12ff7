"""Paths: who is believed, for what, and when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from simulators.pki import (
    AT,
    NOT_AFTER,
    NOT_BEFORE,
    OTHER_UNIT_NAME,
    SEAL_MAKER_NAME,
    UNIT_CA_NAME,
    UNIT_NAME,
    Issued,
    Pki,
)

from signing import x509_path
from signing.errors import (
    ChainNotAllowedError,
    InvalidSignatureError,
    NoPathError,
    OutsideValidityError,
)
from signing.x509 import DistinguishedName, ExtendedKeyUsage, KeyUsage, SigningCert
from signing.x509_build import CertTemplate, Profile, Role, build_tbs, encode_extension
from signing.x509_path import (
    MAX_PATH_LENGTH,
    MAX_SIGNATURES_TRIED,
    build_path,
    verify_issued_by,
    verify_path,
    verify_path_signatures,
    verify_path_usage,
    verify_path_validity,
)

SEALING = ExtendedKeyUsage.UNIT_SEALING
MAKING = ExtendedKeyUsage.SEAL_MAKING
CA_USAGES = (KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN)
SIGNER_USAGES = (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION)
TOP_NAME = DistinguishedName("CN", "示例上级证书机构", "示例上级证书（测试）")
MIDDLE_NAME = DistinguishedName("CN", "示例中级证书机构", "示例中级证书（测试）")


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.create()


@pytest.fixture(scope="module")
def unit(pki: Pki) -> Issued:
    return pki.issue_unit()


def path_of(pki: Pki, issued: Issued, *more: Issued) -> tuple[SigningCert, ...]:
    intermediates = (*pki.intermediates, *(one.cert for one in more))
    return build_path(issued.cert, intermediates, pki.anchors)


# ---- who issued whom ----


def test_the_issuer_is_proven_by_name_identifier_and_signature(pki: Pki, unit: Issued) -> None:
    verify_issued_by(unit.cert, pki.unit_ca.cert)
    verify_issued_by(pki.root.cert, pki.root.cert)
    with pytest.raises(NoPathError):
        verify_issued_by(unit.cert, pki.seal_maker_ca.cert)
    with pytest.raises(NoPathError):  # the same names in another PKI: other identifiers
        verify_issued_by(unit.cert, Pki.create().unit_ca.cert)


def test_a_signature_by_another_key_is_noticed(pki: Pki) -> None:
    forged = pki.unit_ca.with_other_key().issue(UNIT_NAME)
    with pytest.raises(InvalidSignatureError):
        verify_issued_by(forged.cert, pki.unit_ca.cert)
    with pytest.raises(InvalidSignatureError):  # a refusal is not remembered as anything else
        verify_issued_by(forged.cert, pki.unit_ca.cert)


def test_names_are_compared_as_der(pki: Pki) -> None:
    """The same text in another string type is another name."""
    other_type = pki.unit_ca.cert.subject_der.replace(b"\x13\x02CN", b"\x0c\x02CN")
    issued = pki.unit_ca.issue(UNIT_NAME)
    tbs = issued.cert.tbs.replace(pki.unit_ca.cert.subject_der, other_type)
    with pytest.raises(NoPathError):
        verify_issued_by(pki.unit_ca.sign_tbs(tbs), pki.unit_ca.cert)


def test_without_key_identifiers_name_and_signature_decide(pki: Pki) -> None:
    """Older CAs write none (RFC 5280 wants them, 4.2.1.1 and 4.2.1.2)."""
    nameless = replace(pki.unit_ca.cert, subject_key_id=None)
    template = CertTemplate(
        UNIT_NAME, pki.unit_ca.key.public_key, Profile.UNIT, NOT_BEFORE, NOT_AFTER, 4711
    )
    issued = pki.unit_ca.sign_tbs(build_tbs(template, nameless))
    assert issued.authority_key_id is None
    verify_issued_by(issued, pki.unit_ca.cert)
    with pytest.raises(InvalidSignatureError):
        verify_issued_by(issued, Pki.create().unit_ca.cert)


# ---- finding a path ----


def test_a_path_leads_from_the_leaf_to_the_anchor(pki: Pki, unit: Issued) -> None:
    assert path_of(pki, unit) == (unit.cert, pki.unit_ca.cert, pki.root.cert)
    maker = pki.issue_seal_maker()
    assert path_of(pki, maker) == (maker.cert, pki.seal_maker_ca.cert, pki.root.cert)


def test_any_certificate_may_be_the_anchor(pki: Pki, unit: Issued) -> None:
    assert build_path(unit.cert, (), (pki.unit_ca.cert,)) == (unit.cert, pki.unit_ca.cert)
    assert build_path(unit.cert, (), (unit.cert,)) == (unit.cert,)


def test_without_a_path_to_an_anchor_nobody_is_believed(pki: Pki, unit: Issued) -> None:
    for intermediates, anchors in (
        ((), pki.anchors),
        (pki.intermediates, ()),
        (pki.intermediates, Pki.create().anchors),
        ((*pki.intermediates, pki.root.cert), ()),
        ((pki.seal_maker_ca.cert,), pki.anchors),
    ):
        with pytest.raises(NoPathError):
            build_path(unit.cert, intermediates, anchors)


def test_same_names_with_other_keys_lead_nowhere(pki: Pki) -> None:
    impostor = pki.root.with_other_key().issue(UNIT_CA_NAME, Profile.UNIT_CA)
    forged = impostor.issue(UNIT_NAME)
    with pytest.raises(NoPathError):
        path_of(pki, forged, impostor)


def test_wrong_candidates_are_passed_over(pki: Pki, unit: Issued) -> None:
    """A CA of the same name and identifier with another key stands before the right one."""
    decoy_key = pki.unit_ca.with_other_key()
    decoy_tbs = pki.unit_ca.cert.tbs.replace(
        pki.unit_ca.key.public_key.point, decoy_key.key.public_key.point
    )
    decoy = pki.root.sign_tbs(decoy_tbs)
    assert decoy.subject_key_id == pki.unit_ca.cert.subject_key_id
    found = build_path(unit.cert, (decoy, *pki.intermediates), pki.anchors)
    assert found == (unit.cert, pki.unit_ca.cert, pki.root.cert)


def test_certificates_that_issue_each_other_end_the_search(pki: Pki) -> None:
    left = pki.unit_ca.issue(MIDDLE_NAME, Profile.UNIT_CA)
    right = left.issue(UNIT_CA_NAME, Profile.UNIT_CA)
    left_again = right.issue(MIDDLE_NAME, Profile.UNIT_CA, key=left.key)
    leaf = left.issue(UNIT_NAME)
    with pytest.raises(NoPathError):
        build_path(leaf.cert, (right.cert, left_again.cert), pki.anchors)


def chain_below(issuer: Issued, length: int) -> list[Issued]:
    """Return `length` CAs, each issued by the one before."""
    role = Role(CA_USAGES, SEALING, path_length=length)
    chain: list[Issued] = []
    for index in range(length):
        subject = DistinguishedName("CN", "示例", f"CA {index}")
        chain.append((chain[-1] if chain else issuer).issue(subject, role=role))
    return chain


def test_a_path_has_a_longest_length(pki: Pki) -> None:
    chain = chain_below(pki.root, MAX_PATH_LENGTH - 1)
    allowed, too_long = chain[-2].issue(UNIT_NAME), chain[-1].issue(UNIT_NAME)
    assert len(path_of(pki, allowed, *chain)) == MAX_PATH_LENGTH
    with pytest.raises(NoPathError):
        path_of(pki, too_long, *chain)


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[SigningCert]:
    """Record the issuers whose signature a search tries."""
    issuers: list[SigningCert] = []

    def record(signing_cert: SigningCert, issuer_cert: SigningCert) -> None:
        issuers.append(issuer_cert)
        verify_issued_by(signing_cert, issuer_cert)

    monkeypatch.setattr(x509_path, "verify_issued_by", record)
    return issuers


def test_the_work_of_a_search_is_bounded(pki: Pki, tried: list[SigningCert]) -> None:
    """Hundreds of CAs under the right name and identifier cost no more than the allowance."""
    decoys = [
        pki.root.sign_tbs(
            pki.unit_ca.cert.tbs.replace(
                pki.unit_ca.key.public_key.point,
                pki.unit_ca.with_other_key().key.public_key.point,
            )
        )
        for _ in range(MAX_SIGNATURES_TRIED + 1)
    ]
    unit = pki.issue_unit()
    with pytest.raises(NoPathError):
        build_path(unit.cert, (*decoys, *pki.intermediates), pki.anchors)
    assert len(tried) == MAX_SIGNATURES_TRIED


def test_no_certificate_is_tried_twice_in_a_path(
    pki: Pki, unit: Issued, tried: list[SigningCert]
) -> None:
    """A root that is sent along but not trusted names itself as its issuer."""
    with pytest.raises(NoPathError):
        build_path(unit.cert, (pki.unit_ca.cert, pki.root.cert), ())
    assert tried == [pki.unit_ca.cert, pki.root.cert]


# ---- what a path may be used for ----


def test_units_seal_and_makers_make(pki: Pki, unit: Issued) -> None:
    verify_path(path_of(pki, unit), usage=SEALING, at=AT)
    maker = pki.issue_seal_maker()
    verify_path(path_of(pki, maker), usage=MAKING, at=AT)


def test_the_usage_is_not_another_one(pki: Pki, unit: Issued) -> None:
    with pytest.raises(ChainNotAllowedError):
        verify_path(path_of(pki, unit), usage=MAKING, at=AT)
    with pytest.raises(ChainNotAllowedError):
        verify_path(path_of(pki, pki.issue_seal_maker()), usage=SEALING, at=AT)


def test_a_ca_hands_down_only_what_it_bears(pki: Pki) -> None:
    by_wrong_ca = pki.seal_maker_ca.issue(UNIT_NAME, Profile.UNIT)
    with pytest.raises(ChainNotAllowedError):
        verify_path(path_of(pki, by_wrong_ca), usage=SEALING, at=AT)
    by_root = pki.root.issue(UNIT_NAME, Profile.UNIT)
    with pytest.raises(ChainNotAllowedError):
        verify_path(path_of(pki, by_root), usage=SEALING, at=AT)


@pytest.mark.parametrize("usage", [None, SEALING], ids=["silent", "bearing"])
def test_each_ca_up_to_the_anchor_must_bear_the_usage(
    pki: Pki, usage: ExtendedKeyUsage | None
) -> None:
    anchor = pki.root.issue(TOP_NAME, role=Role(CA_USAGES, None, path_length=2))
    middle = anchor.issue(MIDDLE_NAME, role=Role(CA_USAGES, usage, path_length=1))
    lower = middle.issue(UNIT_CA_NAME, Profile.UNIT_CA)
    leaf = lower.issue(UNIT_NAME)
    path = build_path(leaf.cert, (lower.cert, middle.cert), (anchor.cert,))
    if usage is SEALING:
        verify_path(path, usage=SEALING, at=AT)
    else:
        with pytest.raises(ChainNotAllowedError):
            verify_path(path, usage=SEALING, at=AT)


def test_an_anchor_that_names_usages_hands_down_only_these(pki: Pki) -> None:
    for usage in (SEALING, MAKING):
        anchor = pki.root.issue(TOP_NAME, role=Role(CA_USAGES, usage, path_length=1))
        lower = anchor.issue(UNIT_CA_NAME, Profile.UNIT_CA)
        leaf = lower.issue(UNIT_NAME)
        path = build_path(leaf.cert, (lower.cert,), (anchor.cert,))
        if usage is SEALING:
            verify_path(path, usage=SEALING, at=AT)
        else:
            with pytest.raises(ChainNotAllowedError):
                verify_path(path, usage=SEALING, at=AT)


def test_the_issuing_ca_may_itself_be_the_anchor(pki: Pki, unit: Issued) -> None:
    verify_path((unit.cert, pki.unit_ca.cert), usage=SEALING, at=AT)


def test_a_leaf_trusted_by_itself_has_no_issuer_to_speak_for_it(unit: Issued) -> None:
    with pytest.raises(ChainNotAllowedError):
        verify_path((unit.cert,), usage=SEALING, at=AT)
    with pytest.raises(ChainNotAllowedError):
        verify_path_usage((), SEALING)


ODD_LEAVES = {
    "no usage": Role(SIGNER_USAGES, None),
    "no signature": Role((KeyUsage.NON_REPUDIATION,), SEALING),
    "encryption": Role((KeyUsage.KEY_ENCIPHERMENT,), SEALING),
    "a CA": Role((KeyUsage.DIGITAL_SIGNATURE, *CA_USAGES), SEALING, path_length=0),
    "a maker": Role(SIGNER_USAGES, MAKING),
}


@pytest.mark.parametrize("role", ODD_LEAVES.values(), ids=ODD_LEAVES.keys())
def test_a_leaf_must_be_made_to_sign_for_this(pki: Pki, role: Role) -> None:
    odd = pki.unit_ca.issue(UNIT_NAME, role=role)
    with pytest.raises(ChainNotAllowedError):
        verify_path(path_of(pki, odd), usage=SEALING, at=AT)


ODD_ISSUERS = {
    "not a CA": Role(CA_USAGES, SEALING),
    "a unit": Role(SIGNER_USAGES, SEALING),
    "may not sign certificates": Role((KeyUsage.CRL_SIGN,), SEALING, path_length=0),
}


@pytest.mark.parametrize("role", ODD_ISSUERS.values(), ids=ODD_ISSUERS.keys())
def test_an_issuer_must_be_a_ca(pki: Pki, role: Role) -> None:
    odd = pki.root.issue(UNIT_CA_NAME, role=role)
    with pytest.raises(ChainNotAllowedError):
        verify_path(path_of(pki, odd.issue(UNIT_NAME), odd), usage=SEALING, at=AT)


def test_a_unit_cannot_issue_units(pki: Pki, unit: Issued) -> None:
    below = unit.issue(OTHER_UNIT_NAME)
    with pytest.raises(ChainNotAllowedError):
        verify_path(path_of(pki, below, unit), usage=SEALING, at=AT)


@pytest.mark.parametrize(("allowed", "kept"), [(0, False), (1, True)])
def test_a_path_length_is_kept(pki: Pki, *, allowed: int, kept: bool) -> None:
    anchor = pki.root.issue(TOP_NAME, role=Role(CA_USAGES, None, path_length=5))
    middle = anchor.issue(MIDDLE_NAME, role=Role(CA_USAGES, SEALING, path_length=allowed))
    lower = middle.issue(UNIT_CA_NAME, Profile.UNIT_CA)
    leaf = lower.issue(UNIT_NAME)
    path = (leaf.cert, lower.cert, middle.cert, anchor.cert)
    if kept:
        verify_path(path, usage=SEALING, at=AT)
    else:
        with pytest.raises(ChainNotAllowedError):
            verify_path(path, usage=SEALING, at=AT)


@pytest.mark.parametrize("where", ["leaf", "CA"])
def test_an_unknown_critical_extension_is_refused(pki: Pki, where: str) -> None:
    name_constraints = (encode_extension("2.5.29.30", b"\x30\x00", critical=True),)
    ca = pki.root.issue(
        UNIT_CA_NAME,
        Profile.UNIT_CA,
        more_extensions=name_constraints if where == "CA" else (),
    )
    leaf = ca.issue(UNIT_NAME, more_extensions=name_constraints if where == "leaf" else ())
    with pytest.raises(ChainNotAllowedError):
        verify_path(path_of(pki, leaf, ca), usage=SEALING, at=AT)


# ---- when ----


def test_validity_includes_both_ends(pki: Pki, unit: Issued) -> None:
    path = path_of(pki, unit)
    verify_path_validity(path, NOT_BEFORE)
    verify_path_validity(path, NOT_AFTER)
    second = timedelta(seconds=1)
    for at in (NOT_BEFORE - second, NOT_AFTER + second):
        with pytest.raises(OutsideValidityError):
            verify_path_validity(path, at)


@pytest.mark.parametrize("who", ["leaf", "CA", "root"])
def test_every_certificate_must_be_valid_then(who: str) -> None:
    ended = AT - timedelta(days=1)
    pki = Pki.create(not_after=ended if who == "root" else NOT_AFTER)
    ca = pki.root.issue(
        UNIT_CA_NAME, Profile.UNIT_CA, not_after=ended if who == "CA" else NOT_AFTER
    )
    leaf = ca.issue(UNIT_NAME, not_after=ended if who == "leaf" else NOT_AFTER)
    path = path_of(pki, leaf, ca)
    verify_path(path, usage=SEALING, at=ended)
    with pytest.raises(OutsideValidityError):
        verify_path(path, usage=SEALING, at=AT)


def test_usage_is_judged_before_time(pki: Pki) -> None:
    odd = pki.seal_maker_ca.issue(SEAL_MAKER_NAME, not_after=datetime(2026, 2, 1, tzinfo=UTC))
    with pytest.raises(ChainNotAllowedError):
        verify_path(path_of(pki, odd), usage=SEALING, at=AT)


# ---- a path that nobody built ----


def test_a_path_put_together_by_hand_proves_nothing(pki: Pki, unit: Issued) -> None:
    stranger = Pki.create()
    for path in (
        (),
        (unit.cert, stranger.unit_ca.cert, stranger.root.cert),
        (unit.cert, pki.root.cert),
        (pki.unit_ca.with_other_key().issue(UNIT_NAME).cert, pki.unit_ca.cert, pki.root.cert),
    ):
        with pytest.raises(NoPathError):
            verify_path_signatures(path)
        with pytest.raises(NoPathError):
            verify_path(path, usage=SEALING, at=AT)


def test_a_path_longer_than_allowed_is_refused_by_usage_too(pki: Pki) -> None:
    chain = chain_below(pki.root, MAX_PATH_LENGTH)
    for authorities in (chain[:-1], chain):
        leaf = authorities[-1].issue(UNIT_NAME)
        path = (leaf.cert, *(one.cert for one in reversed(authorities)))
        if len(path) == MAX_PATH_LENGTH:
            verify_path_usage(path, SEALING)
        else:
            with pytest.raises(ChainNotAllowedError):
                verify_path_usage(path, SEALING)
