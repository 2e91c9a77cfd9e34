"""What tells images apart: the first eight bytes of the digest of their pixels."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; rows of before have none."""
    # ADD COLUMN on SQLite too: a table of millions of requests is not copied
    op.add_column("requests", sa.Column("image_digest", sa.BigInteger()))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("requests", "image_digest")
