"""The grid of codes of a VQ-VAE, and how far its vectors lie from them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns; rows of before have none."""
    # ADD COLUMN on SQLite too: a table of millions of requests is not copied
    op.add_column("requests", sa.Column("code_distance", sa.Double()))
    op.add_column("requests", sa.Column("codes", sa.LargeBinary()))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("requests", "codes")
    op.drop_column("requests", "code_distance")
