"""What the two tables of an organisation say: departments in their tree, officers in their posts.

`departments.csv` is the tree 区–街道–社区: each department has a unified social credit code, lies
at a place of twelve digits (GB/T 2260, GB/T 10114: six for the district, three for the street,
three for the community) and stands under another one. `officers.csv` has a row for each post of
each officer. Both files are whole: who is not in them any more has left.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from idp.accounts import USERNAME
from idp.documents import DocumentType, HolderKind, IdentityDocument, InvalidDocumentError
from idp.names import InvalidNameError, PersonName
from idp.officers import Post, PostHeld
from idp.separation import find_conflicts
from idp.unverified_csv import CellFault, Column, Encoding, Faults, Row, read_table

DEPARTMENTS = "departments.csv"
OFFICERS = "officers.csv"

DEPARTMENT_COLUMNS = (
    Column("uscc", "统一社会信用代码"),
    Column("name", "名称"),
    Column("code", "区划代码"),
    Column("parent", "上级统一社会信用代码", required=False),
)
OFFICER_COLUMNS = (
    Column("username", "用户名"),
    Column("name", "姓名"),
    Column("document_type", "证件类型代码"),
    Column("document_number", "证件号码"),
    Column("authority", "机关统一社会信用代码"),
    Column("department", "工作地点区划代码"),
    Column("post", "岗位"),
    Column("since", "起始日期"),
    Column("until", "截止日期", required=False),
    Column("stand_in_for", "代谁履职", required=False),
)

MOST_POSTS = 200
"""Of one person, past ones included: each is compared with each."""

POSTS_ZH: Mapping[str, Post] = {
    "受理": Post.ACCEPTANCE,
    "制证": Post.DRAFTING,
    "用印": Post.SEALING,
    "印章管理": Post.SEAL_KEEPING,
    "审计": Post.AUDIT,
    "系统管理": Post.SYSTEM_ADMINISTRATION,
    "安全管理": Post.SECURITY_ADMINISTRATION,
}

_CODE = re.compile(r"[0-9]{4}(?!00)[0-9]{2}(?:0{6}|(?!000)[0-9]{3}(?:000|(?!000)[0-9]{3}))")
_LEVELS = (6, 9, 12)
"""Digits that say which district, street, community."""
# What Python's reader takes besides ("20260101", "2026-W01-1") other programs read otherwise.
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Department:
    """A department at its place in the tree."""

    uscc: str
    name: str
    code: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class WrittenPost:
    """A post as a row has it: other officers are named by username, not by account."""

    row: int
    held: PostHeld
    stand_in_for: str | None


@dataclass(frozen=True, slots=True)
class WrittenOfficer:
    """An officer with all posts the table gives him."""

    row: int
    """The first of his rows."""
    username: str
    name: str = field(repr=False)
    document: IdentityDocument
    posts: tuple[WrittenPost, ...]


@dataclass(frozen=True, slots=True)
class Organisation:
    """Two tables without a fault."""

    departments: tuple[Department, ...]
    """Each after its parent."""
    officers: tuple[WrittenOfficer, ...]


def read_organisation(
    unverified_departments: bytes, unverified_officers: bytes, *, encoding: Encoding
) -> Organisation | tuple[CellFault, ...]:
    """Return what both files say together, or every fault of both, by file, row and column."""
    department_faults, officer_faults = Faults(DEPARTMENTS), Faults(OFFICERS)
    departments = _Departments(department_faults)
    for row in read_table(
        unverified_departments, DEPARTMENT_COLUMNS, encoding=encoding, faults=department_faults
    ):
        departments.read(row)
    departments.check_tree()
    officers = _Officers(
        officer_faults, departments.by_uscc, places_known=not department_faults.found
    )
    for row in read_table(
        unverified_officers, OFFICER_COLUMNS, encoding=encoding, faults=officer_faults
    ):
        officers.read(row)
    written = officers.finish()
    faults = department_faults.found + officer_faults.found
    if faults:
        return tuple(sorted(set(faults)))
    return Organisation(departments.in_order(), written)


def is_within(inner: str, outer: str) -> bool:
    """Tell whether the place `inner` is `outer` or lies in it."""
    digits = next(level for level in _LEVELS if not outer[level:].strip("0"))
    return inner[:digits] == outer[:digits]


class _Departments:
    def __init__(self, faults: Faults) -> None:
        self.by_uscc: dict[str, Department] = {}
        self._rows: dict[str, int] = {}
        self._faults = faults

    def read(self, row: Row) -> None:
        cells, before = row.unverified_cells, len(self._faults.found)
        uscc = self._read_uscc(row, "uscc")
        parent = self._read_uscc(row, "parent") if cells["parent"] else None
        if not _CODE.fullmatch(cells["code"]):
            self._faults.add(row.number, "code", "area_code")
        if uscc is not None and uscc in self.by_uscc:
            self._faults.add(row.number, "uscc", "duplicate", str(self._rows[uscc]))
        if uscc is None or len(self._faults.found) > before:
            return
        self.by_uscc[uscc] = Department(uscc, cells["name"], cells["code"], parent)
        self._rows[uscc] = row.number

    def check_tree(self) -> None:
        """Each stands under a department at its own place or one step further out."""
        if self._faults.found:
            return  # a faulty row is missing from the tree: all below it would look wrong too
        for department in self.by_uscc.values():
            row = self._rows[department.uscc]
            if department.parent is None:
                if _depth(department.code) > 0:
                    self._faults.add(row, "parent", "required")
                continue
            parent = self.by_uscc.get(department.parent)
            if parent is None:
                self._faults.add(row, "parent", "unknown_department")
            elif not (
                is_within(department.code, parent.code)
                and _depth(department.code) - _depth(parent.code) <= 1
            ):
                self._faults.add(row, "parent", "not_above", str(self._rows[parent.uscc]))
        if not self._faults.found:
            for uscc in self.by_uscc.keys() - {one.uscc for one in self.in_order()}:
                self._faults.add(self._rows[uscc], "parent", "circle")

    def in_order(self) -> tuple[Department, ...]:
        """Return the departments that hang on a root, each after its parent."""
        below: defaultdict[str | None, list[Department]] = defaultdict(list)
        for department in sorted(self.by_uscc.values(), key=lambda one: (one.code, one.uscc)):
            below[department.parent].append(department)
        ordered = list(below[None])
        for department in ordered:  # grows meanwhile: what hangs below comes after
            ordered.extend(below[department.uscc])
        return tuple(ordered)

    def _read_uscc(self, row: Row, column: str) -> str | None:
        try:
            return IdentityDocument.parse(
                DocumentType.UNIFIED_SOCIAL_CREDIT_CODE.value, row.unverified_cells[column]
            ).number
        except InvalidDocumentError as error:
            self._faults.add(row.number, column, error.reason.value)
            return None


def _depth(code: str) -> int:
    return next(depth for depth, level in enumerate(_LEVELS) if not code[level:].strip("0"))


class _Officers:
    def __init__(
        self, faults: Faults, departments: Mapping[str, Department], *, places_known: bool
    ) -> None:
        self._faults = faults
        self._departments = departments
        self._places_known = places_known
        """False where a faulty department may be the one an officer belongs to."""
        self._places = {department.code for department in departments.values()}
        self._persons: dict[str, tuple[int, PersonName, IdentityDocument]] = {}
        self._documents: dict[IdentityDocument, str] = {}
        self._posts: defaultdict[str, list[WrittenPost]] = defaultdict(list)
        self._unread: set[str] = set()
        """Usernames of rows with a fault: what is said of them cannot be judged."""

    def read(self, row: Row) -> None:
        before = len(self._faults.found)
        username = row.unverified_cells["username"]
        if not USERNAME.fullmatch(username):
            self._faults.add(row.number, "username", "username")
        self._read_person(row, username)
        post = self._read_post(row)
        if post is not None and len(self._faults.found) == before:
            self._posts[username].append(post)
        else:
            self._unread.add(username)

    def finish(self) -> tuple[WrittenOfficer, ...]:
        """Judge what only all rows together show, and return the officers."""
        for username, posts in self._posts.items():
            for post in posts:
                if post.stand_in_for is not None:
                    self._check_stand_in(username, post, post.stand_in_for)
            self._check_together(posts)
        return tuple(
            WrittenOfficer(row, username, name.text, document, tuple(self._posts[username]))
            for username, (row, name, document) in sorted(self._persons.items())
        )

    def _read_person(self, row: Row, username: str) -> None:
        cells = row.unverified_cells
        try:
            name = PersonName.parse(cells["name"])
        except InvalidNameError as error:
            self._faults.add(row.number, "name", error.reason.value)
            name = None
        try:
            document = IdentityDocument.parse(cells["document_type"], cells["document_number"])
        except InvalidDocumentError as error:
            self._faults.add(row.number, "document_number", error.reason.value)
            return
        if document.type.holder_kind is not HolderKind.NATURAL:
            self._faults.add(row.number, "document_type", "not_a_person")
            return
        if name is None:
            return
        first, known_name, known_document = self._persons.setdefault(
            username, (row.number, name, document)
        )
        if known_name != name:
            self._faults.add(row.number, "name", "differs", str(first))
        if known_document != document:
            self._faults.add(row.number, "document_number", "differs", str(first))
        elif self._documents.setdefault(document, username) != username:
            other, *_ = self._persons[self._documents[document]]
            self._faults.add(row.number, "document_number", "of_another_user", str(other))

    def _read_post(self, row: Row) -> WrittenPost | None:
        cells, before = row.unverified_cells, len(self._faults.found)
        since = self._read_date(row, "since")
        until = self._read_date(row, "until") if cells["until"] else None
        if since is not None and until is not None and until < since:
            self._faults.add(row.number, "until", "before_since")
        post = POSTS_ZH.get(cells["post"])
        if post is None:
            try:
                post = Post(cells["post"])
            except ValueError:
                self._faults.add(row.number, "post", "unknown_post")
        self._check_place(row)
        stand_in_for = cells["stand_in_for"] or None
        if stand_in_for is not None and not cells["until"]:
            self._faults.add(row.number, "until", "required_of_stand_in")
        if post is None or since is None or len(self._faults.found) > before:
            return None
        held = PostHeld(cells["authority"], cells["department"], post, since, until)
        return WrittenPost(row.number, held, stand_in_for)

    def _check_place(self, row: Row) -> None:
        if not self._places_known:
            return
        cells = row.unverified_cells
        authority = self._departments.get(cells["authority"])
        if authority is None:
            self._faults.add(row.number, "authority", "unknown_department")
        if cells["department"] not in self._places:
            self._faults.add(row.number, "department", "unknown_department")
        elif authority is not None and not is_within(cells["department"], authority.code):
            self._faults.add(row.number, "department", "outside_authority")

    def _read_date(self, row: Row, column: str) -> date | None:
        text = row.unverified_cells[column]
        try:
            if _DATE.fullmatch(text):
                return date.fromisoformat(text)
        except ValueError:
            pass
        self._faults.add(row.number, column, "date")
        return None

    def _check_stand_in(self, username: str, post: WrittenPost, absent: str) -> None:
        if absent == username:
            self._faults.add(post.row, "stand_in_for", "oneself")
        elif absent not in self._persons:
            self._faults.add(post.row, "stand_in_for", "unknown_user")
        elif absent not in self._unread and not any(
            _covers(own, post) for own in self._posts[absent]
        ):
            # Nor may a stand-in be stood in for: who is away names another one.
            self._faults.add(post.row, "stand_in_for", "holds_no_such_post")

    def _check_together(self, posts: Sequence[WrittenPost]) -> None:
        if len(posts) > MOST_POSTS:
            self._faults.add(posts[MOST_POSTS].row, "", "too_many_posts", str(MOST_POSTS))
            return
        rows = {id(post.held): post.row for post in posts}
        for conflict in find_conflicts(post.held for post in posts):
            first, second = sorted((rows[id(conflict.first)], rows[id(conflict.second)]))
            self._faults.add(second, "post", "must_not_meet", str(first))
        for place, post in enumerate(posts):
            for earlier in posts[:place]:
                if _same_work(earlier, post) and earlier.held.overlaps(post.held):
                    self._faults.add(post.row, "", "duplicate", str(earlier.row))


def _covers(own: WrittenPost, stand_in: WrittenPost) -> bool:
    """Tell whether `own` is a post of its holder through all the days of the `stand_in`."""
    return (
        own.stand_in_for is None
        and own.held.post is stand_in.held.post
        and own.held.authority == stand_in.held.authority
        and own.held.since <= stand_in.held.since
        and (
            own.held.until is None
            or (stand_in.held.until is not None and stand_in.held.until <= own.held.until)
        )
    )


def _same_work(first: WrittenPost, second: WrittenPost) -> bool:
    return (first.held.post, first.held.authority, first.held.department, first.stand_in_for) == (
        second.held.post,
        second.held.authority,
        second.held.department,
        second.stand_in_for,
    )
