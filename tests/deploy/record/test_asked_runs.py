"""Runs that the controller asked for, as lines of the ledger."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import pytest

from deploy.record.asked_runs import ALARM_RETRY, ALARM_RUN, DRIFT_RETRY
from deploy.record.kind import Kind
from deploy.stores.sql.ledger import Ledger
from tests.deploy.record.of_before import Told, assert_goes_on, assert_refused

RUN = {"run": "r1", "url": "http://prefect/r1"}
WRITTEN_BEFORE: dict[str, Told] = {
    "alarm-run": (RUN, "attempt 1: http://prefect/r1"),
    "alarm-retry": ({**RUN, "attempt": 2, "key": "k", "reason": "r"}, "attempt 2: http://prefect/r1"),
    "drift-retry": ({**RUN, "attempt": 5, "key": "k", "reason": "r"}, "attempt 5: http://prefect/r1"),
}


@pytest.mark.parametrize("kind", [ALARM_RUN, ALARM_RETRY, DRIFT_RETRY], ids=attrgetter("name"))
def test_a_line_of_the_release_before_is_read_told_and_written_so_that_it_is_read_again(
    ledger: Ledger, kind: Kind[Any]
) -> None:
    assert_goes_on(ledger, kind, WRITTEN_BEFORE[kind.name])


@pytest.mark.parametrize(
    ("kind", "changes"), [(ALARM_RUN, {"attempt": 0}), (ALARM_RUN, {"parameters": "key"}), (ALARM_RUN, {"who": "me"})]
)
def test_what_nobody_may_write_is_refused(kind: Kind[Any], changes: dict[str, Any]) -> None:
    assert_refused(kind, WRITTEN_BEFORE[kind.name], changes)
