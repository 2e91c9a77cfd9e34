"""One packed column for the scores that only some families of models have.

The columns of before stay and are read on: rows of before have theirs, and a replica of the release before, which is
still up while others are new, writes them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; rows of before have none."""
    # ADD COLUMN on SQLite too: a table of millions of requests is not copied
    op.add_column("requests", sa.Column("own", sa.LargeBinary()))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("requests", "own")
