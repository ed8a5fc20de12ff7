"""One table of events, which only grows, and the rules that hold whoever writes to it."""

import sqlalchemy as sa
from alembic import op

revision = "ledger_0001"
down_revision = None
branch_labels = None
depends_on = None

# Numbers without a gap: this also keeps INSERT OR REPLACE from replacing a row.
_NEXT_NUMBER = """
    CREATE TRIGGER events_next_number BEFORE INSERT ON events
    WHEN NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM events)
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END
"""
_NO_UPDATE = """
    CREATE TRIGGER events_no_update BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END
"""
_NO_DELETE = """
    CREATE TRIGGER events_no_delete BEFORE DELETE ON events
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
    WHEN NEW.event <> 'opened' AND (
        NOT EXISTS (
            SELECT 1 FROM events AS opening
            WHERE opening.number = NEW.opening AND opening.event = 'opened'
            AND opening.subject_id = NEW.subject_id AND opening.subject_kind = NEW.subject_kind)
        OR EXISTS (
            SELECT 1 FROM events AS closing
            WHERE closing.opening = NEW.opening AND closing.event IN ('completed', 'abandoned')))
    BEGIN SELECT RAISE(ABORT, 'use not open'); END
"""


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("opening", sa.Integer(), sa.ForeignKey("events.number")),
        sa.Column("key", sa.Text()),
        sa.Column("purpose", sa.Text()),
        sa.Column("digest", sa.Text()),
        sa.Column("officer", sa.Text()),
        sa.Column("approval_kind", sa.Text()),
        sa.Column("approval_sm3", sa.Text()),
        sa.Column("draft_sm3", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("previous_sm3", sa.Text(), nullable=False),
        sa.Column("sm3", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "event IN ('opened', 'resumed', 'completed', 'abandoned')", name="events_known"
        ),
        sa.CheckConstraint(
            "event <> 'opened' OR opening IS NULL AND key IS NOT NULL AND purpose IS NOT NULL "
            "AND digest IS NOT NULL AND officer IS NOT NULL AND approval_kind IS NOT NULL "
            "AND approval_sm3 IS NOT NULL",
            name="events_opening_whole",
        ),
        sa.CheckConstraint("event <> 'abandoned' OR reason IS NOT NULL", name="events_why"),
    )
    op.create_index("events_of_subject", "events", ["subject_id", "subject_kind"])
    op.create_index("events_of_opening", "events", ["opening"])
    for trigger in (_NEXT_NUMBER, _NO_UPDATE, _NO_DELETE, _ONE_USE, _OPEN_USE):
        op.execute(trigger)
