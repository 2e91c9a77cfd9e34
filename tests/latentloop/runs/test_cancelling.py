"""A run is asked to end: one that nobody started, one whose worker is gone, and one that is unknown."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

import pytest

from deploy.stores.sql.ledger import CANCELLED_BY_HAND
from latentloop.errors import NothingToDo, RunFailed
from latentloop.runs.cancelling import cancel_run
from tests.latentloop.runs.world import World


@pytest.mark.server
def test_a_run_that_nobody_started_is_cancelled_and_a_second_time_there_is_nothing_to_cancel(world: World) -> None:
    run = world.followed.run
    assert cancel_run(world.stores, run.id, world.said.append) == f"run {run.id} is cancelled: {run.url}"
    with pytest.raises(NothingToDo, match=f"^run {run.id} is Cancelled already: nothing to cancel"):
        cancel_run(world.stores, run.id, world.said.append)
    unknown = str(uuid.uuid4())
    with pytest.raises(NothingToDo, match=f"^{unknown}: no run has that id, and none that runs that key"):
        cancel_run(world.stores, unknown, world.said.append)


@pytest.mark.server
def test_a_dead_run_is_taken_off_and_one_whose_worker_does_not_answer_is_said_so(world: World) -> None:
    world.is_("RUNNING")
    world.claim(lease_s=3_600)
    with pytest.raises(RunFailed, match="is Cancelling still: is its worker gone"):
        cancel_run(world.stores, world.followed.run.id, world.said.append, ends_within_s=3.0)
    run = world.followed.run.id
    assert re.fullmatch(
        "cancel: [23] s so far, how long it takes here is not known yet; waiting for the worker to end run "
        f"{run}, which is cancelling, given up in about 5 s",
        world.said[0],
    )
    world.ledger.release_claim(world.followed.key, "host:1:a", datetime.now(UTC))
    ended = cancel_run(world.stores, world.followed.key, world.said.append)
    assert f"run {run} is cancelled: http" in ended, "the key that the status shows says which run is meant"
    trigger = world.ledger.get_trigger(world.followed.key)
    assert trigger is not None and (trigger.state, trigger.result) == ("running", CANCELLED_BY_HAND)
