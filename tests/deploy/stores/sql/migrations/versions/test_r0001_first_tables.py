"""The first revision makes its tables in an empty database, and takes every one of them back."""

from __future__ import annotations

from sqlalchemy import Engine, inspect

from deploy.stores.sql.database import open_engine, reading
from tests.deploy.stores.sql.of_before import downgrade_to, upgrade_to


def tables_of(engine: Engine) -> set[str]:
    """What a database holds beside alembic's own table."""
    with reading(engine) as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def test_what_the_first_revision_makes_it_takes_back(database_url: str) -> None:
    engine = open_engine(database_url)

    upgrade_to(engine, "0001")
    assert tables_of(engine) == {
        "triggers", "ledger_entries", "beats", "release", "image_digests", "benchmark_digests", "requests",
    }  # fmt: skip

    downgrade_to(engine, "base")
    assert tables_of(engine) == set()
    engine.dispose()
