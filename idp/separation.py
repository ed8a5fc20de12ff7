"""Posts that must not meet in one person at one time.

Two old rules of offices: whoever keeps a seal, whoever uses it and whoever looks over the shoulder
of both are three persons (管理、使用、审计三岗分离), and so are those who administer a system, its
security and its audit (三员). A stand-in counts like the holder. The rules hold across all
authorities: a post elsewhere makes nobody another person.

Drafting and sealing may be posts of one person, but never on one draft; that is checked where a
draft is approved, and again by the custodian. Whoever drafts may keep a seal, but not authorise its
use with nobody looking on: he would have let himself seal (`verify_may_authorise`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import ClassVar

from idp.errors import IdentityError, NotPermittedError
from idp.officers import Officer, Post, PostHeld

SEAL_POSTS = frozenset({Post.SEAL_KEEPING, Post.SEALING, Post.AUDIT})
"""管理、使用、审计三岗分离."""
ADMINISTRATION_POSTS = frozenset(
    {Post.SYSTEM_ADMINISTRATION, Post.SECURITY_ADMINISTRATION, Post.AUDIT}
)
"""三员."""

_RULES = (SEAL_POSTS, ADMINISTRATION_POSTS)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two posts that would meet."""

    first: PostHeld
    second: PostHeld


class PostsMustNotMeetError(IdentityError):
    """One person would hold posts that must be different persons' at one time."""

    code: ClassVar[str] = "posts_must_not_meet"

    def __init__(self, conflicts: Iterable[Conflict]) -> None:
        """Keep the `conflicts`."""
        self.conflicts = tuple(conflicts)
        super().__init__(
            "; ".join(f"{found.first.post} with {found.second.post}" for found in self.conflicts)
        )


def find_conflicts(posts: Iterable[PostHeld]) -> tuple[Conflict, ...]:
    """Return every pair among one person's `posts` that would meet on some day."""
    return tuple(
        Conflict(first, second)
        for first, second in combinations(posts, 2)
        if first.overlaps(second) and _are_apart(first.post, second.post)
    )


def verify_separated(posts: Iterable[PostHeld]) -> None:
    """Raise `PostsMustNotMeetError` if one person may not hold all these `posts`."""
    conflicts = find_conflicts(posts)
    if conflicts:
        raise PostsMustNotMeetError(conflicts)


def verify_may_authorise(officer: Officer, authority: str, *, at: datetime) -> None:
    """Raise `NotPermittedError` unless he may authorise the unattended use of this seal.

    He keeps it, and neither drafts nor seals anywhere.
    """
    officer.verify_holds(Post.SEAL_KEEPING, authority, at=at)
    if any(officer.authorities(post, at=at) for post in (Post.DRAFTING, Post.SEALING)):
        raise NotPermittedError("drafts or seals himself")


def _are_apart(first: Post, second: Post) -> bool:
    return first is not second and any({first, second} <= rule for rule in _RULES)
