"""What may stand behind a use of a seal: a list of drafts approved, or an authorisation in advance.

Both are given by a fresh sign-in of an officer whose `nonce` is the digest of what he allows, so
that his ID token allows this and nothing else. Both are kept in the ledger's chain.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Self

from signing.canonical import canonical_json, canonical_sm3, sm3

CHINA_TIME = timezone(timedelta(hours=8), "Asia/Shanghai")
"""Days of a daily cap are China's; it has kept this one offset since 1991."""
MOST_DRAFTS = 500
"""On one list, whoever asks: 50 kB in the ledger. The desk asks for fewer at once."""
LONGEST_AUTHORISATION = timedelta(days=366)
"""Whoever keeps a seal decides anew each year."""
MOST_A_DAY = 100_000
"""No daily cap is higher: one of our machines seals some hundred thousand a day."""

_ID = re.compile(r"[0-9a-f]{32}")
_SM3 = re.compile(r"[0-9a-f]{64}")
_CODE = re.compile(r"[0-9A-Z]{1,32}")


@dataclass(frozen=True, slots=True, order=True)
class DraftRef:
    """One draft in the content that somebody saw."""

    draft_id: str
    draft_sm3: str
    drafter: str
    """The account of the officer who wrote it."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for what is no id or no digest."""
        if not _ID.fullmatch(self.draft_id) or not _SM3.fullmatch(self.draft_sm3):
            raise ValueError("not the id and the digest of a draft")


def nonce_of(drafts: Iterable[DraftRef]) -> str:
    """Return the nonce with which an officer approves these drafts: 64 lower-case hex digits.

    SM3 of the canonical JSON (RFC 8785) of [[draft_id, draft_sm3], …], sorted by draft_id.
    """
    return canonical_sm3(sorted([draft.draft_id, draft.draft_sm3] for draft in drafts))


@dataclass(frozen=True, slots=True)
class SealingAuthorisation:
    """The seal keeper's leave to seal certificates of one type without an officer each time."""

    id: str
    authority: str
    """The unified social credit code of the authority whose seal it is."""
    type_code: str
    since: datetime
    until: datetime
    """Not any more from this moment on."""
    daily_cap: int
    """So many uses a day in China at most, those abandoned counted too."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for what cannot be authorised."""
        if not (
            _ID.fullmatch(self.id)
            and _CODE.fullmatch(self.authority)
            and _CODE.fullmatch(self.type_code)
            and timedelta() < self.until - self.since <= LONGEST_AUTHORISATION
            and 0 < self.daily_cap <= MOST_A_DAY
        ):
            raise ValueError("not an authorisation")

    @classmethod
    def from_statement(cls, statement: str) -> Self:
        """Return the authorisation that says this; raise `ValueError` for what is none."""
        try:
            terms = json.loads(statement)
            return cls(
                id=terms["authorisation"],
                authority=terms["authority"],
                type_code=terms["type"],
                since=datetime.fromisoformat(terms["since"]),
                until=datetime.fromisoformat(terms["until"]),
                daily_cap=terms["daily_cap"],
            )
        except (KeyError, TypeError):
            raise ValueError("not an authorisation") from None

    @property
    def statement(self) -> str:
        """What the seal keeper signs in for: its canonical JSON."""
        return canonical_json(
            {
                "authorisation": self.id,
                "authority": self.authority,
                "type": self.type_code,
                "since": write_time(self.since),
                "until": write_time(self.until),
                "daily_cap": self.daily_cap,
            }
        ).decode("ascii")

    @property
    def nonce(self) -> str:
        """The nonce of that sign-in: SM3 of the statement, 64 lower-case hex digits."""
        return sm3(self.statement.encode()).hex()

    def in_period(self, at: datetime) -> bool:
        """Whether `at` lies in the period."""
        return self.since <= at < self.until


@dataclass(frozen=True, slots=True)
class RecordedApproval:
    """An officer's approval of a list of drafts, checked and kept in the ledger."""

    number: int
    """Its row."""
    officer: str
    authority: str
    evidence_sm3: str
    recorded_at: datetime

    kind = "sealing_approval"


@dataclass(frozen=True, slots=True)
class UnattendedUse:
    """Sealing under an authorisation that the ledger keeps, with nobody looking on."""

    number: int
    """The authorisation's row."""
    authorisation: SealingAuthorisation
    officer: str
    """The seal keeper who gave it."""
    evidence_sm3: str
    of_development: bool
    """Written by `zhengyin init` in development: nobody signed in for it."""
    recalled: bool

    kind = "sealing_authorisation"

    def in_force(self, at: datetime) -> bool:
        """Whether it can be used at `at`, its daily cap aside."""
        return not self.recalled and self.authorisation.in_period(at)


def china_day(at: datetime) -> date:
    """Return the day it is in China."""
    return at.astimezone(CHINA_TIME).date()


def write_time(at: datetime) -> str:
    """Return a moment as the ledger writes it: in UTC, such that order of texts is that of time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
