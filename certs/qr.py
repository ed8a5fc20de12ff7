"""The QR code on a certificate, as one SVG path.

Drawing it as a picture of rectangles costs more than the rest of the page; one path costs nothing.
"""

import re

import qrcode
from qrcode.constants import ERROR_CORRECT_M

# Choosing among the eight masks takes five sixths of the time and only matters for data that look
# like a finder pattern; a decoder reads the mask from the code (ISO/IEC 18004, 7.8).
MASK_PATTERN = 3

_DARK = re.compile(b"\x01+")


def draw_qr(text: str) -> str:
    """Return an SVG of the QR code of `text`, level M, one unit a module, without quiet zone."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=0, mask_pattern=MASK_PATTERN)
    code.add_data(text, optimize=0)
    code.make(fit=False)  # the smallest version is found all the same; True would search twice
    runs = [
        f"M{run.start()} {y}h{run.end() - run.start()}v1h-{run.end() - run.start()}z"
        for y, row in enumerate(code.modules)
        for run in _DARK.finditer(bytes(map(bool, row)))
    ]
    side = code.modules_count
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}">'
        f'<path d="{"".join(runs)}"/></svg>'
    )
