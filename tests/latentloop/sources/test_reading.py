"""Reads at the same time keep their order and their bounds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from latentloop.sources.found import Content, Found, Outcome
from latentloop.sources.reading import read_in_order
from latentloop.sources.tally import Tally

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Slow:
    """A source whose reads end in the opposite order of each pair, and that knows how many are under way."""

    place, name = "slow", "slow"

    def __init__(self, at_once: int, sizes: list[int]) -> None:
        self.reads_at_once, self._sizes = at_once, sizes
        self._lock, self._done = threading.Lock(), [threading.Event() for _ in sizes]
        self.under_way = self.most_under_way = self.listed = 0

    def look(self, tally: Tally) -> Iterator[Found]:
        for number, size in enumerate(self._sizes):
            self.listed += 1
            yield Found(str(number), size, "", NOW)

    def read(self, found: Found, most_bytes: int) -> Outcome:
        number = int(found.path)
        with self._lock:
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        if self.reads_at_once > 1 and number % 2 == 0 and number + 1 < len(self._done):
            assert self._done[number + 1].wait(60)
        with self._lock:
            self.under_way -= 1
        self._done[number].set()
        return Content(found.path.encode())

    def read_table(self, found: Found) -> bytes:
        return b""


@pytest.mark.parametrize("at_once", [1, 4])
def test_the_order_is_that_of_the_listing_and_no_more_are_read_than_allowed(at_once: int) -> None:
    source = Slow(at_once, [1] * 40)

    read = list(read_in_order(source, source.look(Tally()), 100))

    assert [(found.path, outcome) for found, outcome in read] == [(str(n), Content(b"%d" % n)) for n in range(40)]
    assert 1 <= source.most_under_way <= at_once


def test_the_listing_is_not_taken_far_ahead_of_the_reads() -> None:
    source = Slow(4, [1] * 40)
    reads = read_in_order(source, source.look(Tally()), 100)
    next(reads)

    assert source.listed <= 9
    assert len(list(reads)) == 39


def test_what_is_read_ahead_is_bounded_in_bytes() -> None:
    source = Slow(4, [50, 50, 500, 1, 50, 50])
    source._done[3].set()  # the large one is read alone
    reads = read_in_order(source, source.look(Tally()), 1000, in_flight_bytes=100)
    next(reads)

    assert source.listed == 3
    assert len(list(reads)) == 5
