"""A look at a trial is taken once, and not at all where the trial is over."""

from __future__ import annotations

import pytest

from flows.deliver import deliver
from tasks.errors import TrialOver
from tests.tasks.opened import opened

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("installation")]

SINCE = "2026-01-01T00:00:00+00:00"
FIRST_LOOK = f"deliver-2-1-{SINCE}-1"


def test_a_trial_that_is_over_is_not_measured_and_the_look_is_closed_with_the_reason() -> None:
    with pytest.raises(TrialOver, match=r"^version 2 is not tried against 1 any more: release 0, "):
        deliver(version="2", champion="1", since=SINCE)

    trigger = opened().ledger.get_trigger(FIRST_LOOK)
    assert trigger is not None and trigger.state == "failed"
    assert trigger.result is not None and trigger.result.endswith("nothing to measure")


def test_a_look_that_was_taken_is_a_duplicate_and_the_next_one_is_not() -> None:
    world = opened()
    world.ledger.claim(FIRST_LOOK, "deliver", "look 1", "another worker", world.now(), 60)
    world.ledger.finish(FIRST_LOOK, "another worker", "done", "+0.0100", world.now())

    state = deliver(version="2", champion="1", since=SINCE, return_state=True)

    assert (state.name, state.message) == ("Duplicate", f"{FIRST_LOOK} is done, or being done by another run")
    with pytest.raises(TrialOver):
        deliver(version="2", champion="1", since=SINCE, look=2)
