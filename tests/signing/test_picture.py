"""The seal picture: one encoding, seen alike by independent decoders; nothing else is read."""

import io
import struct
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from signing.errors import MalformedPictureError
from signing.picture import MAX_SIDE_MM, MAX_SIDE_PX, MAX_STREAM_OCTETS, SealPicture

COLOUR = (230, 0, 18)
WIDTH, HEIGHT = 24, 16
PLANE = bytes((x * y) % 256 for y in range(HEIGHT) for x in range(WIDTH))
PICTURE = SealPicture.from_alpha(
    PLANE, width_px=WIDTH, height_px=HEIGHT, colour=COLOUR, width_mm=42, height_mm=28
)


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """Split a PNG into types and data, without looking at anything."""
    found, position = [], 8
    while position < len(png):
        (length,) = struct.unpack_from(">I", png, position)
        found.append((png[position + 4 : position + 8], png[position + 8 : position + 8 + length]))
        position += 12 + length
    return found


def write_png(parts: list[tuple[bytes, bytes]]) -> bytes:
    """Write a PNG of any chunks with right CRCs."""
    written = [b"\x89PNG\r\n\x1a\n"]
    for kind, data in parts:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        written.append(struct.pack(">I", len(data)) + kind + data + crc)
    return b"".join(written)


def unfilter(rows: bytes, width: int) -> bytes:
    """Undo the PNG filters (9.2) of 8-bit rows."""
    plane, above = b"", bytes(width)
    for start in range(0, len(rows), width + 1):
        kind, row = rows[start], bytearray(rows[start + 1 : start + 1 + width])
        for x in range(width):
            left = row[x - 1] if x else 0
            corner = above[x - 1] if x else 0
            up = above[x]
            estimate = left + up - corner
            paeth = min((left, up, corner), key=lambda near: abs(estimate - near))
            row[x] = (row[x] + (0, left, up, (left + up) // 2, paeth)[kind]) % 256
        plane, above = plane + row, bytes(row)
    return plane


def read(png: bytes) -> SealPicture:
    return SealPicture.from_png(png, width_mm=42, height_mm=28)


def test_pillow_sees_the_plane_under_one_colour() -> None:
    with Image.open(io.BytesIO(PICTURE.png)) as image:
        assert image.size == (WIDTH, HEIGHT)
        red, green, blue, alpha = image.convert("RGBA").split()
    assert alpha.tobytes() == PLANE
    for band, value in zip((red, green, blue), COLOUR, strict=True):
        assert set(band.tobytes()) == {value}


def test_a_soft_mask_of_the_same_octets_is_the_plane() -> None:
    """What a PDF reader does with /FlateDecode, /Predictor 15, /Columns width."""
    assert unfilter(zlib.decompress(PICTURE.alpha_stream), WIDTH) == PLANE


def test_the_same_octets_are_in_both_homes() -> None:
    assert dict(chunks(PICTURE.png))[b"IDAT"] == PICTURE.alpha_stream
    assert [kind for kind, _ in chunks(PICTURE.png)] == [
        b"IHDR",
        b"PLTE",
        b"tRNS",
        b"IDAT",
        b"IEND",
    ]


def test_reading_gives_back_the_picture() -> None:
    picture = read(PICTURE.png)
    assert picture == PICTURE
    assert picture.png == PICTURE.png
    assert picture.sm3 == PICTURE.sm3


@settings(max_examples=50)
@given(data=st.data(), width=st.integers(1, 20), height=st.integers(1, 20))
def test_every_plane_survives(data: st.DataObject, width: int, height: int) -> None:
    plane = data.draw(st.binary(min_size=width * height, max_size=width * height))
    picture = SealPicture.from_alpha(
        plane, width_px=width, height_px=height, colour=COLOUR, width_mm=10, height_mm=10
    )
    assert SealPicture.from_png(picture.png, width_mm=10, height_mm=10) == picture
    with Image.open(io.BytesIO(picture.png)) as image:
        assert image.convert("RGBA").getchannel("A").tobytes() == plane


@pytest.mark.parametrize("kind", range(5))
def test_all_filters_of_png_are_read(kind: int) -> None:
    rows = b"".join(
        bytes([kind]) + PLANE[start : start + WIDTH] for start in range(0, len(PLANE), WIDTH)
    )
    picture = replace(PICTURE, alpha_stream=zlib.compress(rows))
    assert read(picture.png) == picture


@pytest.mark.parametrize("row", [0, 1, 64, 65, 66, 127, 128, 199])
def test_an_unknown_filter_is_found_in_any_row_of_a_large_plane(row: int) -> None:
    """The plane is inflated block by block; a row may begin anywhere in a block."""
    width, height = 1000, 200
    rows = bytearray((width + 1) * height)
    rows[row * (width + 1) + 1] = 9  # an opacity, not a filter
    large = SealPicture(width, height, (0, 0, 0), zlib.compress(rows), 42, 42)
    assert large.width_px == width
    rows[row * (width + 1)] = 5
    with pytest.raises(MalformedPictureError, match="filter"):
        replace(large, alpha_stream=zlib.compress(rows))


def test_another_picture_has_another_digest() -> None:
    others = [
        replace(PICTURE, colour=(230, 0, 19)),
        replace(PICTURE, alpha_stream=zlib.compress(bytes((WIDTH + 1) * HEIGHT))),
    ]
    assert len({PICTURE.sm3, *(other.sm3 for other in others)}) == 3


def with_chunk(kind: bytes, data: bytes) -> bytes:
    """Return the PNG with other data in one chunk and a right CRC."""
    return write_png([(k, data if k == kind else d) for k, d in chunks(PICTURE.png)])


IHDR, PLTE, TRNS, IDAT, IEND = chunks(PICTURE.png)
HALF = len(IDAT[1]) // 2
HEADER = ">IIBBBBB"


@pytest.mark.parametrize(
    "png",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xd8\xff\xe0" + bytes(4000), id="no PNG"),
        pytest.param(PICTURE.png[:-1], id="cut short"),
        pytest.param(PICTURE.png + b"\0", id="trailing octet"),
        pytest.param(PICTURE.png.replace(b"IEND\xaeB`\x82", b"IEND\xaeB`\x83"), id="wrong CRC"),
        pytest.param(write_png([IHDR, TRNS, PLTE, IDAT, IEND]), id="order of chunks"),
        pytest.param(write_png([IHDR, PLTE, IDAT, IEND]), id="no tRNS"),
        pytest.param(write_png([IHDR, PLTE, TRNS, IEND]), id="no IDAT"),
        pytest.param(
            write_png([IHDR, (b"pHYs", bytes(9)), PLTE, TRNS, IDAT, IEND]), id="another chunk"
        ),
        pytest.param(
            write_png([IHDR, PLTE, TRNS, IDAT, (b"tEXt", b"a\0b"), IEND]), id="text after IDAT"
        ),
        pytest.param(
            write_png(
                [
                    IHDR,
                    PLTE,
                    TRNS,
                    (b"IDAT", IDAT[1][:HALF]),
                    (b"IDAT", IDAT[1][HALF:]),
                    IEND,
                ]
            ),
            id="two IDAT",
        ),
        pytest.param(with_chunk(b"PLTE", bytes(range(256)) * 3), id="many colours"),
        pytest.param(with_chunk(b"tRNS", bytes(reversed(range(256)))), id="negative"),
        pytest.param(
            with_chunk(b"IHDR", struct.pack(HEADER, WIDTH, HEIGHT, 8, 3, 0, 0, 1)), id="interlaced"
        ),
        pytest.param(
            with_chunk(b"IHDR", struct.pack(HEADER, WIDTH, HEIGHT, 4, 3, 0, 0, 0)), id="4 bit"
        ),
        pytest.param(
            with_chunk(b"IHDR", struct.pack(HEADER, WIDTH, HEIGHT, 8, 0, 0, 0, 0)), id="grey"
        ),
        pytest.param(
            with_chunk(b"IHDR", struct.pack(HEADER, HEIGHT, WIDTH, 8, 3, 0, 0, 0)), id="turned"
        ),
        pytest.param(
            with_chunk(b"IHDR", struct.pack(HEADER, 0, HEIGHT, 8, 3, 0, 0, 0)), id="no width"
        ),
    ],
)
def test_no_other_png_is_read(png: bytes) -> None:
    with pytest.raises(MalformedPictureError):
        read(png)


@given(data=st.data())
def test_no_changed_png_is_read_as_the_same_picture(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(PICTURE.png) - 1))
    changed = bytearray(PICTURE.png)
    changed[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(MalformedPictureError):
        read(bytes(changed))  # CRCs catch what the structure allows


@given(st.binary(max_size=2000))
def test_any_octets_give_a_named_error(octets: bytes) -> None:
    with pytest.raises(MalformedPictureError):
        read(PICTURE.png[:33] + octets)


ROW = bytes(WIDTH + 1)


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not zlib", id="not zlib"),
        pytest.param(zlib.compress(ROW * (HEIGHT - 1)), id="a row short"),
        pytest.param(zlib.compress(ROW * HEIGHT + b"\0"), id="an octet long"),
        pytest.param(zlib.compress(ROW * HEIGHT)[:-1], id="checksum cut"),
        pytest.param(zlib.compress(ROW * HEIGHT)[:-1] + b"\xff", id="checksum wrong"),
        pytest.param(zlib.compress(ROW * HEIGHT) + b"\0", id="octets after the stream"),
        pytest.param(zlib.compress(b"\x05" + bytes(WIDTH) + ROW * (HEIGHT - 1)), id="filter 5"),
        pytest.param(zlib.compress(bytes(64 * 1024 * 1024), 9), id="bomb"),
        pytest.param(zlib.compress(ROW * HEIGHT) + bytes(MAX_STREAM_OCTETS), id="long stream"),
    ],
)
def test_the_stream_is_exactly_the_plane(stream: bytes) -> None:
    with pytest.raises(MalformedPictureError):
        replace(PICTURE, alpha_stream=stream)


