"""A VAE whose encoder goes blind late in a training, long past its warm-up: healthy snapshots, and then a collapse."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.vae_core.synthetic_images import TINY, boxes, recipe
from vae_core.families.build import build_model
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.conv_vae.model import ConvVae
from vae_core.families.conv_vae.protocol import Posterior
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.recovery.recovery import MAX_RECOVERIES, train_with_recovery
from vae_core.training.result import TrainResult
from vae_core.weights import copy_weights, load_weights

BLIND_AFTER = 130
CONFIG = recipe(
    320, snapshots=8, learning_rate=2e-2, beta=0.2, kl_warmup_share=0.1, free_bits_nats=0.0, checkpoint_every_steps=20
)


class FadingVae(ConvVae):
    """It counts its steps, and after so many of them the posterior is the prior whatever the image."""

    def __init__(self, config: ConvVaeConfig) -> None:
        super().__init__(config)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def encode(self, x: torch.Tensor) -> Posterior:
        if torch.is_grad_enabled():  # what only looks is no step
            self.steps += 1
        posterior = super().encode(x)
        return Posterior(*(0 * each for each in posterior)) if self.steps > BLIND_AFTER else posterior


def build_fading(config: ConvVaeConfig, seed: int) -> FadingVae:
    """Build one with the first weights of a VAE."""
    model = FadingVae(config)
    load_weights(model, copy_weights(build_model(config, seed)) | {"steps": torch.zeros((), dtype=torch.int64)})
    return model


def train_fading(
    folder: Path | None, on_progress=None, max_recoveries=MAX_RECOVERIES, **changes: object
) -> TrainResult:
    """Train one that recovers, and fades again."""
    return train_with_recovery(
        TrainingData(boxes(100)),
        TINY,
        CONFIG.model_copy(update=changes),
        Execution(lambda: 0.0, folder, on_progress=on_progress),
        build=build_fading,
        max_recoveries=max_recoveries,
    )
