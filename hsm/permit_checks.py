"""Whether a use of a key is allowed by what the ledger keeps, decided while nobody else writes.

The triggers of the ledger's tables hold most of this too, whoever writes; here it has its reasons.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from hsm.errors import ApprovalRejectedError, DailyCapReachedError, LedgerBrokenError
from hsm.permit_rows import (
    Begun,
    find_approval_row,
    find_authorisation_row,
    find_begun,
    find_drafts,
    find_lists,
    find_statements,
    used_on_day,
)
from hsm.permits import RecordedApproval, UnattendedUse, china_day
from hsm.uses import ApprovalRecord, Claim, KeyUse

APPROVAL_KEPT = timedelta(hours=24)
"""How long after its approval a draft can be begun: a crash is mended by then, and what an officer
approved last week is asked again. What was begun in time may be finished later."""

MOST_ATTEMPTS = 20
"""How often a draft can be begun anew under its approval. Each time a key may work for another
file; honest attempts are one, and one more for each crash that nobody mended in ten minutes."""


@dataclass(frozen=True, slots=True)
class _Approval:
    """An approval with its list, and what drafts of it were begun for."""

    recorded: RecordedApproval
    drafts: set[tuple[str, str]]
    begun: dict[str, Begun]


class PermitCheck:
    """What the uses opened by one transaction rest on; each row is read once."""

    def __init__(self, connection: Connection, *, accept_development: bool, at: datetime) -> None:
        """Check within the transaction of `connection`, which is the only writer."""
        self._connection = connection
        self._accept_development = accept_development
        self._at = at
        self._approvals: dict[int, _Approval] = {}
        self._authorisations: dict[int, UnattendedUse] = {}
        self._used: dict[int, int] = {}

    def allow(
        self, claim: Claim, approval: ApprovalRecord, abandoned: KeyUse | None
    ) -> dict[str, object]:
        """Return what the row of the opening says of its permit, if it rests on one.

        `abandoned` is the subject's earlier use. Raise `ApprovalRejectedError`,
        `DailyCapReachedError`.
        """
        match approval.kind:
            case RecordedApproval.kind:
                return self._allow_approved(claim, approval, abandoned)
            case UnattendedUse.kind:
                return self._allow_unattended(claim, approval)
            case _:
                return {}

    def verify_not_recalled(self, approval: ApprovalRecord) -> None:
        """Raise `ApprovalRejectedError` if the authorisation of an open use was recalled."""
        if approval.kind == UnattendedUse.kind and self._authorisation(approval).recalled:
            raise ApprovalRejectedError("recalled")

    def _allow_approved(
        self, claim: Claim, approval: ApprovalRecord, abandoned: KeyUse | None
    ) -> dict[str, object]:
        kept = self._approval(approval)
        recorded = kept.recorded
        given = (claim.officer, claim.authority, approval.evidence_sm3)
        if given != (recorded.officer, recorded.authority, recorded.evidence_sm3):
            raise ApprovalRejectedError("of another officer or authority")
        if (claim.draft_id, claim.draft_sm3) not in kept.drafts:
            raise ApprovalRejectedError("not on the list")
        if earlier := kept.begun.get(claim.draft_id or ""):
            if earlier.subject != (claim.subject.kind.value, claim.subject.id):
                raise ApprovalRejectedError("draft consumed")
            if earlier.times >= MOST_ATTEMPTS:
                raise ApprovalRejectedError("begun too often")
        before = abandoned.opening if abandoned is not None else None
        begun = before is not None and before.approval.number == recorded.number
        if not begun and self._at - recorded.recorded_at > APPROVAL_KEPT:
            raise ApprovalRejectedError("too long ago")
        if before is not None and before.approval.kind == RecordedApproval.kind and not begun:
            raise ApprovalRejectedError("begun under another approval")
        return {"approval": recorded.number}

    def _allow_unattended(self, claim: Claim, approval: ApprovalRecord) -> dict[str, object]:
        use = self._authorisation(approval)
        terms = use.authorisation
        given = (claim.officer, approval.evidence_sm3, claim.authority, claim.type_code)
        if given != (use.officer, use.evidence_sm3, terms.authority, terms.type_code):
            raise ApprovalRejectedError("for another authority or type")
        if use.of_development and not self._accept_development:
            raise ApprovalRejectedError("an authorisation of development")
        if not use.in_force(self._at):
            raise ApprovalRejectedError("not in force")
        if use.number not in self._used:
            self._used[use.number] = used_on_day(self._connection, use.number, self._at)
        self._used[use.number] += 1
        of_day = self._used[use.number]
        if of_day > terms.daily_cap:
            raise DailyCapReachedError(str(terms.daily_cap))
        return {
            "approval": use.number,
            "day": china_day(self._at).isoformat(),
            "of_day": of_day,
        }

    def _approval(self, approval: ApprovalRecord) -> "_Approval":
        number = approval.number
        if number is None:
            raise ApprovalRejectedError("not recorded")
        if number not in self._approvals:
            recorded = find_approval_row(self._connection, number)
            if recorded is None:
                raise ApprovalRejectedError("not recorded")
            self._approvals[number] = _Approval(
                recorded,
                find_drafts(self._connection, number),
                find_begun(self._connection, number),
            )
        return self._approvals[number]

    def _authorisation(self, approval: ApprovalRecord) -> UnattendedUse:
        number = approval.number
        if number is None:
            raise ApprovalRejectedError("not recorded")
        if number not in self._authorisations:
            use = find_authorisation_row(self._connection, number)
            if use is None:
                raise ApprovalRejectedError("not recorded")
            self._authorisations[number] = use
        return self._authorisations[number]


def verify_permits(connection: Connection) -> None:
    """Raise `LedgerBrokenError`, naming the first bad row, unless all uses were allowed."""
    for number, nonce, computed in (*find_lists(connection), *find_statements(connection)):
        if nonce != computed:
            raise LedgerBrokenError(number)
    for contradiction in _CONTRADICTIONS:
        bad = connection.execute(text(contradiction)).scalar_one_or_none()
        if bad is not None:
            raise LedgerBrokenError(bad)


_CONTRADICTIONS = (
    # A list without its approval, or with a draft of its own officer.
    """
    SELECT draft.approval FROM approved_drafts AS draft
    LEFT JOIN events AS approved ON approved.number = draft.approval
    WHERE approved.event IS NOT 'approved' OR approved.officer = draft.drafter
    ORDER BY draft.approval LIMIT 1
    """,
    # A use under an approval that does not allow it.
    """
    SELECT use.number FROM events AS use
    WHERE use.event = 'opened' AND use.approval_kind = 'sealing_approval' AND NOT EXISTS (
        SELECT 1 FROM events AS approved
        JOIN approved_drafts AS draft ON draft.approval = approved.number
        WHERE approved.number = use.approval AND approved.event = 'approved'
        AND approved.number < use.number
        AND approved.officer = use.officer AND approved.authority = use.authority
        AND approved.approval_sm3 = use.approval_sm3
        AND draft.draft_id = use.draft_id AND draft.draft_sm3 = use.draft_sm3)
    ORDER BY use.number LIMIT 1
    """,
    # A use under an authorisation that does not allow it, or not any more.
    """
    SELECT use.number FROM events AS use
    WHERE use.event = 'opened' AND use.approval_kind = 'sealing_authorisation' AND (
        NOT EXISTS (
            SELECT 1 FROM events AS authorised
            WHERE authorised.number = use.approval AND authorised.event = 'authorised'
            AND authorised.number < use.number
            AND authorised.officer = use.officer AND authorised.authority = use.authority
            AND authorised.approval_sm3 = use.approval_sm3
            AND json_extract(authorised.content, '$.since') <= use.at
            AND json_extract(authorised.content, '$.until') > use.at
            AND json_extract(authorised.content, '$.daily_cap') >= use.of_day)
        OR EXISTS (
            SELECT 1 FROM events AS recalled
            WHERE recalled.opening = use.approval AND recalled.event = 'recalled'
            AND recalled.number < use.number)
        OR use.day IS NOT date(use.at, '+8 hours'))
    ORDER BY use.number LIMIT 1
    """,
    # Uses of a day that were not counted one by one.
    """
    SELECT min(number) FROM events
    WHERE approval_kind = 'sealing_authorisation' AND event = 'opened'
    GROUP BY approval, day
    HAVING count(*) <> max(of_day) OR count(DISTINCT of_day) <> count(*)
    ORDER BY 1 LIMIT 1
    """,
    # One draft for two subjects, in two contents, or under two approvals.
    """
    SELECT max(number) FROM events WHERE event = 'opened' AND draft_id IS NOT NULL
    GROUP BY draft_id
    HAVING count(DISTINCT subject_kind || subject_id) > 1
    OR count(DISTINCT coalesce(draft_sm3, '')) > 1
    OR count(DISTINCT CASE approval_kind WHEN 'sealing_approval' THEN approval END) > 1
    ORDER BY 1 LIMIT 1
    """,
)
"""What cannot be: each query finds the first row that contradicts the rest."""
