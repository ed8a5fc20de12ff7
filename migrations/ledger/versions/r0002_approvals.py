"""Approvals and authorisations in the same chain, and uses of keys bound to them.

The table of events is made anew (SQLite cannot widen a check), row by row as it was: columns that
a row does not fill are no part of what is chained, so the chain holds across.
"""

import sqlalchemy as sa
from alembic import op

revision = "ledger_0002"
down_revision = "ledger_0001"
branch_labels = None
depends_on = None

_KEPT = (
    "number, event, at, subject_kind, subject_id, opening, key, purpose, digest, officer, "
    "approval_kind, approval_sm3, draft_sm3, reason, previous_sm3, sm3"
)

# Numbers without a gap: this also keeps INSERT OR REPLACE from replacing a row.
_NEXT_NUMBER = """
    CREATE TRIGGER events_next_number BEFORE INSERT ON events
    WHEN NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM events)
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END
"""
# A subject is in use from its opening on, until that opening is abandoned.
_ONE_USE = """
    CREATE TRIGGER events_one_use BEFORE INSERT ON events
    WHEN NEW.event = 'opened' AND EXISTS (
        SELECT 1 FROM events AS opening
        WHERE opening.subject_id = NEW.subject_id AND opening.subject_kind = NEW.subject_kind
        AND opening.event = 'opened' AND NOT EXISTS (
            SELECT 1 FROM events AS closing
            WHERE closing.opening = opening.number AND closing.event = 'abandoned'))
    BEGIN SELECT RAISE(ABORT, 'subject in use'); END
"""
# What follows an opening is about the same subject, and nothing follows a closing.
_OPEN_USE = """
    CREATE TRIGGER events_open_use BEFORE INSERT ON events
    WHEN NEW.event IN ('resumed', 'completed', 'abandoned') AND (
        NOT EXISTS (
            SELECT 1 FROM events AS opening
            WHERE opening.number = NEW.opening AND opening.event = 'opened'
            AND opening.subject_id = NEW.subject_id AND opening.subject_kind = NEW.subject_kind)
        OR EXISTS (
            SELECT 1 FROM events AS closing
            WHERE closing.opening = NEW.opening AND closing.event IN ('completed', 'abandoned')))
    BEGIN SELECT RAISE(ABORT, 'use not open'); END
"""
# A draft belongs to one subject, one content and, where an officer approved it, one approval, for
# ever: prepared anew after an abandoned use, it is still that.
_ONE_DRAFT = """
    CREATE TRIGGER events_one_draft BEFORE INSERT ON events
    WHEN NEW.event = 'opened' AND NEW.draft_id IS NOT NULL AND EXISTS (
        SELECT 1 FROM events AS opening
        WHERE opening.draft_id = NEW.draft_id AND opening.event = 'opened' AND (
            opening.subject_id <> NEW.subject_id OR opening.subject_kind <> NEW.subject_kind
            OR opening.draft_sm3 IS NOT NEW.draft_sm3
            OR (opening.approval_kind = 'sealing_approval'
                AND opening.approval IS NOT NEW.approval)))
    BEGIN SELECT RAISE(ABORT, 'draft consumed'); END
"""
# Under an approval only what is on its list is sealed, for its authority, in its officer's name.
_APPROVED = """
    CREATE TRIGGER events_approved BEFORE INSERT ON events
    WHEN NEW.event = 'opened' AND NEW.approval_kind = 'sealing_approval' AND NOT EXISTS (
        SELECT 1 FROM events AS approved
        JOIN approved_drafts AS draft ON draft.approval = approved.number
        WHERE approved.number = NEW.approval AND approved.event = 'approved'
        AND approved.officer = NEW.officer AND approved.authority = NEW.authority
        AND approved.approval_sm3 = NEW.approval_sm3
        AND draft.draft_id = NEW.draft_id AND draft.draft_sm3 = NEW.draft_sm3)
    BEGIN SELECT RAISE(ABORT, 'not approved'); END
"""
# Unattended use stays within its authorisation: authority, period, not recalled, so many a day in
# China, counted without a gap.
_AUTHORISED = """
    CREATE TRIGGER events_authorised BEFORE INSERT ON events
    WHEN NEW.event = 'opened' AND NEW.approval_kind = 'sealing_authorisation' AND (
        NOT EXISTS (
            SELECT 1 FROM events AS authorised
            WHERE authorised.number = NEW.approval AND authorised.event = 'authorised'
            AND authorised.officer = NEW.officer AND authorised.authority = NEW.authority
            AND authorised.approval_sm3 = NEW.approval_sm3
            AND json_extract(authorised.content, '$.since') <= NEW.at
            AND json_extract(authorised.content, '$.until') > NEW.at
            AND json_extract(authorised.content, '$.daily_cap') >= NEW.of_day)
        OR EXISTS (
            SELECT 1 FROM events AS recalled
            WHERE recalled.opening = NEW.approval AND recalled.event = 'recalled')
        OR NEW.day IS NOT date(NEW.at, '+8 hours')
        OR NEW.of_day IS NOT 1 + (
            SELECT coalesce(max(of_day), 0) FROM events
            WHERE approval = NEW.approval AND day = NEW.day))
    BEGIN SELECT RAISE(ABORT, 'not authorised'); END
"""
_RECALLED = """
    CREATE TRIGGER events_recalled BEFORE INSERT ON events
    WHEN NEW.event = 'recalled' AND NOT EXISTS (
        SELECT 1 FROM events AS authorised
        WHERE authorised.number = NEW.opening AND authorised.event = 'authorised'
        AND authorised.subject_id = NEW.subject_id)
    BEGIN SELECT RAISE(ABORT, 'nothing to recall'); END
"""
# The list of an approval is written with it and never grows; nobody approves what he drafted.
_LIST_OF_APPROVAL = """
    CREATE TRIGGER approved_drafts_with_approval BEFORE INSERT ON approved_drafts
    WHEN NOT EXISTS (
        SELECT 1 FROM events
        WHERE number = NEW.approval AND event = 'approved' AND officer <> NEW.drafter
        AND number = (SELECT max(number) FROM events))
    BEGIN SELECT RAISE(ABORT, 'no list of this approval'); END
"""


