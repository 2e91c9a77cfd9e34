"""The engine of every fit: steps until the budget is used, or until held-out data say that it is enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vae_core.errors import DivergenceError
from vae_core.training.budget import BudgetMeter
from vae_core.training.health.divergence import withheld_step
from vae_core.training.health.early_stopping import BestWeights
from vae_core.training.health.events import StopReason


@dataclass(frozen=True, slots=True)
class Cadence:
    """How many steps an epoch has and how many images a step, and after how many steps what is due.

    patience: looks at the held-out data, without a better one, after which it is enough.
    """

    steps_per_epoch: int
    batch_size: int
    report_every: int
    look_every: int
    checkpoint_every: int
    patience: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """The steps since the last report, up to `step`.

    epoch: passes over the data so far. share_done: of the budget, 0 to 1. images_per_s: by the clock of the budget,
    None where it did not move.
    """

    step: int
    epoch: float
    share_done: float
    images_per_s: float | None


class Fit(Protocol):
    """What is fitted: its state between two steps, and what is done where the engine says that it is due."""

    @property
    def name(self) -> str:
        """What the caller called, for messages."""
        ...

    @property
    def step(self) -> int:
        """Steps done."""
        ...

    @property
    def unreported_steps(self) -> int:
        """Steps since the last report."""
        ...

    @property
    def best(self) -> BestWeights:
        """The looks so far; empty where nothing is held out."""
        ...

    def rows(self) -> Sequence[int]:
        """The images of the step that is to be made, as the caller's rows; may wait for the device."""
        ...

    def take_step(self, share: float) -> None:
        """Make the step that begins at this share of the budget; DivergenceError before a weight moved."""
        ...

    def report(self, stretch: Stretch) -> None:
        """Tell what the steps since the last report were like."""
        ...

    def look(self) -> None:
        """Measure the held-out data, if there are any, and keep the weights that did best on them."""
        ...

    def inspect(self) -> None:
        """Do what else is due after a step."""
        ...

    def conclude(self) -> None:
        """Do what is due once more after the last step."""
        ...

    def gives_up(self) -> bool:
        """Whether what was seen asks for another attempt."""
        ...

    def save(self, seconds_used: float) -> None:
        """Keep the state, with the seconds that the fit has used."""
        ...


class Engine:
    """Makes the steps of one fit, and what is due before, between and after them.

    `saved_step`: the newest that is kept, None where nothing is.
    """

    def __init__(self, fit: Fit, cadence: Cadence, meter: BudgetMeter, saved_step: int | None) -> None:
        self._fit, self._cadence, self._meter = fit, cadence, meter
        self._saved_step = saved_step
        self._told_step, self._told_seconds = fit.step, meter.seconds_used()

    def run(self) -> None:
        """Make at least one step, and all that are missing, then report, look at and keep what is left."""
        fit = self._fit
        if fit.step == 0 and not fit.best.curve:
            fit.look()
        while not self._is_over():
            self._advance()
        if fit.unreported_steps:
            self._report()
        if not fit.best.curve or fit.best.curve[-1].step != fit.step:
            fit.look()
        fit.conclude()
        if self._saved_step != fit.step:
            self._save()

    @property
    def stop_reason(self) -> StopReason:
        """Why no further step is made."""
        if self._fit.gives_up():
            return StopReason.recovering
        return StopReason.no_improvement if self._is_out_of_patience() else StopReason.budget_used

    def _is_over(self) -> bool:
        """Never before the first step."""
        fit = self._fit
        if fit.step == 0:
            return False
        return fit.gives_up() or self._is_out_of_patience() or self._meter.share(fit.step) >= 1.0

    def _is_out_of_patience(self) -> bool:
        return self._fit.best.looks_since >= self._cadence.patience

    def _advance(self) -> None:
        fit, cadence = self._fit, self._cadence
        try:
            fit.take_step(self._meter.share(fit.step))
        except DivergenceError as error:
            raise withheld_step(fit.name, fit.step + 1, fit.rows(), str(error)) from error
        if fit.unreported_steps >= cadence.report_every:
            self._report()
        if fit.step % cadence.look_every == 0:
            fit.look()
        fit.inspect()
        # the last step is kept with its report, at the end
        if fit.step % cadence.checkpoint_every == 0 and not self._is_over():
            self._save()

    def _report(self) -> None:
        fit, cadence, seconds = self._fit, self._cadence, self._meter.seconds_used()
        elapsed, images = seconds - self._told_seconds, (fit.step - self._told_step) * cadence.batch_size
        stretch = Stretch(
            step=fit.step,
            epoch=fit.step / cadence.steps_per_epoch,
            share_done=self._meter.share(fit.step),
            images_per_s=images / elapsed if elapsed > 0 else None,
        )
        self._told_step, self._told_seconds = fit.step, seconds
        fit.report(stretch)

    def _save(self) -> None:
        self._fit.save(self._meter.seconds_used())
        self._saved_step = self._fit.step
