"""The engine of every fit: what is due when, how it ends, and that the last step is kept with its report."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from vae_core.config import Budget
from vae_core.errors import DivergenceError
from vae_core.training.budget import BudgetMeter
from vae_core.training.engine import Cadence, Engine, Stretch
from vae_core.training.health.early_stopping import BestWeights, HeldOutPoint
from vae_core.training.health.events import StopReason


@dataclass
class Told:
    """A fit that makes no model: it writes down what the engine asks of it, and its losses are given."""

    losses: list[float] = field(default_factory=list)
    gives_up_at: int = 1_000
    diverges_at: int = 0
    step: int = 0
    unreported_steps: int = 0
    best: BestWeights = field(default_factory=BestWeights)
    done: list[str] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    name: str = "told"

    def rows(self) -> list[int]:
        return [self.step, self.step + 1]

    def take_step(self, share: float) -> None:
        if self.step + 1 == self.diverges_at:
            raise DivergenceError("loss nan")
        self.step += 1
        self.unreported_steps += 1
        self.done.append(f"step {self.step}")

    def report(self, stretch: Stretch) -> None:
        self.unreported_steps = 0
        self.stretches.append(stretch)
        self.done.append("report")

    def look(self) -> None:
        if self.losses:
            curve = self.best.curve
            curve.append(HeldOutPoint(self.step, self.losses[min(len(curve), len(self.losses) - 1)]))
            self.best.index = min(range(len(curve)), key=lambda at: curve[at].loss)
            self.done.append("look")

    def inspect(self) -> None:
        self.done.append("inspect")

    def conclude(self) -> None:
        self.done.append("conclude")

    def gives_up(self) -> bool:
        return self.step >= self.gives_up_at

    def save(self, seconds_used: float) -> None:
        self.done.append("save")


def engine(fit: Told, steps: float = 5, saved_step: int | None = None) -> Engine:
    cadence = Cadence(steps_per_epoch=4, batch_size=8, report_every=2, look_every=3, checkpoint_every=2, patience=2)
    ticks = iter(range(1_000))
    meter = BudgetMeter(Budget(amount=steps, unit="steps"), 4, lambda: float(next(ticks)))
    return Engine(fit, cadence, meter, saved_step)


def test_each_thing_is_done_when_it_is_due_and_the_last_step_is_kept_with_its_report() -> None:
    fit = Told(losses=[3.0, 2.0, 1.0])
    engine(fit).run()
    assert fit.done == [
        "look",
        "step 1", "inspect",
        "step 2", "report", "inspect", "save",
        "step 3", "look", "inspect",
        "step 4", "report", "inspect", "save",
        "step 5", "inspect",
        "report", "look", "conclude", "save",
    ]  # fmt: skip
    assert [(each.step, each.epoch, each.share_done) for each in fit.stretches] == [
        (2, 0.5, 0.4), (4, 1.0, 0.8), (5, 1.25, 1.0),
    ]  # fmt: skip
    assert all(each.images_per_s is not None and each.images_per_s > 0 for each in fit.stretches)


def test_a_last_step_on_which_all_is_due_does_nothing_twice() -> None:
    fit = Told(losses=[3.0, 2.0, 1.0])
    engine(fit, steps=6).run()
    assert fit.done[-5:] == ["report", "look", "inspect", "conclude", "save"]
    assert fit.done.count("report") == 3 and fit.done.count("look") == 3


def test_patience_ends_it_before_its_budget() -> None:
    fit = Told(losses=[1.0, 2.0, 2.0])
    made = engine(fit, steps=100)
    made.run()
    assert fit.step == 6 and made.stop_reason == StopReason.no_improvement


def test_what_gives_up_ends_at_once_and_says_so() -> None:
    fit = Told(gives_up_at=3)
    made = engine(fit, steps=100)
    made.run()
    assert fit.step == 3 and made.stop_reason == StopReason.recovering
    assert fit.done[-2:] == ["conclude", "save"], "what follows reads its checkpoint"


def test_even_the_smallest_budget_makes_one_step() -> None:
    fit = Told()
    made = engine(fit, steps=1e-9)
    made.run()
    assert fit.step == 1 and made.stop_reason == StopReason.budget_used


def test_one_that_had_ended_is_told_again_and_makes_no_step() -> None:
    fit = Told(losses=[1.0], step=5, best=BestWeights([HeldOutPoint(5, 1.0)]))
    engine(fit, saved_step=5).run()
    assert fit.done == ["conclude"]


def test_a_step_that_is_not_finite_is_named_with_its_images_and_nothing_is_kept_of_it() -> None:
    fit = Told(diverges_at=4)
    with pytest.raises(DivergenceError, match=r"told: step 4 is not finite \(loss nan\) on images 3, 4;") as raised:
        engine(fit, steps=100).run()
    assert (raised.value.step, raised.value.batch_indices) == (4, (3, 4))
    assert fit.done[-2:] == ["step 3", "inspect"] and fit.done.count("save") == 1
