"""Which posts may meet in one person."""

from datetime import UTC, date, datetime
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulators.officers import BUREAU, OTHER_BUREAU, held

from idp.errors import NotPermittedError
from idp.officers import Officer, Post, PostHeld
from idp.separation import (
    PostsMustNotMeetError,
    find_conflicts,
    verify_may_authorise,
    verify_separated,
)

APART = {
    frozenset(pair)
    for pair in (
        (Post.SEAL_KEEPING, Post.SEALING),
        (Post.SEAL_KEEPING, Post.AUDIT),
        (Post.SEALING, Post.AUDIT),
        (Post.SYSTEM_ADMINISTRATION, Post.SECURITY_ADMINISTRATION),
        (Post.SYSTEM_ADMINISTRATION, Post.AUDIT),
        (Post.SECURITY_ADMINISTRATION, Post.AUDIT),
    )
}
PAIRS = list(combinations(Post, 2))
DAYS = st.dates(date(2026, 1, 1), date(2026, 1, 12))


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=lambda post: post.value)
def test_exactly_the_named_pairs_must_not_meet(first: Post, second: Post) -> None:
    posts = [held(first), held(second)]
    assert bool(find_conflicts(posts)) is ({first, second} in APART)


def test_another_authority_makes_nobody_another_person() -> None:
    with pytest.raises(PostsMustNotMeetError) as caught:
        verify_separated([held(Post.SEALING, BUREAU), held(Post.AUDIT, OTHER_BUREAU)])
    (conflict,) = caught.value.conflicts
    assert {conflict.first.post, conflict.second.post} == {Post.SEALING, Post.AUDIT}


def test_a_stand_in_counts_like_the_holder() -> None:
    week = held(Post.AUDIT, since=date(2026, 3, 2), until=date(2026, 3, 6), stand_in_for="somebody")
    assert find_conflicts([held(Post.SEALING), week])
    verify_separated([held(Post.SEALING, until=date(2026, 3, 1)), week])
    assert find_conflicts([held(Post.SEALING, until=date(2026, 3, 2)), week])
    assert find_conflicts([held(Post.SEALING, since=date(2026, 3, 6)), week])
    verify_separated([held(Post.SEALING, since=date(2026, 3, 7)), week])


def test_one_post_for_several_authorities_is_one_kind_of_work() -> None:
    verify_separated([held(Post.SEALING, BUREAU), held(Post.SEALING, OTHER_BUREAU)])
    verify_separated([held(Post.DRAFTING), held(Post.SEALING), held(Post.ACCEPTANCE)])
    verify_separated([])


@st.composite
def posts_held(draw: st.DrawFn) -> PostHeld:
    since = draw(DAYS)
    until = draw(st.none() | st.dates(since, date(2026, 1, 12)))
    return held(draw(st.sampled_from(Post)), since=since, until=until)


@given(st.lists(posts_held(), max_size=4))
def test_there_is_a_conflict_exactly_where_some_day_has_one(posts: list[PostHeld]) -> None:
    days = [date(2026, 1, day) for day in range(1, 13)]
    on_a_day = any(
        {first.post, second.post} in APART
        for day in days
        for first, second in combinations(
            [p for p in posts if p.since <= day and (p.until is None or day <= p.until)], 2
        )
    )
    assert bool(find_conflicts(posts)) is on_a_day


@pytest.mark.parametrize(
    ("posts", "may"),
    [
        ([held(Post.SEAL_KEEPING)], True),
        ([held(Post.SEAL_KEEPING), held(Post.ACCEPTANCE)], True),
        ([held(Post.SEAL_KEEPING), held(Post.DRAFTING, until=date(2026, 5, 1))], True),
        ([held(Post.SEAL_KEEPING), held(Post.DRAFTING, OTHER_BUREAU)], False),
        ([held(Post.SEAL_KEEPING), held(Post.SEALING, OTHER_BUREAU)], False),
        ([held(Post.SEAL_KEEPING, OTHER_BUREAU)], False),
        ([held(Post.AUDIT)], False),
    ],
)
def test_whoever_drafts_or_seals_authorises_nothing(posts: list[PostHeld], *, may: bool) -> None:
    officer = Officer("account", "示例员", tuple(posts))
    at = datetime(2026, 11, 24, tzinfo=UTC)
    if may:
        verify_may_authorise(officer, BUREAU, at=at)
        return
    with pytest.raises(NotPermittedError):
        verify_may_authorise(officer, BUREAU, at=at)
