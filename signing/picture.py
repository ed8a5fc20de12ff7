"""The picture of a seal: one colour under an alpha plane, with two homes and one encoding.

In the seal (GB/T 38540) it is a palette PNG: colour type 3, 8 bit, every palette entry the colour,
`tRNS[i] = i`, so that the IDAT octets are the alpha plane. In a PDF the same octets are the /SMask
(DeviceGray, FlateDecode, /Predictor 15, /Columns width) of a 1 × 1 image of the colour. Nobody has
to re-encode or compare pixels to know that both are the same picture.

The PNG is exactly: signature, IHDR, PLTE, tRNS, one IDAT, IEND. Nothing else is read.
"""

import struct
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self

from signing.canonical import sm3
from signing.errors import MalformedPictureError

MAX_SIDE_PX = 2048  # the largest seal there is, 60 mm (State Council), at 860 dpi
MAX_SIDE_MM = 100  # no seal is larger; keeps a picture from covering the page
MAX_STREAM_OCTETS = 512 * 1024  # a seal at 600 dpi takes about 40 kB; bounds what is carried along
INFLATED_BLOCK = 64 * 1024  # memory at a time: a plane of 600 dpi has one MiB
CACHED_STREAMS = 64  # one process meets few seals, each on thousands of documents
COMPRESSION_LEVEL = 9  # done once a seal, carried in every document
FILTER_NONE, FILTER_SUB, FILTER_UP, FILTER_AVERAGE, FILTER_PAETH = range(5)  # PNG 9.2
MAX_COLOUR = 255

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PALETTE_SIZE = 256
# Where the parts of the one kind of PNG lie; a chunk is length, type, data, CRC.
_IHDR_DATA = len(_SIGNATURE) + 8
_PLTE_DATA = _IHDR_DATA + 13 + 4 + 8
_TRNS_DATA = _PLTE_DATA + 3 * _PALETTE_SIZE + 4 + 8
_IDAT_LENGTH = _TRNS_DATA + _PALETTE_SIZE + 4
_IDAT_DATA = _IDAT_LENGTH + 8
_ALPHA_RAMP = bytes(range(_PALETTE_SIZE))


@dataclass(frozen=True, slots=True)
class SealPicture:
    """A seal's picture, checked: an object of this class can be drawn.

    Making one raises `MalformedPictureError` if a size is out of bounds or the stream is not
    exactly the plane it says it is.
    """

    width_px: int
    height_px: int
    colour: tuple[int, int, int]
    """Red, green, blue; 0 to 255."""

    alpha_stream: bytes = field(repr=False)
    """The alpha plane: 8 bit, rows with their PNG filter octet, one zlib stream."""

    width_mm: int
    height_mm: int

    png: bytes = field(init=False, repr=False, compare=False)
    """The picture as PNG; always the same octets for the same picture."""

    sm3: str = field(init=False, repr=False, compare=False)
    """SM3 of `png`, lower-case hex."""

    def __post_init__(self) -> None:
        """Check every part, then write the PNG once."""
        if not (0 < self.width_px <= MAX_SIDE_PX and 0 < self.height_px <= MAX_SIDE_PX):
            raise MalformedPictureError("size in pixels")
        if not (0 < self.width_mm <= MAX_SIDE_MM and 0 < self.height_mm <= MAX_SIDE_MM):
            raise MalformedPictureError("size in millimetres")
        if not all(0 <= part <= MAX_COLOUR for part in self.colour):
            raise MalformedPictureError("colour")
        _verify_alpha_stream(self.alpha_stream, self.width_px, self.height_px)
        png = _write_png(self.width_px, self.height_px, self.colour, self.alpha_stream)
        object.__setattr__(self, "png", png)
        object.__setattr__(self, "sm3", sm3(png).hex())

    @classmethod
    def from_alpha(  # noqa: PLR0913 - a picture has these six parts
        cls,
        plane: bytes,
        *,
        width_px: int,
        height_px: int,
        colour: tuple[int, int, int],
        width_mm: int,
        height_mm: int,
    ) -> Self:
        """Return the picture whose opacity is `plane`, row by row from the top, one octet a pixel.

        Raise `MalformedPictureError` if the plane does not have `width_px` × `height_px` octets.
        """
        if width_px < 1 or len(plane) != width_px * height_px:
            raise MalformedPictureError("length of the plane")
        rows = (plane[start : start + width_px] for start in range(0, len(plane), width_px))
        filtered = b"".join(bytes([FILTER_NONE]) + row for row in rows)
        stream = zlib.compress(filtered, COMPRESSION_LEVEL)
        return cls(width_px, height_px, colour, stream, width_mm, height_mm)

    @classmethod
    def from_png(cls, unverified_png: bytes, *, width_mm: int, height_mm: int) -> Self:
        """Return the picture that `unverified_png` holds, if it is exactly a PNG as we write it.

        Raise `MalformedPictureError` for every other PNG and for anything else.
        """
        if not _IDAT_DATA < len(unverified_png) <= _IDAT_DATA + MAX_STREAM_OCTETS + 16:
            raise MalformedPictureError("length of the PNG")
        width_px, height_px = struct.unpack_from(">II", unverified_png, _IHDR_DATA)
        red, green, blue = unverified_png[_PLTE_DATA : _PLTE_DATA + 3]
        (length,) = struct.unpack_from(">I", unverified_png, _IDAT_LENGTH)
        stream = unverified_png[_IDAT_DATA : _IDAT_DATA + length]
        picture = cls(width_px, height_px, (red, green, blue), stream, width_mm, height_mm)
        # Everything that was not read above (signature, order of chunks, CRCs, palette, end) is
        # right if, and only if, writing the same picture gives the same octets.
        if picture.png != unverified_png:
            raise MalformedPictureError("not the one kind of PNG")
        return picture


def _chunk(kind: bytes, data: bytes) -> bytes:
    """Return one chunk (PNG 5.3)."""
    crc = zlib.crc32(data, zlib.crc32(kind))
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def _write_png(
    width_px: int, height_px: int, colour: tuple[int, int, int], alpha_stream: bytes
) -> bytes:
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 3, 0, 0, 0)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", bytes(colour) * _PALETTE_SIZE),
            _chunk(b"tRNS", _ALPHA_RAMP),
            _chunk(b"IDAT", alpha_stream),
            _chunk(b"IEND", b""),
        )
    )


@lru_cache(maxsize=CACHED_STREAMS)
def _verify_alpha_stream(alpha_stream: bytes, width_px: int, height_px: int) -> None:
    """Raise `MalformedPictureError` unless the stream inflates to exactly the plane's rows.

    Inflates block by block and stops behind the plane, whatever the stream claims.
    """
    if len(alpha_stream) > MAX_STREAM_OCTETS:
        raise MalformedPictureError("length of the stream")
    stride = width_px + 1
    inflater = zlib.decompressobj()
    waiting, length = alpha_stream, 0
    while not inflater.eof and length <= stride * height_px:
        try:
            block = inflater.decompress(waiting, INFLATED_BLOCK)
        except zlib.error:
            raise MalformedPictureError("not a zlib stream") from None
        if not block and not inflater.eof:
            raise MalformedPictureError("a stream that was cut")
        if max(block[-length % stride :: stride], default=FILTER_NONE) > FILTER_PAETH:
            raise MalformedPictureError("unknown PNG filter")
        waiting, length = inflater.unconsumed_tail, length + len(block)
    if length != stride * height_px or inflater.unused_data:
        raise MalformedPictureError("the stream is not the plane")
