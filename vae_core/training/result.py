"""What a training hands over."""

from __future__ import annotations

from dataclasses import dataclass

from vae_core.config import TrainConfig
from vae_core.families.variants import ImageModel
from vae_core.training.checkpoints.snapshots import Snapshot
from vae_core.training.health.early_stopping import HeldOutPoint
from vae_core.training.health.events import EventKind, StopReason, TrainEvent
from vae_core.training.health.information import InformationPoint
from vae_core.training.health.progress import TrainProgress


@dataclass(frozen=True, slots=True, eq=False)
class TrainResult:
    """A finished training. The model is in eval mode on the training's device.

    epochs: passes over the images. seconds_used: of the training's clock, those before a resume included.
    curve, held_out_curve and events reach back to the first step; resumed_from_step is None where this call
    began at the first step. With held-out images the model has the weights after best_step steps, where their
    loss was lowest; without them those of the last step, best_step is None and held_out_curve empty. After a fallback
    best_step is the snapshot's.
    snapshots, information: where the recipe asks for them, weights at their final beta and bounds on I(x; z).
    final_beta: the weight of the KL in the last step, which a recovery may have lowered. It is below the recipe's
    where the training ended within the warm-up, as one that is given seconds may; of a model without a KL the recipe's.

    After a recovery everything but `events` is of the path to these weights: steps, seconds and curves of the attempts
    that it goes on from, and none of what was given up. `model.config` and `train_config` are those of the last attempt
    and may differ from what was asked for, but for the budget: it is that of the path, as it was asked for.
    """

    model: ImageModel
    train_config: TrainConfig
    steps: int
    epochs: float
    seconds_used: float
    curve: list[TrainProgress]
    events: tuple[TrainEvent, ...]
    resumed_from_step: int | None
    stop_reason: StopReason
    best_step: int | None
    held_out_curve: tuple[HeldOutPoint, ...]
    final_beta: float
    snapshots: tuple[Snapshot, ...] = ()
    information: tuple[InformationPoint, ...] = ()

    @property
    def attempts(self) -> int:
        """How many attempts were made; 1 without a recovery."""
        return 1 + sum(event.kind == EventKind.restarted for event in self.events)

    @property
    def is_suspect(self) -> bool:
        """Whether the last attempt, too, was suspected of a collapse, so that no recovery helped."""
        kinds = [event.kind for event in self.events]
        last = len(kinds) - kinds[::-1].index(EventKind.restarted) if EventKind.restarted in kinds else 0
        return EventKind.collapse_suspected in kinds[last:]
