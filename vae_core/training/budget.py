"""How much of a training's budget is used, in whatever unit it is given."""

from collections.abc import Callable
from math import ceil

from vae_core.config import Budget
from vae_core.ranks import ALONE, Ranks


class BudgetMeter:
    """Counts steps, or seconds of the clock (of several ranks the first one's), against a budget, across resumes."""

    def __init__(
        self,
        budget: Budget,
        steps_per_epoch: int,
        clock: Callable[[], float],
        seconds_before: float = 0.0,
        ranks: Ranks = ALONE,
    ) -> None:
        self._budget = budget
        self._steps_per_epoch = steps_per_epoch
        self._clock = clock
        self._zero = clock() - seconds_before
        self._ranks = ranks

    def seconds_used(self) -> float:
        """Seconds of the clock since the training began, those before a resume included."""
        return self._clock() - self._zero

    def share(self, steps_done: int) -> float:
        """Tell the used share of the budget, at most 1, at which the training ends."""
        if self._budget.unit == "seconds":
            return self._ranks.first(min(1.0, self.seconds_used() / self._budget.amount))
        steps = self._budget.amount * (self._steps_per_epoch if self._budget.unit == "epochs" else 1)
        return min(1.0, steps_done / ceil(steps))
