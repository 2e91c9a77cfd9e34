"""The SQL tables of ledger, release, digests and telemetry, the same on SQLite and PostgreSQL.

Every time is a whole number of microseconds since 1970 in UTC (`_us`): no time zone can be lost on the way.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

METADATA = MetaData()
_START = datetime(1970, 1, 1, tzinfo=UTC)

triggers = Table(
    "triggers",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("claimed_at_us", BigInteger, nullable=False),
    Column("alive_until_us", BigInteger, nullable=False),
    Column("lease_us", BigInteger, nullable=False),
    Column("finished_at_us", BigInteger),
    Column("result", Text),
    CheckConstraint("state IN ('running', 'done', 'failed')", name="triggers_state"),
    Index("triggers_by_time", "claimed_at_us"),
)

entries = Table(
    "ledger_entries",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at_us", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("key", Text, unique=True),
    Index("ledger_entries_by_kind", "kind", "id"),
    Index("ledger_entries_by_subject", "subject", "id"),
)

beats = Table(
    "beats",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("settings_digest", Text),
)

release = Table(
    "release",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    CheckConstraint("id = 1", name="release_is_one_row"),
)

image_digests = Table(
    "image_digests",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("owner", Text, nullable=False),
)

benchmark_digests = Table(
    "benchmark_digests",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("benchmark", Text, primary_key=True),
)

requests = Table(
    "requests",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at_us", BigInteger, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("replica", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("refusal", Text),
    Column("recon_error", Double),
    # kl, logvar, code_distance and codes: written until revision 0006, whose `own` holds every family's
    Column("kl", Double),
    Column("norm", Double),
    Column("mu", LargeBinary),
    Column("logvar", LargeBinary),
    Column("image_mean", Double),
    Column("image_variance", Double),
    Column("image_entropy", Double),
    Column("histogram", LargeBinary),
    Column("latency_ms", Double, nullable=False),
    Column("code_distance", Double),
    Column("codes", LargeBinary),
    Column("image_digest", BigInteger),
    Column("own", LargeBinary),
    Index("requests_by_time", "at_us"),
)

pairs = Table(
    "pairs",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at_us", BigInteger, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("replica", Text, nullable=False),
    Column("champion", Text, nullable=False),
    Column("candidate", Text, nullable=False),
    Column("answered_by", Text, nullable=False),
    Column("champion_error", Double),
    Column("candidate_error", Double),
    # written until revision 0006, and read by nobody
    Column("champion_kl", Double),
    Column("candidate_kl", Double),
    Column("candidate_ms", Double),
    Column("failure", Text),
    Index("pairs_by_candidate", "candidate", "at_us"),
)


def to_us(at: datetime) -> int:
    """Microseconds since 1970 in UTC; ValueError for a time without a zone."""
    if at.tzinfo is None:
        raise ValueError(f"time {at.isoformat()}: expected one with a time zone, got none; pass datetime.now(UTC)")
    return (at - _START) // timedelta(microseconds=1)


def from_us(at_us: int) -> datetime:
    """Read a column as an aware UTC time."""
    return _START + timedelta(microseconds=at_us)
