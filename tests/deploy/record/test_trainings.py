"""Trainings that were not begun, and work that schedules share, as lines of the ledger."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import pytest

from deploy.record.kind import Kind
from deploy.record.trainings import RETRAIN_REFUSED, RETRAIN_SKIPPED, SCHEDULED_WORK
from deploy.stores.sql.ledger import Ledger
from tests.deploy.record.of_before import Told, assert_goes_on, assert_refused

WRITTEN_BEFORE: dict[str, Told] = {
    "scheduled-work": ({"trigger": "weekly-1", "number": 1}, "taken by weekly-1"),
    "retrain-skipped": ({"reason": "nothing new"}, "nothing new"),
    "retrain-refused": ({"reason": "no snapshot"}, "no snapshot"),
}


@pytest.mark.parametrize("kind", [SCHEDULED_WORK, RETRAIN_SKIPPED, RETRAIN_REFUSED], ids=attrgetter("name"))
def test_a_line_of_the_release_before_is_read_told_and_written_so_that_it_is_read_again(
    ledger: Ledger, kind: Kind[Any]
) -> None:
    assert_goes_on(ledger, kind, WRITTEN_BEFORE[kind.name])


@pytest.mark.parametrize(
    ("kind", "changes"),
    [(SCHEDULED_WORK, {"number": 0}), (SCHEDULED_WORK, {"owner": "me"}), (RETRAIN_SKIPPED, {"who": "me"})],
)
def test_what_nobody_may_write_is_refused(kind: Kind[Any], changes: dict[str, Any]) -> None:
    assert_refused(kind, WRITTEN_BEFORE[kind.name], changes)
