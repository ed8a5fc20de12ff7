"""Officers: persons with posts, each for an authority, from when to when.

Whether an officer may do something is asked of his posts at that moment: a post that has ended, a
stand-in whose last day is over and an officer who has left count for nothing. Appointing is in
`idp.appointments`.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, or_, select

from idp.database import Transactions
from idp.documents import IdentityDocument
from idp.errors import NotPermittedError
from idp.personal_data import PersonalData
from idp.tables import departments, officers, posts_held

CHINA_TIME = timezone(timedelta(hours=8), "Asia/Shanghai")
"""Days of office begin and end by this time; China has one, without summer time, since 1992."""


class Post(StrEnum):
    """A kind of work that only its holder may do; the value stands in imported tables."""

    ACCEPTANCE = "acceptance"
    """受理: sits at the counter, sees persons and their documents."""
    DRAFTING = "drafting"
    """制证: fills in what is to be sealed."""
    SEALING = "sealing"
    """用印: approves a draft, whereupon the seal is applied."""
    SEAL_KEEPING = "seal_keeping"
    """印章管理: keeps the seal and authorises its unattended use."""
    AUDIT = "audit"
    """审计: reads what the others did."""
    SYSTEM_ADMINISTRATION = "system_administration"
    """系统管理."""
    SECURITY_ADMINISTRATION = "security_administration"
    """安全管理."""


@dataclass(frozen=True, slots=True)
class PostHeld:
    """One post of one person."""

    authority: str
    """The unified social credit code of the authority the work is done for."""
    department: str
    """Where it is done: the twelve digits of a place (district, street or community)."""
    post: Post
    since: date
    until: date | None = None
    """The last day; None: until further notice."""
    stand_in_for: str | None = None
    """The account of the absent holder, for a stand-in."""

    def in_force(self, at: datetime) -> bool:
        """Whether the day of `at` in China lies in the period."""
        day = at.astimezone(CHINA_TIME).date()
        return self.since <= day and (self.until is None or day <= self.until)

    def overlaps(self, other: "PostHeld") -> bool:
        """Whether both are held on some day."""
        return (self.until is None or other.since <= self.until) and (
            other.until is None or self.since <= other.until
        )


@dataclass(frozen=True, slots=True)
class Officer:
    """A person with posts."""

    account: str
    name: str = field(repr=False)
    posts: tuple[PostHeld, ...]

    def verify_holds(self, post: Post, authority: str, *, at: datetime) -> None:
        """Raise `NotPermittedError` unless he holds `post` for the `authority` (USCC) at `at`."""
        if not any(
            held.post is post and held.authority == authority and held.in_force(at)
            for held in self.posts
        ):
            raise NotPermittedError(f"{post} of {authority}")

    def authorities(self, post: Post, *, at: datetime) -> tuple[str, ...]:
        """Return the authorities (USCC) that he holds `post` for at `at`, sorted."""
        return tuple(
            sorted(
                {held.authority for held in self.posts if held.post is post and held.in_force(at)}
            )
        )


class Officers:
    """The officers of all authorities, as they are now."""

    def __init__(self, transactions: Transactions, personal_data: PersonalData) -> None:
        """Read through `transactions`; `personal_data` opens the names."""
        self._transactions = transactions
        self._personal_data = personal_data

    def of_account(self, account: str, *, at: datetime) -> Officer | None:
        """Return the officer with the posts he holds at `at`; None for somebody without any."""
        with self._transactions.reading() as connection:
            found = self._find(connection, _OF_ACCOUNT, at, account=account)
        return found[0] if found else None

    def holding(self, post: Post, *, at: datetime) -> tuple[Officer, ...]:
        """Return who holds `post` for any authority at `at`, with all their posts."""
        with self._transactions.reading() as connection:
            return self._find(connection, _HOLDING, at, post=post.value)

    def account_of(self, document: IdentityDocument) -> str | None:
        """Return the account of the officer, present or former, with this document."""
        query = select(officers.c.account).where(
            officers.c.document_index == self._personal_data.index_document(document)
        )
        with self._transactions.reading() as connection:
            return connection.scalar(query)

    def is_staying(self, account: str, *, at: datetime) -> bool:
        """Tell whether the account is that of an officer who has not left, whatever his posts."""
        query = select(officers.c.account).where(
            officers.c.account == account,
            or_(officers.c.left_at.is_(None), officers.c.left_at > at),
        )
        with self._transactions.reading() as connection:
            return connection.scalar(query) is not None

    def department_names(self) -> Mapping[str, str]:
        """Return the names of all departments by their codes (USCC)."""
        with self._transactions.reading() as connection:
            rows = connection.execute(select(departments.c.uscc, departments.c.name))
            return {row.uscc: row.name for row in rows}

    def name_of(self, account: str) -> str | None:
        """Return the name of an officer, present or former."""
        query = select(officers.c.name).where(officers.c.account == account)
        with self._transactions.reading() as connection:
            name = connection.scalar(query)
        if name is None:
            return None
        return self._personal_data.decrypt(name, officers.c.name, account)

    def _find(
        self, connection: Connection, query: Select[Any], at: datetime, **which: str
    ) -> tuple[Officer, ...]:
        values = {**which, "now": at, "today": at.astimezone(CHINA_TIME).date()}
        names: dict[str, bytes] = {}
        posts: defaultdict[str, list[PostHeld]] = defaultdict(list)
        for row in connection.execute(query, values):
            names[row.account] = row.name
            posts[row.account].append(read_post(row))
        return tuple(
            Officer(
                account=account,
                name=self._personal_data.decrypt(name, officers.c.name, account),
                posts=tuple(posts[account]),
            )
            for account, name in names.items()
        )


def read_post(row: Row[Any]) -> PostHeld:
    """Return the post in a `row` of the table `posts_held`."""
    return PostHeld(
        authority=row.authority,
        department=row.department,
        post=Post(row.post),
        since=row.since,
        until=row.until,
        stand_in_for=row.stand_in_for,
    )


# Built once: building one takes as long as asking it, and every page of an officer asks.
_IN_FORCE = and_(
    posts_held.c.since <= bindparam("today"),
    or_(posts_held.c.until.is_(None), posts_held.c.until >= bindparam("today")),
    or_(posts_held.c.ended_at.is_(None), posts_held.c.ended_at > bindparam("now")),
)
_POSTS = (
    select(posts_held, officers.c.name)
    .join(officers, officers.c.account == posts_held.c.account)
    .where(_IN_FORCE, or_(officers.c.left_at.is_(None), officers.c.left_at > bindparam("now")))
    .order_by(posts_held.c.account, posts_held.c.post, posts_held.c.authority)
)
_OF_ACCOUNT = _POSTS.where(posts_held.c.account == bindparam("account"))
_HOLDING = _POSTS.where(
    posts_held.c.account.in_(
        select(posts_held.c.account).where(posts_held.c.post == bindparam("post"), _IN_FORCE)
    )
)
