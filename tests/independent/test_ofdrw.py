"""ofdrw reads our seals and seal signatures, and BouncyCastle verifies what is signed in them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from independent.jvm import run_java
from independent.published import Published

from signing.eseal import ESeal, SealSignature
from signing.pdf.extract import read_signed_pdf
from signing.pdf.placement import SignatureForm
from signing.pdf.signatures import EmbeddedSignature

pytestmark = pytest.mark.real

CA_CERTS_EXTENSION = "seal.extension.2.25.133184900397522060199573098679968166027.2.1"

Reading = Mapping[str, str]
"""What the driver says about one file."""


@pytest.fixture(scope="module")
def embedded(published: Published) -> EmbeddedSignature:
    """Return the seal signature of the issued file of form `ses`."""
    sealed = published.files[SignatureForm.SES].path.read_bytes()
    (embedded,) = read_signed_pdf(sealed).signatures
    assert isinstance(embedded, EmbeddedSignature)
    return embedded


@pytest.fixture(scope="module")
def readings(
    published: Published, embedded: EmbeddedSignature, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Reading]:
    """Let ofdrw read every seal, the signature, and changed copies; by file name."""
    signature = SealSignature.parse(embedded.contents)
    seal_id = signature.eseal.seal_id
    copies = {
        "signature.dat": embedded.contents,
        "other-digest.dat": swap(embedded.contents, signature.data_digest, bytes(32)),
        "other-time.dat": swap(embedded.contents, b"20261124013000Z\x03", b"20251124013000Z\x03"),
        "other-name.esl": swap(signature.eseal.der, "示例市".encode(), "真实市".encode()),
        "other-id.esl": swap(signature.eseal.der, seal_id.encode(), b"0" * len(seal_id)),
        "cut.esl": signature.eseal.der[:-1],
    }
    folder = tmp_path_factory.mktemp("ofdrw")
    for name, der in copies.items():
        (folder / name).write_bytes(der)
    files = [*published.seals.values(), *(folder / name for name in copies)]
    said = run_java("independent.ReadSeals", *files)
    paragraphs = [
        dict(line.split("=", 1) for line in paragraph.splitlines())
        for paragraph in said.strip().split("\n\n")
    ]
    return {Path(paragraph.pop("file")).name: paragraph for paragraph in paragraphs}


def swap(der: bytes, original: bytes, changed: bytes) -> bytes:
    """Return `der` with the first occurrence of `original` changed."""
    assert original in der
    return der.replace(original, changed, 1)


def test_ofdrw_reads_every_seal_as_we_wrote_it(
    published: Published, readings: Mapping[str, Reading]
) -> None:
    assert len(published.seals) == 3
    for path in published.seals.values():
        eseal = ESeal.parse(path.read_bytes())
        assert readings[path.name] == {
            "version": "v4",
            "seal.same_octets": "true",
            "seal.id": eseal.seal_id,
            "seal.name": eseal.name,
            "seal.created": f"{eseal.created_at:%Y%m%d%H%M%S}GMT+00:00",
            "seal.valid_from": f"{eseal.valid_from:%Y%m%d%H%M%S}GMT+00:00",
            "seal.valid_to": f"{eseal.valid_to:%Y%m%d%H%M%S}GMT+00:00",
            "seal.picture": "PNG",
            "seal.width_mm": "42",
            "seal.height_mm": "42",
            CA_CERTS_EXTENSION: "2",
            "seal.right": "true",
        }


def test_ofdrw_reads_the_seal_signature_as_we_wrote_it(
    published: Published, embedded: EmbeddedSignature, readings: Mapping[str, Reading]
) -> None:
    issued = published.files[SignatureForm.SES]
    sealed = issued.path.read_bytes()
    start, end = embedded.byte_range.gap
    reading = readings["signature.dat"]
    assert {name: value for name, value in reading.items() if name.startswith("signature.")} == {
        "signature.same_octets": "true",
        "signature.time": "20261124013000GMT+00:00",
        "signature.data_hash": hashlib.new("sm3", sealed[:start] + sealed[end:]).hexdigest(),
        "signature.property_info": f"[0 {start} {end} {len(sealed) - end}]",
        "signature.right": "true",
        "signature.seal": published.seals[issued.authority.seal_id].read_bytes().hex(),
        "signature.signer_listed": "true",
    }
    assert reading["version"] == "v4"
    assert reading["seal.right"] == "true"
    assert reading["seal.name"] == issued.authority.name


def test_bouncycastle_refuses_what_was_changed(readings: Mapping[str, Reading]) -> None:
    """The judges judge: each change is read, and found wrong where it was made."""
    for name in ("other-digest.dat", "other-time.dat"):
        assert readings[name]["signature.right"] == "false"
        assert readings[name]["seal.right"] == "true"
    for name in ("other-name.esl", "other-id.esl"):
        assert readings[name]["seal.right"] == "false"
    assert "refused" in readings["cut.esl"]
