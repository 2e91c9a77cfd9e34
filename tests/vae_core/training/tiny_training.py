"""Trainings of a few small steps, stopped where a test says so, and looked at or disturbed from within."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.vae_core.synthetic_images import TINY, boxes
from tests.vae_core.training.options import train_by
from vae_core.config import TrainConfig
from vae_core.families.build import build_model
from vae_core.families.configs import TrainableConfig
from vae_core.families.variants import ImageModel
from vae_core.training.checkpoints.state import ModelBuilder
from vae_core.training.health.progress import TrainProgress
from vae_core.training.loop import train
from vae_core.training.result import TrainResult
from vae_core.weights import copy_weights

IMAGES = boxes(100)
"""Six batches of 16 an epoch."""


class TickingClock:
    """Every look at it is a hundredth of a second later."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.01
        return self.now


def run(
    config: TrainConfig,
    folder: Path | None = None,
    images: np.ndarray = IMAGES,
    clock: Callable[[], float] | None = None,
    model: TrainableConfig = TINY,
    **options: Any,
) -> TrainResult:
    """Train the tiny VAE, or another model."""
    result: TrainResult = train_by(
        train, images, model, config, clock=clock or TickingClock(), folder=folder, **options
    )
    return result


def interrupt(config: TrainConfig, folder: Path, step: int, **options: Any) -> None:
    """Train until a person stops it, at the first report from this step on."""

    def stop(progress: TrainProgress) -> None:
        if progress.step >= step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(config, folder, on_progress=stop, **options)


def same_weights(one: TrainResult, other: TrainResult) -> bool:
    """Bit for bit."""
    theirs = copy_weights(other.model)
    return all(torch.equal(tensor, theirs[name]) for name, tensor in copy_weights(one.model).items())


def without_speed(curve: Sequence[TrainProgress]) -> list[TrainProgress]:
    """Reports without what differs between two runs of the same."""
    return [replace(point, images_per_s=None) for point in curve]


def building_with(before_pass: Callable[[ImageModel, tuple[Any, ...]], object]) -> ModelBuilder:
    """Build models that call this with themselves and the arguments of each pass; what it gives takes their place."""

    def build(config: TrainableConfig, seed: int) -> ImageModel:
        model = build_model(config, seed)
        model.register_forward_pre_hook(before_pass)
        return model

    return build


class NanAtPass:
    """Spoils the images of one pass, counted from 1, and keeps those of all."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.seen: list[torch.Tensor] = []

    def __call__(self, model: ImageModel, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        x, *others = arguments
        self.seen.append(x)
        return (x * float("nan") if len(self.seen) == self.number else x, *others)
