"""A sign of life from before it named its settings names none, and is there on the way back too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import inspect, text

from deploy.stores.sql.database import migrate, reading
from deploy.stores.sql.ledger import Beat, Ledger
from tests.deploy.stores.sql.of_before import database_of_before, downgrade_to


def test_a_sign_of_life_of_before_names_no_settings_and_stays(database_url: str) -> None:
    engine = database_of_before(database_url, "0003")

    migrate(engine)

    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=7)
    assert Ledger(engine).last_beat("controller") == Beat(at, None)
    downgrade_to(engine, "0003")
    with reading(engine) as connection:
        assert {each["name"] for each in inspect(connection).get_columns("beats")} == {"name", "at_us"}
        assert connection.execute(text("SELECT at_us FROM beats")).scalars().all() == [7]
    engine.dispose()
