"""A wait for something that is not ours to hurry: what for, how long so far, and how long it may take at most."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from latentloop.timing.rhythm import Rhythm
from latentloop.timing.shown_duration import say_about
from latentloop.timing.telling_time import AFTER_S, describe, keep_duration, read_durations

Say = Callable[[str], None]


class TimedWait:
    """Asked again and again while a command waits; what is over within two seconds says nothing.

    `then`: what happens after `at_most_s` seconds.
    """

    def __init__(
        self,
        command: str,
        home: Path,
        say: Say,
        *,
        at_most_s: float,
        then: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command, self._home, self._say = command, home, say
        self._at_most_s, self._then = at_most_s, then
        self._before_s = read_durations(home).seconds.get(command)
        self._rhythm = Rhythm(clock)

    @property
    def over(self) -> bool:
        """Whether it has taken as long as it may."""
        return self._rhythm.elapsed_s >= self._at_most_s

    def look(self, waits_for: str) -> None:
        """Say what is waited for now, where that is news or was not said for long."""
        elapsed_s = self._rhythm.elapsed_s
        if elapsed_s < AFTER_S[0] or not self._rhythm.is_due(waits_for):
            return
        left_s = max(0.0, self._at_most_s - elapsed_s)
        told = describe(self._command, elapsed_s, self._before_s)
        self._say(f"{told}; waiting for {waits_for}, {self._then} in {say_about(left_s)}")

    def ended(self) -> None:
        """Remember how long it took, for the next time."""
        if (took_s := self._rhythm.elapsed_s) >= AFTER_S[0]:
            keep_duration(self._home, self._command, took_s)