def upgrade() -> None:
    for trigger in ("next_number", "no_update", "no_delete", "one_use", "open_use"):
        op.execute(f"DROP TRIGGER events_{trigger}")
    _create_events()
    op.execute(f"INSERT INTO events_new ({_KEPT}) SELECT {_KEPT} FROM events ORDER BY number")  # noqa: S608 - names of columns
    op.drop_table("events")
    op.rename_table("events_new", "events")
    op.create_index("events_of_subject", "events", ["subject_id", "subject_kind"])
    op.create_index("events_of_opening", "events", ["opening"])
    op.create_index("events_of_draft", "events", ["draft_id"])
    op.create_index("events_of_approval", "events", ["approval", "day", "of_day"])
    op.create_index(
        "events_of_permits",
        "events",
        ["event", "approval_sm3"],
        sqlite_where=sa.text("event IN ('approved', 'authorised', 'recalled')"),
    )
    _create_approvals()
    for table in ("events", "approved_drafts", "evidence"):
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END"
            )
    for trigger in (
        *(_NEXT_NUMBER, _ONE_USE, _OPEN_USE, _ONE_DRAFT),
        *(_APPROVED, _AUTHORISED, _RECALLED, _LIST_OF_APPROVAL),
    ):
        op.execute(trigger)


def _create_events() -> None:
    op.create_table(
        "events_new",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("opening", sa.Integer(), sa.ForeignKey("events_new.number")),
        sa.Column("key", sa.Text()),
        sa.Column("purpose", sa.Text()),
        sa.Column("digest", sa.Text()),
        sa.Column("officer", sa.Text()),
        sa.Column("approval_kind", sa.Text()),
        sa.Column("approval_sm3", sa.Text()),
        sa.Column("draft_sm3", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("draft_id", sa.Text()),
        sa.Column("authority", sa.Text()),
        sa.Column("approval", sa.Integer(), sa.ForeignKey("events_new.number")),
        sa.Column("content", sa.Text()),
        sa.Column("day", sa.Text()),
        sa.Column("of_day", sa.Integer()),
        sa.Column("previous_sm3", sa.Text(), nullable=False),
        sa.Column("sm3", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "event IN ('opened', 'resumed', 'completed', 'abandoned', "
            "'approved', 'authorised', 'recalled')",
            name="events_known",
        ),
        sa.CheckConstraint(
            "event <> 'opened' OR opening IS NULL AND key IS NOT NULL AND purpose IS NOT NULL "
            "AND digest IS NOT NULL AND officer IS NOT NULL AND approval_kind IS NOT NULL "
            "AND approval_sm3 IS NOT NULL",
            name="events_opening_whole",
        ),
        sa.CheckConstraint("event <> 'abandoned' OR reason IS NOT NULL", name="events_why"),
        sa.CheckConstraint(
            "event NOT IN ('approved', 'authorised') OR digest IS NOT NULL "
            "AND officer IS NOT NULL AND approval_kind IS NOT NULL AND approval_sm3 IS NOT NULL "
            "AND authority IS NOT NULL AND (event = 'approved' OR content IS NOT NULL)",
            name="events_permit_whole",
        ),
        sa.CheckConstraint(
            "event <> 'recalled' OR opening IS NOT NULL AND officer IS NOT NULL "
            "AND reason IS NOT NULL",
            name="events_recall_whole",
        ),
    )


def _create_approvals() -> None:
    op.create_table(
        "approved_drafts",
        sa.Column("approval", sa.Integer(), sa.ForeignKey("events.number"), primary_key=True),
        sa.Column("draft_id", sa.Text(), primary_key=True),
        sa.Column("draft_sm3", sa.Text(), nullable=False),
        sa.Column("drafter", sa.Text(), nullable=False),
    )
    op.create_index("approved_drafts_of_draft", "approved_drafts", ["draft_id"])
    op.create_table(
        "evidence",
        sa.Column("permit", sa.Integer(), sa.ForeignKey("events.number"), primary_key=True),
        sa.Column("encrypted", sa.LargeBinary(), nullable=False),
    )
