"""QR codes for pages and terminals: inline, so that what is in one has no address of its own."""

import re
from io import StringIO

import qrcode
from markupsafe import Markup
from qrcode.constants import ERROR_CORRECT_M

from certs.qr import draw_qr

QUIET_ZONE = 4
"""Modules of white around it (ISO/IEC 18004, 5.3.8); the page may be of another colour."""
SIDE_PIXELS = 264

_SIDE = re.compile(r'viewBox="0 0 (\d+) \d+">(.*)</svg>\Z', re.DOTALL)


def qr_picture(text: str, title: str) -> Markup:
    """Return the QR code of `text` as inline SVG, named `title` for who cannot see it."""
    match = _SIDE.search(draw_qr(text))
    assert match is not None  # noqa: S101  # draw_qr writes nothing else
    side = int(match[1]) + 2 * QUIET_ZONE
    # draw_qr writes numbers and path letters only.
    path = Markup(match[2])  # noqa: S704
    return Markup(
        '<svg role="img" width="{pixels}" height="{pixels}" viewBox="0 0 {side} {side}">'
        '<title>{title}</title><rect width="{side}" height="{side}" fill="#fff"/>'
        '<g transform="translate({zone} {zone})">{path}</g></svg>'
    ).format(pixels=SIDE_PIXELS, side=side, title=title, zone=QUIET_ZONE, path=path)


def qr_lines(text: str) -> str:
    """Return the QR code of `text` in half blocks, light on dark as terminals mostly are."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=QUIET_ZONE)
    code.add_data(text)
    lines = StringIO()
    code.print_ascii(out=lines, invert=True)
    return lines.getvalue()


def in_fours(text: str) -> str:
    """Return a secret as people type it where a code cannot be scanned."""
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))
