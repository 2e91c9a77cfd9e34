from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from deploy.serving.outbox.buffered import BufferedWriter
from deploy.stores.errors import StoreUnavailable
from tests.deploy.serving.house import wait_until


class Shelf:
    """Where batches end up; `fail` decides what a write does first."""

    def __init__(self, fail: Callable[[list[str]], None] = lambda batch: None) -> None:
        self.batches: list[list[str]] = []
        self.tried: list[list[str]] = []
        self.lost = 0
        self._fail = fail

    def write(self, batch: list[str]) -> None:
        self.tried.append(list(batch))
        self._fail(batch)
        self.batches.append(list(batch))

    def note_lost(self, count: int) -> None:
        self.lost += count


def _writer(shelf: Shelf, **changes: Any) -> BufferedWriter[str]:
    limits: dict[str, Any] = {
        "batch_items": 3,
        "batch_bytes": 100,
        "period_s": 60,
        "queue_items": 10,
        "queue_bytes": 1000,
        **changes,
    }
    return BufferedWriter("shelf", shelf.write, size=len, on_lost=shelf.note_lost, **limits)


def test_a_full_batch_is_written_before_its_time() -> None:
    shelf = Shelf()
    writer = _writer(shelf)
    writer.start()
    writer.offer(["a", "b", "c", "d"])
    wait_until(lambda: shelf.batches == [["a", "b", "c"]], "the first batch")
    assert writer.stop(5) == 0
    assert shelf.batches == [["a", "b", "c"], ["d"]]


def test_a_lonely_item_is_written_when_its_time_has_come() -> None:
    shelf = Shelf()
    writer = _writer(shelf, period_s=0.05)
    writer.start()
    writer.offer(["a"])
    wait_until(lambda: shelf.batches == [["a"]], "the lonely item")
    writer.stop(5)


def test_bytes_fill_a_batch_too() -> None:
    shelf = Shelf()
    writer = _writer(shelf)
    writer.offer(["x" * 60, "y" * 60])
    writer.start()
    wait_until(lambda: shelf.batches[:1] == [["x" * 60]], "the first heavy item")
    writer.stop(5)
    assert shelf.batches == [["x" * 60], ["y" * 60]]


def test_what_finds_no_room_is_counted_and_nothing_waits() -> None:
    shelf = Shelf()
    writer = _writer(shelf)
    writer.offer([str(number) for number in range(25)])
    assert shelf.lost == 15
    assert writer.depth == 10
    writer.offer(["z" * 1001])
    assert shelf.lost == 16
    writer.start()
    assert writer.stop(5) == 0
    assert [item for batch in shelf.batches for item in batch] == [str(number) for number in range(10)]


def test_a_store_that_comes_back_gets_the_very_batch_that_it_missed() -> None:
    failures = iter([StoreUnavailable("away"), None, None])

    def fail(batch: list[str]) -> None:
        error = next(failures)
        if error:
            writer.offer(["late"])
            raise error

    shelf = Shelf(fail)
    writer = _writer(shelf, period_s=0.01)
    writer.start()
    writer.offer(["a"])
    wait_until(lambda: len(shelf.batches) == 2, "both writes")
    assert writer.stop(5) == 0
    assert shelf.tried[:2] == [["a"], ["a"]], "a lost reply must not make another segment"
    assert shelf.batches == [["a"], ["late"]]
    assert shelf.lost == 0


def test_a_store_that_is_away_is_known_before_there_is_anything_to_write_and_so_is_its_return() -> None:
    there = threading.Event()

    def fail(batch: list[str]) -> None:
        if not there.is_set():
            raise StoreUnavailable("the database is away")

    shelf = Shelf(fail)
    writer = _writer(shelf, opens=True)
    writer.start()
    wait_until(lambda: writer.away == "the database is away", "the word that it is away")
    there.set()
    wait_until(lambda: writer.away is None, "the word that it is back")
    assert shelf.batches == [[]]
    writer.offer(["a"])
    assert writer.stop(5) == 0
    assert shelf.batches == [[], ["a"]]


def test_a_writer_with_nothing_to_write_does_not_wait_for_its_store_at_the_end() -> None:
    def fail(batch: list[str]) -> None:
        raise StoreUnavailable("away")

    writer = _writer(Shelf(fail), opens=True)
    writer.start()
    wait_until(lambda: writer.away is not None, "the word that it is away")
    assert writer.stop(1e6) == 0


def test_a_batch_that_the_store_refuses_does_not_stand_in_the_way(caplog: pytest.LogCaptureFixture) -> None:
    def fail(batch: list[str]) -> None:
        if "poison" in batch:
            raise ValueError("no")

    shelf = Shelf(fail)
    writer = _writer(shelf, batch_items=1)
    writer.start()
    writer.offer(["poison", "good"])
    assert writer.stop(5) == 0
    assert shelf.batches == [["good"]]
    assert shelf.lost == 1
    assert "1 items dropped" in caplog.text


def test_stop_gives_up_in_time_and_counts_what_is_lost() -> None:
    release = threading.Event()

    def fail(batch: list[str]) -> None:
        release.wait()
        raise StoreUnavailable("away")

    shelf = Shelf(fail)
    writer = _writer(shelf)
    writer.start()
    writer.offer(["a", "b"])
    assert writer.stop(0.1) == 2
    assert shelf.lost == 2
    writer.offer(["after the end"])
    assert shelf.lost == 3
    release.set()
