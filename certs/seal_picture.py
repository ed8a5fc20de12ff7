"""The picture of an office's seal, drawn from its name (国发〔1999〕25号).

Round, a ring, a five-pointed star in the middle, the name in 宋体 on the arc; never the state
emblem. It is drawn as vectors (`seal_picture.typ`) and from them as an alpha plane at 600 dpi.
"""

import io
import re
from pathlib import Path

from PIL import Image

from certs.errors import DrawingError
from certs.fonts import find_missing_characters, name_character
from certs.typesetting import typeset
from signing.picture import SealPicture

SEAL_RED = (230, 0, 18)
PIXELS_PER_INCH = 600
"""The least at which the finest strokes of a condensed name stay open."""
OPACITIES = bytes(round(opacity / 85) * 85 for opacity in range(256))
"""Four are enough for edges at 600 dpi, and take a third off every file: a seal signature of the
usual size then fits into a string of PDF/A (ISO 19005-3, 6.1.13: 32,767 octets)."""
MM_PER_INCH = 25.4
DIAMETERS_MM = range(30, 61)
"""60 mm is the State Council's, the largest; below 30 mm the name cannot be read."""
NAME_LENGTHS = range(2, 27)
"""Letters on the arc; more would be narrower than a third of their height."""
TEST_MARK = "测试"

_CODE = re.compile(r"[0-9]{1,13}")
_TEMPLATE = Path(__file__).with_name("seal_picture.typ")


def draw_seal(
    name: str, *, diameter_mm: int = 42, sample: bool, code: str | None = None
) -> SealPicture:
    """Draw the seal of the office called `name`; `code` stands on the arc at the foot.

    A `sample` bears 测试 under the star. Raise `DrawingError` for a name or code that is too short
    or too long or has a character that cannot be drawn, and for a diameter no seal has.
    """
    inputs = _inputs(name, diameter_mm=diameter_mm, sample=sample, code=code)
    png = typeset(_TEMPLATE, inputs, form="png", pixels_per_inch=PIXELS_PER_INCH)
    with Image.open(io.BytesIO(png)) as image:
        plane = image.getchannel("A")
    return SealPicture.from_alpha(
        plane.tobytes().translate(OPACITIES),
        width_px=plane.width,
        height_px=plane.height,
        colour=SEAL_RED,
        width_mm=diameter_mm,
        height_mm=diameter_mm,
    )


def draw_seal_svg(
    name: str, *, diameter_mm: int = 42, sample: bool, code: str | None = None
) -> str:
    """Draw the vectors that `draw_seal` makes its picture from; the same errors."""
    inputs = _inputs(name, diameter_mm=diameter_mm, sample=sample, code=code)
    return typeset(_TEMPLATE, inputs, form="svg").decode()


def _inputs(name: str, *, diameter_mm: int, sample: bool, code: str | None) -> dict[str, str]:
    if len(name) not in NAME_LENGTHS:
        raise DrawingError(f"a seal's name has {NAME_LENGTHS[0]} to {NAME_LENGTHS[-1]} characters")
    if code is not None and not _CODE.fullmatch(code):
        raise DrawingError("a seal's code is 1 to 13 digits")
    if diameter_mm not in DIAMETERS_MM:
        raise DrawingError("no seal has this diameter")
    if missing := find_missing_characters(name):
        raise DrawingError("no glyph for " + ", ".join(map(name_character, missing)))
    return {
        "name": name,
        "diameter": str(diameter_mm),
        "mark": TEST_MARK if sample else "",
        "code": code or "",
        "ink": "#{:02x}{:02x}{:02x}".format(*SEAL_RED),
    }