def test_a_picture_has_the_plane_it_says() -> None:
    with pytest.raises(MalformedPictureError):
        SealPicture.from_alpha(
            PLANE[:-1], width_px=WIDTH, height_px=HEIGHT, colour=COLOUR, width_mm=42, height_mm=28
        )


@pytest.mark.parametrize(
    ("width_px", "height_px", "colour", "width_mm", "height_mm"),
    [
        (0, 1, COLOUR, 42, 42),
        (1, 0, COLOUR, 42, 42),
        (MAX_SIDE_PX + 1, 1, COLOUR, 42, 42),
        (1, MAX_SIDE_PX + 1, COLOUR, 42, 42),
        (1, 1, (0, 0, 256), 42, 42),
        (1, 1, (-1, 0, 0), 42, 42),
        (1, 1, COLOUR, 0, 42),
        (1, 1, COLOUR, 42, MAX_SIDE_MM + 1),
    ],
)
def test_sizes_and_colours_have_bounds(
    width_px: int, height_px: int, colour: tuple[int, int, int], width_mm: int, height_mm: int
) -> None:
    with pytest.raises(MalformedPictureError):
        SealPicture.from_alpha(
            bytes(width_px * height_px),
            width_px=width_px,
            height_px=height_px,
            colour=colour,
            width_mm=width_mm,
            height_mm=height_mm,
        )
