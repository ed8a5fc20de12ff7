"""Which characters can be drawn."""

import pytest
import typst

from certs.fonts import FONT_FOLDER, find_missing_characters, name_character


@pytest.mark.parametrize(
    "text", ["", "青禾区市场监督管理局", "阿依古丽·买买提", "𬭎䶮㙦〇", "A-9（）—《》；"]
)
def test_what_the_font_has_is_not_missing(text: str) -> None:
    assert find_missing_characters(text) == ()


def test_what_the_font_lacks_is_told_once_each_in_order() -> None:
    assert find_missing_characters("青\U00030ede禾\U00020000\U00030ede") == (
        "\U00030ede",
        "\U00020000",
    )


def test_a_character_is_named_by_code_point_and_itself() -> None:
    assert name_character("·") == "U+00B7 ·"


def test_both_families_of_the_layouts_are_there() -> None:
    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONT_FOLDER)]
    )
    assert set(fonts.families()) == {"Noto Sans SC", "Noto Serif SC"}
