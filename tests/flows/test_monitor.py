"""One suspicion is looked into once, whoever starts the flow for it again."""

from __future__ import annotations

import pytest

from deploy.record.drift_lines import DRIFT
from flows.monitor import monitor
from tests.tasks.opened import opened

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("installation")]


def test_a_suspicion_that_another_run_looks_into_leaves_no_second_line() -> None:
    world = opened()
    world.ledger.claim("suspicion-1", "monitor", "suspicion", "another worker", world.now(), 600)

    state = monitor(key="suspicion-1", reason="suspicion", return_state=True)

    assert state.is_completed()
    assert (state.name, state.message) == ("Duplicate", "suspicion-1 is done, or being done by another run")
    assert DRIFT.lines(world.ledger, "") == []
    trigger = world.ledger.get_trigger("suspicion-1")
    assert trigger is not None and trigger.state == "running"
