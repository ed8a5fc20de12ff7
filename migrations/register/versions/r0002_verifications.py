"""What is kept of verifications: no file, no person."""

import sqlalchemy as sa
from alembic import op

revision = "register_0002"
down_revision = "register_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "verifications",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("file_sm3", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="verifications_pkey"),
    )
    op.create_index("verifications_checked_at_idx", "verifications", ["checked_at"])
