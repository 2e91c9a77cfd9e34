"""What the command `cancel` does: ask Prefect to end a run, and see that it has ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from deploy.stores.errors import ObjectMissing
from deploy.stores.orchestrator import COMMAND_PATIENCE_S, Orchestrator, RunState
from deploy.stores.sql.ledger import CANCELLED_BY_HAND, Trigger
from deploy.wiring import World
from latentloop.errors import NothingToDo, RunFailed
from latentloop.timing.timed_wait import TimedWait

ENDS_WITHIN_S = 300.0  # a worker looks every few seconds, and gives the process half a minute to leave
POLL_S = 0.5

Say = Callable[[str], None]


def cancel_run(
    world: World,
    run: str,
    say: Say,
    clock: Callable[[], float] = time.monotonic,
    ends_within_s: float = ENDS_WITHIN_S,
) -> str:
    """The line that says how the run ended; RunFailed when no worker has ended it in time.

    `run`: its id, or the key of what it does, as `status` shows it. `say` hears meanwhile what is waited for.
    """
    wait = TimedWait("cancel", world.settings.home, say, at_most_s=ends_within_s, then="given up", clock=clock)
    with world.orchestrator(COMMAND_PATIENCE_S, say) as orchestrator:
        if (of_key := orchestrator.find_running(run)) is not None:
            run = of_key.id
        url, state = orchestrator.run_url(run), _ask_to_end(world, orchestrator, run)
        while not state.finished and not wait.over:
            wait.look(f"the worker to end run {run}, which is {state.name.lower()}")
            time.sleep(POLL_S)
            state = orchestrator.run_state(run)
    if not state.finished:
        raise RunFailed(
            f"run {run} was asked to end {ends_within_s:.0f} s ago and is {state.name} still: is its worker gone? Then "
            f"nobody works on it: ask again, or delete it at {url}"
        )
    wait.ended()
    return f"run {run} is {state.name.lower()}: {url}"


def _ask_to_end(world: World, orchestrator: Orchestrator, run: str) -> RunState:
    try:
        before, parameters = orchestrator.run_state(run), orchestrator.run_parameters(run)
    except ObjectMissing as error:
        raise NothingToDo(
            f"{run}: no run has that id, and none that runs that key; a run's id ends its address, `latentloop status` "
            "shows the keys of those in work"
        ) from error
    if before.finished:
        url = orchestrator.run_url(run)
        raise NothingToDo(f"run {run} is {before.name} already: nothing to cancel (see {url})")
    ledger, key = world.ledger, parameters.get("key")
    trigger = ledger.get_trigger(key) if isinstance(key, str) else None
    if trigger is None or not _is_dead(trigger, before):
        return orchestrator.cancel_run(run)
    state = orchestrator.cancel_run(run, dead=True)
    # a run that lives says so itself; silent where its work is done, or somebody took it over
    ledger.release_claim(trigger.key, trigger.owner, datetime.now(UTC), CANCELLED_BY_HAND)
    return state


def _is_dead(trigger: Trigger, state: RunState) -> bool:
    """Whether the run began its work and nobody holds it any more: there is no worker that would end it."""
    if state.type not in ("RUNNING", "CANCELLING"):
        return False
    return trigger.state != "running" or trigger.alive_until < datetime.now(UTC)
