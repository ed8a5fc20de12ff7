"""Sessions, people, mandates, officers, what they did."""

from alembic import op

from idp.tables import METADATA

revision = "identity_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    METADATA.create_all(op.get_bind())
