"""Checkpoints of one training that need no training: a header, and a tensor that says the step."""

import torch

from tests.vae_core.synthetic_images import TINY, recipe
from vae_core.training.checkpoints.checkpoint import Checkpoint, CheckpointHeader
from vae_core.training.checkpoints.identity import TrainingIdentity
from vae_core.training.health.events import EventKind, TrainEvent

IDENTITY = TrainingIdentity(model=TINY, training=recipe(), data_digest="0" * 64)


def checkpoint(step: int) -> Checkpoint:
    """After so many steps, with one event."""
    header = CheckpointHeader(
        identity=IDENTITY,
        step=step,
        seconds_used=step / 3,
        kl_steps_below=2,
        events=(TrainEvent(EventKind.resumed, 1, "so"),),
    )
    return Checkpoint(header, {"weights": torch.full((3,), float(step))})
