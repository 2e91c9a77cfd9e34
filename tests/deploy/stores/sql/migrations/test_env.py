"""All revisions of a migration run in the caller's one transaction, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from deploy.stores.errors import StoreError
from deploy.stores.sql.database import migrate, reading, writing
from tests.deploy.stores.sql.of_before import database_of_before, revision_of


def test_a_migration_that_fails_half_way_leaves_the_tables_of_before(database_url: str) -> None:
    engine = database_of_before(database_url)
    with writing(engine) as connection:
        # 0003 adds code_distance, then codes: the second fails
        connection.execute(text("ALTER TABLE requests ADD COLUMN codes INTEGER"))
    with pytest.raises(StoreError, match="codes"):
        migrate(engine)
    assert revision_of(engine) == "0002"
    with pytest.raises(StoreError, match="code_distance"), reading(engine) as connection:
        connection.execute(text("SELECT code_distance FROM requests"))
    with writing(engine) as connection:
        connection.execute(text("UPDATE beats SET at_us = 8"))
        assert connection.execute(text("SELECT at_us FROM beats")).scalars().all() == [8]
    engine.dispose()
