"""How approvals and authorisations get into the ledger: each checked once, then kept.

Both come as the ID token of a fresh sign-in whose nonce says what it is for. The steps:

1. what is to be allowed has a form and belongs together;
2. the token: signature by a pinned key, issuer, client, nonce, times (`SignInChecks`);
3. this officer, signed in by two factors, known in person, after he was asked and just now;
4. he holds the post at this authority, and drafted nothing of it himself;
5. the token is encrypted; list, digest and officer enter the chain, in one commit.

The evidence is in nobody's way later: a crash, a second try and another process use the record.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from json import loads
from typing import Protocol
from uuid import uuid4

from hsm.approvals import OperatorCommand, SealingApproval
from hsm.errors import ApprovalRejectedError, LedgerBrokenError
from hsm.ledger import Ledger
from hsm.permit_rows import (
    OF_DEVELOPMENT,
    approvals_of_drafts,
    find_approval,
    find_authorisation_row,
    find_authorisations,
    find_authorisations_for,
    find_evidence,
    insert_approval,
    insert_authorisation,
    insert_recall,
    used_on_day,
)
from hsm.permits import (
    MOST_DRAFTS,
    RecordedApproval,
    SealingAuthorisation,
    UnattendedUse,
    write_time,
)
from signing.canonical import sm3
from signing.envelope import DataKey
from signing.errors import DamagedEnvelopeError

LEAST_AUTHENTICATION_LEVEL = 2
"""Of a sign-in that seals: two factors."""
LEAST_IDENTITY_LEVEL = 3
"""Of who seals: he was seen."""
FRESH = timedelta(minutes=10)
"""How old the sign-in may be when it is recorded: time to press a button and to be answered."""
CLOCK_SKEW = timedelta(seconds=30)
"""How much the provider's clock may be ahead of ours."""
LONGEST_TOKEN = 65_536
"""Octets of an ID token; usually 1,200."""

SEALING_POST, SEAL_KEEPING_POST = "sealing", "seal_keeping"

_REASON = re.compile(r"[a-z][a-z0-9_]{0,63}")


class SignIn(Protocol):
    """A sign-in that an ID token proves."""

    @property
    def account(self) -> str:
        """Who signed in."""
        ...

    @property
    def level(self) -> int:
        """How: 1 to 3."""
        ...

    @property
    def identity_level(self) -> int:
        """How he was checked: 0 to 4."""
        ...

    @property
    def authenticated_at(self) -> datetime:
        """When."""
        ...


class SignInChecks(Protocol):
    """Answers what custody asks about officers and knows nothing of."""

    def verify_sign_in(self, unverified_id_token: str, *, nonce: str, at: datetime) -> SignIn:
        """Return the sign-in; raise `ApprovalRejectedError` unless the token is one for this.

        It is signed by a key that is pinned, of our provider, for the client of approvals alone,
        in force, and bears this nonce. Raise `SignInUnverifiableError` when that cannot be found
        out now.
        """
        ...

    def verify_post(self, account: str, post: str, *, authority: str, at: datetime) -> None:
        """Raise `ApprovalRejectedError` unless the officer holds the post at the authority now."""
        ...


