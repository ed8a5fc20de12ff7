"""QR codes that an independent reader reads."""

import io
import re

import pytest
import typst
import zxingcpp
from PIL import Image

from certs.qr import draw_qr


def read(svg: str) -> str:
    """Return what zxing reads from the code printed on white."""
    side = int(re.findall(r'viewBox="0 0 (\d+)', svg)[0])
    page = (
        f"#set page(width: {side + 8}mm, height: {side + 8}mm, margin: 4mm)\n"
        f'#image(bytes(sys.inputs.svg), format: "svg", width: {side}mm)'
    )
    png = typst.compile(page.encode(), format="png", ppi=100, sys_inputs={"svg": svg})
    assert isinstance(png, bytes)
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)))
    assert found.format is zxingcpp.BarcodeFormat.QRCode
    assert found.ec_level == "M"
    return found.text


@pytest.mark.parametrize("length", [1, 14, 15, 42, 62, 63, 120])
def test_a_code_says_its_text(length: int) -> None:
    text = ("https://licences.example/c/" + "7Q2MK4VX9T" * 12)[:length]
    assert read(draw_qr(text)) == text


@pytest.mark.parametrize("character", ["A", "0", "/", "x"])
def test_monotonous_texts_are_read_under_the_fixed_mask(character: str) -> None:
    assert read(draw_qr(character * 60)) == character * 60


def test_a_code_is_one_path() -> None:
    svg = draw_qr("https://licences.example/c/1")
    assert svg.count("<path ") == 1
    assert "rect" not in svg
