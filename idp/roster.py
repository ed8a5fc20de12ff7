"""The departments and officers that the identity database knows, as one picture to compare with."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from idp.officers import PostHeld, read_post
from idp.org_files import Department
from idp.personal_data import PersonalData
from idp.tables import departments, officers, posts_held


@dataclass(frozen=True, slots=True)
class KnownOfficer:
    """An officer in the database, who may have left."""

    account: str
    username: str = field(repr=False)
    name: str = field(repr=False)
    document_index: bytes
    posts: frozenset[PostHeld]
    """Those nobody ended, past and future ones included."""
    account_made_here: bool
    opened: bool
    """Whether the account has got its first password."""
    left: bool


@dataclass(frozen=True, slots=True)
class Roster:
    """All departments by USCC, all officers by account."""

    departments: Mapping[str, Department]
    officers: Mapping[str, KnownOfficer]


def read_roster(connection: Connection, personal_data: PersonalData) -> Roster:
    """Return what the database knows."""
    posts: defaultdict[str, set[PostHeld]] = defaultdict(set)
    for row in connection.execute(select(posts_held).where(posts_held.c.ended_at.is_(None))):
        posts[row.account].add(read_post(row))
    return Roster(
        departments={
            row.uscc: Department(row.uscc, row.name, row.code, row.parent)
            for row in connection.execute(select(departments))
        },
        officers={
            row.account: KnownOfficer(
                account=row.account,
                username=personal_data.decrypt(row.username, officers.c.username, row.account),
                name=personal_data.decrypt(row.name, officers.c.name, row.account),
                document_index=row.document_index,
                posts=frozenset(posts[row.account]),
                account_made_here=row.account_made_here,
                opened=row.opened_at is not None,
                left=row.left_at is not None,
            )
            for row in connection.execute(select(officers))
        },
    )


def set_departments(connection: Connection, wanted: tuple[Department, ...]) -> None:
    """Make `wanted`, each after its parent, the only departments."""
    known = {row.uscc: row for row in connection.execute(select(departments))}
    for department in wanted:
        values = {
            "code": department.code,
            "name": department.name,
            "parent": department.parent,
        }
        if department.uscc in known:
            connection.execute(
                update(departments).where(departments.c.uscc == department.uscc).values(values)
            )
        else:
            connection.execute(insert(departments), {"uscc": department.uscc} | values)
    gone = known.keys() - {department.uscc for department in wanted}
    # Whatever hangs below one that is gone is gone too, or hangs elsewhere by now.
    below = update(departments).where(departments.c.uscc.in_(gone)).values(parent=None)
    connection.execute(below)
    connection.execute(delete(departments).where(departments.c.uscc.in_(gone)))


def mark_opened(connection: Connection, account: str, *, at: datetime | None) -> None:
    """Note that the account got its first password at `at`, or (None) waits for one."""
    connection.execute(update(officers).where(officers.c.account == account).values(opened_at=at))
