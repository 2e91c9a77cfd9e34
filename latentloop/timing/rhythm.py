"""When the next line is due: soon at first, then ever more seldom, so that an hour's work is no hundred lines."""

from __future__ import annotations

import time
from collections.abc import Callable

FIRST_S = 5.0
LONGEST_S = 60.0
GROWTH = 1.5


class Rhythm:
    """Asked again and again; what is new is due at once and starts anew."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, first_s: float = FIRST_S) -> None:
        self._clock, self._first_s = clock, first_s
        self._began = clock()
        self._pause_s, self._due_at = first_s, self._began
        self._last: object = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began."""
        return self._clock() - self._began

    def is_due(self, what: object) -> bool:
        """Whether a line about `what` is due now; True means that it is said."""
        now = self._clock()
        if what != self._last:
            self._last, self._pause_s = what, self._first_s
        elif now < self._due_at:
            return False
        else:
            self._pause_s = min(LONGEST_S, self._pause_s * GROWTH)
        self._due_at = now + self._pause_s
        return True
