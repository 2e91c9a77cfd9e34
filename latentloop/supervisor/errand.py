"""A step of the start that ends: done once what it needs is up, tried again when it failed, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from latentloop.supervisor.judging import Phase
from latentloop.supervisor.record import Record
from latentloop.supervisor.restarts import RestartPolicy


@dataclass(slots=True)
class Errand:
    """`work` raises when it failed, whatever it raises: no step of the start may end what runs. `up` is done."""

    record: Record
    work: Callable[[], None]
    thread: threading.Thread | None = None
    failure: Exception | None = None

    def step(self, now: float, policy: RestartPolicy) -> str | None:
        """Begin when it is time, look how far it is; returns what is to be said."""
        record = self.record
        if record.phase in (Phase.waiting, Phase.left_down) and record.start_at is not None and now >= record.start_at:
            self._begin()
        return self._look(now, policy)

    def _begin(self) -> None:
        self.record.enter(Phase.starting)
        self.failure = None
        self.thread = threading.Thread(target=self._run, name=self.record.name, daemon=True)
        self.thread.start()

    def _look(self, now: float, policy: RestartPolicy) -> str | None:
        if self.record.phase is not Phase.starting or self.thread is None or self.thread.is_alive():
            return None
        self.thread = None
        if self.failure is None:
            self.record.welcome(now)
            return None
        return self.record.bury(f"failed: {self.failure or type(self.failure).__name__}", now, policy)

    def _run(self) -> None:
        try:
            self.work()
        except Exception as error:
            self.failure = error
