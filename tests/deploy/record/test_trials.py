"""A trial: its beginning, its measurements and its end, as lines of the ledger."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import pytest

from deploy.record.kind import Kind
from deploy.record.trials import FRECHET, FRECHET_ASKED, SETTLED, TRIAL
from deploy.stores.sql.ledger import Ledger
from tests.deploy.record.of_before import Told, assert_goes_on, assert_refused

WRITTEN_BEFORE: dict[str, Told] = {
    "trial": (
        {"digest": "d8", "champion": "7", "champion_digest": "d7", "epoch": 3, "since": "2026-01-02T03:04:05+00:00"},
        "tried against version 7",
    ),
    "frechet-asked": (
        {
            "run": "r1",
            "url": "http://prefect/r1",
            "attempt": 2,
            "version": "8",
            "champion": "7",
            "since": "2026-01-02",
            "look": 1,
            "least": 0,
        },
        "look 1, attempt 2: http://prefect/r1",
    ),
    "frechet": (
        {"schema_version": 1, "value": 0.02, "low": 0.01, "high": 0.03, "n": 2_000},
        "Fréchet distance +2.0% [+1.0%, +3.0%] (n=2,000)",
    ),
    "settled": ({"epoch": 4, "reason": "within the limit"}, "within the limit"),
}


@pytest.mark.parametrize("kind", [TRIAL, FRECHET_ASKED, FRECHET, SETTLED], ids=attrgetter("name"))
def test_a_line_of_the_release_before_is_read_told_and_written_so_that_it_is_read_again(
    ledger: Ledger, kind: Kind[Any]
) -> None:
    assert_goes_on(ledger, kind, WRITTEN_BEFORE[kind.name])


@pytest.mark.parametrize(
    ("kind", "changes"),
    [(TRIAL, {"since": "2026-01-02T03:04:05"}), (FRECHET, {"low": "small"}), (SETTLED, {"who": "me"})],
)
def test_what_nobody_may_write_is_refused(kind: Kind[Any], changes: dict[str, Any]) -> None:
    assert_refused(kind, WRITTEN_BEFORE[kind.name], changes)
