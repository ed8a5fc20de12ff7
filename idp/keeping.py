"""What is kept for a browser while it is elsewhere: for a while, and handed back to it alone.

A row is found by the SM3 of a secret that travels (a `state`, an id in an address) together with
that of a secret that stays (the browser's cookie) or of the session it belongs to; its content is
encrypted for its row.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, delete, insert, select

from idp.database import Transactions
from idp.errors import UnknownAttemptError
from idp.personal_data import PersonalData
from idp.tables import kept_for_browsers as kept
from signing.canonical import sm3

LONGEST_SECRET = 200
"""No secret of ours is longer; what is longer is not looked for."""

# Built once: building a statement takes as long as asking it.
_FOUND = and_(
    kept.c.key_sm3 == bindparam("key"),
    kept.c.owner_sm3 == bindparam("owner"),
    kept.c.kind == bindparam("which"),
    kept.c.expires_at > bindparam("now"),
)
_TAKE = delete(kept).where(_FOUND).returning(kept.c.content)
_LOOK_AT = select(kept.c.content).where(_FOUND)
_INSERT = insert(kept)
_FORGET = delete(kept).where(kept.c.expires_at <= bindparam("now"))
_SURPLUS = (
    select(kept.c.key_sm3)
    .where(kept.c.owner_sm3 == bindparam("owner"), kept.c.kind == bindparam("which"))
    .order_by(kept.c.kept_at.desc())
    .offset(bindparam("kept"))
)


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
        own = {"owner": row["owner_sm3"], "which": self.kind, "kept": self.most - 1}
        with self.transactions() as connection:
            connection.execute(_FORGET, {"now": at})
            surplus = connection.scalars(_SURPLUS, own).all()
            if surplus:
                connection.execute(delete(kept).where(kept.c.key_sm3.in_(surplus)))
            connection.execute(_INSERT, row)

    def take(self, unverified_key: str, unverified_owner: str, *, at: datetime) -> str:
        """Return what was kept, once. Raise `UnknownAttemptError`: which of all is not told."""
        which = self._which(unverified_key, unverified_owner, at)
        with self.transactions() as connection:
            content = connection.scalar(_TAKE, which)
        return self._opened(content, unverified_key)

    def look_at(self, unverified_key: str, unverified_owner: str, *, at: datetime) -> str:
        """Return what was kept and keep it on. Raise `UnknownAttemptError`."""
        which = self._which(unverified_key, unverified_owner, at)
        with self.transactions.reading() as connection:
            content = connection.scalar(_LOOK_AT, which)
        return self._opened(content, unverified_key)

    def _which(self, key: str, owner: str, at: datetime) -> dict[str, object]:
        if not (0 < len(key) <= LONGEST_SECRET and 0 < len(owner) <= LONGEST_SECRET):
            raise UnknownAttemptError
        return {"key": _sm3(key), "owner": _sm3(owner), "which": self.kind, "now": at}

    def _opened(self, content: bytes | None, key: str) -> str:
        if content is None:
            raise UnknownAttemptError
        return self.personal_data.decrypt(content, kept.c.content, _sm3(key).hex())


def _sm3(secret: str) -> bytes:
    return sm3(secret.encode("utf-8", "surrogatepass"))
