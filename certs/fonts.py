"""The fonts of certificates and seals: which characters can be drawn at all.

Both families come from the wheel `pylopdf-fonts-zh-cn` (Noto Serif SC and Noto Sans SC, SIL OFL).
The layouts use no other font and no fallback, so a character that is missing here would be an empty
box on a certificate: it is refused before a number is reserved.
"""

from functools import cache
from pathlib import Path

import pylopdf_fonts_zh_cn
from fontTools.ttLib import TTFont

FONT_FOLDER = pylopdf_fonts_zh_cn.serif_path().parent


@cache
def _coverage() -> frozenset[int]:
    """Return the code points of Noto Serif SC; read once, 0.15 s."""
    with TTFont(Path(pylopdf_fonts_zh_cn.serif_path()), lazy=True) as font:
        return frozenset(font.getBestCmap())


def find_missing_characters(text: str) -> tuple[str, ...]:
    """Return the characters of `text` that cannot be drawn, each once, in their order."""
    coverage = _coverage()
    return tuple(dict.fromkeys(each for each in text if ord(each) not in coverage))


def name_character(character: str) -> str:
    """Return code point and character, as a clerk and a font's maker each know it."""
    return f"U+{ord(character):04X} {character}"
