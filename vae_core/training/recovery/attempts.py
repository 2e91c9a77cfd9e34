"""The attempts of one training: what each begins with, and the one result that all of them come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from vae_core.config import Budget, TrainConfig
from vae_core.families.configs import ModelConfig
from vae_core.families.variants import ImageModel
from vae_core.training.checkpoints.snapshots import Snapshot
from vae_core.training.health.early_stopping import HeldOutPoint
from vae_core.training.health.events import Change, EventKind, Recovery, StopReason, TrainEvent
from vae_core.training.health.information import InformationPoint
from vae_core.training.health.progress import TrainProgress
from vae_core.training.result import TrainResult

NOT_A_CHANGE = ("budget", "schema_version")
"""What is left of the budget is no decision of a recovery."""


class AttemptRecord(BaseModel):
    """What is written beside an attempt's checkpoints, for people, and for the process that takes it up again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    number: int = Field(ge=2)
    model: ModelConfig
    training: TrainConfig
    recovery: Recovery


@dataclass(frozen=True, slots=True)
class Path:
    """The steps that an attempt goes on from, made by the attempts before it; empty where it begins anew.

    Snapshots on the way are of before the onset, and so sound; those of what was given up are dropped with it.
    """

    steps: int = 0
    epochs: float = 0.0
    seconds: float = 0.0
    share: float = 0.0
    curve: tuple[TrainProgress, ...] = ()
    held_out_curve: tuple[HeldOutPoint, ...] = ()
    information: tuple[InformationPoint, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()

    def moved(self, point: TrainProgress) -> TrainProgress:
        """An attempt's report, counted from the beginning of the path."""
        share = self.share + (1 - self.share) * point.share_done
        return replace(point, step=self.steps + point.step, epoch=self.epochs + point.epoch, share_done=share)

    def extended(self, result: TrainResult, up_to_step: int, seconds: float, amount: float, unit: str) -> Path:
        """The path that goes on with an attempt's first steps, of which the attempt's own budget was amount units."""
        epochs = up_to_step * result.epochs / result.steps
        used = {"steps": up_to_step, "epochs": epochs, "seconds": seconds}[unit]
        return Path(
            steps=self.steps + up_to_step,
            epochs=self.epochs + epochs,
            seconds=self.seconds + seconds,
            share=self.share + (1 - self.share) * min(1.0, used / amount),
            curve=(*self.curve, *(self.moved(each) for each in result.curve if each.step <= up_to_step)),
            held_out_curve=(*self.held_out_curve, *self._looks(result.held_out_curve, up_to_step)),
            information=(*self.information, *self._bounds(result.information, up_to_step)),
            snapshots=(*self.snapshots, *self._kept(result.snapshots, up_to_step)),
        )

    def joined(
        self, result: TrainResult, budget: Budget, events: Sequence[TrainEvent], resumed_from_step: int | None
    ) -> TrainResult:
        """The result of the whole training, whose last attempt is `result`; budget and events are those of all of it.

        That attempt's own budget is only what the path had left of it.
        """
        return replace(
            result,
            train_config=result.train_config.model_copy(update={"budget": budget}),
            steps=self.steps + result.steps,
            epochs=self.epochs + result.epochs,
            seconds_used=self.seconds + result.seconds_used,
            curve=[*self.curve, *(self.moved(each) for each in result.curve)],
            events=tuple(events),
            resumed_from_step=resumed_from_step,
            best_step=None if result.best_step is None else self.steps + result.best_step,
            held_out_curve=(*self.held_out_curve, *self._looks(result.held_out_curve, result.steps)),
            snapshots=(*self.snapshots, *self._kept(result.snapshots, result.steps)),
            information=(*self.information, *self._bounds(result.information, result.steps)),
        )

    def _looks(self, looks: Iterable[HeldOutPoint], up_to_step: int) -> list[HeldOutPoint]:
        """Those of an attempt; its look before the first step only where it is the first of the path."""
        seen = {each.step for each in self.held_out_curve}
        moved = [HeldOutPoint(self.steps + each.step, each.loss) for each in looks if each.step <= up_to_step]
        return [each for each in moved if each.step not in seen]

    def _bounds(self, points: Iterable[InformationPoint], up_to_step: int) -> list[InformationPoint]:
        return [replace(each, step=self.steps + each.step) for each in points if each.step <= up_to_step]

    def _kept(self, snapshots: Iterable[Snapshot], up_to_step: int) -> list[Snapshot]:
        return [replace(each, step=self.steps + each.step) for each in snapshots if each.step <= up_to_step]


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """One attempt: its configs, the weights that it begins with (None: those of the seed), and what came before.

    events: of the attempts before it, and of its own beginning.
    """

    number: int
    model: ModelConfig
    training: TrainConfig
    initial: ImageModel | None
    path: Path = Path()
    events: tuple[TrainEvent, ...] = ()
    resumed_from_step: int | None = None

    def own_events(self, result: TrainResult) -> list[TrainEvent]:
        """Its events, counted along the path; one that was given up, and only read again, was not resumed."""
        again = result.stop_reason == StopReason.recovering and result.resumed_from_step == result.steps
        return [
            replace(event, step=self.path.steps + event.step)
            for event in result.events
            if not (again and event.kind == EventKind.resumed and event.step == result.steps)
        ]

    def resumed_at(self, result: TrainResult) -> int | None:
        """The step along the path that this call went on from; None where it began at the first."""
        if result.resumed_from_step is None:
            return self.resumed_from_step
        return self.path.steps + result.resumed_from_step


def remaining_budget(budget: Budget, path: Path) -> Budget:
    """What of the training's budget is left to an attempt that goes on from there; at least a hundredth of it."""
    used = {"steps": path.steps, "epochs": path.epochs, "seconds": path.seconds}[budget.unit]
    return budget.model_copy(update={"amount": max(budget.amount - used, budget.amount / 100)})


def describe_changes(before: Sequence[BaseModel], after: Sequence[BaseModel]) -> tuple[Change, ...]:
    """Which fields of the configs an attempt has otherwise, in their order."""
    changes = []
    for old, new in zip(before, after, strict=True):
        for name in type(old).model_fields:
            values = (getattr(old, name), getattr(new, name))
            if name not in NOT_A_CHANGE and values[0] != values[1]:
                changes.append(Change(name, *map(_words, values)))
    return tuple(changes)


def _words(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
