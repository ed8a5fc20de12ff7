"""The food business licence drawn by reportlab: the peer of issuing.

The same page as `layout.typ` draws (fields, items, QR, notes, authority, date), down to texts set
smaller where they do not fit. What an experienced hand would do to be fast is done: the background
is one form XObject whose stream was compressed once and for all, and the QR code one path.
certificate.json is attached by pikepdf.
"""

import io
import shutil
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pikepdf
import typst
from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.pdfbase import pdfdoc, pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from bench.peers.truetype import convert
from certs.qr import draw_qr

FONT = "NotoSerifSC"
WIDTH, HEIGHT = 841.89, 595.276
MM = 72 / 25.4
JADE, GOLD, INK = HexColor("#17594f"), HexColor("#8f6a21"), HexColor("#16201d")
GREY, RULE, PAPER = HexColor("#464646"), HexColor("#c9b98f"), HexColor("#fcfdf8")
PALE = HexColor("#ecf6f4")
LEFT, WHOLE, HALF = 34, 229, 109
RIGHT = LEFT + WHOLE - HALF
LABEL, LABEL_GAP = 33, 5
FILL_AND_STROKE = 2
ASCENT, DESCENT = 0.88, 0.12
_BACKGROUND = "Background"
_SINGLE = (1, 0.92, 0.84, 0.76)
_SEVERAL = (0.84, 0.76, 0.69, 0.62, 0.55)
_CHOICES = ((12, 3), (12, 2), (12, 1), (11, 2), (10, 2), (9, 2), (8, 2), (7.5, 2))
_TITLE = "食品经营许可证"
_STATIC = (
    _TITLE
    + "FOOD BUSINESS LICENCE许可证编号经营者名称统一社会信用代码法定代表人（负责人）住所经营场所"
    "主体业态有效期限经营项目（以下空白）扫码核验真伪与当前状态投诉举报电话年月日至长期样例：，。　"
    "演示样例：所载单位与人员均属虚构，不具有法律效力。"
)

rl_config.useA85 = 0
rl_config.pageCompression = 1


@dataclass(frozen=True, slots=True)
class Licence:
    """What the page says."""

    number: str
    holder: Mapping[str, str]
    attributes: Mapping[str, Any]
    authority: str
    issued_on: str
    validity: str
    site_name: str
    host: str
    address: str
    """What the QR code says."""
    certificate_json: bytes


def register_font(texts: Sequence[str]) -> None:
    """Give reportlab a font with all characters of these texts and of the layout."""
    font = convert(sorted({*_STATIC, *map(chr, range(32, 127)), *"".join(texts)}))
    pdfmetrics.registerFont(TTFont(FONT, io.BytesIO(font)))


def read_background(svg: Path) -> bytes:
    """Return what draws the background as a content stream, compressed as well as it gets."""
    source = f'#set page(width: {WIDTH}pt, height: {HEIGHT}pt, margin: 0pt)\n#image("{svg.name}")'
    with TemporaryDirectory() as folder:
        page = Path(folder, "background.typ")
        page.write_text(source, encoding="utf-8")
        shutil.copy(svg, folder)
        drawn = typst.compile(page, format="pdf")
    if not isinstance(drawn, bytes):
        raise TypeError("a background is one page")
    with pikepdf.open(io.BytesIO(drawn)) as pdf:
        contents = pdf.pages[0].Contents.read_bytes()
    contents = contents.replace(b"/c0 ", b"/DeviceRGB ").replace(b"/c1 ", b"/DeviceGray ")
    return zlib.compress(contents, 9)


