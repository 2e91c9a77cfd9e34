"""How long a step still takes: by the share of its budget that is done and the speed that was measured meanwhile."""

from __future__ import annotations

LEAST_SHARE = 0.01  # before it a speed is a guess: the first steps load and warm up
LEAST_S = 2.0


class Pace:
    """The speed of one step at a time; a new step, or one that begins anew, is measured anew.

    >>> pace = Pace()
    >>> pace.left_s("training", 0.0, now=100.0), pace.left_s("training", 0.25, now=110.0)
    (None, 30.0)
    """

    def __init__(self) -> None:
        self._step = ""
        self._began, self._share = 0.0, 0.0

    def left_s(self, step: str, share_done: float, now: float) -> float | None:
        """Seconds that are left of the step, by the clock of `now`; None as long as nobody can tell."""
        if step != self._step or share_done < self._share:
            self._step, self._began, self._share = step, now, share_done
        moved, seconds = share_done - self._share, now - self._began
        if moved < LEAST_SHARE or seconds < LEAST_S:
            return None
        return seconds * (1.0 - share_done) / moved
