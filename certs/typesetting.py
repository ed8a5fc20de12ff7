"""Typst behind one door: a layout and its inputs become one page, as PDF, PNG or SVG.

A compiler serves one thread at a time (else "Already borrowed"), so each thread has its own; the
fonts are shared, and Typst runs without the interpreter's lock.

A layout is a module with a function `draw(inputs)`; what calls it is written here, once a page. It
could take its inputs from `sys.inputs`, but each new value there makes Typst build its library anew
and forget what it knows of the layout: a fourth more time a page.
"""

import json
import re
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import typst

from certs.errors import DrawingError
from certs.fonts import FONT_FOLDER

PDF_STANDARD: Literal["a-3b"] = "a-3b"
_PAGE_TREE = re.compile(rb"1 0 obj\n<</Type/Pages/Count (\d+)/")  # Typst writes it first

# Turned and tiled, so that no part of the page can be cut out without it.
_MARK = """#set page(foreground: context {
  let size = calc.min(page.width, page.height) * 0.16
  let word = text(
    font: "Noto Serif SC", size: size, tracking: 0.3em, fill: rgb(179, 38, 30, 50),
    json(bytes(MARK)),
  )
  for part in (20%, 50%, 80%) {
    place(top + center, dy: part * page.height - size / 2, rotate(-18deg, word))
  }
})
"""


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONT_FOLDER)]
    )


class _Compilers(threading.local):
    """One compiler a thread."""

    def __init__(self) -> None:
        """Make the thread's compiler when the thread first asks for it."""
        self.compiler = typst.Compiler(font_paths=_fonts(), ignore_system_fonts=True)


_compilers = _Compilers()


def typeset(
    layout: Path,
    inputs: Mapping[str, object],
    *,
    form: Literal["pdf", "png", "svg"],
    pixels_per_inch: float | None = None,
    mark: str | None = None,
) -> bytes:
    """Return the one page that `draw(inputs)` of `layout` makes; `inputs` are values of JSON.

    A `mark` lies over the whole page, whatever the layout draws. The layout reads no file outside
    its own folder. A PDF is PDF/A-3b with the layout's date, so the same inputs give the same
    octets. Raise `DrawingError` when the layout fails, when it
    refuses a text that does not fit, and when it makes more than one page.
    """
    over = "" if mark is None else _MARK.replace("MARK", _string_literal(mark))
    page = f'#import "{layout.name}": draw\n{over}#draw(json(bytes({_string_literal(inputs)})))'
    try:
        drawn = _compilers.compiler.compile(
            input=page.encode(),
            root=layout.parent,
            format=form,
            ppi=pixels_per_inch,
            pdf_standards=PDF_STANDARD if form == "pdf" else [],
        )
    except RuntimeError as error:  # typst.TypstError, and bare ones for a layout that is not there
        raise DrawingError(str(getattr(error, "message", "no layout"))) from error
    if not isinstance(drawn, bytes):
        raise DrawingError("more than one page")
    if form == "pdf":
        page_tree = _PAGE_TREE.search(drawn)
        if page_tree is None or page_tree[1] != b"1":
            raise DrawingError("not exactly one page")
    return drawn


def _string_literal(inputs: Mapping[str, object] | str) -> str:
    """Return the JSON of `inputs` as a string of Typst, which two characters could end or alter."""
    text = json.dumps(inputs, ensure_ascii=False, sort_keys=True)
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'
