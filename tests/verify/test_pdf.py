"""What the reader says of files, without judging them."""

import io

import pikepdf
import pytest
from simulators.signed_files import NUMBER, Desk, draw

from signing.pdf.placement import SignatureForm
from verify.pdf import extract_sealed_data, prepare, read
from verify.reading import AttachedData, FoundFault, FoundSignature, LaterChanges
from verify.report import ReasonCode
from verify.warm_up import sample_files


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk.create()


def test_a_certificate_is_read(desk: Desk) -> None:
    reading = read(desk.seal())
    (signature,) = reading.signatures
    assert isinstance(signature, FoundSignature)
    assert (signature.form, signature.doc_mdp) == (SignatureForm.SES, 1)
    assert signature.later_changes is LaterChanges.NONE
    assert reading.attached.sealed_data is not None
    assert reading.attached.sealed_data.number == NUMBER


def test_the_sealed_data_are_taken_out_as_they_are(desk: Desk) -> None:
    assert extract_sealed_data(desk.seal()) == desk.data()
    assert extract_sealed_data(desk.seal(draw(None))) is None


def with_two_lists(drawn: bytes) -> bytes:
    return drawn.replace(b"/AF[5 0 R]", b"/AG[5 0 R]")


def test_two_lists_of_attachments_are_a_trick_of_a_certificate_only(desk: Desk) -> None:
    posing = read(desk.seal(with_two_lists(desk.certificate())))
    assert posing.attached == AttachedData(fault=ReasonCode.CONTENT_SWAPPED)
    foreign = with_two_lists(desk.certificate()).replace(b"certificate.json", b"some-letter.json")
    sealed = desk.seal(foreign).replace(b"/BM/Multiply", b"/BM/Normal  ")
    assert read(sealed).attached == AttachedData(fault=ReasonCode.UNSUPPORTED_SIGNATURE)


def test_the_samples_take_every_way_through_the_reader() -> None:
    readings = [read(file) for file in sample_files()]
    forms = [s.form for r in readings for s in r.signatures if isinstance(s, FoundSignature)]
    assert set(forms) == set(SignatureForm)
    assert all(r.attached.sealed_data is not None for r in readings if r.signatures)
    assert {r.reason for r in readings} == {None, ReasonCode.NO_SIGNATURE}


def test_what_a_child_says_is_what_was_read(desk: Desk) -> None:
    worker = prepare()
    sealed = desk.seal()
    assert worker.answer(sealed) == read(sealed).to_json()
    assert read(worker.rehearsal).signatures


def compressed(file: bytes) -> bytes:
    """Return the document as other software writes it: objects in streams."""
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(file)) as pdf:
        pdf.save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return target.getvalue()


def test_signatures_in_a_foreign_file_are_named_and_not_read(desk: Desk) -> None:
    reading = read(compressed(desk.seal()))
    assert [type(signature) for signature in reading.signatures] == [FoundFault]
    assert reading.signatures[0].reason_code is ReasonCode.UNSUPPORTED_SIGNATURE  # type: ignore[union-attr]  # a fault
    assert read(compressed(desk.certificate())).reason is ReasonCode.NO_SIGNATURE


@pytest.mark.parametrize("added", [b"\n\n", b"x", b"\r\n%PDF-1.7", b" " * 100_000])
def test_what_is_added_after_the_end_is_under_no_signature(desk: Desk, added: bytes) -> None:
    (fault,) = read(desk.seal() + added).signatures
    assert isinstance(fault, FoundFault)
    assert fault.reason_code is ReasonCode.BYTES_NOT_COVERED


def test_a_damaged_file_is_not_said_to_be_unsigned(desk: Desk) -> None:
    broken = desk.seal().replace(b"endobj", b"endobi", 1)
    assert read(broken).reason is ReasonCode.MALFORMED_DOCUMENT
    assert read(b"%PDF-1.7").reason is ReasonCode.MALFORMED_DOCUMENT
