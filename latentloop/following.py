"""Follows a run to its end: what it waits for, where it stands, and whether anybody still works on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.stores.errors import StoreUnavailable
from deploy.stores.ledger import Ledger, Trigger
from deploy.stores.orchestrator import Orchestrator, RunRef, RunState
from latentloop.errors import RunFailed, RunGoesOn
from latentloop.pulse import Pulse
from latentloop.rhythm import Rhythm
from latentloop.supervisor.lock import find_holder
from latentloop.telling_time import describe
from latentloop.waiting import Waiting

POLL_S = 0.5

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
) -> RunState:
    """Wait for the end of a run; `show` sees every state, and `say` what a person should know.

    RunFailed when it was interrupted, is not over in time, or the installation of `home`, which was up, was taken down;
    RunGoesOn when a person leaves; a server that is away is waited for.
    """
    was_up = home is not None and find_holder(home) is not None
    with _saying_that_it_goes_on(followed):
        waiting, pulse = Waiting(orchestrator, say), Pulse(lease_s)
        deadline, away = time.monotonic() + timeout_s, False
        while time.monotonic() < deadline:
            try:
                state = orchestrator.run_state(followed.run.id)
            except StoreUnavailable as error:
                if home is not None and was_up and find_holder(home) is None:
                    raise RunFailed(
                        f"{home} was taken down, and {followed.what} with it: after `latentloop up`, {followed.again}"
                    ) from error
                if not away:
                    say(f"{error}; {followed.what} goes on without it")
                away = True
            else:
                away = False
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


@contextmanager
def _saying_that_it_goes_on(followed: Followed) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as error:
        raise RunGoesOn(
            f"left; {followed.what} goes on: see {followed.run.url}, or cancel it with "
            f"`latentloop cancel {followed.run.id}`"
        ) from error
