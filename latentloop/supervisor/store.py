"""A neighbour that is not ours to start, a database or the object store: only how it stands is said."""

from __future__ import annotations

from collections.abc import Callable

from latentloop.supervisor.judging import Phase
from latentloop.supervisor.pulse import Clock, Heard, Listener
from latentloop.supervisor.record import Record


class Store:
    """Asked every `calm_s` seconds. One question without an answer is enough: it is said, nothing is done about it."""

    def __init__(self, name: str, ask: Callable[[], Heard], clock: Clock, calm_s: float) -> None:
        self.record = Record(name, phase=Phase.starting)
        self.listener = Listener(ask, clock=clock, quick_s=calm_s / 3, calm_s=calm_s)

    def step(self, now: float) -> str | None:
        """Look how it stands; returns what is to be said when that changed."""
        pulse, before, name = self.listener.pulse, self.record.phase, self.record.name
        broken = pulse.failures > 0 or (pulse.reason != "" and not pulse.answers)
        if broken and before is not Phase.silent:
            self.record.enter(Phase.silent, pulse.reason)
            return f"{name} does not answer: {pulse.reason}"
        if pulse.answers and not broken and before is not Phase.up:
            self.record.welcome(now)
            return f"{name} answers again" if before is Phase.silent else None
        return None
