"""From the drawing to the verified seal: real keys, real structures."""

import pytest
from simulators.pdf_files import draw
from simulators.pki import AT
from simulators.seals import SealOffice

from signing.cms import SignedData
from signing.errors import DigestMismatchError
from signing.eseal import SealSignature
from signing.eseal_checks import verify_data_digest, verify_signature_value, verify_signer_in_list
from signing.eseal_write import seal_signature_size
from signing.pdf.extract import read_signed_pdf
from signing.pdf.placement import LONGEST_RANGE, Placement, SignatureForm
from signing.pdf.prepare import prepare
from signing.pdf.signatures import EmbeddedSignature


def only(pdf: bytes) -> EmbeddedSignature:
    (signature,) = read_signed_pdf(pdf).signatures
    assert isinstance(signature, EmbeddedSignature)
    return signature


def test_a_seal_signature_goes_in_and_comes_out() -> None:
    office = SealOffice.create()
    prepared = prepare(
        draw(),
        form=SignatureForm.SES,
        placement=Placement(0, 230.5, 15.25),
        picture=office.eseal.picture,
        contents_size=seal_signature_size(
            eseal=office.eseal, signer_cert=office.unit.cert, property_info=LONGEST_RANGE
        ),
        signed_at=None,
    )
    seal_signature = office.apply(data_digest=prepared.digest, property_info=prepared.property_info)
    sealed = prepared.embed(seal_signature.der)
    found = only(sealed.data)
    signature = SealSignature.parse(found.contents)
    verify_signature_value(signature)
    verify_signer_in_list(signature)
    verify_data_digest(signature, found.digest)
    assert signature.property_info == str(found.byte_range)
    assert found.appearance is not None
    assert found.appearance.picture == signature.eseal.picture
    with pytest.raises(DigestMismatchError):
        verify_data_digest(signature, bytes(32))


def test_a_cms_signature_goes_in_and_comes_out(signed_by_a_unit: bytes) -> None:
    found = only(signed_by_a_unit)
    assert found.claimed_at == AT
    signed_data = SignedData.parse(found.contents)
    signed_data.verify_signature()
    signed_data.verify_digest(found.digest)
    with pytest.raises(DigestMismatchError):
        signed_data.verify_digest(bytes(32))
