"""Drafts, and the requests by which officers approve them."""

import sqlalchemy as sa
from alembic import op

revision = "register_0003"
down_revision = "register_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_approval_requests()
    _create_drafts()
    op.create_table(
        "approval_request_drafts",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("draft_id", sa.Text(), nullable=False),
        sa.Column("draft_sm3", sa.Text(), nullable=False),
        sa.Column("result", sa.Text()),
        sa.PrimaryKeyConstraint("request_id", "draft_id", name="approval_request_drafts_pkey"),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["approval_requests.id"],
            name="approval_request_drafts_request_id_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["drafts.id"], name="approval_request_drafts_draft_id_fkey"
        ),
    )


def _create_approval_requests() -> None:
    op.create_table(
        "approval_requests",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("officer", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True)),
        sa.Column("evidence", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="approval_requests_pkey"),
        sa.CheckConstraint(
            "state IN ('open', 'approved', 'done')", name="approval_requests_state_check"
        ),
        sa.CheckConstraint(
            "(state = 'open') = (approved_at IS NULL)", name="approval_requests_approved_at_check"
        ),
        sa.CheckConstraint(
            "(state = 'approved') = (evidence IS NOT NULL)",
            name="approval_requests_evidence_check",
        ),
    )
    approved = sa.text("state = 'approved'")
    op.create_index(
        "approval_requests_approved_idx",
        "approval_requests",
        ["id"],
        sqlite_where=approved,
        postgresql_where=approved,
    )


def _create_drafts() -> None:
    op.create_table(
        "drafts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("type_code", sa.Text(), nullable=False),
        sa.Column("type_version", sa.Integer(), nullable=False),
        sa.Column("drafter", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True)),
        sa.Column("draft_sm3", sa.Text()),
        sa.Column("decided_by", sa.Text()),
        sa.Column("reason", sa.LargeBinary()),
        sa.Column("refusal", sa.Text()),
        sa.Column("request_id", sa.Text()),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("portrait", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="drafts_pkey"),
        sa.ForeignKeyConstraint(
            ["request_id"], ["approval_requests.id"], name="drafts_request_id_fkey"
        ),
        sa.CheckConstraint(
            "state IN ('drafting', 'submitted', 'returned', 'sealing', 'sealed', 'refused')",
            name="drafts_state_check",
        ),
        sa.CheckConstraint(
            "state IN ('drafting', 'returned')"
            " OR (draft_sm3 IS NOT NULL AND submitted_at IS NOT NULL)",
            name="drafts_draft_sm3_check",
        ),
        sa.CheckConstraint("state <> 'returned' OR reason IS NOT NULL", name="drafts_reason_check"),
        sa.CheckConstraint(
            "(state = 'refused') = (refusal IS NOT NULL)", name="drafts_refusal_check"
        ),
        sa.CheckConstraint("(state = 'sealed') = (body IS NULL)", name="drafts_body_check"),
        sa.CheckConstraint(
            "state NOT IN ('sealing', 'sealed', 'refused') OR request_id IS NOT NULL",
            name="drafts_request_id_check",
        ),
    )
    op.create_index("drafts_authority_state_idx", "drafts", ["authority", "state"])
    op.create_index("drafts_drafter_state_idx", "drafts", ["drafter", "state"])
