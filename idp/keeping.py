"""What is kept for a browser while it is elsewhere: for a while, and handed back to it alone.

A row is found by the SM3 of a secret that travels (a `state`, an id in an address) together with
that of a secret that stays (the browser's cookie) or of the session it belongs to; its content is
encrypted for its row.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, insert, select

from idp.database import Transactions
from idp.errors import UnknownAttemptError
from idp.personal_data import PersonalData
from idp.tables import kept_for_browsers as kept
from signing.canonical import sm3

LONGEST_SECRET = 200
"""No secret of ours is longer; what is longer is not looked for."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """Keeps things of one kind."""

    transactions: Transactions
    personal_data: PersonalData
    kind: str
    lifetime: timedelta
    most: int
    """How many of one owner; of more, the oldest go: a browser cannot fill the database."""

    def keep(self, key: str, owner: str, content: str, *, at: datetime) -> None:
        """Keep `content` under `key` for `owner`, and throw away what is too old."""
        key_sm3 = _sm3(key)
        row = {
            "key_sm3": key_sm3,
            "kind": self.kind,
            "owner_sm3": _sm3(owner),
            "content": self.personal_data.encrypt(content, kept.c.content, key_sm3.hex()),
            "kept_at": at,
            "expires_at": at + self.lifetime,
        }
        own = and_(kept.c.owner_sm3 == row["owner_sm3"], kept.c.kind == self.kind)
        newest = select(kept.c.key_sm3).where(own).order_by(kept.c.kept_at.desc())
        with self.transactions() as connection:
            connection.execute(delete(kept).where(kept.c.expires_at <= at))
            surplus = connection.scalars(newest.offset(self.most - 1)).all()
            if surplus:
                connection.execute(delete(kept).where(kept.c.key_sm3.in_(surplus)))
            connection.execute(insert(kept).values(row))

    def take(self, unverified_key: str, unverified_owner: str, *, at: datetime) -> str:
        """Return what was kept, once. Raise `UnknownAttemptError`: which of all is not told."""
        found = self._where(unverified_key, unverified_owner, at)
        with self.transactions() as connection:
            content = connection.scalar(delete(kept).where(found).returning(kept.c.content))
        return self._opened(content, unverified_key)

    def look_at(self, unverified_key: str, unverified_owner: str, *, at: datetime) -> str:
        """Return what was kept and keep it on. Raise `UnknownAttemptError`."""
        found = self._where(unverified_key, unverified_owner, at)
        with self.transactions.reading() as connection:
            content = connection.scalar(select(kept.c.content).where(found))
        return self._opened(content, unverified_key)

    def _where(self, key: str, owner: str, at: datetime) -> ColumnElement[bool]:
        if not (0 < len(key) <= LONGEST_SECRET and 0 < len(owner) <= LONGEST_SECRET):
            raise UnknownAttemptError
        return and_(
            kept.c.key_sm3 == _sm3(key),
            kept.c.owner_sm3 == _sm3(owner),
            kept.c.kind == self.kind,
            kept.c.expires_at > at,
        )

    def _opened(self, content: bytes | None, key: str) -> str:
        if content is None:
            raise UnknownAttemptError
        return self.personal_data.decrypt(content, kept.c.content, _sm3(key).hex())


def _sm3(secret: str) -> bytes:
    return sm3(secret.encode("utf-8", "surrogatepass"))
