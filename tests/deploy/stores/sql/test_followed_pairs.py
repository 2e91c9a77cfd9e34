"""A trial's pairs are read once each, and what is kept is what another process reads, in the order of arrival."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import Engine, insert, text, update

from deploy.stores.errors import StoreCorrupt
from deploy.stores.sql.database import migrate, open_engine, writing
from deploy.stores.sql.followed_pairs import FollowedPairs, TrialPairs
from deploy.stores.sql.pairs import PairRow, Pairs, _to_values
from deploy.stores.sql.schema import pairs as table
from tests.deploy.stores.pair_window import read_window
from tests.deploy.stores.sql.test_pairs import BOTH, HOUR, NOW, _failed, _row
from tests.servers import PostgreSQL


@pytest.fixture
def pairs(engine: Engine) -> Pairs:
    return Pairs(engine)


def follow(pairs: Pairs) -> FollowedPairs:
    return pairs.follow(NOW, **BOTH)


def assert_same(found: TrialPairs, full: TrialPairs) -> None:
    for name in (each.name for each in fields(TrialPairs)):
        mine, theirs = getattr(found, name), getattr(full, name)
        assert mine.dtype == theirs.dtype, name
        np.testing.assert_array_equal(mine, theirs, err_msg=name)


def test_the_columns_say_what_was_written(pairs: Pairs) -> None:
    pairs.write([_row(0), _failed(1), replace(_row(2), champion_error=None, answered_by="4")])
    found = follow(pairs).read()
    assert found.at.tolist() == [_row(number).at.replace(tzinfo=None) for number in range(3)]
    np.testing.assert_array_equal(found.champion_error, [0.01, 0.02, np.nan])
    np.testing.assert_array_equal(found.candidate_error, [0.02, np.nan, 0.06])
    assert found.failed.tolist() == [False, True, False]
    assert found.by_candidate.tolist() == [False, False, True]
    assert found.request_id.tolist() == ["", "r1", ""], "only of who failed it is asked whose request it was"
    assert found.complete.tolist() == [True, False, False]


def test_looks_between_late_writes_read_what_one_look_at_the_end_reads(pairs: Pairs, engine: Engine) -> None:
    random, followed = np.random.default_rng(3), follow(pairs)
    written: list[PairRow] = []
    for _ in range(12):
        batch = [_any_row(random) for _ in range(random.integers(0, 40))]
        pairs.write(batch)
        written += [row for row in batch if (row.candidate, row.champion) == ("4", "3") and row.at >= NOW]
        found = followed.read()
        assert_same(found, follow(pairs).read())
        assert found.at.tolist() == [row.at.replace(tzinfo=None) for row in written], "in the order of arrival"
    assert (np.diff(found.at.astype(np.int64)) < 0).any(), "some came late"
    window = read_window(engine, NOW, NOW + HOUR, **BOTH)
    assert sorted(found.champion_error) == sorted(window.champion_error)
    assert (np.count_nonzero(found.failed), len(found)) == (window.failures, len(window))


def _any_row(random: np.random.Generator) -> PairRow:
    number = int(random.integers(-300, 3_000))
    row = _failed(number) if random.random() < 0.2 else replace(_row(number), champion_error=random.random())
    other = {0: {"candidate": "5"}, 1: {"champion": "2"}, 2: {"answered_by": "4"}}.get(int(random.integers(8)), {})
    return replace(row, replica=random.choice(["one", "two"]), **other)


def test_more_than_one_part_is_put_together(pairs: Pairs, engine: Engine) -> None:
    pairs.write([_row(number) for number in range(30)])
    followed = FollowedPairs(engine, NOW, **BOTH, rows_at_once=7)
    assert followed.read().champion_error.tolist() == [0.01 * (number + 1) for number in range(30)]


def test_what_was_read_is_not_read_again(pairs: Pairs, engine: Engine) -> None:
    pairs.write([_row(0)])
    followed = follow(pairs)
    followed.read()
    with writing(engine) as connection:
        connection.execute(update(table).values(champion_error=9.0))
    pairs.write([_row(1)])
    assert followed.read().champion_error.tolist() == [0.01, 0.02]
    assert follow(pairs).read().champion_error.tolist() == [9.0, 0.02]


def test_nothing_is_there_and_nothing_has_come(pairs: Pairs) -> None:
    followed = follow(pairs)
    assert len(followed.read()) == 0
    pairs.write([_row(0)])
    assert len(followed.read()) == len(followed.read()) == 1


def test_a_row_from_a_clock_that_goes_ahead_is_there_when_it_arrives(pairs: Pairs) -> None:
    pairs.write([replace(_row(0), at=NOW + timedelta(days=365)), _row(1)])
    assert follow(pairs).read().champion_error.tolist() == [0.01, 0.02]


def test_a_database_that_fails_takes_nothing_from_what_is_kept(pairs: Pairs, engine: Engine) -> None:
    pairs.write([_row(0)])
    followed = follow(pairs)
    followed.read()
    _rename(engine, "pairs", "away")
    with pytest.raises(StoreCorrupt, match="tables are missing"):
        followed.read()
    _rename(engine, "away", "pairs")
    pairs.write([_row(1)])
    assert_same(followed.read(), follow(pairs).read())


def test_a_database_that_was_restored_is_read_anew(pairs: Pairs, engine: Engine) -> None:
    pairs.write([_row(number) for number in range(5)])
    followed = follow(pairs)
    followed.read()
    with writing(engine) as connection:
        connection.execute(table.delete().where(table.c.id > 2))
    assert followed.read().champion_error.tolist() == [0.01, 0.02]


@pytest.mark.server
def test_a_smaller_id_that_shows_after_a_larger_one_is_not_lost(postgresql_server: PostgreSQL) -> None:
    engine = open_engine(postgresql_server.create_namespace())
    migrate(engine)
    pairs = Pairs(engine)
    followed = follow(pairs)
    with engine.connect() as slow:  # a replica whose transaction takes longer than another's
        slow.execute(insert(table), [_to_values(_row(0)), _to_values(_row(1))])
        pairs.write([_row(2)])
        assert followed.read().champion_error.tolist() == [0.03]
        slow.commit()
    pairs.write([_row(3)])
    found = followed.read()
    assert found.champion_error.tolist() == [0.01, 0.02, 0.03, 0.04]
    assert_same(found, follow(pairs).read())
    engine.dispose()


def _rename(engine: Engine, old: str, new: str) -> None:
    with writing(engine) as connection:
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
