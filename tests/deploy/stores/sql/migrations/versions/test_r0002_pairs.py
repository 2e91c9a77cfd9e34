"""A database of before gets the table of pairs, and keeps its rows."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from deploy.stores.errors import StoreCorrupt
from deploy.stores.sql.database import migrate, reading
from deploy.stores.sql.pairs import Pairs
from deploy.stores.sql.schema import beats
from tests.deploy.stores.sql.of_before import database_of_before
from tests.deploy.stores.sql.test_pairs import BOTH, HOUR, NOW, _row


def test_a_database_of_the_release_before_gets_the_table_and_keeps_its_rows(database_url: str) -> None:
    engine = database_of_before(database_url, "0001")
    with pytest.raises(StoreCorrupt, match="run the migration first"):
        Pairs(engine).count(NOW, NOW + HOUR, **BOTH)
    migrate(engine)
    Pairs(engine).write([_row(0)])
    assert Pairs(engine).count(NOW, NOW + HOUR, **BOTH) == 1
    with reading(engine) as connection:
        assert connection.execute(select(beats.c.at_us)).scalars().all() == [7]
    engine.dispose()
