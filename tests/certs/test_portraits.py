"""Portraits: a plain JPEG passes as it came, whatever else is refused."""

import base64
import io
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from certs.errors import FaultyDataError
from certs.portraits import LARGEST_PICTURE, MOST_OCTETS, parse_portrait, prepare_portrait

SAMPLE = Path(__file__).parents[2] / "certs/samples/types/11999900MB0000019D002/1/sample.json"


@cache
def sample() -> bytes:
    return base64.b64decode(json.loads(SAMPLE.read_bytes())["portrait"])


def picture(size: tuple[int, int] = (300, 400), mode: str = "RGB", **save: Any) -> bytes:  # noqa: ANN401  # Pillow's own options
    octets = io.BytesIO()
    Image.new(mode, size, 128 if mode == "L" else None).save(octets, **{"format": "JPEG", **save})
    return octets.getvalue()


def fault(jpeg: bytes) -> str:
    with pytest.raises(FaultyDataError) as caught:
        parse_portrait(base64.b64encode(jpeg).decode())
    [found] = caught.value.faults
    assert found.pointer == "/portrait"
    return found.code


@pytest.mark.parametrize("jpeg", [sample(), picture(), picture(mode="L"), picture(optimize=True)])
def test_a_plain_jpeg_passes_as_it_came(jpeg: bytes) -> None:
    assert parse_portrait(base64.b64encode(jpeg).decode()) == jpeg


def test_restart_intervals_are_plain() -> None:
    jpeg = picture(restart_marker_blocks=4)
    assert b"\xff\xd0" in jpeg
    assert parse_portrait(base64.b64encode(jpeg).decode()) == jpeg


def exif() -> Image.Exif:
    data = Image.Exif()
    data[0x010F] = "camera"
    return data


@pytest.mark.parametrize(
    "jpeg",
    [
        picture(exif=exif()),
        picture(comment=b"note"),
        picture(icc_profile=b"profile"),
        sample().replace(b"JFIF\0", b"JFXX\0"),
    ],
    ids=["exif", "comment", "profile", "thumbnail"],
)
def test_what_would_be_sealed_unseen_is_refused(jpeg: bytes) -> None:
    assert fault(jpeg) == "jpeg_metadata"


@pytest.mark.parametrize(
    "jpeg",
    [
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xd9",
        picture(format="PNG"),
        picture(progressive=True),
        picture(mode="CMYK"),
        sample()[:-2],
        sample()[:2000],
        sample() + b"\0",
        sample()[:-2] + sample()[2:],
        sample() + sample(),
        re.sub(rb"\xff\xdb.{67}", b"", sample(), flags=re.DOTALL),
    ],
    ids=[
        "nothing", "start", "no picture", "png", "progressive", "cmyk", "no end", "cut", "trailing",
        "two scans", "two pictures", "no tables",
    ],
)  # fmt: skip
def test_what_is_no_plain_jpeg_is_refused(jpeg: bytes) -> None:
    assert fault(jpeg) in {"not_a_jpeg", "jpeg_metadata"}


@pytest.mark.parametrize("size", [(199, 300), (300, 249), (1201, 1600), (800, 1601), (500, 400)])
def test_a_portrait_is_upright_and_neither_small_nor_huge(size: tuple[int, int]) -> None:
    assert fault(picture(size)) == "picture_size"


def test_size_and_coding_are_checked_before_decoding() -> None:
    for text, code in (("A" * (MOST_OCTETS * 2), "too_large"), ("*" * 8, "not_base64")):
        with pytest.raises(FaultyDataError) as caught:
            parse_portrait(text)
        assert caught.value.faults[0].code == code


def test_text_that_is_not_ascii_is_not_base64() -> None:
    with pytest.raises(FaultyDataError):
        parse_portrait("图" * 8)


@given(st.integers(0, len(sample()) - 1), st.integers(0, 255))
def test_a_spoilt_jpeg_is_refused_or_a_picture_of_the_same_octets(place: int, octet: int) -> None:
    jpeg = bytearray(sample())
    jpeg[place] = octet
    try:
        portrait = parse_portrait(base64.b64encode(jpeg).decode())
    except FaultyDataError:
        return
    assert portrait == jpeg
    Image.open(io.BytesIO(portrait)).load()


def photograph(form: str, size: tuple[int, int], **options: Any) -> bytes:  # noqa: ANN401  # Pillow's own options
    shades = Image.linear_gradient("L").resize(size).convert("RGB")
    octets = io.BytesIO()
    shades.save(octets, form, **options)
    return octets.getvalue()


def test_a_portrait_that_can_be_sealed_is_left_as_it_came() -> None:
    assert prepare_portrait(sample()) == sample()


@pytest.mark.parametrize(
    "picture",
    [
        photograph("JPEG", (900, 1200), comment=b"made by"),
        photograph("JPEG", (900, 1200), icc_profile=b"a profile of colours"),
        photograph("JPEG", (900, 1200), progressive=True),
        photograph("PNG", (300, 400)),
    ],
    ids=["with a comment", "with a profile", "progressive", "PNG"],
)
def test_a_photograph_becomes_a_portrait(picture: bytes) -> None:
    made = prepare_portrait(picture)
    assert parse_portrait(base64.b64encode(made).decode()) == made


def test_a_photograph_is_turned_upright_and_made_smaller() -> None:
    lying = Image.new("RGB", (2600, 1900), "grey")
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: its left side is up
    octets = io.BytesIO()
    lying.save(octets, "JPEG", exif=exif)
    with Image.open(io.BytesIO(prepare_portrait(octets.getvalue()))) as made:
        assert made.size == (1169, 1600)


def test_where_a_picture_is_transparent_it_is_white() -> None:
    octets = io.BytesIO()
    Image.new("RGBA", (300, 400), (0, 0, 0, 0)).save(octets, "PNG")
    with Image.open(io.BytesIO(prepare_portrait(octets.getvalue()))) as made:
        assert made.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        (b"", "not_a_picture"),
        (b"GIF89a", "not_a_picture"),
        (b"\xff" * (LARGEST_PICTURE + 1), "too_large"),
        (photograph("PNG", (100, 120)), "picture_size"),
        (photograph("PNG", (500, 400)), "picture_size"),
    ],
    ids=["nothing", "another format", "too large", "too small", "not upright"],
)
def test_what_cannot_be_a_portrait_is_refused(picture: bytes, code: str) -> None:
    with pytest.raises(FaultyDataError) as caught:
        prepare_portrait(picture)
    assert [fault.code for fault in caught.value.faults] == [code]
