"""What a run waits for that no worker has picked up: a paused pool, no worker, or its turn."""

from __future__ import annotations

import time
from collections.abc import Callable

from deploy.stores.errors import StoreError
from deploy.stores.orchestrator import Orchestrator, RunState, WorkPool

FIRST_AFTER_S = 3.0  # a healthy worker picks a run up within its query pause
ASK_EVERY_S = 5.0


def say_why(pool: WorkPool) -> str | None:
    """Why nobody picks a run of this pool up, and where that shows; None when nothing stands in its way."""
    where = f"work pool {pool.name} ({pool.url})"
    if pool.paused:
        return f"it waits: {where} is paused; resume it there"
    if not pool.workers_online:
        return (
            f"it waits: no worker is online in {where}; `latentloop up` starts one, or "
            f"`prefect worker start --pool {pool.name}` on the machine that shall do the work"
        )
    if pool.limit is not None and pool.running >= pool.limit:
        return f"it waits for its turn: {where} has {pool.running} of at most {pool.limit} runs in work"
    return None


class Waiting:
    """Asks now and then what a run waits for; one line when that is known, and again when it changes."""

    def __init__(
        self, orchestrator: Orchestrator, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._orchestrator, self._say, self._clock = orchestrator, say, clock
        self._ask_at = clock() + FIRST_AFTER_S
        self._said: str | None = None

    def look(self, run: str, state: RunState) -> None:
        """Say what the run waits for, if it waits and that is news."""
        if state.type not in ("SCHEDULED", "PENDING") or self._clock() < self._ask_at:
            return
        self._ask_at = self._clock() + ASK_EVERY_S
        try:
            pool = self._orchestrator.pool_of(run)
        except StoreError:  # what follows the run says so
            return
        why = say_why(pool) if pool is not None else None
        if why is not None and why != self._said:
            self._say(why)
        self._said = why
