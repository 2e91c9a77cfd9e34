"""An image that was answered before digests were kept has none, and is there on the way back too."""

from __future__ import annotations

from sqlalchemy import inspect, text

from deploy.stores.sql.database import migrate, reading, writing
from tests.deploy.stores.sql.of_before import database_of_before, downgrade_to

INSERTION = (
    "INSERT INTO requests (at_us, request_id, replica, route, version, latency_ms) VALUES (1, 'r', '', '', '3', 2)"
)


def test_a_row_of_before_has_no_digest_and_stays(database_url: str) -> None:
    engine = database_of_before(database_url, "0004")
    with writing(engine) as connection:
        connection.execute(text(INSERTION))

    migrate(engine)

    with reading(engine) as connection:
        assert connection.execute(text("SELECT request_id, image_digest FROM requests")).all() == [("r", None)]
    downgrade_to(engine, "0004")
    with reading(engine) as connection:
        assert "image_digest" not in {each["name"] for each in inspect(connection).get_columns("requests")}
        assert connection.execute(text("SELECT request_id FROM requests")).scalars().all() == ["r"]
    engine.dispose()
