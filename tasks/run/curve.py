"""A run's training curve as a file, and where a training stands in words: both kinds of models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from deploy.wiring import World

if TYPE_CHECKING:
    from vae_core.priors.fit_code_prior import CodePriorProgress
    from vae_core.training.health.progress import TrainProgress

OF_VAE = ("neg_elbo", "nll", "kl", "beta", "learning_rate")
OF_VQ_VAE = ("squared_error", "commitment", "codes_used", "perplexity", "learning_rate")


def told_names(progress: TrainProgress) -> tuple[str, ...]:
    """What a training of this kind tells at every report."""
    return OF_VAE if progress.squared_error is None else OF_VQ_VAE


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
    where = f"step {progress.step:,}, {progress.epoch:.1f} passes over the images"
    if progress.squared_error is None:
        return f"{where}, −ELBO {progress.neg_elbo:.1f}, KL {progress.kl:.1f} nats"
    return (
        f"{where}, squared error {progress.squared_error:.2f}, {progress.codes_used:,} codes used, "
        f"perplexity {progress.perplexity:.0f}"
    )


def say_code_prior(progress: CodePriorProgress, positions: int) -> str:
    """Where the fit of a prior over grids of so many codes stands."""
    return (
        f"over codes: step {progress.step:,}, {progress.epoch:.1f} passes over them, "
        f"{progress.held_out_nll / positions:.3f} nats per held-out code"
    )
