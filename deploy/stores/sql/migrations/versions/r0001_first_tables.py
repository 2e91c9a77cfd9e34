"""Ledger, release, digests and telemetry."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _serial() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the first tables."""
    op.create_table(
        "triggers",
        sa.Column("key", sa.Text(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("claimed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("alive_until_us", sa.BigInteger(), nullable=False),
        sa.Column("lease_us", sa.BigInteger(), nullable=False),
        sa.Column("finished_at_us", sa.BigInteger()),
        sa.Column("result", sa.Text()),
        sa.CheckConstraint("state IN ('running', 'done', 'failed')", name="triggers_state"),
    )
    op.create_index("triggers_by_time", "triggers", ["claimed_at_us"])
    op.create_table(
        "ledger_entries",
        sa.Column("id", _serial(), primary_key=True, autoincrement=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), unique=True),
    )
    op.create_index("ledger_entries_by_kind", "ledger_entries", ["kind", "id"])
    op.create_index("ledger_entries_by_subject", "ledger_entries", ["subject", "id"])
    op.create_table(
        "beats",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "release",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name="release_is_one_row"),
    )
    op.create_table(
        "image_digests",
        sa.Column("digest", sa.Text(), primary_key=True),
        sa.Column("owner", sa.Text(), nullable=False),
    )
    op.create_table(
        "benchmark_digests",
        sa.Column("digest", sa.Text(), primary_key=True),
        sa.Column("benchmark", sa.Text(), primary_key=True),
    )
    op.create_table(
        "requests",
        sa.Column("id", _serial(), primary_key=True, autoincrement=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("replica", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("refusal", sa.Text()),
        sa.Column("recon_error", sa.Double()),
        sa.Column("kl", sa.Double()),
        sa.Column("norm", sa.Double()),
        sa.Column("mu", sa.LargeBinary()),
        sa.Column("logvar", sa.LargeBinary()),
        sa.Column("image_mean", sa.Double()),
        sa.Column("image_variance", sa.Double()),
        sa.Column("image_entropy", sa.Double()),
        sa.Column("histogram", sa.LargeBinary()),
        sa.Column("latency_ms", sa.Double(), nullable=False),
    )
    op.create_index("requests_by_time", "requests", ["at_us"])


def downgrade() -> None:
    """Drop them all."""
    for table in (
        "requests",
        "benchmark_digests",
        "image_digests",
        "release",
        "beats",
        "ledger_entries",
        "triggers",
    ):
        op.drop_table(table)
