"""Files every test of `signing.pdf` starts from."""

from datetime import UTC, datetime

import pytest
from simulators.pdf_files import draw, seal_picture
from simulators.pki import AT, Pki

from signing.cms import assemble_signed_data, build_signed_attributes, signed_data_size
from signing.pdf.placement import Placement, SignatureForm
from signing.pdf.prepare import PreparedPdf, SealedPdf, prepare
from signing.sm2 import sign_digest

SIGNED_AT = datetime(2026, 11, 24, 8, 30, 5, tzinfo=UTC)
SES_DER = bytes.fromhex("3082010430030201043081fc") + bytes(range(252))
CMS_DER = bytes.fromhex("3082010406092a864886f70d010702") + bytes(249)
PLACEMENT = Placement(0, 230.5, 15.25)


@pytest.fixture(params=list(SignatureForm))
def form(request: pytest.FixtureRequest) -> SignatureForm:
    form: SignatureForm = request.param
    return form


@pytest.fixture
def contents(form: SignatureForm) -> bytes:
    """Octets that look like a signature of the form; nobody here verifies them."""
    return SES_DER if form is SignatureForm.SES else CMS_DER


@pytest.fixture
def prepared(form: SignatureForm) -> PreparedPdf:
    return prepare(
        draw(),
        form=form,
        placement=PLACEMENT,
        picture=seal_picture(),
        contents_size=600,
        signed_at=SIGNED_AT if form is SignatureForm.PADES else None,
    )


@pytest.fixture
def sealed(prepared: PreparedPdf, contents: bytes) -> SealedPdf:
    return prepared.embed(contents)


@pytest.fixture
def genuine() -> bytes:
    """Return a sealed file of form `ses`."""
    prepared = prepare(
        draw(),
        form=SignatureForm.SES,
        placement=PLACEMENT,
        picture=seal_picture(),
        contents_size=600,
        signed_at=None,
    )
    return prepared.embed(SES_DER).data


@pytest.fixture(scope="session")
def signed_by_a_unit() -> bytes:
    """Return a file of form `pades` with a real SM2 signature."""
    pki = Pki.create()
    unit = pki.issue_unit()
    prepared = prepare(
        draw(),
        form=SignatureForm.PADES,
        placement=PLACEMENT,
        picture=seal_picture(),
        contents_size=signed_data_size(signer_cert=unit.cert, chain=pki.intermediates),
        signed_at=AT,
    )
    attributes = build_signed_attributes(data_digest=prepared.digest, signer_cert=unit.cert)
    digest = unit.cert.public_key.digest(attributes)
    signed_data = assemble_signed_data(
        signed_attributes=attributes,
        signer_cert=unit.cert,
        chain=pki.intermediates,
        signature=sign_digest(unit.key, digest),
    )
    return prepared.embed(signed_data).data
