"""Tables from outside: one meaning, or a fault with its place."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.unverified_csv import (
    LARGEST_FILE,
    LONGEST_CELL,
    MOST_ROWS,
    CellFault,
    Column,
    Encoding,
    Faults,
    read_table,
)

COLUMNS = (Column("name", "名称"), Column("note", "备注", required=False))


def read(
    content: bytes | str, encoding: Encoding = Encoding.UTF_8
) -> tuple[list[dict[str, str]], list[CellFault]]:
    faults = Faults("table.csv")
    data = content.encode() if isinstance(content, str) else content
    rows = read_table(data, COLUMNS, encoding=encoding, faults=faults)
    return [dict(row.unverified_cells) for row in rows], faults.found


def places(content: bytes | str, encoding: Encoding = Encoding.UTF_8) -> list[tuple[int, str, str]]:
    _, faults = read(content, encoding)
    assert faults
    return [(fault.row, fault.column, fault.code) for fault in faults]


def test_a_table_is_read_in_any_order_of_its_columns() -> None:
    expected = [{"name": "民政局", "note": ""}, {"name": "a,b", "note": 'say "x"'}]
    text = 'name,note\n民政局,\n"a,b","say ""x"""\n'
    assert read(text) == (expected, [])
    assert read('note,name\r\n,民政局\r\n"say ""x""","a,b"') == (expected, [])
    assert read('"名称","备注"\n民政局,\n"a,b","say ""x"""\n\n\n') == (expected, [])


def test_encodings_are_told_not_guessed() -> None:
    text = "名称,备注\n示例街道,说明\n"
    expected = [{"name": "示例街道", "note": "说明"}]
    assert read(text.encode()) == (expected, [])
    assert read(text.encode("utf-8-sig")) == (expected, [])
    assert read(text.encode("gb18030"), Encoding.GB18030) == (expected, [])
    assert read(("\ufeff" + text).encode("gb18030"), Encoding.GB18030) == (expected, [])
    for data, encoding in (
        (text.encode("gb18030"), Encoding.UTF_8),
        (text.encode("utf-16"), Encoding.UTF_8),
        (text.encode("utf-16"), Encoding.GB18030),
    ):
        rows, faults = read(data, encoding)
        assert rows == []
        assert faults
        assert all(fault.row in {0, 1} for fault in faults)
    assert places(text.encode("gb18030")) == [(0, "", "encoding")]


def test_what_is_wrong_with_the_header_is_told_and_no_row_is_read() -> None:
    text = "name,name,size,\nx,y,z,\n"
    assert read(text)[0] == []
    assert places(text) == [
        (1, "", "unknown_column"),
        (1, "", "unknown_column"),
        (1, "name", "duplicate_column"),
        (1, "note", "missing_column"),
    ]
    assert places("名称,name,note\n") == [(1, "name", "duplicate_column")]
    assert places("") == [
        (1, "", "unknown_column"),
        (1, "name", "missing_column"),
        (1, "note", "missing_column"),
    ]
    assert places('name,"note\nx,y\n') == [(1, "", "quoting")]
    assert places("Name,note\nx,y\n")[0] == (1, "", "unknown_column")


def test_every_row_tells_its_own_fault() -> None:
    text = (
        "name,note\n"
        '"open,x\n'  # 2
        "one\n"  # 3
        "a,b,c\n"  # 4
        "good,\n"  # 5
        ",x\n"  # 6
        '"a"b,c\n'  # 7
        'a"b,c\n'  # 8
        "\n"  # 9
        "=1+1,x\n"  # 10
        "x, y\n"  # 11
        "x\u202ey,\n"  # 12
        f"{'x' * (LONGEST_CELL + 1)},\n"  # 13
        "\u3164,\n"  # 14
        "x,a\rb\n"  # 15
    )
    rows, _ = read(text)
    assert [row["name"] for row in rows] == ["good"]
    assert places(text) == [
        (2, "", "quoting"),
        (3, "", "cells"),
        (4, "", "cells"),
        (6, "name", "required"),
        (7, "", "quoting"),
        (8, "", "quoting"),
        (9, "", "cells"),
        (10, "name", "formula"),
        (11, "note", "outer_space"),
        (12, "name", "hidden_character"),
        (13, "name", "too_long"),
        (14, "name", "hidden_character"),
        (15, "note", "hidden_character"),
    ]


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "\t=", " ="])
def test_no_cell_begins_like_a_formula(sign: str) -> None:
    assert (2, "name", "formula") in places(f"name,note\n{sign}HYPERLINK(1),x\n")
    assert (2, "note", "formula") in places(f'name,note\nx,"{sign}HYPERLINK(1)"\n')


def test_files_have_an_end() -> None:
    assert places(b"x" * (LARGEST_FILE + 1)) == [(0, "", "too_large")]
    assert places("name,note\n" + "x,\n" * (MOST_ROWS + 1)) == [(0, "", "too_many_rows")]
    assert places("name,note\n") == [(0, "", "no_rows")]


def test_faults_quote_nothing_of_the_file() -> None:
    _, faults = read("name,geheim\n=geheim,geheim\n")
    _, more = read("name,note\n=geheim,ge\u200bheim \n")
    assert "geheim" not in repr(faults) + repr(more)


@given(st.binary(max_size=300), st.sampled_from(Encoding))
def test_any_file_is_a_table_or_has_faults(data: bytes, encoding: Encoding) -> None:
    rows, faults = read(data, encoding)
    assert rows or faults


CELLS = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z", "M")) | st.sampled_from(',"'),
    min_size=1,
    max_size=8,
)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5))
def test_what_was_quoted_comes_back(table: list[tuple[str, str]]) -> None:
    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"'

    lines = [",".join(map(quoted, row)) for row in table]
    rows, faults = read("\n".join(["name,note", *lines]))
    if not faults:
        expected = [tuple(unicodedata.normalize("NFC", cell) for cell in row) for row in table]
        assert [tuple(row.values()) for row in rows] == expected
    assert {fault.code for fault in faults} <= {"formula", "hidden_character"}
