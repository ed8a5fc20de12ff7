"""pyHanko, taught SM2, validates the issued file of form `pades` and refuses changed ones."""

import re
import ssl
from collections.abc import Callable

import pytest
from independent.published import Published
from independent.pyhanko_sm2 import validate_pades, verify_by_the_book
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from simulators.pdf_files import add_revision
from simulators.pki import AT

from signing.pdf.placement import SignatureForm

pytestmark = pytest.mark.real


def validate(published: Published, sealed: bytes) -> PdfSignatureStatus:
    root_der = ssl.PEM_cert_to_DER_cert(published.roots.read_text())
    (status,) = validate_pades(sealed, [root_der], at=AT, verify=verify_by_the_book)
    return status


@pytest.fixture(scope="module")
def sealed(published: Published) -> bytes:
    return published.files[SignatureForm.PADES].path.read_bytes()


def test_pyhanko_validates_an_issued_file(published: Published, sealed: bytes) -> None:
    status = validate(published, sealed)
    assert status.bottom_line
    assert status.intact
    assert status.valid
    assert status.trusted
    assert status.coverage is SignatureCoverageLevel.ENTIRE_FILE
    assert status.docmdp_ok
    authority = published.files[SignatureForm.PADES].authority
    assert status.signing_cert.subject.native["organization_identifier"] == authority.uscc
    assert status.signer_reported_dt == AT


def change_drawing(sealed: bytes) -> bytes:
    """Change the time the file was made, in the drawn part."""
    changed = sealed.replace(b"/Lang", b"/Lamg", 1)
    assert changed != sealed
    return changed


def change_claimed_time(sealed: bytes) -> bytes:
    assert sealed.count(b"/M(D:20261124013000Z)") == 1
    return sealed.replace(b"/M(D:2026", b"/M(D:2025")


@pytest.mark.parametrize("change", [change_drawing, change_claimed_time])
def test_pyhanko_refuses_a_changed_file(
    published: Published, sealed: bytes, change: Callable[[bytes], bytes]
) -> None:
    status = validate(published, change(sealed))
    assert not status.intact
    assert not status.bottom_line


def test_pyhanko_sees_what_was_added(published: Published, sealed: bytes) -> None:
    """A later revision that makes the page empty: the sealed octets are whole, the file is not."""
    content = int(re.findall(rb"/Contents (\d+) 0 R", sealed)[-1])
    repainted = add_revision(sealed, {content: b"<</Length 0>>\nstream\n\nendstream"})
    status = validate(published, repainted)
    assert status.intact
    assert status.coverage is SignatureCoverageLevel.ENTIRE_REVISION
    assert not status.bottom_line
