"""Follows a run to its end: what it waits for, where it stands, and whether anybody still works on it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.stores.errors import StoreUnavailable
from deploy.stores.orchestrator import Orchestrator, RunRef, RunState
from deploy.stores.sql.ledger import Ledger, Trigger
from latentloop.errors import RunFailed, RunGoesOn
from latentloop.runs.pulse import Pulse
from latentloop.runs.waiting import Waiting
from latentloop.supervisor.lock import find_holder
from latentloop.timing.rhythm import Rhythm
from latentloop.timing.telling_time import describe

POLL_S = 0.5
AWAY_AFTER_S = 20.0  # an installation that is taken down gives its parts ten seconds, its server goes first

Say = Callable[[str], None]
Show = Callable[[RunState], None]


@dataclass(frozen=True, slots=True)
class Followed:
    """A run that a command asked for: the trigger that its flow claims, and the command that does the work again."""

    run: RunRef
    what: str
    key: str
    again: str


def follow(
    orchestrator: Orchestrator,
    ledger: Ledger,
    followed: Followed,
    *,
    lease_s: float,
    timeout_s: float,
    say: Say,
    show: Show,
    home: Path | None = None,
    away_after_s: float = AWAY_AFTER_S,
) -> RunState:
    """Wait for the end of a run; `show` sees every state, and `say` what a person should know.

    RunFailed when it was interrupted, is not over in time, or the installation of `home`, which was up, was taken down;
    RunGoesOn when a person leaves; a server that is away is waited for, and said to be so after `away_after_s` seconds.
    """
    was_up = home is not None and find_holder(home) is not None
    with saying_that_it_goes_on(followed.what, followed.run):
        waiting, pulse = Waiting(orchestrator, say), Pulse(lease_s)
        deadline, away_since, said = time.monotonic() + timeout_s, math.inf, False
        while time.monotonic() < deadline:
            try:
                state = orchestrator.run_state(followed.run.id)
            except StoreUnavailable as error:
                if home is not None and was_up and find_holder(home) is None:
                    raise taken_down(home, followed.what, followed.again) from error
                away_since = min(away_since, time.monotonic())
                if not said and time.monotonic() - away_since >= away_after_s:
                    say(f"{error}; it is asked again, and how {followed.what} stands is not known meanwhile")
                    said = True
            else:
                away_since, said = math.inf, False
                if state.finished:
                    return state
                show(state)
                waiting.look(followed.run.id, state)
                trigger = ledger.get_trigger(followed.key)
                if pulse.stopped(state, trigger):
                    return _end(followed, state, trigger, pulse.patience_s)
            time.sleep(POLL_S)
    raise RunFailed(
        f"{followed.what} is not over after {timeout_s:.0f} s and goes on: see {followed.run.url}, or cancel it with "
        f"`latentloop cancel {followed.run.id}`"
    )


def taken_down(home: Path, what: str, again: str) -> RunFailed:
    """What ends a command whose installation is down: what continues its work."""
    return RunFailed(f"{home} was taken down, and {what} with it: after `latentloop up`, {again}")


@contextmanager
def saying_that_it_goes_on(what: str, run: RunRef | None) -> Iterator[None]:
    """RunGoesOn for whoever presses Ctrl-C; `run`: None where Prefect does not say which it is."""
    try:
        yield
    except KeyboardInterrupt as error:
        if run is None:
            raise RunGoesOn(f"left; {what} goes on: see `latentloop status`") from error
        raise RunGoesOn(
            f"left; {what} goes on: see {run.url}, or cancel it with `latentloop cancel {run.id}`"
        ) from error


def saying_changes(what: str, say: Say, before_s: float | None = None) -> Show:
    """Say each state, and now and then how long it takes, where a run has no progress to show.

    `before_s`: what the same work took last time, if anybody knows.
    """
    rhythm = Rhythm()

    def show(state: RunState) -> None:
        if rhythm.is_due(state.name):
            say(describe(f"{what} is {state.name.lower()}", rhythm.elapsed_s, before_s))

    return show


def expect_completed(state: RunState, followed: Followed) -> None:
    """RunFailed with how the run ended, and what begins or continues it; silent for one that completed."""
    if state.type == "COMPLETED":
        return
    message = state.message or "no message"
    again = f"; {followed.again}" if state.type in ("CRASHED", "CANCELLED") else ""
    raise RunFailed(f"{followed.what} ended {state.name}: {message} (see {followed.run.url}){again}")


def _end(followed: Followed, state: RunState, trigger: Trigger | None, patience_s: float) -> RunState:
    """The end of a run that Prefect does not know of: what the ledger says, or that it was interrupted."""
    if trigger is not None and trigger.state != "running":
        if trigger.state == "done":
            return RunState(type="COMPLETED", name="Completed", message=trigger.result or "")
        return RunState(type="FAILED", name="Failed", message=trigger.result or "")
    whose = f"attempt {trigger.attempt} of {trigger.owner}" if trigger is not None else "nobody claimed its work"
    why = f", because of {trigger.result}" if trigger is not None and trigger.result else ""
    raise RunFailed(
        f"{followed.what} was interrupted ({whose}{why}): no sign of life for {patience_s:.0f} s, though Prefect shows "
        f"it as {state.name}; was its worker killed? {followed.again}. `latentloop cancel {followed.run.id}` takes it "
        f"off {followed.run.url}"
    )
