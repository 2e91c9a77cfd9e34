"""What a training hands over."""

from __future__ import annotations

from dataclasses import dataclass

from vae_core.models.conv_vae import ConvVae
from vae_core.training.early_stopping import HeldOutPoint
from vae_core.training.events import StopReason, TrainEvent
from vae_core.training.progress import TrainProgress


@dataclass(frozen=True, slots=True, eq=False)
class TrainResult:
    """A finished training. The model is in eval mode on the training's device.

    epochs: passes over the images. seconds_used: of the training's clock, those before a resume included.
    curve, held_out_curve and events reach back to the first step; resumed_from_step is None where this call
    began at the first step. With held-out images the model has the weights after best_step steps, where their
    -ELBO was lowest; without them those of the last step, best_step is None and held_out_curve empty.
    """

    model: ConvVae
    steps: int
    epochs: float
    seconds_used: float
    curve: list[TrainProgress]
    events: tuple[TrainEvent, ...]
    resumed_from_step: int | None
    stop_reason: StopReason
    best_step: int | None
    held_out_curve: tuple[HeldOutPoint, ...]
