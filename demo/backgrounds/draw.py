"""Draw the backgrounds of the sample types: `python -m demo.backgrounds.draw`.

Each is drawn once, here, and only its SVG travels with the type: the guilloche would cost more than
the rest of a certificate if every one drew it.
"""

import re
from pathlib import Path

import typst

HERE = Path(__file__).parent
TYPES = HERE.parents[1] / "certs" / "samples" / "types"
FOLDERS = {
    "food-business-licence": TYPES / "11999900MB0000019D001" / "1",
    "senior-citizen-card": TYPES / "11999900MB0000019D002" / "1",
}
_DECIMALS = re.compile(r"\d+\.\d{4,}")


def draw_background(slug: str) -> str:
    """Return the SVG, its coordinates in thousandths of a point."""
    svg = typst.compile(HERE / f"{slug}.typ", format="svg")
    if not isinstance(svg, bytes):
        raise TypeError("a background is one page")
    return _DECIMALS.sub(
        lambda number: f"{float(number[0]):.3f}".rstrip("0").rstrip("."), svg.decode()
    )


if __name__ == "__main__":
    for slug, folder in FOLDERS.items():
        (folder / "background.svg").write_text(draw_background(slug), encoding="utf-8")
