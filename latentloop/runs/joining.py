"""Follows work that another command, or an earlier one, began: it is known by its trigger, and shown like one's own."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from deploy.shown_time import show_time
from deploy.stores.errors import StoreError
from deploy.stores.orchestrator import RunRef
from deploy.stores.sql.ledger import CANCELLED_BY_HAND, Trigger
from deploy.wiring import World
from latentloop.errors import RunFailed
from latentloop.runs.following import POLL_S, saying_that_it_goes_on, taken_down
from latentloop.runs.progress import ProgressLines
from latentloop.supervisor.lock import find_holder

Say = Callable[[str], None]


def is_held(trigger: Trigger | None) -> bool:
    """Whether somebody works on it; a run that was killed seems to for the rest of its lease."""
    return trigger is not None and trigger.state == "running" and trigger.alive_until > datetime.now(UTC)


def follow_held(world: World, key: str, what: str, again: str, say: Say) -> bool:
    """Follow the work to its end: True when it was done, False when whoever held it let go, so that it is free.

    RunFailed when it failed, when a person cancelled it, or when the installation, which was up, was taken down;
    RunGoesOn when a person leaves. `again`: what continues the work.
    """
    settings, ledger = world.settings, world.ledger
    held = ledger.get_trigger(key)
    run, was_up = _find_run(world, key), find_holder(settings.home) is not None
    with saying_that_it_goes_on(what, run):
        if held is not None and is_held(held):
            since = show_time(held.claimed_at, settings.timezone)
            where = f": {run.url}" if run is not None else ""
            say(f"{what} of this catalogue is in work already, since {since}; this command follows it{where}")
        lines = ProgressLines(say)
        while is_held(held):
            if was_up and find_holder(settings.home) is None:
                raise taken_down(settings.home, what, again)
            lines.look(world.objects, key)
            time.sleep(POLL_S)
            held = ledger.get_trigger(key)
    if held is None or held.state == "done":
        return held is not None
    if held.state == "failed":
        raise RunFailed(f"{what} failed: {held.result}{_see(run)}")
    if held.result == CANCELLED_BY_HAND:
        raise RunFailed(f"{what} was {CANCELLED_BY_HAND}{_see(run)}; {again}")
    return False


def _find_run(world: World, key: str) -> RunRef | None:
    """The run that works on it, where Prefect answers and knows; it is shown, and nothing depends on it."""
    try:
        with world.orchestrator() as orchestrator:
            return orchestrator.find_running(key)
    except StoreError:
        return None


def _see(run: RunRef | None) -> str:
    return f" (see {run.url})" if run is not None else ""
