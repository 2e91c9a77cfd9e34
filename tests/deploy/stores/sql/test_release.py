"""One row says what serves; it is changed by compare-and-swap, and every change is in the ledger."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, update

from deploy.release import Release, ServedVersion
from deploy.stores.errors import EpochConflict, StoreCorrupt
from deploy.stores.sql.database import open_engine, writing
from deploy.stores.sql.ledger import Ledger
from deploy.stores.sql.release import ReleaseStore
from deploy.stores.sql.schema import release as table
from tests.deploy.stores.racing import PROCESSES, Racers, kill_at

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def _serving(version: str) -> Release:
    served = ServedVersion(version=version, digest=f"d{version}", artifact=f"artifacts/{version}")
    return Release(champion=served, changed_at=NOW, reason=f"promoted {version}")


def test_a_fresh_installation_serves_nothing_at_epoch_zero(engine: Engine) -> None:
    assert ReleaseStore(engine).read() == Release()
    assert Release().epoch == 0 and Release().champion is None


def test_a_swap_stores_the_release_one_epoch_later(engine: Engine) -> None:
    store = ReleaseStore(engine)
    first = store.compare_and_swap(0, _serving("1"))
    assert first == _serving("1").model_copy(update={"epoch": 1}) == store.read()
    second = store.compare_and_swap(1, _serving("2"))
    assert second.epoch == 2 and second == store.read()


@pytest.mark.parametrize("expected", [0, 2])
def test_a_swap_from_another_epoch_changes_nothing(engine: Engine, expected: int) -> None:
    store = ReleaseStore(engine)
    store.compare_and_swap(0, _serving("1"))
    with pytest.raises(EpochConflict, match=f"expected epoch {expected}, found 1; read it and decide again"):
        store.compare_and_swap(expected, _serving("9"))
    assert store.read().champion == _serving("1").champion
    assert len(Ledger(engine).entries(kind="release")) == 1


def test_every_release_is_in_the_ledger_for_ever(engine: Engine) -> None:
    store = ReleaseStore(engine)
    for number in range(3):
        store.compare_and_swap(number, _serving(str(number)))
    entries = Ledger(engine).entries(kind="release")
    assert [Release.model_validate_json(entry.body).epoch for entry in entries] == [3, 2, 1]
    assert [entry.subject for entry in entries] == ["2", "1", "0"]


def _swap_in_process(url: str, expected: int, version: str) -> str:
    engine = open_engine(url)
    try:
        ReleaseStore(engine).compare_and_swap(expected, _serving(version))
        return version
    except EpochConflict:
        return "conflict"
    finally:
        engine.dispose()


def test_of_racing_swaps_exactly_one_wins(database_url: str, engine: Engine, racers: Racers) -> None:
    for epoch in range(4):
        results = racers.race(_swap_in_process, [(database_url, epoch, f"v{n}") for n in range(PROCESSES)])
        (winner,) = set(results) - {"conflict"}
        assert results.count("conflict") == PROCESSES - 1
        champion = ReleaseStore(engine).read().champion
        assert champion is not None and champion.version == winner
    assert len(Ledger(engine).entries(kind="release")) == 4


@pytest.mark.parametrize(("moment", "epoch"), [("before", 0), ("after", 1)])
def test_a_killed_swap_leaves_row_and_ledger_of_one_mind(
    database_url: str, engine: Engine, moment: str, epoch: int
) -> None:
    code = f"""
        from deploy.stores.sql.database import open_engine
        from deploy.release import Release
        from deploy.stores.sql.release import ReleaseStore
        release = Release.model_validate_json({_serving("1").model_dump_json()!r})
        ReleaseStore(open_engine({database_url!r})).compare_and_swap(0, release)
    """
    kill_at("release.swap", moment, code)
    assert ReleaseStore(engine).read().epoch == epoch
    assert len(Ledger(engine).entries(kind="release")) == epoch


def test_a_row_of_another_time_is_corrupt(engine: Engine) -> None:
    store = ReleaseStore(engine)
    store.compare_and_swap(0, _serving("1"))
    with writing(engine) as connection:
        connection.execute(update(table).values(body='{"schema_version": 1, "lanes": []}'))
    with pytest.raises(StoreCorrupt, match="newer Latentloop"):
        store.read()


def test_a_swap_without_a_time_is_refused(engine: Engine) -> None:
    with pytest.raises(ValueError, match="changed_at"):
        ReleaseStore(engine).compare_and_swap(0, Release())
    assert ReleaseStore(engine).read().epoch == 0
