"""The one rule about which octets a signature covers; issuer and verifier share it."""

import binascii

from signing.der import Reader
from signing.errors import BytesNotCoveredError
from signing.pdf.placement import ByteRange

_DIGITS_OF_ONE_CASE = (b"0123456789ABCDEF", b"0123456789abcdef")


def verify_byte_rule(
    unverified_pdf: bytes,
    byte_range: ByteRange,
    *,
    contents_span: tuple[int, int],
    revision_end: int,
) -> None:
    """Raise `BytesNotCoveredError` unless the signature covers its revision but for /Contents.

    1. The range begins at octet 0 and ends where the revision ends.
    2. What it leaves out is one hexadecimal string, its letters of one case.
    3. That string is this signature's /Contents, which stands at `contents_span`.
    4. It holds one DER element, and after it nothing but zeros.
    """
    if byte_range.end != revision_end or not 0 < byte_range.second_start < revision_end:
        raise BytesNotCoveredError("the range does not end where the revision ends")
    contents_in_gap(unverified_pdf, byte_range)
    if byte_range.gap != contents_span:
        raise BytesNotCoveredError("what is left out is not this signature's /Contents")


def contents_in_gap(unverified_pdf: bytes, byte_range: ByteRange) -> bytes:
    """Return the DER element in the gap, without its padding.

    Raises `BytesNotCoveredError` if the gap holds anything but one hexadecimal string of one DER
    element and zeros.
    """
    start, end = byte_range.gap
    gap = unverified_pdf[max(start, 0) : end]
    digits = gap[1:-1]
    # A seal fills some 70,000 digits: to delete and to compare is twenty times as fast as to match.
    if (
        not (gap.startswith(b"<") and gap.endswith(b">"))
        or not digits
        or len(digits) % 2
        or all(digits.translate(None, allowed) for allowed in _DIGITS_OF_ONE_CASE)
    ):
        raise BytesNotCoveredError("what is left out is not one hexadecimal string")
    octets = binascii.unhexlify(digits)
    element = Reader(octets, BytesNotCoveredError).whole()
    if any(octets[len(element) :]):
        raise BytesNotCoveredError("something hides behind the signature in /Contents")
    return element
