"""Officers, their posts, and when these count."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from simulators import postgres
from simulators.officers import (
    APPOINTED,
    BUREAU,
    OTHER_BUREAU,
    Staff,
    document,
    held,
    new_staff,
    sqlite_address,
)
from sqlalchemy import select

from idp.appointments import OfficerRecord
from idp.errors import NotPermittedError
from idp.officers import Officer, Post
from idp.separation import PostsMustNotMeetError
from idp.tables import officers, posts_held

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.real)]
LATER = APPOINTED + timedelta(days=3)


@pytest.fixture(params=DATABASES)
def staff(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Staff]:
    sqlite = request.param == "sqlite"
    address = sqlite_address(tmp_path) if sqlite else postgres.new_database()
    with new_staff(address) as opened:
        yield opened


def officer(staff: Staff, account: str, at: datetime = APPOINTED) -> Officer:
    found = staff.officers.of_account(account, at=at)
    assert found is not None
    return found


def test_an_officer_holds_his_posts_and_no_others(staff: Staff) -> None:
    staff.appoint("a", held(Post.DRAFTING), held(Post.SEALING, OTHER_BUREAU))
    found = officer(staff, "a")
    assert found.name == "示例员"
    assert "示例员" not in repr(found)
    found.verify_holds(Post.DRAFTING, BUREAU, at=APPOINTED)
    found.verify_holds(Post.SEALING, OTHER_BUREAU, at=APPOINTED)
    assert found.authorities(Post.SEALING, at=APPOINTED) == (OTHER_BUREAU,)
    for post, authority in ((Post.DRAFTING, OTHER_BUREAU), (Post.SEALING, BUREAU)):
        with pytest.raises(NotPermittedError):
            found.verify_holds(post, authority, at=APPOINTED)


def test_somebody_without_a_post_is_no_officer(staff: Staff) -> None:
    assert staff.officers.of_account("nobody", at=APPOINTED) is None
    staff.appoint("a")
    assert staff.officers.of_account("a", at=APPOINTED) is None


def test_a_period_counts_by_days_of_china(staff: Staff) -> None:
    staff.appoint("a", held(Post.SEALING, since=date(2026, 11, 4), until=date(2026, 11, 5)))
    moments = {
        datetime(2026, 11, 3, 15, 59, tzinfo=UTC): False,
        datetime(2026, 11, 3, 16, 0, tzinfo=UTC): True,
        datetime(2026, 11, 5, 15, 59, tzinfo=UTC): True,
        datetime(2026, 11, 5, 16, 0, tzinfo=UTC): False,
    }
    for at, holds in moments.items():
        assert (staff.officers.of_account("a", at=at) is not None) is holds
        assert bool(staff.officers.holding(Post.SEALING, at=at)) is holds


def test_an_officer_read_earlier_loses_the_post_when_its_day_is_over(staff: Staff) -> None:
    staff.appoint("a", held(Post.SEALING, until=date(2026, 11, 2)))
    found = officer(staff, "a")
    found.verify_holds(Post.SEALING, BUREAU, at=APPOINTED)
    with pytest.raises(NotPermittedError):
        found.verify_holds(Post.SEALING, BUREAU, at=LATER)


def test_a_post_not_given_again_ends_at_once(staff: Staff) -> None:
    staff.appoint("a", held(Post.DRAFTING), held(Post.SEALING))
    staff.appoint("a", held(Post.DRAFTING), at=LATER)
    assert [post.post for post in officer(staff, "a", LATER).posts] == [Post.DRAFTING]
    before = officer(staff, "a", LATER - timedelta(microseconds=1))
    assert [post.post for post in before.posts] == [Post.DRAFTING, Post.SEALING]


def test_appointing_again_changes_no_row(staff: Staff) -> None:
    def rows() -> list[object]:
        with staff.transactions.reading() as connection:
            return list(connection.execute(select(posts_held).order_by(posts_held.c.id)).all())

    staff.appoint("a", held(Post.DRAFTING), held(Post.SEALING))
    first = rows()
    staff.appoint("a", held(Post.SEALING), held(Post.DRAFTING), at=LATER)
    assert rows() == first


def test_who_leaves_holds_nothing_and_may_come_back(staff: Staff) -> None:
    staff.appoint("a", held(Post.SEALING))
    staff.appointments.leave("a", at=LATER)
    assert staff.officers.of_account("a", at=LATER) is None
    assert officer(staff, "a", APPOINTED).posts
    staff.appoint("a", held(Post.AUDIT), at=LATER + timedelta(days=1))
    assert [post.post for post in officer(staff, "a", LATER + timedelta(days=1)).posts] == [
        Post.AUDIT
    ]


def test_who_holds_a_post_is_found_with_stand_ins(staff: Staff) -> None:
    staff.appoint("a", held(Post.SEALING), sequence=1)
    staff.appoint("b", held(Post.DRAFTING), sequence=2)
    stands_in = held(Post.SEALING, until=date(2026, 11, 3), stand_in_for="a")
    staff.appoint("c", stands_in, held(Post.DRAFTING, OTHER_BUREAU), sequence=3)
    found = staff.officers.holding(Post.SEALING, at=APPOINTED)
    assert [each.account for each in found] == ["a", "c"]
    assert stands_in in found[1].posts
    assert len(found[1].posts) == 2
    assert [each.account for each in staff.officers.holding(Post.SEALING, at=LATER)] == ["a"]
    assert staff.officers.holding(Post.SEAL_KEEPING, at=APPOINTED) == ()


def test_posts_that_must_not_meet_are_not_entered(staff: Staff) -> None:
    with pytest.raises(PostsMustNotMeetError):
        staff.appoint("a", held(Post.SEALING), held(Post.AUDIT))
    with staff.transactions.reading() as connection:
        assert connection.execute(select(officers)).all() == []
    staff.appoint("a", held(Post.SEALING))
    staff.appoint("a", held(Post.AUDIT), at=LATER)  # the other one ends
    assert [post.post for post in officer(staff, "a", LATER).posts] == [Post.AUDIT]


def test_names_and_usernames_are_encrypted(staff: Staff) -> None:
    record = OfficerRecord("a", "wang.shili", "王示例", document())
    staff.appointments.appoint(record, [held(Post.AUDIT)], at=APPOINTED)
    with staff.transactions.reading() as connection:
        kept = repr(connection.execute(select(officers)).all())
    for text in ("wang.shili", "王示例", document().number):
        assert text not in kept
        assert text.encode().hex() not in kept
        assert text not in repr(record)
