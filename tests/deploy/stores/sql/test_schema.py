"""The tables that the code uses are those to which the migrations lead."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

from deploy.stores.sql.database import reading
from deploy.stores.sql.schema import METADATA


def test_the_migrations_lead_to_the_tables_that_the_code_uses(engine: Engine) -> None:
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
