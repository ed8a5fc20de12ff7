"""The portrait of a holder: a plain JPEG, sealed as it came and never encoded anew.

Only baseline JPEG in grey or YCbCr passes. Segments that carry more than the picture (EXIF with
place and time, thumbnails, profiles, comments) are refused: they would be sealed unseen.
"""

import base64
import binascii
import io
import struct
from collections.abc import Iterator
from contextlib import suppress

from PIL import Image, ImageOps

from certs.errors import Fault, FaultyDataError

MOST_OCTETS = 200 * 1024
"""An identity photograph of 358 × 441 pixels takes some 30 kB."""
WIDTHS = range(200, 1201)
HEIGHTS = range(250, 1601)
"""Below, a face is not told when printed; above, the file grows for nothing."""

LARGEST_PICTURE = 960 * 1024
"""Octets of a file that a portrait is made from; photographers give some hundred kB."""
_MOST_PIXELS = 24_000_000
_TRIED = ((1200, 90), (1200, 80), (800, 80), (600, 70))
"""Widths and qualities of JPEG, one after another until it is small enough."""

_START = b"\xff\xd8"
_END = b"\xff\xd9"
_SCAN, _BASELINE, _JFIF = 0xDA, 0xC0, 0xE0
_TABLES = frozenset((0xC4, 0xDB, 0xDD))
"""Huffman tables, quantisation tables, restart interval."""
_METADATA = frozenset((*range(0xE1, 0xF0), 0xFE))
"""Application segments and comments."""
_WITHIN_SCAN = frozenset((0x00, *range(0xD0, 0xD8)))
"""What may follow 0xFF in a scan: the mark that it is data, restarts."""
_MARKER = struct.Struct(">BBH")


def parse_portrait(unverified_base64: str) -> bytes:
    """Return the octets of the JPEG; raise `FaultyDataError` (pointer "/portrait")."""
    if len(unverified_base64) > MOST_OCTETS * 4 // 3 + 4:
        raise _refuse("too_large", f"at most {MOST_OCTETS} octets")
    try:
        jpeg = base64.b64decode(unverified_base64, validate=True)
    except (binascii.Error, ValueError):
        raise _refuse("not_base64") from None
    width, height = _size(jpeg)
    if width not in WIDTHS or height not in HEIGHTS or width > height:
        raise _refuse("picture_size", f"{_span(WIDTHS)} × {_span(HEIGHTS)} pixels, upright")
    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as picture:
            picture.load()
    except (OSError, SyntaxError, ValueError):
        raise _refuse("not_a_jpeg") from None
    return jpeg


def prepare_portrait(unverified_picture: bytes) -> bytes:
    """Return a portrait made of a photograph, for a draft: turned upright, smaller, without EXIF.

    One that can be sealed is returned as it came. Raise `FaultyDataError` (pointer "/portrait") for
    what is neither JPEG nor PNG, too large, too small, or not upright.
    """
    if len(unverified_picture) > LARGEST_PICTURE:
        raise _refuse("too_large", f"at most {LARGEST_PICTURE} octets")
    with suppress(FaultyDataError):
        return parse_portrait(base64.b64encode(unverified_picture).decode())
    try:
        with Image.open(io.BytesIO(unverified_picture), formats=("JPEG", "PNG")) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise _refuse("picture_size", f"at most {_MOST_PIXELS} pixels")
            picture = _on_white(ImageOps.exif_transpose(opened))
    except (OSError, SyntaxError, ValueError):
        raise _refuse("not_a_picture", "JPEG or PNG") from None
    picture.info.clear()  # comments and profiles would be written again
    for width, quality in _TRIED:
        picture.thumbnail((width, width * HEIGHTS[-1] // WIDTHS[-1]))
        jpeg = io.BytesIO()
        picture.save(jpeg, "JPEG", quality=quality)
        if jpeg.tell() <= MOST_OCTETS:
            break
    return parse_portrait(base64.b64encode(jpeg.getvalue()).decode())


def _on_white(picture: Image.Image) -> Image.Image:
    """Return the picture as colours alone; where it is transparent, white shows."""
    if "A" not in picture.getbands():
        return picture.convert("RGB")
    ground = Image.new("RGBA", picture.size, "white")
    ground.alpha_composite(picture.convert("RGBA"))
    return ground.convert("RGB")


def _size(jpeg: bytes) -> tuple[int, int]:
    """Return width and height once every octet belongs to a segment that may be there."""
    sizes = []
    for marker, content in _segments(jpeg):
        if marker == _BASELINE and content[:1] == b"\x08" and content[5:6] in {b"\1", b"\3"}:
            sizes.append((int.from_bytes(content[3:5]), int.from_bytes(content[1:3])))
        elif marker in _METADATA or (marker == _JFIF and not _is_plain_jfif(content)):
            raise _refuse("jpeg_metadata", "no EXIF, thumbnail, profile or comment")
        elif marker != _JFIF and marker not in _TABLES:
            raise _refuse("not_a_jpeg", "baseline JPEG, grey or YCbCr")
    if len(sizes) != 1:
        raise _refuse("not_a_jpeg", "baseline JPEG, grey or YCbCr")
    return sizes[0]


def _is_plain_jfif(content: bytes) -> bool:
    return content[:5] == b"JFIF\0" and content[12:] == b"\0\0"


def _segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """Give marker and content of each segment before the one scan, which must end the file."""
    if not jpeg.startswith(_START):
        raise _refuse("not_a_jpeg", "JPEG")
    place, marker = len(_START), 0
    while marker != _SCAN:
        try:
            prefix, marker, length = _MARKER.unpack_from(jpeg, place)
        except struct.error:
            raise _refuse("not_a_jpeg", "whole segments") from None
        end = place + 2 + length  # the length counts its own two octets
        if prefix != _START[0] or end < place + _MARKER.size or end > len(jpeg):
            raise _refuse("not_a_jpeg", "whole segments")
        if marker != _SCAN:
            yield marker, jpeg[place + _MARKER.size : end]
        place = end
    while (place := jpeg.find(_END[:1], place)) >= 0 and jpeg[place + 1 : place + 2]:
        if jpeg[place + 1] not in _WITHIN_SCAN:
            break
        place += 2
    if jpeg[place:] != _END:
        raise _refuse("not_a_jpeg", "one scan and nothing after it")


def _refuse(code: str, detail: str = "") -> FaultyDataError:
    return FaultyDataError([Fault("/portrait", code, detail)])


def _span(numbers: range) -> str:
    return f"{numbers[0]}–{numbers[-1]}"
