"""Importing an organisation: planned, done, done again, cut off in the middle."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from simulators import postgres
from simulators.accounts import AccountsInMemory
from simulators.officers import Staff, document, new_staff, sqlite_address
from sqlalchemy import insert, select

from idp.errors import ProviderUnavailableError
from idp.levels import IdentityLevel
from idp.officers import Post
from idp.org_import import (
    ChangeKind,
    InvalidOrganisationError,
    OrganisationChangedError,
    OrganisationImport,
)
from idp.realm.records import NewUser
from idp.tables import departments, officers

GOVERNMENT, BUREAU, OTHER = "11999901MB20000010", "11999901MB10000106", "11999901MB10000293"
AT = datetime(2026, 11, 10, 2, tzinfo=UTC)
LATER = AT + timedelta(days=1)
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.real)]


def tree(*more: str) -> bytes:
    lines = [
        "uscc,name,code,parent",
        f"{BUREAU},示例市青禾区市场监督管理局,999901000000,",
        f"{OTHER},示例市青禾区民政局,999901000000,{BUREAU}",
        *more,
    ]
    return "\n".join(lines).encode()


def row(  # noqa: PLR0913  # all that differs here
    username: str,
    sequence: int,
    post: str,
    *,
    name: str = "李示",
    authority: str = BUREAU,
    until: str = "",
    stand_in_for: str = "",
) -> str:
    number = document(sequence).number
    return (
        f"{username},{name},111,{number},{authority},999901000000,{post},2026-01-01,{until},"
        f"{stand_in_for}"
    )


def table(*rows: str) -> bytes:
    header = (
        "username,name,document_type,document_number,authority,department,post,since,until,"
        "stand_in_for"
    )
    return "\n".join([header, *rows]).encode()


FIRST = table(
    row("li.shi", 1, "drafting"),
    row("wu.shi", 2, "sealing"),
    row("zhao.shi", 3, "sealing", until="2026-12-31", stand_in_for="wu.shi"),
)


class Import:
    """An import over an identity database and a realm."""

    def __init__(self, staff: Staff) -> None:
        """Import into the database of `staff`."""
        self.staff = staff
        self.realm = AccountsInMemory()
        self.ended: list[str] = []
        self.organisation = OrganisationImport(
            staff.transactions, staff.personal_data, self.realm, end_sessions=self.ended.append
        )

    def changes(self, people: bytes, places: bytes | None = None) -> list[tuple[str, str]]:
        plan = self.organisation.plan(places or tree(), people)
        return [(change.kind.value, change.subject) for change in plan.changes]

    def run(self, people: bytes, places: bytes | None = None, *, at: datetime = AT) -> list[str]:
        """Import as the command does; return the usernames that got a password."""
        waiting = self.organisation.apply(self.organisation.plan(places or tree(), people), at=at)
        for username, account in waiting:
            self.organisation.open_account(account, f"Secret-{username}-1", at=at)
        return [username for username, _ in waiting]

    def account(self, username: str) -> str:
        user = self.realm.find_user(username)
        assert user is not None
        return user.account

    def posts(self, username: str, at: datetime = AT) -> list[Post]:
        found = self.staff.officers.of_account(self.account(username), at=at)
        return [] if found is None else [held.post for held in found.posts]

    def faults(self, people: bytes) -> list[tuple[int, str, str]]:
        with pytest.raises(InvalidOrganisationError) as caught:
            self.organisation.plan(tree(), people)
        return [(fault.row, fault.column, fault.code) for fault in caught.value.faults]


@pytest.fixture(params=DATABASES)
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Import]:
    sqlite = request.param == "sqlite"
    with new_staff(sqlite_address(tmp_path) if sqlite else postgres.new_database()) as staff:
        yield Import(staff)


@pytest.fixture
def quick_office(tmp_path: Path) -> Iterator[Import]:
    with new_staff(sqlite_address(tmp_path)) as staff:
        yield Import(staff)


def test_officers_get_accounts_passwords_and_posts(office: Import) -> None:
    assert office.changes(FIRST) == [
        ("department_added", BUREAU),
        ("department_added", OTHER),
        ("account_made", "li.shi"),
        ("account_opened", "li.shi"),
        ("post_begins", "li.shi"),
        ("account_made", "wu.shi"),
        ("account_opened", "wu.shi"),
        ("post_begins", "wu.shi"),
        ("account_made", "zhao.shi"),
        ("account_opened", "zhao.shi"),
        ("post_begins", "zhao.shi"),
    ]
    assert not office.realm.users  # a plan changes nothing
    assert office.run(FIRST) == ["li.shi", "wu.shi", "zhao.shi"]
    user = office.realm.user(office.account("li.shi"))
    assert user.enabled
    assert user.identity_level is IdentityLevel.REGISTERED
    assert user.document_number == document(1).number
    assert office.realm.passwords[user.account] == ("Secret-li.shi-1", True)
    stands_in = office.staff.officers.of_account(office.account("zhao.shi"), at=AT)
    assert stands_in is not None
    assert stands_in.posts[0].stand_in_for == office.account("wu.shi")
    assert stands_in.posts[0].until == date(2026, 12, 31)


def test_a_second_import_changes_nothing(office: Import) -> None:
    office.run(FIRST)
    before = office.realm.changes
    assert office.changes(FIRST) == []
    assert office.run(FIRST, at=LATER) == []
    assert office.realm.changes == before


def test_who_is_not_in_the_files_any_more_is_disabled_and_signed_out(office: Import) -> None:
    office.run(FIRST)
    gone = table(row("wu.shi", 2, "sealing"))
    assert office.changes(gone) == [
        ("post_ends", "li.shi"),
        ("leaves", "li.shi"),
        ("post_ends", "zhao.shi"),
        ("leaves", "zhao.shi"),
    ]
    office.run(gone, at=LATER)
    for username in ("li.shi", "zhao.shi"):
        account = office.account(username)
        assert not office.realm.user(account).enabled
        assert account in office.realm.signed_out
        assert account in office.ended
        assert office.posts(username, LATER) == []
    assert office.posts("wu.shi", LATER) == [Post.SEALING]
    assert office.changes(gone) == []


def test_who_comes_back_begins_with_a_new_password_and_no_old_second_factor(
    office: Import,
) -> None:
    office.run(FIRST)
    account = office.account("li.shi")
    office.realm.hold(account, "otp")
    office.run(table(row("wu.shi", 2, "sealing")), at=LATER)
    assert ("returns", "li.shi") in office.changes(FIRST)
    assert office.run(FIRST, at=LATER) == ["li.shi", "zhao.shi"]
    assert office.realm.user(account).enabled
    assert office.realm.kinds(account) == []
    assert office.posts("li.shi", LATER) == [Post.DRAFTING]


def test_a_moved_post_ends_at_once(office: Import) -> None:
    office.run(FIRST)
    moved = FIRST.replace(
        row("li.shi", 1, "drafting").encode(), row("li.shi", 1, "audit", authority=OTHER).encode()
    )
    assert office.changes(moved) == [("post_ends", "li.shi"), ("post_begins", "li.shi")]
    assert office.run(moved, at=LATER) == []
    assert office.posts("li.shi", LATER) == [Post.AUDIT]
    assert office.realm.signed_out == []


def test_departments_change_and_go(office: Import) -> None:
    street = "11999901MB20000036"  # any code: the tree is not read here
    office.run(FIRST)
    with office.staff.transactions() as connection:
        below = {"uscc": street, "code": "999901001000", "name": "街道", "parent": OTHER}
        connection.execute(insert(departments), below)
    renamed = tree().replace("示例市青禾区民政局".encode(), "示例市青禾区民政部".encode())
    assert office.changes(FIRST, renamed) == [
        ("department_changed", OTHER),
        ("department_removed", street),
    ]
    office.run(FIRST, renamed)
    with office.staff.transactions.reading() as connection:
        names = dict(connection.execute(select(departments.c.uscc, departments.c.name)).all())
    assert names == {BUREAU: "示例市青禾区市场监督管理局", OTHER: "示例市青禾区民政部"}


def test_a_new_name_is_taken_over_here_and_nowhere_else(office: Import) -> None:
    office.run(FIRST)
    renamed = FIRST.replace("li.shi,李示".encode(), "li.shi,李新".encode())
    assert office.changes(renamed) == [("name_changed", "li.shi")]
    office.run(renamed, at=LATER)
    found = office.staff.officers.of_account(office.account("li.shi"), at=LATER)
    assert found is not None
    assert found.name == "李新"
    assert office.realm.user(found.account).full_name == "李示"  # a check at the counter changes it
    assert office.changes(renamed) == []


def known_user(
    office: Import,
    level: IdentityLevel,
    *,
    sequence: int = 1,
    enabled: bool = True,
) -> str:
    held = document(sequence)
    return office.realm.create_user(
        NewUser("li.shi", "李示", held.type.value, held.number, level, enabled)
    )


def test_a_person_who_was_seen_becomes_an_officer_under_his_account(office: Import) -> None:
    account = known_user(office, IdentityLevel.ORIGINAL)
    factor = office.realm.hold(account, "otp")
    assert ("account_joined", "li.shi") in office.changes(FIRST)
    assert office.run(FIRST) == ["wu.shi", "zhao.shi"]
    assert office.posts("li.shi") == [Post.DRAFTING]
    assert factor in office.realm.kept[account]
    # The account is his own: when he leaves he goes on as a citizen, signed out once.
    office.run(table(row("wu.shi", 2, "sealing")), at=LATER)
    assert office.realm.user(account).enabled
    assert account in office.realm.signed_out


@pytest.mark.parametrize(
    ("level", "sequence", "enabled", "code"),
    [
        (IdentityLevel.CONFIRMED, 1, True, "account_not_proven"),
        (IdentityLevel.ORIGINAL, 9, True, "of_somebody_else"),
        (IdentityLevel.ORIGINAL, 1, False, "account_disabled"),
    ],
)
def test_an_account_of_that_name_is_not_taken_on_its_word(
    quick_office: Import,
    level: IdentityLevel,
    sequence: int,
    enabled: bool,  # noqa: FBT001  # a column of the table above
    code: str,
) -> None:
    known_user(quick_office, level, sequence=sequence, enabled=enabled)
    assert quick_office.faults(FIRST) == [(2, "username", code)]


def test_a_person_keeps_username_and_document(quick_office: Import) -> None:
    quick_office.run(FIRST)
    other_name = FIRST.replace(b"li.shi", b"li.shier")
    assert quick_office.faults(other_name) == [(2, "username", "known_by_another_name")]
    other_document = FIRST.replace(document(1).number.encode(), document(7).number.encode())
    assert quick_office.faults(other_document) == [(2, "document_number", "not_of_account")]
    # Once the counter has seen the new document, the files may have it.
    users = quick_office.realm.users
    account = quick_office.account("li.shi")
    users[account] = replace(users[account], document_number=document(7).number)
    assert quick_office.changes(other_document) == []
    quick_office.run(other_document, at=LATER)
    assert quick_office.changes(other_document) == []


def test_faults_of_the_files_change_nothing(quick_office: Import) -> None:
    faulty = table(row("li.shi", 1, "sealing"), row("li.shi", 1, "audit"), row("x", 2, "king"))
    assert quick_office.faults(faulty) == [
        (3, "post", "must_not_meet"),
        (4, "post", "unknown_post"),
        (4, "username", "username"),
    ]
    assert not quick_office.realm.users


@pytest.mark.parametrize("lost_answer", [False, True])
def test_an_import_cut_off_anywhere_is_finished_by_the_next(
    tmp_path: Path, *, lost_answer: bool
) -> None:
    second = table(row("wu.shi", 2, "sealing"), row("sun.shi", 4, "audit"))
    for calls in range(40):
        folder = tmp_path / str(calls)
        folder.mkdir()
        with new_staff(sqlite_address(folder)) as staff:
            office = Import(staff)
            office.run(FIRST)
            office.realm.calls_left, office.realm.lost_answer = calls, lost_answer
            cut_off = True
            try:
                office.run(second, at=LATER)
                cut_off = False
            except ProviderUnavailableError:
                # Whoever was to leave is shut out, or is still in the database to be shut out.
                # Whoever is new cannot sign in without a password that was handed out.
                for user in office.realm.users.values():
                    assert user.account in office.realm.passwords or not user.enabled
            office.realm.calls_left = None
            office.run(second, at=LATER)
            assert office.changes(second) == []
            assert not office.realm.user(office.account("li.shi")).enabled
            assert office.realm.user(office.account("sun.shi")).enabled
            assert office.posts("sun.shi", LATER) == [Post.AUDIT]
            assert office.posts("li.shi", LATER) == []
            if not cut_off:
                return
    raise AssertionError("it was never finished in one go")


def test_two_imports_at_once_do_not_mix(quick_office: Import) -> None:
    plan = quick_office.organisation.plan(tree(), FIRST)
    quick_office.run(table(row("sun.shi", 4, "audit")))
    with pytest.raises(OrganisationChangedError):
        quick_office.organisation.apply(plan, at=AT)
    with quick_office.staff.transactions.reading() as connection:
        assert len(connection.execute(select(officers)).all()) == 1


def test_someone_deleted_in_the_realm_can_leave(quick_office: Import) -> None:
    quick_office.run(FIRST)
    account = quick_office.account("li.shi")
    del quick_office.realm.users[account]
    quick_office.run(table(row("wu.shi", 2, "sealing")), at=LATER)
    assert account in quick_office.ended
    assert quick_office.staff.officers.of_account(account, at=LATER) is None


def test_every_kind_of_change_has_its_word() -> None:
    assert len({kind.value for kind in ChangeKind}) == len(ChangeKind)
