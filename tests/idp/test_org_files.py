"""Departments and officers as two files tell them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulators.officers import document

from idp.documents import credit_code_check_character, organisation_check_character
from idp.officers import Post
from idp.org_files import Organisation, WrittenOfficer, is_within, read_organisation
from idp.unverified_csv import CellFault, Encoding

DISTRICT, STREET, COMMUNITY = "999901000000", "999901001000", "999901001002"


def uscc(sequence: int) -> str:
    organisation = f"MB2{sequence:05}"
    body = f"11999901{organisation}{organisation_check_character(organisation)}"
    return body + credit_code_check_character(body)


GOVERNMENT, BUREAU, OFFICE, COMMITTEE = (uscc(number) for number in range(1, 5))
TREE = (
    "uscc,name,code,parent\n"
    f"{COMMITTEE},示例社区,{COMMUNITY},{OFFICE}\n"
    f"{GOVERNMENT},示例区政府,{DISTRICT},\n"
    f"{OFFICE},示例街道办事处,{STREET},{GOVERNMENT}\n"
    f"{BUREAU},示例区民政局,{DISTRICT},{GOVERNMENT}\n"
)
HEADER = (
    "username,name,document_type,document_number,authority,department,post,since,until,stand_in_for"
)


def row(*person: str, **cells: str) -> str:
    defaults = {
        "username": "li.shi",
        "name": "李示",
        "document_type": "111",
        "number": document(1).number,
        "authority": BUREAU,
        "department": DISTRICT,
        "post": "drafting",
        "since": "2026-01-01",
        "until": "",
        "stand_in_for": "",
    }
    who = dict(zip(("username", "name", "number"), person, strict=False))
    return ",".join((defaults | who | cells).values())


def read(*rows: str, tree: str = TREE) -> Organisation | tuple[CellFault, ...]:
    officers = "\n".join([HEADER, *rows])
    return read_organisation(tree.encode(), officers.encode(), encoding=Encoding.UTF_8)


def officers(*rows: str) -> tuple[WrittenOfficer, ...]:
    found = read(*rows)
    assert isinstance(found, Organisation)
    return found.officers


def faults(*rows: str, tree: str = TREE) -> list[tuple[str, int, str, str, str]]:
    found = read(*rows, tree=tree)
    assert isinstance(found, tuple)
    return [(one.file, one.row, one.column, one.code, one.detail) for one in found]


def officer_faults(*rows: str) -> list[tuple[int, str, str, str]]:
    found = faults(*rows)
    assert all(file == "officers.csv" for file, *_ in found)
    return [(number, column, code, detail) for _, number, column, code, detail in found]


def tree_faults(*lines: str) -> list[tuple[int, str, str, str]]:
    found = faults(row(), tree="\n".join(["uscc,name,code,parent", *lines]))
    return [tuple(rest) for file, *rest in found if file == "departments.csv"]  # type: ignore[misc]


def test_a_tree_comes_out_with_parents_first() -> None:
    found = read(row())
    assert isinstance(found, Organisation)
    assert [one.uscc for one in found.departments] == [GOVERNMENT, BUREAU, OFFICE, COMMITTEE]
    assert found.departments[0].parent is None


def test_several_rows_make_one_officer() -> None:
    (found,) = officers(
        row(post="acceptance", department=COMMUNITY), row(post="制证", until="2026-12-31")
    )
    assert (found.username, found.name, found.document) == ("li.shi", "李示", document(1))
    first, second = (post.held for post in found.posts)
    assert (first.post, first.authority, first.department) == (Post.ACCEPTANCE, BUREAU, COMMUNITY)
    assert (second.post, second.until) == (Post.DRAFTING, date(2026, 12, 31))
    assert document(1).number not in repr(found)
    assert "李示" not in repr(found)


def test_chinese_headers_and_posts_are_understood() -> None:
    header = (
        "用户名,姓名,证件类型代码,证件号码,机关统一社会信用代码,工作地点区划代码,岗位,"
        "起始日期,截止日期,代谁履职"
    )
    tree = TREE.replace(
        "uscc,name,code,parent", "统一社会信用代码,名称,区划代码,上级统一社会信用代码"
    )
    text = f"{header}\n{row(post='用印')}\n"
    found = read_organisation(
        tree.encode("gb18030"), text.encode("gb18030"), encoding=Encoding.GB18030
    )
    assert isinstance(found, Organisation)
    assert found.officers[0].posts[0].held.post is Post.SEALING


def test_a_stand_in_names_whom_he_stands_in_for() -> None:
    absent = row(post="sealing", until="2026-06-30")
    stand_in = row(
        *("wu.shi", "吴示", document(2).number),
        post="sealing",
        since="2026-03-01",
        until="2026-03-10",
        stand_in_for="li.shi",
    )
    _, found = officers(stand_in, absent)
    assert found.posts[0].stand_in_for == "li.shi"


STAND_IN = ("wu.shi", "吴示", document(2).number)


@pytest.mark.parametrize(
    ("stand_in", "expected"),
    [
        ({"since": "2026-03-01"}, (3, "until", "required_of_stand_in", "")),
        ({"until": "2027-01-01"}, (3, "stand_in_for", "holds_no_such_post", "")),
        (
            {"since": "2025-12-31", "until": "2026-03-01"},
            (3, "stand_in_for", "holds_no_such_post", ""),
        ),
        (
            {"post": "acceptance", "until": "2026-03-01"},
            (3, "stand_in_for", "holds_no_such_post", ""),
        ),
        (
            {"authority": GOVERNMENT, "until": "2026-03-01"},
            (3, "stand_in_for", "holds_no_such_post", ""),
        ),
        (
            {"stand_in_for": "nobody", "until": "2026-03-01"},
            (3, "stand_in_for", "unknown_user", ""),
        ),
        ({"stand_in_for": "wu.shi", "until": "2026-03-01"}, (3, "stand_in_for", "oneself", "")),
    ],
)
def test_nobody_stands_in_for_what_is_not_held(
    stand_in: dict[str, str], expected: tuple[int, str, str, str]
) -> None:
    absent = row(post="sealing", until="2026-12-31")
    cells = {"post": "sealing", "stand_in_for": "li.shi"} | stand_in
    assert officer_faults(absent, row(*STAND_IN, **cells)) == [expected]


def test_a_stand_in_is_not_stood_in_for() -> None:
    week = {"since": "2026-03-01", "until": "2026-03-07", "post": "sealing"}
    assert officer_faults(
        row(post="sealing"),
        row(*STAND_IN, **week, stand_in_for="li.shi"),
        row("zhao.shi", "赵示", document(3).number, **week, stand_in_for="wu.shi"),
    ) == [(4, "stand_in_for", "holds_no_such_post", "")]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"username": "Li.Shi"}, (2, "username", "username", "")),
        ({"username": "li"}, (2, "username", "username", "")),
        ({"username": "li..shi"}, (2, "username", "username", "")),
        ({"username": "李示"}, (2, "username", "username", "")),
        ({"username": "l" * 65}, (2, "username", "username", "")),
        ({"name": "李3"}, (2, "name", "foreign_character", "")),
        ({"number": "11999919000101001X"}, (2, "document_number", "wrong_check_digit", "")),
        ({"authority": uscc(99)}, (2, "authority", "unknown_department", "")),
        ({"department": "999901009000"}, (2, "department", "unknown_department", "")),
        ({"authority": OFFICE}, (2, "department", "outside_authority", "")),
        ({"post": "king"}, (2, "post", "unknown_post", "")),
        ({"since": "01.01.2026"}, (2, "since", "date", "")),
        ({"since": "20260101"}, (2, "since", "date", "")),
        ({"since": "2026-02-30"}, (2, "since", "date", "")),
        ({"until": "2025-12-31"}, (2, "until", "before_since", "")),
    ],
)
def test_what_is_wrong_with_an_officer_is_told(
    cells: dict[str, str], expected: tuple[int, str, str, str]
) -> None:
    assert officer_faults(row(**cells)) == [expected]


def test_a_document_of_an_organisation_is_no_persons() -> None:
    text = row().replace(",111,", ",001,").replace(document(1).number, BUREAU)
    assert officer_faults(text) == [(2, "document_type", "not_a_person", "")]


def test_rows_of_one_person_agree() -> None:
    assert officer_faults(
        row(),
        row(name="李式", post="sealing"),
        row(number=document(2).number, post="acceptance"),
        row("wu.shi", "吴示"),
    ) == [
        (3, "name", "differs", "2"),
        (4, "document_number", "differs", "2"),
        (5, "document_number", "of_another_user", "2"),
    ]


def test_posts_that_must_not_meet_are_named_with_both_rows() -> None:
    assert officer_faults(
        row(post="sealing"),
        row(post="drafting"),
        row(post="audit", authority=GOVERNMENT),
        row(post="seal_keeping", until="2026-02-01"),
    ) == [
        (4, "post", "must_not_meet", "2"),
        (5, "post", "must_not_meet", "2"),
        (5, "post", "must_not_meet", "4"),
    ]


def test_a_post_is_given_once_at_a_time() -> None:
    assert officer_faults(row(), row(since="2026-06-01")) == [(3, "", "duplicate", "2")]
    assert officers(row(until="2026-05-31"), row(since="2026-06-01"))


def test_nobody_has_hundreds_of_posts() -> None:
    assert officer_faults(*[row()] * 202) == [(202, "", "too_many_posts", "200")]


def test_every_fault_of_both_files_is_listed() -> None:
    found = faults(
        row(username="?", post="king", since="x"),
        row(number="1"),
        tree=TREE + f"{GOVERNMENT},again,{DISTRICT},\n=x,y,z,\n",
    )
    assert found == [
        ("departments.csv", 6, "uscc", "duplicate", "3"),
        ("departments.csv", 7, "uscc", "formula", ""),
        ("officers.csv", 2, "post", "unknown_post", ""),
        ("officers.csv", 2, "since", "date", ""),
        ("officers.csv", 2, "username", "username", ""),
        ("officers.csv", 3, "document_number", "malformed_number", ""),
    ]


def test_a_tree_is_a_tree() -> None:
    top = f"{GOVERNMENT},区,{DISTRICT},"
    assert tree_faults(top, f"{OFFICE},街道,{STREET},") == [(3, "parent", "required", "")]
    assert tree_faults(top, f"{OFFICE},街道,{STREET},{uscc(9)}") == [
        (3, "parent", "unknown_department", "")
    ]
    assert tree_faults(top, f"{COMMITTEE},社区,{COMMUNITY},{GOVERNMENT}") == [
        (3, "parent", "not_above", "2")  # it skips the street
    ]
    assert tree_faults(top, f"{OFFICE},街道,999902001000,{GOVERNMENT}") == [
        (3, "parent", "not_above", "2")  # it lies in another district
    ]
    assert tree_faults(
        f"{GOVERNMENT},甲,{DISTRICT},{BUREAU}", f"{BUREAU},乙,{DISTRICT},{GOVERNMENT}"
    ) == [
        (2, "parent", "circle", ""),
        (3, "parent", "circle", ""),
    ]
    assert tree_faults(f"{GOVERNMENT},甲,{DISTRICT},{GOVERNMENT}") == [(2, "parent", "circle", "")]


@pytest.mark.parametrize(
    "code",
    [
        *("999901", "99990100000", "9999010000000", "999900000000", "999901000001"),
        *("99990100A000", "９９９９０１００００００"),
    ],
)
def test_a_place_has_twelve_digits(code: str) -> None:
    assert (2, "code", "area_code", "") in tree_faults(f"{GOVERNMENT},区,{code},")


def test_a_wrong_credit_code_is_told() -> None:
    wrong = GOVERNMENT[:-1] + ("0" if GOVERNMENT[-1] != "0" else "1")
    assert tree_faults(f"{wrong},区,{DISTRICT},{wrong}") == [
        (2, "parent", "wrong_check_digit", ""),
        (2, "uscc", "wrong_check_digit", ""),
    ]


def test_places_lie_in_places() -> None:
    for outer in (DISTRICT, STREET, COMMUNITY):
        assert is_within(COMMUNITY, outer)
    assert not is_within(STREET, COMMUNITY)
    assert not is_within("999902001002", DISTRICT)


def test_nothing_of_a_row_is_quoted() -> None:
    found = read(row(name="李3李", number="11999919000101001X", username="Geheim"))
    for text in ("李3李", "11999919000101001X", "Geheim"):
        assert text not in repr(found)


@given(st.text(st.sampled_from(f"{row()}{TREE}=\n\"'"), max_size=200))
def test_any_text_is_refused_with_faults(text: str) -> None:
    found = read_organisation(TREE.encode(), text.encode(), encoding=Encoding.UTF_8)
    assert isinstance(found, Organisation) or found
