"""The door to Typst: one page, nothing from outside the folder, every failure one error."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from certs.errors import DrawingError
from certs.typesetting import typeset


def layout(folder: Path, source: str) -> Path:
    """Write a layout."""
    path = folder / "layout.typ"
    date = "#set document(date: datetime(year: 2026, month: 11, day: 24))\n"  # PDF/A demands one
    path.write_text(f"#let draw(inputs) = [\n{date}{source}\n]", encoding="utf-8")
    return path


def test_a_layout_sees_its_inputs(tmp_path: Path) -> None:
    path = layout(tmp_path, '#assert(inputs.word == "字")\n#inputs.word')
    assert typeset(path, {"word": "字"}, form="pdf").startswith(b"%PDF-1.7")
    with pytest.raises(DrawingError):
        typeset(path, {"word": "others"}, form="pdf")
    assert typeset(path, {"word": "字"}, form="svg").startswith(b"<svg")
    assert typeset(path, {"word": "字"}, form="png").startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def comparing_layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a layout that fails unless the text it gets has the code points it is told."""
    compare = "inputs.text.codepoints().map(str.to-unicode) == inputs.codepoints"
    return layout(tmp_path_factory.mktemp("type"), f"#assert({compare})")


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
@example(text='")); #panic("out") //')
@example(text="\\")
@example(text='\\"\\u{41}\n\r\t\x00')
@settings(deadline=None)
def test_inputs_are_data_whatever_they_say(comparing_layout: Path, text: str) -> None:
    codepoints = [ord(character) for character in text]
    typeset(comparing_layout, {"text": text, "codepoints": codepoints}, form="svg")
    with pytest.raises(DrawingError, match="assertion"):
        typeset(comparing_layout, {"text": text + ".", "codepoints": codepoints}, form="svg")


@pytest.mark.parametrize("form", ["pdf", "png", "svg"])
def test_two_pages_are_refused(tmp_path: Path, form: str) -> None:
    path = layout(tmp_path, "one #pagebreak() two")
    with pytest.raises(DrawingError, match="page"):
        typeset(path, {}, form=form)  # type: ignore[arg-type]  # parametrised literal


def test_the_layouts_own_words_are_told(tmp_path: Path) -> None:
    path = layout(tmp_path, '#assert(false, message: "a text is too long")')
    with pytest.raises(DrawingError, match="a text is too long"):
        typeset(path, {}, form="pdf")


def test_a_layout_reads_nothing_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    inner = tmp_path / "type"
    inner.mkdir()
    for place in ("../secret.txt", "/../secret.txt", str(tmp_path / "secret.txt")):
        with pytest.raises(DrawingError):
            typeset(layout(inner, f'#read("{place}")'), {}, form="pdf")


def test_a_layout_that_is_not_there_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(DrawingError):
        typeset(tmp_path / "none" / "layout.typ", {}, form="pdf")
    with pytest.raises(DrawingError):
        typeset(tmp_path / "layout.typ", {}, form="pdf")


def test_other_layouts_and_changed_ones_are_seen_by_the_same_compiler(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    drawn = [
        typeset(layout(first, "one"), {}, form="svg"),
        typeset(layout(second, "two"), {}, form="svg"),
        typeset(layout(first, "three"), {}, form="svg"),
    ]
    assert len(set(drawn)) == 3
