"""Seals as they are drawn: 国发〔1999〕25号, measured on the alpha plane."""

import io
import math
from functools import cache

import pytest
from PIL import Image

from certs.errors import DrawingError
from certs.seal_picture import NAME_LENGTHS, PIXELS_PER_INCH, SEAL_RED, draw_seal, draw_seal_svg
from signing.picture import SealPicture

NAME = "示例市青禾区市场监督管理局"
DIAMETER_MM = 42
NAMES = ["青局", "青禾局", "青禾区民政局", NAME, "青禾区" * 8 + "中心"]
# Radii in millimetres of a 42 mm seal: inside of the ring, heads and feet of the letters, star.
RING, HEADS, FEET, STAR = 19.8, 18.75, 12.85, 7.0


@cache
def plane(name: str = NAME, *, sample: bool = False, code: str | None = None) -> Image.Image:
    """Return the alpha plane as a viewer of the PNG sees it."""
    picture = draw_seal(name, diameter_mm=DIAMETER_MM, sample=sample, code=code)
    return Image.open(io.BytesIO(picture.png)).convert("RGBA").getchannel("A")


def ink(image: Image.Image, radius_mm: float, degrees: float) -> int:
    """Return the opacity at a place; 0° is up, clockwise."""
    scale = image.width / DIAMETER_MM
    middle = image.width / 2
    angle = math.radians(degrees)
    x, y = (
        middle + radius_mm * scale * math.sin(angle),
        middle - radius_mm * scale * math.cos(angle),
    )
    value = image.getpixel((int(x), int(y)))
    assert isinstance(value, int)
    return value


def inked_degrees(image: Image.Image, radii: tuple[float, float], step: float = 0.5) -> list[float]:
    """Return the directions, from -180° to 180°, in which there is ink between two radii."""
    low, high = radii
    lengths = [low + (high - low) * part / 60 for part in range(61)]
    directions = [-180 + step * count for count in range(int(360 / step))]
    return [
        direction
        for direction in directions
        if any(ink(image, length, direction) > 100 for length in lengths)
    ]


def test_a_picture_is_red_ink_at_600_dpi_or_more() -> None:
    picture = draw_seal(NAME, diameter_mm=DIAMETER_MM, sample=False)
    assert picture.colour == SEAL_RED
    assert (picture.width_mm, picture.height_mm) == (DIAMETER_MM, DIAMETER_MM)
    assert picture.width_px == picture.height_px
    assert picture.width_px >= math.floor(DIAMETER_MM / 25.4 * PIXELS_PER_INCH)
    again = SealPicture.from_png(picture.png, width_mm=DIAMETER_MM, height_mm=DIAMETER_MM)
    assert again == picture


def test_the_same_seal_is_the_same_picture() -> None:
    assert draw_seal(NAME, sample=True).png == draw_seal(NAME, sample=True).png


@pytest.mark.parametrize("diameter_mm", [30, 38, 45, 60])
def test_other_diameters_are_the_same_seal_larger_or_smaller(diameter_mm: int) -> None:
    picture = draw_seal(NAME, diameter_mm=diameter_mm, sample=False)
    assert (picture.width_mm, picture.height_mm) == (diameter_mm, diameter_mm)
    image = Image.open(io.BytesIO(picture.png)).convert("RGBA").getchannel("A")
    small = image.resize((200, 200), Image.Resampling.BOX)
    reference = plane().resize((200, 200), Image.Resampling.BOX)
    differences = [abs(a - b) for a, b in zip(small.tobytes(), reference.tobytes(), strict=True)]
    assert sum(differences) / len(differences) < 6


def test_ring_and_star_stand_in_the_middle_and_nothing_in_the_corners() -> None:
    image = plane()
    assert all(ink(image, 20.4, direction) == 255 for direction in range(360))
    assert image.getpixel((0, 0)) == 0
    assert all(ink(image, 19.4, direction) == 0 for direction in range(360))
    for point in range(0, 360, 72):
        assert ink(image, STAR - 0.4, point) == 255
        assert ink(image, STAR + 0.4, point) == 0
        assert ink(image, STAR / 2, point + 36) == 0
    assert ink(image, 0, 0) == 255