class Permissions:
    """Checks and keeps approvals and authorisations. Threads and processes may share the ledger.

    Every method may raise `LedgerUnavailableError`.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        clock: Callable[[], datetime],
        evidence_key: DataKey,
        development: bool,
    ) -> None:
        """Keep them in `ledger`, their evidence encrypted with `evidence_key`."""
        self._ledger = ledger
        self._clock = clock
        self._evidence_key = evidence_key
        self._development = development
        self._checks: SignInChecks | None = None

    def introduce(self, checks: SignInChecks) -> None:
        """Learn whom to ask about officers; before that, nobody can approve anything."""
        self._checks = checks

    def record(self, approval: SealingApproval) -> RecordedApproval:
        """Return the approval as the ledger keeps it from now on; again: the same.

        Raise `ApprovalRejectedError`, `SignInUnverifiableError`; then nothing is kept.
        """
        at = self._now()
        drafts = approval.drafts
        if not 0 < len(drafts) <= MOST_DRAFTS or len({d.draft_id for d in drafts}) < len(drafts):
            raise ApprovalRejectedError("not a list of drafts")
        if any(draft.drafter == approval.officer for draft in drafts):
            raise ApprovalRejectedError("drafted by himself")
        evidence = _evidence(approval.id_token)
        evidence_sm3 = sm3(evidence).hex()
        with self._ledger.file.snapshot() as connection:
            if held := find_approval(connection, evidence_sm3):
                return _same(approval, *held)
        self._verify_sign_in(
            approval.officer,
            approval.id_token,
            nonce=approval.nonce,
            post=SEALING_POST,
            authority=approval.authority,
            asked_at=approval.asked_at,
            at=at,
        )
        event = {
            "at": write_time(at),
            "subject_id": uuid4().hex,
            "digest": approval.nonce,
            "officer": approval.officer,
            "authority": approval.authority,
            "approval_kind": RecordedApproval.kind,
            "approval_sm3": evidence_sm3,
        }
        encrypted = self._encrypt(evidence, evidence_sm3)
        with self._ledger.file.transaction() as connection:
            if held := find_approval(connection, evidence_sm3):
                return _same(approval, *held)
            number = insert_approval(connection, event, drafts, encrypted)
        return RecordedApproval(number, approval.officer, approval.authority, evidence_sm3, at)

    def of_drafts(self, draft_ids: Collection[str]) -> dict[tuple[str, str], RecordedApproval]:
        """Return the latest approval kept of each draft, by (draft_id, draft_sm3)."""
        with self._ledger.file.snapshot() as connection:
            return approvals_of_drafts(connection, draft_ids)

    def authorise(
        self,
        authorisation: SealingAuthorisation,
        *,
        keeper: str,
        id_token: str,
        asked_at: datetime,
    ) -> UnattendedUse:
        """Return the authorisation that the seal keeper gave, as the ledger keeps it from now on.

        Raise `ApprovalRejectedError`; then nothing is kept.
        """
        at = self._now()
        evidence = _evidence(id_token)
        self._verify_sign_in(
            keeper,
            id_token,
            nonce=authorisation.nonce,
            post=SEAL_KEEPING_POST,
            authority=authorisation.authority,
            asked_at=asked_at,
            at=at,
        )
        return self._insert(authorisation, keeper, "seal_keepers_sign_in", evidence, at=at)

    def authorise_for_development(
        self, authorisation: SealingAuthorisation, *, operator: str
    ) -> UnattendedUse:
        """Return an authorisation that nobody signed in for; it counts in development only."""
        if not self._development:
            raise ApprovalRejectedError("development only")
        evidence = OperatorCommand(operator).evidence
        return self._insert(authorisation, operator, OF_DEVELOPMENT, evidence, at=self._now())

    def recall(self, number: int, *, officer: str, reason: str) -> None:
        """Stop the authorisation in this row at once; again: nothing changes.

        `reason` is a code. Anyone who may command custody may stop what it does unattended, so no
        sign-in is asked for. Raise `ApprovalRejectedError` if there is none.
        """
        if not _REASON.fullmatch(reason):
            raise ValueError("a reason is a code, not a text")
        with self._ledger.file.transaction() as connection:
            use = find_authorisation_row(connection, number)
            if use is None:
                raise ApprovalRejectedError("no authorisation")
            if not use.recalled:
                insert_recall(connection, use, officer=officer, reason=reason, at=self._now())

    def authorisations(self) -> list[UnattendedUse]:
        """Return all authorisations that were ever given, in that order."""
        with self._ledger.file.snapshot() as connection:
            return find_authorisations(connection)

    def used_today(self, number: int) -> int:
        """Return how often the authorisation in this row was used today in China."""
        with self._ledger.file.snapshot() as connection:
            return used_on_day(connection, number, self._now())

    def in_force(self, *, authority: str, type_code: str) -> UnattendedUse:
        """Return the latest authorisation that this authority's certificates of this type have.

        Raise `ApprovalRejectedError` if none is in force.
        """
        return self.room(authority=authority, type_code=type_code)[0]

    def room(self, *, authority: str, type_code: str) -> tuple[UnattendedUse, int]:
        """Return the same, and how often it can still be used today."""
        at = self._now()
        with self._ledger.file.snapshot() as connection:
            for use in find_authorisations_for(
                connection, authority=authority, type_code=type_code
            ):
                if use.in_force(at) and (self._development or not use.of_development):
                    used = used_on_day(connection, use.number, at)
                    return use, use.authorisation.daily_cap - used
        raise ApprovalRejectedError("no authorisation in force")

    def verify_evidence(self) -> None:
        """Raise `LedgerBrokenError` unless each permit has the evidence it was given for.

        The token opens, is the one whose digest stands in the chain, and names officer and nonce.
        Its signature is not verified again: keys of providers come and go.
        """
        with self._ledger.file.snapshot() as connection:
            for row in find_evidence(connection):
                if row.approval_kind == OF_DEVELOPMENT:
                    continue
                try:
                    evidence = self._evidence_key.decrypt(
                        row.encrypted or b"", context=_context(row.approval_sm3)
                    )
                    said = _read_payload(evidence)
                except (DamagedEnvelopeError, ValueError):
                    raise LedgerBrokenError(row.number) from None
                told = (sm3(evidence).hex(), said.get("nonce"), said.get("sub"))
                if told != (row.approval_sm3, row.digest, row.officer):
                    raise LedgerBrokenError(row.number)

    def _verify_sign_in(  # noqa: PLR0913 - what a sign-in is held against
        self,
        officer: str,
        unverified_id_token: str,
        *,
        nonce: str,
        post: str,
        authority: str,
        asked_at: datetime,
        at: datetime,
    ) -> None:
        """Raise `ApprovalRejectedError` unless steps 2 to 4 hold."""
        if self._checks is None:
            raise ApprovalRejectedError("nobody can be asked about officers")
        sign_in = self._checks.verify_sign_in(unverified_id_token, nonce=nonce, at=at)
        if sign_in.account != officer:
            raise ApprovalRejectedError("another officer's")
        if sign_in.level < LEAST_AUTHENTICATION_LEVEL:
            raise ApprovalRejectedError("signed in by one factor")
        if sign_in.identity_level < LEAST_IDENTITY_LEVEL:
            raise ApprovalRejectedError("not known in person")
        # auth_time is in whole seconds.
        if sign_in.authenticated_at < asked_at.replace(microsecond=0):
            raise ApprovalRejectedError("signed in before he was asked")
        if not -CLOCK_SKEW <= at - sign_in.authenticated_at <= FRESH:
            raise ApprovalRejectedError("not signed in just now")
        self._checks.verify_post(officer, post, authority=authority, at=at)

    def _insert(
        self,
        authorisation: SealingAuthorisation,
        keeper: str,
        kind: str,
        evidence: bytes,
        *,
        at: datetime,
    ) -> UnattendedUse:
        evidence_sm3 = sm3(evidence).hex()
        of_development = kind == OF_DEVELOPMENT
        event = {
            "at": write_time(at),
            "subject_id": authorisation.id,
            "digest": authorisation.nonce,
            "officer": keeper,
            "authority": authorisation.authority,
            "approval_kind": kind,
            "approval_sm3": evidence_sm3,
            "content": authorisation.statement,
        }
        encrypted = None if of_development else self._encrypt(evidence, evidence_sm3)
        with self._ledger.file.transaction() as connection:
            known = {use.authorisation.id for use in find_authorisations(connection)}
            if authorisation.id in known:
                raise ApprovalRejectedError("given before")
            number = insert_authorisation(connection, event, encrypted)
        return UnattendedUse(
            number, authorisation, keeper, evidence_sm3, of_development, recalled=False
        )

    def _encrypt(self, evidence: bytes, evidence_sm3: str) -> bytes:
        return self._evidence_key.encrypt(evidence, context=_context(evidence_sm3))

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC).replace(microsecond=0)


def _evidence(unverified_id_token: str) -> bytes:
    if not unverified_id_token.isascii() or len(unverified_id_token) > LONGEST_TOKEN:
        raise ApprovalRejectedError("not a token")
    return unverified_id_token.encode("ascii")


def _context(evidence_sm3: str) -> bytes:
    return f"ledger evidence {evidence_sm3}".encode("ascii", "replace")


def _same(approval: SealingApproval, held: RecordedApproval, nonce: str) -> RecordedApproval:
    """Return the approval that was recorded before with the same token, if it is the same."""
    given = (approval.officer, approval.authority, approval.nonce)
    if given != (held.officer, held.authority, nonce):
        raise ApprovalRejectedError("used for something else")
    return held


def _read_payload(evidence: bytes) -> dict[str, object]:
    """Return what a token says; raise `ValueError` where it says nothing."""
    parts = evidence.split(b".")
    if len(parts) != len(("header", "payload", "signature")):
        raise ValueError("not a token")
    said = loads(urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4)))
    if not isinstance(said, dict):
        raise ValueError("not a token")  # noqa: TRY004 - one error for what cannot be read
    return said
