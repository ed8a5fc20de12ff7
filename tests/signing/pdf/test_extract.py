"""Files that somebody changed: nothing passes, and nothing but a signing error comes out."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from simulators.pdf_files import draw, seal_picture

from signing.errors import SigningError
from signing.pdf.extract import read_signed_pdf
from signing.pdf.placement import Placement, SignatureForm
from signing.pdf.prepare import prepare
from signing.pdf.signatures import EmbeddedSignature

CONTENTS = bytes.fromhex("3081fc") + bytes(range(252))
PREPARED = prepare(
    draw(),
    form=SignatureForm.SES,
    placement=Placement(0, 230.5, 15.25),
    picture=seal_picture(),
    contents_size=400,
    signed_at=None,
)
GENUINE = PREPARED.embed(CONTENTS).data
UPDATE = len(draw())


def passes(pdf: bytes) -> bool:
    """Whether a verifier would meet the genuine signature over the genuine digest."""
    try:
        signed = read_signed_pdf(pdf)
    except SigningError:
        return False
    return any(
        isinstance(signature, EmbeddedSignature)
        and signature.digest == PREPARED.digest
        and signature.contents == CONTENTS
        and signature.covers_whole_file
        for signature in signed.signatures
    )


def test_the_genuine_file_passes() -> None:
    assert passes(GENUINE)


@given(
    place=st.integers(0, len(GENUINE) - 1) | st.integers(UPDATE, len(GENUINE) - 1),
    change=st.integers(1, 255),
)
@example(place=PREPARED.byte_range.first_length + 2, change=0x20)
@example(place=PREPARED.byte_range.second_start - 2, change=1)
@settings(max_examples=400, deadline=None)
def test_no_changed_octet_passes(place: int, change: int) -> None:
    assert not passes(GENUINE[:place] + bytes([GENUINE[place] ^ change]) + GENUINE[place + 1 :])


def test_no_changed_octet_around_the_gap_passes() -> None:
    start, end = PREPARED.byte_range.gap
    for place in [*range(start - 60, start + 20), *range(end - 20, len(GENUINE))]:
        for octet in b"0A<":
            changed = GENUINE[:place] + bytes([octet]) + GENUINE[place + 1 :]
            assert changed == GENUINE or not passes(changed)


@given(
    start=st.integers(0, len(GENUINE)) | st.integers(UPDATE, len(GENUINE)),
    length=st.integers(0, 300),
    inserted=st.binary(max_size=40)
    | st.sampled_from([b"\n", b" ", b"%%EOF\n", b"<<", b">>", b"endobj\n", b"0", b"00"]),
)
@settings(max_examples=400, deadline=None)
def test_no_octets_taken_out_or_put_in_pass(start: int, length: int, inserted: bytes) -> None:
    changed = GENUINE[:start] + inserted + GENUINE[start + length :]
    assert changed == GENUINE or not passes(changed)


@given(
    st.lists(
        st.tuples(
            st.integers(UPDATE, len(GENUINE) - 1),
            st.sampled_from(
                [b"[", b"]", b"<<", b">>", b"(", b")", b"/", b"R", b"9", b"\x00", b"null", b"/V"]
            ),
        ),
        max_size=8,
    )
)
@settings(max_examples=300, deadline=None)
def test_broken_structure_gives_a_result_or_a_signing_error(
    changes: list[tuple[int, bytes]],
) -> None:
    pdf = GENUINE
    for place, token in changes:
        pdf = pdf[:place] + token + pdf[place + len(token) :]
    passes(pdf)


@given(st.binary(max_size=400))
@settings(deadline=None)
def test_any_octets_give_a_signing_error(octets: bytes) -> None:
    for pdf in (octets, b"%PDF-1.7\n" + octets, octets + GENUINE[-60:]):
        with pytest.raises(SigningError):
            read_signed_pdf(pdf)


def test_no_part_of_the_file_passes() -> None:
    for end in [*range(0, len(GENUINE), 97), *range(len(GENUINE) - 40, len(GENUINE))]:
        assert not passes(GENUINE[:end])


def test_reading_a_certificate_takes_milliseconds() -> None:
    started = time.process_time()
    for _ in range(20):
        read_signed_pdf(GENUINE)
    assert (time.process_time() - started) / 20 < 0.05
