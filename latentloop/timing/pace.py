"""Elapsed and remaining time of a piece of work: nothing in its first two seconds, then ever more seldom a line."""

from __future__ import annotations

import time
from collections.abc import Callable

from latentloop.timing.rhythm import Rhythm

FIRST_AFTER_S = 2.0


class Pace:
    """Says how far some work is, as in `packing: 12,000 of 60,000 files, 8 s elapsed, about 32 s left`."""

    def __init__(
        self,
        work: str,
        unit: str,
        say: Callable[[str], None],
        total: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work, self._unit, self._say, self._total = work, unit, say, total
        self._rhythm = Rhythm(clock)

    def at(self, done: int | None) -> None:
        """So much is done, None where that is not known; said where it is time for it."""
        elapsed = self._rhythm.elapsed_s
        if elapsed < FIRST_AFTER_S or not self._rhythm.is_due(self._work):
            return
        of = f" of {self._total:,}" if self._total is not None else ""
        count = f"{done:,}{of} {self._unit}, " if done is not None else ""
        left = ""
        if done and self._total is not None and done <= self._total:
            left = f", about {show_duration(elapsed * (self._total - done) / done)} left"
        self._say(f"{self._work}: {count}{show_duration(elapsed)} elapsed{left}")


def show_duration(seconds: float) -> str:
    """Seconds for a person: `8 s`, `2 min 10 s`, `1 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
