"""A second opinion: pyHanko finds our signatures, and we find those it makes."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator.registry import SimpleCertificateStore
from simulators.pdf_files import draw

from signing.pdf.changes import RevisionKind
from signing.pdf.extract import read_signed_pdf
from signing.pdf.placement import SignatureForm
from signing.pdf.signatures import EmbeddedSignature

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def _sign(pdf: bytes, *, field_name: str, kind: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    signing_cert = asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
    pkcs8 = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    signer = signers.SimpleSigner(
        signing_cert=signing_cert,
        signing_key=asn1_keys.PrivateKeyInfo.load(pkcs8),
        cert_registry=SimpleCertificateStore(),  # type: ignore[no-untyped-call] # not annotated
    )
    metadata = signers.PdfSignatureMetadata(
        field_name=field_name, subfilter=fields.SigSeedSubFilter[kind]
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    signed: bytes = signers.sign_pdf(writer, metadata, signer=signer).getvalue()
    return signed


def test_pyhanko_finds_that_our_signature_covers_the_whole_file(signed_by_a_unit: bytes) -> None:
    (found,) = PdfFileReader(io.BytesIO(signed_by_a_unit), strict=True).embedded_signatures
    assert found.field_name == "Seal"
    assert found.evaluate_signature_coverage() is SignatureCoverageLevel.ENTIRE_FILE


@pytest.mark.parametrize(
    ("kind", "subfilter"),
    [("PADES", "ETSI.CAdES.detached"), ("ADOBE_PKCS7_DETACHED", "adbe.pkcs7.detached")],
)
def test_signatures_that_pyhanko_makes_are_read(kind: str, subfilter: str) -> None:
    once = _sign(draw(), field_name="First", kind=kind)
    twice = read_signed_pdf(_sign(once, field_name="Second", kind=kind))
    first, second = twice.signatures
    assert isinstance(first, EmbeddedSignature)
    assert isinstance(second, EmbeddedSignature)
    assert [first.field_name, second.field_name] == ["First", "Second"]
    assert (first.subfilter, first.form) == (subfilter, SignatureForm.PADES)
    assert (first.revision_end, second.covers_whole_file) == (len(once), True)
    assert twice.later_revisions(first) == (RevisionKind.OTHER,)
    assert twice.later_revisions(second) == ()
