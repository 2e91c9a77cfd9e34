"""Pairs go in as batches and come out as the columns of two versions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import Engine, text

from deploy.stores.sql.database import reading
from deploy.stores.sql.pairs import PairRow, Pairs
from tests.deploy.stores.pair_window import read_window
from tests.deploy.stores.racing import kill_at

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
BOTH = {"candidate": "4", "champion": "3"}


def _row(number: int = 0) -> PairRow:
    return PairRow(
        at=NOW + timedelta(seconds=number),
        request_id=f"r{number}",
        replica="one",
        champion="3",
        candidate="4",
        answered_by="3",
        champion_error=0.01 * (number + 1),
        candidate_error=0.02 * (number + 1),
        candidate_ms=1.5,
        failure=None,
    )


def _failed(number: int) -> PairRow:
    return replace(_row(number), candidate_error=None, candidate_ms=None, failure="not finite")


@pytest.fixture
def pairs(engine: Engine) -> Pairs:
    return Pairs(engine)


def test_a_window_gives_back_what_was_written(pairs: Pairs, engine: Engine) -> None:
    rows = [_row(number) for number in range(3)]
    pairs.write(rows)
    window = read_window(engine, NOW - HOUR, NOW + HOUR, **BOTH)
    assert len(window) == pairs.count(NOW - HOUR, NOW + HOUR, **BOTH) == 3
    assert window.at.tolist() == [row.at.replace(tzinfo=None) for row in rows]
    for name in ("request_id", "replica", "champion", "candidate", "answered_by"):
        assert getattr(window, name).tolist() == [getattr(row, name) for row in rows]
    for name in ("champion_error", "candidate_error", "candidate_ms"):
        column = getattr(window, name)
        assert column.dtype == np.float64 and column.tolist() == [getattr(row, name) for row in rows]
    assert window.failure.tolist() == ["", "", ""] and window.failures == 0
    assert window.complete.tolist() == [True, True, True]


def test_a_failure_is_counted_and_has_no_error(pairs: Pairs, engine: Engine) -> None:
    pairs.write([_row(0), _failed(1), replace(_row(2), champion_error=None, answered_by="4")])
    window = read_window(engine, NOW, NOW + HOUR, **BOTH)
    assert window.failure.tolist() == ["", "not finite", ""] and window.failures == 1
    assert np.isnan(window.candidate_error).tolist() == [False, True, False]
    assert window.complete.tolist() == [True, False, False], "a pair without the champion's error judges nobody"


def test_only_the_pairs_of_these_two_versions_are_read(pairs: Pairs, engine: Engine) -> None:
    pairs.write([_row(0), replace(_row(1), candidate="5"), replace(_row(2), champion="2"), _row(3)])
    assert read_window(engine, NOW, NOW + HOUR, **BOTH).request_id.tolist() == ["r0", "r3"]
    assert read_window(engine, NOW, NOW + HOUR, candidate="5", champion="3").request_id.tolist() == ["r1"]
    assert pairs.count(NOW, NOW + HOUR, candidate="3", champion="4") == 0


def test_an_interval_has_its_start_and_not_its_end(pairs: Pairs, engine: Engine) -> None:
    pairs.write([_row(number) for number in range(5)])
    since, until = NOW + timedelta(seconds=1), NOW + timedelta(seconds=4)
    assert pairs.count(since, until, **BOTH) == 3
    assert read_window(engine, since, until, **BOTH).request_id.tolist() == ["r1", "r2", "r3"]


def test_the_images_of_one_request_keep_their_order(pairs: Pairs, engine: Engine) -> None:
    pairs.write([replace(_row(0), champion_error=float(image)) for image in range(5)])
    assert read_window(engine, NOW, NOW + HOUR, **BOTH).champion_error.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_an_empty_window_has_empty_columns(pairs: Pairs, engine: Engine) -> None:
    window = read_window(engine, NOW - HOUR, NOW, **BOTH)
    assert len(window) == window.failures == 0
    assert window.champion_error.dtype == np.float64 and window.complete.shape == (0,)


def test_a_time_without_a_zone_is_refused_and_the_batch_with_it(pairs: Pairs) -> None:
    with pytest.raises(ValueError, match="time zone"):
        pairs.write([_row(0), replace(_row(1), at=datetime(2026, 3, 1, 12))])
    assert pairs.count(NOW - HOUR, NOW + HOUR, **BOTH) == 0


def test_writing_nothing_is_allowed(pairs: Pairs) -> None:
    pairs.write([])
    assert pairs.count(NOW, NOW + HOUR, **BOTH) == 0


def test_a_window_is_found_by_candidate_and_time(pairs: Pairs, engine: Engine) -> None:
    pairs.write([replace(_row(number), candidate=str(number % 50)) for number in range(2_000)])
    question = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    query = "SELECT * FROM pairs WHERE candidate = '4' AND at_us >= 0 AND at_us < 9999999999999999"
    with reading(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))  # so small a table is read whole by choice
        plan = " ".join(str(row) for row in connection.execute(text(question + query)))
    assert "pairs_by_candidate" in plan


@pytest.mark.parametrize(("moment", "count"), [("before", 0), ("after", 2)])
def test_a_killed_write_is_whole_or_was_never_made(database_url: str, pairs: Pairs, moment: str, count: int) -> None:
    code = f"""
        from deploy.stores.sql.database import open_engine
        from deploy.stores.sql.pairs import Pairs
        from tests.deploy.stores.sql.test_pairs import _row
        Pairs(open_engine({database_url!r})).write([_row(0), _row(1)])
    """
    kill_at("pairs.write", moment, code)
    assert pairs.count(NOW, NOW + HOUR, **BOTH) == count
