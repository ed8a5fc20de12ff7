"""A TrueType font for reportlab, which reads no others: our Chinese font, its curves converted."""

import io
from collections.abc import Iterable

from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont, newTable

from certs.fonts import FONT_FOLDER

MOST_ERROR = 1.0  # of a thousandth of the font's size, as fontTools' own converter has it


def convert(characters: Iterable[str]) -> bytes:
    """Return Noto Serif SC as TrueType with these characters alone.

    That is kinder to the peer than an office may be, which knows no names in advance.
    """
    (path,) = FONT_FOLDER.glob("NotoSerifSC*.otf")
    font = TTFont(path)
    options = Options(layout_features=[], hinting=False, notdef_outline=True, glyph_names=True)
    subsetter = Subsetter(options)
    subsetter.populate(text="".join(characters))
    subsetter.subset(font)
    order = font.getGlyphOrder()
    glyphs = font.getGlyphSet()
    converted = {}
    for name in order:
        pen = TTGlyphPen(glyphs)
        glyphs[name].draw(Cu2QuPen(pen, MOST_ERROR, reverse_direction=True))
        converted[name] = pen.glyph()
    font["loca"], font["glyf"] = newTable("loca"), newTable("glyf")
    font["glyf"].glyphOrder, font["glyf"].glyphs = order, converted
    for name in ("CFF ", "VORG", "GSUB", "GPOS", "GDEF", "BASE", "vhea", "vmtx"):
        if name in font:
            del font[name]
    _set_maxp(font)
    font["post"].formatType, font["post"].extraNames = 2.0, []
    font["post"].mapping, font["post"].glyphOrder = {}, order
    font.sfntVersion = "\x00\x01\x00\x00"
    stream = io.BytesIO()
    font.save(stream)
    return stream.getvalue()


def _set_maxp(font: TTFont) -> None:
    """Fill in what a TrueType font says of its largest glyph; saving computes most of it."""
    maxp = font["maxp"] = newTable("maxp")
    maxp.tableVersion = 0x00010000
    maxp.maxZones = 1
    for name in (
        "maxTwilightPoints",
        "maxStorage",
        "maxFunctionDefs",
        "maxInstructionDefs",
        "maxStackElements",
        "maxSizeOfInstructions",
        "maxComponentElements",
    ):
        setattr(maxp, name, 0)
