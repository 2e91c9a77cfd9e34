"""A store that is opened late: when its database answers, once, at the first rows at the latest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from deploy.serving.outbox.sinks import LateSink, Sink
from deploy.stores.errors import StoreUnavailable


@dataclass
class Database:
    """Is there or away, and counts how often it was opened."""

    is_there: bool = True
    opened: int = 0
    rows: list[str] = field(default_factory=list)

    def open(self) -> Sink[str]:
        if not self.is_there:
            raise StoreUnavailable("the database is away")
        self.opened += 1
        return self

    def write(self, rows: Sequence[str], /) -> None:
        self.rows.extend(rows)


def test_it_is_opened_once_for_all_rows_and_by_the_first_ones_at_the_latest() -> None:
    database = Database()
    sink = LateSink(database.open)
    assert database.opened == 0

    sink.write(["a"])
    sink.open()
    sink.write(["b", "c"])

    assert (database.opened, database.rows) == (1, ["a", "b", "c"])


def test_rows_for_a_database_that_is_away_are_refused_as_worth_trying_again_and_the_next_try_opens_it() -> None:
    database = Database(is_there=False)
    sink = LateSink(database.open)
    with pytest.raises(StoreUnavailable, match="away"):
        sink.write(["a"])

    database.is_there = True
    sink.write(["a"])

    assert (database.opened, database.rows) == (1, ["a"])
