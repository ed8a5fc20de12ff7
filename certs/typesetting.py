"""Typst behind one door: a layout and its inputs become one page, as PDF, PNG or SVG.

A compiler serves one thread at a time (else "Already borrowed"), so each thread has its own; the
fonts are shared, and Typst runs without the interpreter's lock. The layout is given by its path:
a compiler that was fed octets serves one compilation only.
"""

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
    inputs: Mapping[str, str],
    *,
    form: Literal["pdf", "png", "svg"],
    pixels_per_inch: float | None = None,
) -> bytes:
    """Return the one page that `layout` makes of `inputs`, its `sys.inputs`.

    The layout reads no file outside its own folder. A PDF is PDF/A-3b with the layout's date, so
    the same inputs give the same octets. Raise `DrawingError` when the layout fails, when it
    refuses a text that does not fit, and when it makes more than one page.
    """
    try:
        drawn = _compilers.compiler.compile(
            input=layout,
            root=layout.parent,
            format=form,
            ppi=pixels_per_inch,
            sys_inputs=dict(inputs),
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
