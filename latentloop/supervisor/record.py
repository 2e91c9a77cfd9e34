"""Where one part of the installation stands, and its deaths."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from latentloop.supervisor.judging import Phase
from latentloop.supervisor.report import PartReport
from latentloop.supervisor.restarts import History, RestartPolicy, plan_restart


@dataclass(slots=True)
class Record:
    """A part by name: its phase, since when (the wall's clock), and why; `start_at` is on the supervisor's clock."""

    name: str
    needs: str | None = None
    phase: Phase = Phase.waiting
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    reason: str = ""
    start_at: float | None = None
    up_at: float | None = None
    history: History = field(default_factory=History)

    def enter(self, phase: Phase, reason: str = "") -> None:
        """Stand there from now on; staying in a phase keeps its time."""
        if phase is not self.phase:
            self.since = datetime.now(UTC)
        self.phase, self.reason = phase, reason

    def welcome(self, now: float) -> None:
        """It is up."""
        self.up_at = now if self.up_at is None else self.up_at
        self.enter(Phase.up)

    def bury(self, fate: str, now: float, policy: RestartPolicy) -> str:
        """Count a death; returns what is to be said of it."""
        plan = plan_restart(self.history, now - self.up_at if self.up_at is not None else 0.0, now, policy)
        self.history, self.start_at, self.up_at = plan.history, plan.start_at, None
        pause_s = plan.start_at - now
        if not plan.history.left_down:
            self.enter(Phase.waiting, fate)
            return f"{self.name} {fate}; starting it again in {pause_s:.0f} s"
        times = len(plan.history.deaths)
        reason = f"{fate}, {times} times in a row" if times > 1 else fate
        self.enter(Phase.left_down, f"{reason}; tried again every {pause_s:.0f} s")
        return f"{self.name} {reason}: it is left down, and tried again every {pause_s:.0f} s"

    def report(self, pid: int | None = None) -> PartReport:
        """As others see it."""
        return PartReport(name=self.name, phase=self.phase, since=self.since, reason=self.reason, pid=pid)
