"""PDF files for tests: drawn by typst as certificates are, and revisions added by hand."""

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import pylopdf_fonts_zh_cn
import typst

from signing.picture import SealPicture

RED = (200, 16, 46)
_SOURCE = """
#set document(title: "证照（示例）", date: datetime(year: 2026, month: 11, day: 1))
#set text(font: ("Noto Serif SC",), lang: "zh", region: "cn")
#set page(paper: "a4", flipped: true)
= 营业执照（示例）
青禾区市场监督管理局
"""
_ATTACH = """
#pdf.attach("{name}", bytes("{data}"), relationship: "data", mime-type: "application/json",
  description: "电子证照数据")
"""
_DATA = r"{\"name\":\"NAME\"}"


@lru_cache
def _fonts() -> typst.Fonts:
    folder = str(Path(pylopdf_fonts_zh_cn.__file__).parent)
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder]
    )


@lru_cache
def draw(*, pages: int = 1, attachments: tuple[str, ...] = ("certificate.json",)) -> bytes:
    """Return a drawn A4 landscape PDF/A-3b; each attachment holds its own name in JSON."""
    source = _SOURCE + "#pagebreak()\n下一页\n" * (pages - 1)
    for name in attachments:
        source += _ATTACH.format(name=name, data=_DATA.replace("NAME", name))
    return typst.compile(
        source.encode(),
        format="pdf",
        font_paths=_fonts(),
        ignore_system_fonts=True,
        pdf_standards="a-3b",
    )


@lru_cache
def seal_picture(*, side_px: int = 248, side_mm: int = 42) -> SealPicture:
    """Return a red ring with a red disc inside."""
    plane = bytearray()
    centre = (side_px - 1) / 2
    for y in range(side_px):
        for x in range(side_px):
            radius = math.hypot(x - centre, y - centre) / (side_px / 2)
            plane.append(255 if 0.9 < radius <= 1 or radius < 0.3 else 0)
    return SealPicture.from_alpha(
        bytes(plane),
        width_px=side_px,
        height_px=side_px,
        colour=RED,
        width_mm=side_mm,
        height_mm=side_mm,
    )


def object_source(pdf: bytes, number: int) -> bytes:
    """Return what the last revision that writes object `number` writes, without `obj` words."""
    found = re.findall(rb"(?:^|\n)%d 0 obj\n(.*?)\nendobj" % number, pdf, re.DOTALL)
    assert found
    newest = found[-1]
    assert isinstance(newest, bytes)
    return newest


def root_number(pdf: bytes) -> int:
    """Return the object number of the catalog."""
    return int(re.findall(rb"/Root (\d+) 0 R", pdf)[-1])


def size(pdf: bytes) -> int:
    """Return one more than the largest object number."""
    return int(re.findall(rb"/Size (\d+)", pdf)[-1])


def add_revision(
    pdf: bytes, objects: Mapping[int, bytes], *, trailer: bytes | None = None
) -> bytes:
    """Return `pdf` with one more revision that writes `objects` (numbers and sources)."""
    body = bytearray() if pdf.endswith(b"\n") else bytearray(b"\n")
    table = bytearray(b"xref\n")
    for number, source in objects.items():
        table += b"%d 1\n%010d 00000 n\r\n" % (number, len(pdf) + len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, source)
    previous = int(re.findall(rb"startxref\n(\d+)", pdf)[-1])
    if trailer is None:
        trailer = re.findall(rb"/Root \d+ 0 R/Info \d+ 0 R/ID\[.*?\]", pdf, re.DOTALL)[-1]
    largest = max([size(pdf), *(number + 1 for number in objects)])
    table_start = len(pdf) + len(body)
    return b"%b%b%btrailer\n<</Size %d%b/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (
        pdf, bytes(body), bytes(table), largest, trailer, previous, table_start,
    )  # fmt: skip


def write_pdf(objects: Mapping[int, bytes], *, trailer: bytes = b"") -> bytes:
    """Return a file of one revision whose catalog is object 1."""
    body = bytearray(b"%PDF-1.7\n")
    table = bytearray(b"xref\n0 1\n0000000000 65535 f\r\n")
    for number, source in objects.items():
        table += b"%d 1\n%010d 00000 n\r\n" % (number, len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, source)
    return b"%b%btrailer\n<</Size %d/Root 1 0 R%b>>\nstartxref\n%d\n%%%%EOF\n" % (
        bytes(body), bytes(table), max(objects) + 1, trailer, len(body),
    )  # fmt: skip


RANGE, CONTENTS = b"[RANGE                          ]", b"<CONTENTS>"
"""Where `complete_signature` puts the range and the contents of a signature written by hand."""


def complete_signature(pdf: bytes, contents: bytes) -> bytes:
    """Return `pdf` with RANGE and CONTENTS filled in, so that the last revision is covered."""
    hexadecimal = b"<%b>" % contents.hex().upper().encode()
    table = int(re.findall(rb"startxref\n(\d+)", pdf)[-1])
    grown = len(hexadecimal) - len(CONTENTS)
    pdf = re.sub(rb"startxref\n%d" % table, b"startxref\n%d" % (table + grown), pdf)
    first_length = pdf.index(CONTENTS)
    pdf = pdf.replace(CONTENTS, hexadecimal)
    second_start = first_length + len(hexadecimal)
    filled = b"[0 %d %d %d" % (first_length, second_start, len(pdf) - second_start)
    assert pdf.count(RANGE) == 1
    return pdf.replace(RANGE, filled.ljust(len(RANGE) - 1) + b"]")


def add_signature(
    pdf: bytes,
    *,
    name: bytes = b"Second",
    subfilter: bytes = b"ETSI.CAdES.detached",
    contents: bytes = b"\x30\x03\x06\x01\x2a",
    entries: bytes = b"",
) -> bytes:
    """Return `pdf` with one more revision that signs it as other software would: no seal."""
    field, root = size(pdf), root_number(pdf)
    catalog = object_source(pdf, root)
    if b"/Fields[" in catalog:
        catalog = catalog.replace(b"/Fields[", b"/Fields[%d 0 R " % field)
    else:
        catalog = catalog[:-2] + b"/AcroForm<</Fields[%d 0 R]/SigFlags 3>>>>" % field
    signature = b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/%b%b/ByteRange%b/Contents%b>>" % (
        subfilter, entries, RANGE, CONTENTS,
    )  # fmt: skip
    widget = b"<</FT/Sig/T(%b)/V %d 0 R>>" % (name, field + 1)
    # The signature stands last, so that filling it in moves nothing but the table.
    updated = add_revision(pdf, {root: catalog, field: widget, field + 1: signature})
    return complete_signature(updated, contents)


def swap(pdf: bytes, original: bytes, changed: bytes) -> bytes:
    """Return `pdf` with the one occurrence of `original` exchanged for as many other octets."""
    assert pdf.count(original) == 1
    assert len(original) == len(changed)
    return pdf.replace(original, changed)
