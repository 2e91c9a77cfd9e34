"""A run's training curve as a file, and where a training stands in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from deploy.wiring import World
from vae_core.families.registry import family_reporting

if TYPE_CHECKING:
    from vae_core.priors.fit_code_prior import CodePriorProgress
    from vae_core.training.health.progress import TrainProgress


def told_names(progress: TrainProgress) -> tuple[str, ...]:
    """What a training of this family tells at every report."""
    return (*family_reporting(progress).reported, "learning_rate")


def keep_curve(world: World, key: str, curve: Sequence[TrainProgress]) -> None:
    """Keep a training's reports, of which there is at least one, as equally long columns."""
    names = ("step", "epoch", *told_names(curve[-1]))
    columns = {name: [getattr(each, name) for each in curve] for name in names}
    world.objects.put(curve_key(key), json.dumps(columns).encode())


def curve_key(run: str) -> str:
    """Key of a run's training curve: JSON of equally long columns."""
    return f"runs/{run}/curve.json"


def say_training(progress: TrainProgress) -> str:
    """Where a training stands."""
    said = family_reporting(progress).say_progress(progress)
    return f"step {progress.step:,}, {progress.epoch:.1f} passes over the images, {said}"


def say_code_prior(progress: CodePriorProgress, positions: int) -> str:
    """Where the fit of a prior over grids of so many codes stands."""
    return (
        f"over codes: step {progress.step:,}, {progress.epoch:.1f} passes over them, "
        f"{progress.held_out_nll / positions:.3f} nats per held-out code"
    )
