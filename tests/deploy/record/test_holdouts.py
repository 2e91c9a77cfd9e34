"""Sets that are frozen to be measured on, as lines of the ledger."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import pytest

from deploy.record.holdouts import BENCHMARK
from deploy.record.kind import Kind
from deploy.stores.sql.ledger import Ledger
from tests.deploy.record.of_before import Told, assert_goes_on, assert_refused

WRITTEN_BEFORE: dict[str, Told] = {
    "benchmark": (
        {"schema_version": 1, "name": "old", "prefix": "benchmarks/x", "digest": "b", "n": 9, "sources": []},
        "9 images are held out in benchmarks/x",
    ),
}


@pytest.mark.parametrize("kind", [BENCHMARK], ids=attrgetter("name"))
def test_a_line_of_the_release_before_is_read_told_and_written_so_that_it_is_read_again(
    ledger: Ledger, kind: Kind[Any]
) -> None:
    assert_goes_on(ledger, kind, WRITTEN_BEFORE[kind.name])


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (BENCHMARK, {"n": 0}),
        (BENCHMARK, {"n_new_kind": -1}),
        (BENCHMARK, {"name": "newest"}),
        (BENCHMARK, {"images": 9}),
    ],
)
def test_what_nobody_may_write_is_refused(kind: Kind[Any], changes: dict[str, Any]) -> None:
    assert_refused(kind, WRITTEN_BEFORE[kind.name], changes)
