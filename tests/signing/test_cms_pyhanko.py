"""PAdES both ways: pyHanko judges what we sealed, and we read what pyHanko signed."""

import io
from datetime import timedelta

import pytest
from independent.pyhanko_sm2 import Sm2Signer, sign_pades, validate_pades, verify_by_the_book
from PIL import Image
from pyhanko.pdf_utils.images import PdfImage
from pyhanko.sign.validation.status import SignatureCoverageLevel
from simulators.pdf_files import draw, seal_picture
from simulators.pki import AT, NOT_AFTER, UNIT_NAME, Issued, Pki

from signing.cms import (
    SignedData,
    assemble_signed_data,
    build_signed_attributes,
    signed_data_size,
)
from signing.pdf.placement import Placement, SignatureForm
from signing.pdf.prepare import prepare
from signing.sm2 import new_sm3, sign_digest


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.create()


@pytest.fixture(scope="module")
def unit(pki: Pki) -> Issued:
    return pki.issue_unit()


def seal(pki: Pki, unit: Issued) -> bytes:
    """Seal a drawn page with our own prepare, digest, sign, embed."""
    chain = (pki.unit_ca.cert,)
    prepared = prepare(
        draw(),
        form=SignatureForm.PADES,
        placement=Placement(0, 20, 20),
        picture=seal_picture(),
        contents_size=signed_data_size(signer_cert=unit.cert, chain=chain),
        signed_at=AT,
    )
    attributes = build_signed_attributes(data_digest=prepared.digest, signer_cert=unit.cert)
    contents = assemble_signed_data(
        signed_attributes=attributes,
        signer_cert=unit.cert,
        chain=chain,
        signature=sign_digest(unit.key, unit.cert.public_key.digest(attributes)),
    )
    return prepared.embed(contents).data


def test_pyhanko_finds_our_seal_valid(pki: Pki, unit: Issued) -> None:
    sealed = seal(pki, unit)
    (status,) = validate_pades(sealed, [pki.root.cert.der], at=AT, verify=verify_by_the_book)
    assert status.bottom_line
    assert status.intact
    assert status.valid
    assert status.trusted
    assert status.coverage is SignatureCoverageLevel.ENTIRE_FILE
    assert status.docmdp_ok
    assert status.signer_reported_dt == AT
    assert status.md_algorithm == "sm3"
    assert status.signing_cert.dump() == unit.cert.der


def test_pyhanko_refuses_what_we_would_refuse(pki: Pki, unit: Issued) -> None:
    """The hooks judge: they do not wave through."""
    sealed = seal(pki, unit)
    (stranger,) = validate_pades(sealed, [Pki.create().root.cert.der], at=AT)
    assert stranger.intact
    assert not stranger.trusted
    changed = sealed.replace(b"/Type/Page/", b"/Type/Pagf/", 1)
    assert changed != sealed
    (touched,) = validate_pades(changed, [pki.root.cert.der], at=AT)
    assert not touched.intact
    late = NOT_AFTER + timedelta(days=1)
    (expired,) = validate_pades(sealed, [pki.root.cert.der], at=late)
    assert not expired.trusted
    impostor = pki.unit_ca.with_other_key().issue(UNIT_NAME)
    (forged,) = validate_pades(seal(pki, impostor), [pki.root.cert.der], at=AT)
    assert not forged.trusted


@pytest.mark.parametrize("visible", [False, True])
def test_we_read_what_pyhanko_signed(pki: Pki, unit: Issued, *, visible: bool) -> None:
    signer = Sm2Signer(unit.cert.der, unit.key, [pki.unit_ca.cert.der])
    picture = PdfImage(Image.open(io.BytesIO(seal_picture().png))) if visible else None
    box = (300, 60, 419, 179) if visible else None
    signed = sign_pades(draw(), signer, picture=picture, box=box)
    assert (b"/XObject" in signed[len(draw()) :]) is visible
    (status,) = validate_pades(signed, [pki.root.cert.der], at=AT)
    assert status.bottom_line
    start = signed.index(b"/Contents <") + len(b"/Contents <")
    end = signed.index(b">", start)
    padded = bytes.fromhex(signed[start:end].decode())
    contents = padded[: 4 + int.from_bytes(padded[2:4], "big")]
    read = SignedData.parse(contents)
    read.verify_signature()
    read.verify_digest(new_sm3(signed[: start - 1] + signed[end + 1 :]).digest())
    assert read.signer_cert == unit.cert
    assert pki.unit_ca.cert in read.certificates
