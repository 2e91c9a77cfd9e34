"""Scores of a family lie in one packed column; what releases before wrote is read beside it, and may go on coming."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import inspect, text

from deploy.stores.sql.database import migrate, reading, writing
from deploy.stores.sql.telemetry import Telemetry
from tests.deploy.stores.sql.of_before import database_of_before, downgrade_to
from tests.deploy.stores.sql.test_telemetry import NOW, _row

COLUMNS = "at_us, request_id, replica, route, version, latency_ms, mu, logvar, kl"
FLOATS = np.array([1, 2, 3, 4], "<f2")


def _insertion(number: int) -> str:
    return f"INSERT INTO requests ({COLUMNS}) VALUES ({number}, 'r{number}', '', '', '3', 2, :floats, :floats, 15)"


def test_rows_of_before_and_of_today_are_one_window(database_url: str) -> None:
    engine = database_of_before(database_url, "0005")
    with writing(engine) as connection:
        connection.execute(text(_insertion(1)), {"floats": FLOATS.tobytes()})

    migrate(engine)
    Telemetry(engine).write([_row(0, latent_dim=4)])
    with writing(engine) as connection:  # a replica of the release before, which is still up
        connection.execute(text(_insertion(2)), {"floats": FLOATS.tobytes()})

    window = Telemetry(engine).window(datetime(1970, 1, 1, tzinfo=UTC), NOW + timedelta(hours=1))
    assert list(window.own) == ["logvar", "kl"] and window.own["kl"].tolist() == [15.0] * 3
    assert window.own["logvar"][:2].tolist() == [FLOATS.tolist()] * 2

    downgrade_to(engine, "0005")
    with reading(engine) as connection:
        assert "own" not in {each["name"] for each in inspect(connection).get_columns("requests")}
        assert connection.execute(text("SELECT count(*) FROM requests")).scalar_one() == 3
    engine.dispose()
