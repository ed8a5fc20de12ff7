"""From the printed page to the web page: render, read the QR code, follow it."""

from pathlib import Path

import httpx
import pypdfium2
import pytest
import zxingcpp
from PIL import Image
from simulators.server import Server

pytestmark = pytest.mark.real

SCAN_DPI = 150
"""What an office scanner or a telephone's camera makes of a page at the least."""


def render(pdf: Path) -> Image.Image:
    document = pypdfium2.PdfDocument(pdf)
    try:
        picture: Image.Image = document[0].render(scale=SCAN_DPI / 72, may_draw_forms=True).to_pil()
    finally:
        document.close()
    return picture


def test_every_qr_code_leads_to_its_certificate(
    server: Server, samples: dict[str, Path], visitor: httpx.Client
) -> None:
    assert len(samples) == 3
    seen = set()
    for number, pdf in samples.items():
        (code,) = zxingcpp.read_barcodes(render(pdf))
        assert code.format == zxingcpp.BarcodeFormat.QRCode
        assert code.text.startswith(f"{server.address}/c/")
        page = visitor.get(code.text)
        assert page.status_code == 200
        assert "有效" in page.text
        assert ("face.svg" in page.text) == number.startswith("JY")
        seen.add(code.text)
    assert len(seen) == len(samples)


def test_the_host_is_printed_beside_it(server: Server, samples: dict[str, Path]) -> None:
    """Whoever scans it can compare the address that opens."""
    for pdf in samples.values():
        document = pypdfium2.PdfDocument(pdf)
        text = document[0].get_textpage().get_text_range()
        document.close()
        assert f"localhost:{server.port}" in text
