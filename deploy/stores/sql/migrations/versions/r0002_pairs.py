"""Pairs of champion and candidate."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of pairs."""
    op.create_table(
        "pairs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("replica", sa.Text(), nullable=False),
        sa.Column("champion", sa.Text(), nullable=False),
        sa.Column("candidate", sa.Text(), nullable=False),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.Column("champion_error", sa.Double()),
        sa.Column("candidate_error", sa.Double()),
        sa.Column("champion_kl", sa.Double()),
        sa.Column("candidate_kl", sa.Double()),
        sa.Column("candidate_ms", sa.Double()),
        sa.Column("failure", sa.Text()),
    )
    op.create_index("pairs_by_candidate", "pairs", ["candidate", "at_us"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("pairs")
