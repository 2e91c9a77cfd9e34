"""The start: tend until there is nothing more to wait for, and say meanwhile what is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from latentloop.interrupts import INTERRUPTS
from latentloop.supervisor.judging import Phase
from latentloop.supervisor.pulse import Clock
from latentloop.supervisor.record import Record
from latentloop.supervisor.tending import Supervisor
from latentloop.timing.rhythm import Rhythm


def await_settled(
    supervisor: Supervisor,
    so_far: Callable[[], str],
    *,
    clock: Clock = time.monotonic,
    poll_s: float = 0.2,
    first_after_s: float = 2.0,
) -> None:
    """Return once every part is up, was left down, or needs one that was; `so_far` says how long it took until now.

    No limit of its own: every child has one for its start, and what dies again and again is left down.
    """
    rhythm = Rhythm(clock)
    while True:
        INTERRUPTS.heed()
        supervisor.tend()
        records = supervisor.records()
        waiting = [record.name for record in records if not is_settled(record, records)]
        if not waiting:
            return
        # what came up meanwhile said so itself
        if rhythm.elapsed_s >= first_after_s and rhythm.is_due("waiting"):
            supervisor.say(f"waiting for {', '.join(waiting)} ({so_far()})")
        time.sleep(poll_s)


def is_settled(record: Record, records: Sequence[Record]) -> bool:
    """Has the start nothing more to wait for here?"""
    if record.phase in (Phase.up, Phase.left_down, Phase.silent):
        return True
    needed = next((other for other in records if other.name == record.needs), None)
    never_began = record.phase is Phase.waiting and record.start_at is None
    return never_began and needed is not None and needed.phase is not Phase.up and is_settled(needed, records)