@pytest.mark.parametrize("name", NAMES)
def test_the_name_keeps_to_its_arc_symmetric_to_the_top(name: str) -> None:
    directions = inked_degrees(plane(name), (FEET, HEADS))
    assert min(directions) >= -135
    assert max(directions) <= 135
    assert abs(min(directions) + max(directions)) < 6  # letters are not as wide as their squares
    image = plane(name)
    assert inked_degrees(image, (HEADS + 0.1, RING - 0.1), step=2) == []
    assert inked_degrees(image, (STAR + 0.3, FEET - 0.1), step=2) == []


def test_long_names_spread_further_than_short_ones() -> None:
    spreads = [max(inked_degrees(plane(name), (FEET, HEADS), step=2)) for name in NAMES]
    assert spreads[:4] == sorted(set(spreads[:4]))
    assert spreads[-1] > 120


@pytest.mark.parametrize("name", [NAME, NAMES[-1]])
def test_letters_stand_apart_and_evenly(name: str) -> None:
    """Between neighbours, where their squares meet, the ink stops."""
    image = plane("口" * len(name))
    pitch = min(250.0, 66 + 20.5 * (len(name) - 1)) / (len(name) - 1)
    first = -pitch * (len(name) - 1) / 2
    for place in range(len(name) - 1):
        between = first + (place + 0.5) * pitch
        assert all(ink(image, radius / 10, between) == 0 for radius in range(129, 188))
    for place in range(len(name)):
        assert any(ink(image, radius / 10, first + place * pitch) for radius in range(129, 188))


def test_feet_point_to_the_middle() -> None:
    """丄 has its long stroke at its feet, all around."""
    image = plane("丄" * 9)
    for place in range(9):
        direction = -115 + place * 230 / 8
        assert ink(image, 13.85, direction) > 0 or ink(image, 13.6, direction) > 0
        assert ink(image, 14.6, direction + 4) == 0


def test_a_sample_says_so_under_the_star() -> None:
    box = tuple(int(mm * plane().width / DIAMETER_MM) for mm in (15.5, 30, 26.5, 36))
    genuine, sample = plane(sample=False).crop(box), plane(sample=True).crop(box)  # type: ignore[arg-type]  # four numbers
    assert genuine.getbbox() is None
    assert sample.getbbox() is not None
    rest_of_genuine, rest_of_sample = plane(sample=False).copy(), plane(sample=True).copy()
    for image in (rest_of_genuine, rest_of_sample):
        image.paste(0, box)  # type: ignore[arg-type]  # four numbers
    assert rest_of_genuine.tobytes() == rest_of_sample.tobytes()


def test_a_code_stands_on_the_arc_at_the_foot() -> None:
    directions = inked_degrees(plane(code="9999010000012"), (17.2, 19.2))
    foot = [abs(direction) for direction in directions if abs(direction) > 135]
    assert min(foot) > 140
    assert [abs(d) for d in inked_degrees(plane(), (17.2, 19.2)) if abs(d) > 135] == []


@pytest.mark.parametrize(
    ("name", "diameter_mm", "code"),
    [
        ("局" * (NAME_LENGTHS[0] - 1), 42, None),
        ("局" * (NAME_LENGTHS[-1] + 1), 42, None),
        ("青禾\U00030ede局", 42, None),
        (NAME, 29, None),
        (NAME, 61, None),
        (NAME, 42, ""),
        (NAME, 42, "1" * 14),
        (NAME, 42, "١٢٣"),
    ],
)
def test_what_is_no_seal_is_refused(name: str, diameter_mm: int, code: str | None) -> None:
    with pytest.raises(DrawingError):
        draw_seal(name, diameter_mm=diameter_mm, sample=False, code=code)


def test_the_vectors_are_the_same_drawing() -> None:
    svg = draw_seal_svg(NAME, sample=True)
    assert svg.startswith("<svg ")
    assert "#e60012" in svg
    assert "<image" not in svg
