"""With which settings a process gives its signs of life."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; a sign of life of before has none."""
    op.add_column("beats", sa.Column("settings_digest", sa.Text()))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("beats", "settings_digest")
