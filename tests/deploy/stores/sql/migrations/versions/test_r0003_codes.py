"""Rows of the telemetry from before there were codes have none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from deploy.stores.sql.database import migrate, reading, writing
from deploy.stores.sql.telemetry import Telemetry
from tests.deploy.stores.sql.of_before import database_of_before, downgrade_to


def test_a_database_of_the_revision_before_gets_the_columns_of_codes_and_keeps_its_rows(database_url: str) -> None:
    engine = database_of_before(database_url)
    columns = "at_us, request_id, replica, route, version, recon_error, kl, mu, logvar, latency_ms"
    with writing(engine) as connection:
        insertion = text(
            f"INSERT INTO requests ({columns}) VALUES (1, 'r', 'one', '/v1/score', '3', .01, 15, :b, :b, 2)"
        )
        connection.execute(insertion, {"b": b"\x00\x3c" * 4})

    migrate(engine)

    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    window = Telemetry(engine).window(epoch, epoch + timedelta(seconds=1))
    assert window.own["kl"].tolist() == [15.0] and window.mu.tolist() == window.own["logvar"].tolist() == [[1.0] * 4]
    assert list(window.own) == ["logvar", "kl"]
    downgrade_to(engine, "0002")
    with reading(engine) as connection:
        assert connection.execute(text("SELECT kl FROM requests")).scalars().all() == [15.0]
    engine.dispose()
