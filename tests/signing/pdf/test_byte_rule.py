"""The byte rule: one test for each way to leave octets out."""

import pytest

from signing.errors import BytesNotCoveredError
from signing.pdf.byte_rule import contents_in_gap, verify_byte_rule
from signing.pdf.placement import ByteRange
from signing.pdf.prepare import PreparedPdf, SealedPdf


def verify(pdf: bytes, byte_range: ByteRange, *, end: int | None = None) -> None:
    verify_byte_rule(
        pdf,
        byte_range,
        contents_span=byte_range.gap,
        revision_end=len(pdf) if end is None else end,
    )


def test_what_is_sealed_here_keeps_the_rule(
    prepared: PreparedPdf, sealed: SealedPdf, contents: bytes
) -> None:
    verify(sealed.data, prepared.byte_range)
    assert contents_in_gap(sealed.data, prepared.byte_range) == contents


def test_a_range_may_not_end_before_the_file_does(prepared: PreparedPdf, sealed: SealedPdf) -> None:
    with pytest.raises(BytesNotCoveredError, match="revision ends"):
        verify(sealed.data + b"more", prepared.byte_range)
    whole = prepared.byte_range
    shorter = ByteRange(whole.first_length, whole.second_start, whole.second_length - 1)
    with pytest.raises(BytesNotCoveredError, match="revision ends"):
        verify(sealed.data, shorter)


def test_a_range_may_not_end_behind_the_file(prepared: PreparedPdf, sealed: SealedPdf) -> None:
    with pytest.raises(BytesNotCoveredError, match="revision ends"):
        verify(sealed.data[:-1], prepared.byte_range)


@pytest.mark.parametrize(
    ("start", "end"), [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-9, 0), (0, 9)]
)
def test_the_gap_is_neither_wider_nor_narrower_than_the_string(
    prepared: PreparedPdf, sealed: SealedPdf, start: int, end: int
) -> None:
    whole = prepared.byte_range
    moved = ByteRange(
        whole.first_length + start, whole.second_start + end, whole.second_length - end
    )
    with pytest.raises(BytesNotCoveredError, match="one hexadecimal string"):
        verify(sealed.data, moved)


def test_a_gap_with_two_strings_is_refused() -> None:
    pdf = b"head<3000><0000>tail"
    with pytest.raises(BytesNotCoveredError, match="one hexadecimal string"):
        verify(pdf, ByteRange(4, 16, 4))


@pytest.mark.parametrize(
    "gap", [b"<>", b"(30)", b"<300>", b"<30 00>", b"<30\n00>", b"<3g00>", b"3000", b"<3000"]
)
def test_a_gap_that_is_no_string_of_whole_octets_is_refused(gap: bytes) -> None:
    pdf = b"head" + gap + b"tail"
    with pytest.raises(BytesNotCoveredError):
        verify(pdf, ByteRange(4, 4 + len(gap), 4))


def test_a_gap_that_runs_backwards_is_refused() -> None:
    with pytest.raises(BytesNotCoveredError):
        verify(b"head<3000>tail", ByteRange(10, 4, 10))


def test_letters_of_two_cases_are_refused_so_that_nobody_can_change_one() -> None:
    for gap in (b"<3001AB>", b"<3001ab>"):
        assert contents_in_gap(gap, ByteRange(0, len(gap), 0)) == b"\x30\x01\xab"
    with pytest.raises(BytesNotCoveredError, match="one hexadecimal string"):
        contents_in_gap(b"<3001Ab>", ByteRange(0, 8, 0))


def test_another_string_than_the_signatures_contents_is_refused(
    prepared: PreparedPdf, sealed: SealedPdf
) -> None:
    start, end = prepared.byte_range.gap
    with pytest.raises(BytesNotCoveredError, match="not this signature's"):
        verify_byte_rule(
            sealed.data,
            prepared.byte_range,
            contents_span=(start - 1, end),
            revision_end=len(sealed.data),
        )


def test_nothing_hides_in_the_padding(prepared: PreparedPdf, sealed: SealedPdf) -> None:
    end = prepared.byte_range.second_start
    for place in (end - 2, end - 200):
        data = sealed.data[:place] + b"1" + sealed.data[place + 1 :]
        with pytest.raises(BytesNotCoveredError, match="hides"):
            verify(data, prepared.byte_range)


@pytest.mark.parametrize(
    "start",
    [b"<3182", b"<3083", b"<3080", b"<0000"],
    ids=["no sequence", "longer than its room", "indefinite", "empty"],
)
def test_contents_are_one_sequence_in_distinguished_encoding(
    prepared: PreparedPdf, sealed: SealedPdf, start: bytes
) -> None:
    first = prepared.byte_range.first_length
    data = sealed.data[:first] + start + sealed.data[first + len(start) :]
    with pytest.raises(BytesNotCoveredError):
        verify(data, prepared.byte_range)
