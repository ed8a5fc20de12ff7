"""What ordinary readers make of an issued file: poppler draws it, qpdf finds no fault."""

import io
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from independent.published import IssuedFile, Published
from PIL import Image, ImageChops

from signing.pdf.placement import SignatureForm

pytestmark = pytest.mark.real

DOTS_PER_INCH = 150
DOTS_PER_MM = DOTS_PER_INCH / 25.4
SEAL_MM = 42
ROUNDING = 2
CLEARLY = 128
LEAST_INK = 0.1  # of the square around it: ring, star and name cover more


@pytest.fixture(scope="module", params=list(SignatureForm))
def issued(published: Published, request: pytest.FixtureRequest) -> IssuedFile:
    return published.files[request.param]


@pytest.fixture(scope="module")
def pages(issued: IssuedFile) -> Mapping[Path, Image.Image]:
    """Return the page as it was drawn, and as it is sealed."""
    return {path: render(path) for path in (issued.drawn, issued.path)}


def render(path: Path) -> Image.Image:
    """Let poppler draw the first page; it must not complain."""
    done = subprocess.run(
        ["pdftoppm", "-r", str(DOTS_PER_INCH), "-singlefile", "-png", path],
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    return Image.open(io.BytesIO(done.stdout)).convert("RGB")


def test_the_seal_is_drawn_where_its_type_says_and_nowhere_else(
    issued: IssuedFile, pages: Mapping[Path, Image.Image]
) -> None:
    drawn, sealed = pages[issued.drawn], pages[issued.path]
    assert drawn.size == sealed.size
    placement = issued.certificate_type.placement
    left = placement.left_mm * DOTS_PER_MM
    top = sealed.height - (placement.bottom_mm + SEAL_MM) * DOTS_PER_MM
    side = SEAL_MM * DOTS_PER_MM
    changed = ImageChops.difference(drawn, sealed).getbbox()
    assert changed is not None
    # The ring touches all four sides; a pixel's half may stand out.
    assert changed == pytest.approx((left, top, left + side, top + side), abs=1.5)


def test_what_the_seal_adds_is_red(issued: IssuedFile, pages: Mapping[Path, Image.Image]) -> None:
    """Red ink takes green and blue from the page, more than it takes red."""
    lost = ImageChops.subtract(pages[issued.drawn], pages[issued.path])
    red, green, blue = lost.split()
    for other in (green, blue):
        assert sum(ImageChops.subtract(red, other).histogram()[ROUNDING + 1 :]) == 0
        inked = sum(other.histogram()[CLEARLY:])
        assert inked > LEAST_INK * (SEAL_MM * DOTS_PER_MM) ** 2


@pytest.mark.parametrize("form", list(SignatureForm))
def test_qpdf_finds_no_fault(published: Published, form: SignatureForm) -> None:
    done = subprocess.run(
        ["qpdf", "--check", published.files[form].path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No syntax or stream encoding errors found" in done.stdout
