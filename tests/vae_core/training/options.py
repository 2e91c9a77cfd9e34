"""A training whose options are given by their own names, whichever of its values holds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from vae_core.config import TrainConfig
from vae_core.families.configs import TrainableConfig
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution


def train_by(
    trainer: Callable[..., Any],
    images: np.ndarray,
    model: TrainableConfig,
    config: TrainConfig,
    *,
    clock: Callable[[], float] = lambda: 0.0,
    folder: Path | None = None,
    **options: Any,
) -> Any:
    """Call `train`, or what takes the same values."""

    def taken(of: type) -> dict[str, Any]:
        return {each.name: options.pop(each.name) for each in fields(of) if each.name in options}

    data, execution = taken(TrainingData), taken(Execution)
    return trainer(
        TrainingData(images, **data), model, config, Execution(clock, checkpoint_folder=folder, **execution), **options
    )
