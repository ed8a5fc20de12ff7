"""Draw the portrait of the sample senior citizen's card: a silhouette, nobody's likeness.

    python demo/sample_portrait.py certs/samples/types/11999900MB0000019D002/1/sample.json

puts it into the order as base64 JPEG. The octets depend on the JPEG library, so nothing runs this
by itself: it is how the committed sample was made.
"""

import base64
import io
import json
import sys
from pathlib import Path

from PIL import Image, ImageDraw

SIZE = (413, 531)
"""35 × 45 mm at 300 dpi."""
OVERSAMPLING = 4
GROUND, COAT, SKIN, HAIR = "#e8eef2", "#4a6378", "#b9c4cc", "#8796a3"


def draw_silhouette() -> bytes:
    """Return a head and shoulders in four flat colours as a baseline JPEG."""
    width, height = (side * OVERSAMPLING for side in SIZE)
    picture = Image.new("RGB", (width, height), GROUND)
    draw = ImageDraw.Draw(picture)

    def ellipse(left: float, top: float, right: float, bottom: float, colour: str) -> None:
        draw.ellipse((left * width, top * height, right * width, bottom * height), colour)

    ellipse(0.08, 0.68, 0.92, 1.40, COAT)
    draw.rectangle((0.42 * width, 0.55 * height, 0.58 * width, 0.72 * height), SKIN)
    ellipse(0.42, 0.66, 0.58, 0.78, SKIN)
    ellipse(0.27, 0.14, 0.73, 0.58, HAIR)
    ellipse(0.30, 0.22, 0.70, 0.64, SKIN)

    octets = io.BytesIO()
    picture.resize(SIZE, Image.Resampling.LANCZOS).save(
        octets, "JPEG", quality=85, optimize=True, dpi=(300, 300)
    )
    return octets.getvalue()


def main() -> None:
    """Put the portrait into the order named on the command line."""
    path = Path(sys.argv[1])
    order = json.loads(path.read_bytes())
    order["portrait"] = base64.b64encode(draw_silhouette()).decode()
    path.write_text(json.dumps(order, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