def draw(licence: Licence, background: bytes) -> bytes:
    """Return the page with certificate.json attached, before it is sealed."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=(WIDTH, HEIGHT), pageCompression=1)
    canvas.setTitle(_TITLE)
    canvas.setAuthor(licence.authority)
    canvas._doc.addForm(_BACKGROUND, _background_form(background))  # noqa: SLF001 - no other door
    canvas.doForm(_BACKGROUND)
    _Page(canvas).draw(licence)
    canvas.showPage()
    canvas.save()
    return _attach(stream, licence.certificate_json)


def _background_form(background: bytes) -> pdfdoc.PDFFormXObject:
    form = pdfdoc.PDFFormXObject(0, 0, WIDTH, HEIGHT)
    form.Contents = pdfdoc.PDFStream(content=background)
    form.Contents.dictionary["Filter"] = pdfdoc.PDFName("FlateDecode")
    form.Resources = pdfdoc.PDFDictionary({})
    return form


def _attach(drawn: io.BytesIO, certificate_json: bytes) -> bytes:
    with pikepdf.open(drawn) as pdf:
        attachment = pikepdf.AttachedFileSpec(
            pdf,
            certificate_json,
            filename="certificate.json",
            mime_type="application/json",
            description="电子证照数据",
            relationship=pikepdf.Name.Data,
        )
        pdf.attachments["certificate.json"] = attachment
        pdf.Root.AF = pikepdf.Array([attachment.obj])
        output = io.BytesIO()
        pdf.save(output, compress_streams=True, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return output.getvalue()


class _Page:
    """Draws in millimetres from the upper left corner, as the layout does."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas

    def draw(self, licence: Licence) -> None:
        """Draw everything but the background."""
        facts, holder = licence.attributes, licence.holder
        self._watermark()
        self._title()
        self._number(licence.number)
        self._field(LEFT, 64, WHOLE, "经营者名称", holder["name"])
        self._field(LEFT, 74, HALF, "统一社会信用代码", holder["number"])
        self._field(RIGHT, 74, HALF, "法定代表人（负责人）", facts["KZ_FDDBR"])
        self._field(LEFT, 84, WHOLE, "住所", facts["KZ_ZS"])
        self._field(LEFT, 94, WHOLE, "经营场所", facts["KZ_JYCS"])
        self._field(LEFT, 104, HALF, "主体业态", facts["KZ_ZTYT"])
        self._field(RIGHT, 104, HALF, "有效期限", licence.validity)
        self._items(facts["KZ_JYXM"])
        self._foot(licence)
        self._centred(244 - 22, 167.5, 15, INK, licence.authority)
        self._centred(244 - 22, 175.5, 15, INK, licence.issued_on)

    def _text(  # noqa: PLR0913 - a place, a look, a text
        self, x: float, y: float, size: float, colour: HexColor, text: str, *, tracking: float = 0
    ) -> None:
        """Write `text` with its upper edge at `y`."""
        self._canvas.setFillColor(colour)
        self._canvas.setFont(FONT, size)
        baseline = HEIGHT - y * MM - ASCENT * size
        self._canvas.drawString(x * MM, baseline, text, charSpace=tracking)

    def _centred(self, x: float, y: float, size: float, colour: HexColor, text: str) -> None:
        self._canvas.setFillColor(colour)
        self._canvas.setFont(FONT, size)
        self._canvas.drawCentredString(x * MM, HEIGHT - y * MM, text)

    def _watermark(self) -> None:
        canvas = self._canvas
        canvas.saveState()
        canvas.translate(WIDTH / 2 - 6 * MM, HEIGHT / 2 - 12 * MM)
        canvas.rotate(22)
        canvas.setFillColor(PALE)
        canvas.setFont(FONT, 150)
        canvas.drawCentredString(0, -50, "样例", charSpace=90)
        canvas.restoreState()

    def _title(self) -> None:
        canvas = self._canvas
        canvas.setFillColor(JADE)
        canvas.setStrokeColor(JADE)
        canvas.setLineWidth(0.9)
        canvas.setFont(FONT, 42)
        canvas.drawCentredString(
            WIDTH / 2, HEIGHT - 40 * MM, _TITLE, mode=FILL_AND_STROKE, charSpace=0.26 * 42
        )
        canvas.setFillColor(GOLD)
        canvas.setFont(FONT, 9)
        canvas.drawCentredString(
            WIDTH / 2, HEIGHT - 49 * MM, "FOOD BUSINESS LICENCE", mode=0, charSpace=0.34 * 9
        )

    def _number(self, number: str) -> None:
        label = "许可证编号"
        size = self._fitting(number, WHOLE * MM - 80, 13)
        width = pdfmetrics.stringWidth(label, FONT, 10.5) + 4 * MM
        width += pdfmetrics.stringWidth(number, FONT, size) + 0.06 * size * len(number)
        x = (WIDTH - width) / 2 / MM
        self._text(x, 55.4, 10.5, JADE, label)
        self._text(
            x + pdfmetrics.stringWidth(label, FONT, 10.5) / MM + 4,
            54.8,
            size,
            INK,
            number,
            tracking=0.06 * size,
        )

    def _label(self, x: float, y: float, name: str) -> None:
        """Spread the letters over the width that all labels have."""
        size = min(10.5, LABEL * MM / len(name))
        space = (LABEL * MM - size * len(name)) / max(1, len(name) - 1)
        self._text(x, y, size, JADE, name, tracking=space)

    def _field(self, x: float, y: float, width: float, name: str, value: str) -> None:
        self._label(x, y + 3.1, name)
        room = width - LABEL - LABEL_GAP
        self._fit(x + LABEL + LABEL_GAP, y, room, value)
        self._line(x, y + 10, width)

    def _line(self, x: float, y: float, width: float) -> None:
        canvas = self._canvas
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.4)
        canvas.line(x * MM, HEIGHT - y * MM, (x + width) * MM, HEIGHT - y * MM)

    def _fitting(self, text: str, width: float, largest: float) -> float:
        natural = pdfmetrics.stringWidth(text, FONT, 1)
        sizes = (part * largest for part in _SINGLE)
        return next((size for size in sizes if natural * size <= width), 0)

    def _fit(self, x: float, y: float, width: float, text: str) -> None:
        """Write on one line as large as it fits, else smaller on several."""
        if size := self._fitting(text, width * MM, 13):
            self._text(x, y + (10 - size / MM) / 2, size, INK, text)
            return
        for part in _SEVERAL:
            size = part * 13
            lines = self._broken(text, size, width * MM)
            height = len(lines) * size * 1.12
            if height <= 9.2 * MM:
                top = y + (10 - height / MM) / 2
                for number, line in enumerate(lines):
                    self._text(x, top + number * size * 1.12 / MM, size, INK, line)
                return
        raise ValueError("a text is too long for its field")

    def _broken(self, text: str, size: float, width: float) -> list[str]:
        lines = [""]
        for letter in text:
            if pdfmetrics.stringWidth(lines[-1] + letter, FONT, size) > width:
                lines.append("")
            lines[-1] += letter
        return lines

    def _items(self, entries: Sequence[Mapping[str, str]]) -> None:
        self._label(LEFT, 117.2, "经营项目")
        width, height = (WHOLE - LABEL - LABEL_GAP) * MM, 29 * MM
        items = [e["XMMC"] + (f"（{e['BZ']}）" if "BZ" in e else "") for e in entries]
        longest = max(pdfmetrics.stringWidth(item, FONT, 1) for item in items)
        for size, columns in _CHOICES:
            rows = -(-(len(items) + 1) // columns)
            column = (width - 7 * MM * (columns - 1)) / columns
            if longest * size <= column and rows * 1.55 * size <= height:
                break
        else:
            raise ValueError("the items are too many or too long")
        for place, item in enumerate([*items, "（以下空白）"]):
            row, across = divmod(place, columns)
            x = LEFT + LABEL + LABEL_GAP + across * (column / MM + 7)
            colour = INK if place < len(items) else JADE
            self._text(x, 117 + row * 1.55 * size / MM, size, colour, item)
        self._line(LEFT, 148, WHOLE)

    def _foot(self, licence: Licence) -> None:
        canvas, foot = self._canvas, 152
        canvas.setFillColor(PAPER)
        bottom = HEIGHT - (foot + 27.8) * MM
        canvas.rect((LEFT - 2.8) * MM, bottom, 30.6 * MM, 30.6 * MM, stroke=0, fill=1)
        self._qr(licence.address, LEFT, foot, 25)
        self._text(LEFT, foot + 28, 8.5, GREY, licence.site_name)
        self._text(LEFT, foot + 32.5, 8.5, GREY, licence.host)
        self._text(LEFT + 30, foot + 0.4, 11, JADE, "扫码核验真伪与当前状态", tracking=0.08 * 11)
        phone = f"投诉举报电话　{licence.attributes['KZ_TSJBDH']}"
        self._text(LEFT + 30, foot + 7, 8.5, GREY, phone)
        note = "演示样例：所载单位与人员均属虚构，不具有法律效力。"
        self._text(LEFT + 30, foot + 12.6, 8.5, GREY, note)

    def _qr(self, text: str, x: float, y: float, side: float) -> None:
        """Draw the code as one path: the runs that our own layout draws."""
        modules, runs = _read_runs(draw_qr(text))
        canvas = self._canvas
        canvas.saveState()
        canvas.translate(x * MM, HEIGHT - y * MM)
        canvas.scale(side * MM / modules, -side * MM / modules)
        # Written by hand: its own way writes a thousand numbers with six decimals.
        rectangles = " ".join(f"{column} {row} {length} 1 re" for column, row, length in runs)
        canvas.addLiteral(f"0 g {rectangles} f")
        canvas.restoreState()


def _read_runs(svg: str) -> tuple[int, list[tuple[int, int, int]]]:
    """Return the modules of a side and the dark runs: column, row, length."""
    _, _, view = svg.partition('viewBox="0 0 ')
    _, _, path = svg.partition(' d="')
    runs = []
    for run in path.partition('"')[0].removesuffix("z").split("z"):
        start, _, rest = run[1:].partition("h")
        column, _, row = start.partition(" ")
        runs.append((int(column), int(row), int(rest.partition("v")[0])))
    return int(view.partition(" ")[0]), runs
