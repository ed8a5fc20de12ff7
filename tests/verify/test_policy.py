"""Anchors come as PEM of certificates and nothing else."""

import pytest
from simulators.pki import Pki

from verify.errors import InvalidAnchorsError
from verify.policy import OFFICE, POLICIES, SEAL_ONLY, TrustAnchors


@pytest.fixture(scope="module")
def anchors() -> TrustAnchors:
    return TrustAnchors((*Pki.create().anchors, *Pki.create().anchors))


def test_what_is_written_is_read(anchors: TrustAnchors) -> None:
    pem = anchors.to_pem()
    assert TrustAnchors.from_pem(pem) == anchors
    assert TrustAnchors.from_pem("Subject: a root\r\n" + pem.replace("\n", "\r\n")) == anchors
    assert max(map(len, pem.splitlines())) == 64


@pytest.mark.parametrize(
    ("original", "changed"),
    [
        ("", ""),
        ("BEGIN CERTIFICATE", "BEGIN PRIVATE KEY"),
        ("CERTIFICATE", "PUBLIC KEY"),
        ("\nMII", "\n!!!"),
        ("\nMII", "\nAAA"),
        ("-----END CERTIFICATE-----\n", ""),
    ],
)
def test_anything_else_is_refused(anchors: TrustAnchors, original: str, changed: str) -> None:
    pem = anchors.to_pem().replace(original, changed) if original else ""
    with pytest.raises(InvalidAnchorsError):
        TrustAnchors.from_pem(pem)


def test_policies_are_known_by_name_and_digest() -> None:
    assert POLICIES == {"office": OFFICE, "seal-only": SEAL_ONLY}
    assert OFFICE.sm3 != SEAL_ONLY.sm3
