"""How well a VAE models Fashion-MNIST after equal seconds on a GPU, and after a whole training."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from benchmarks.form import Result
from benchmarks.gpu_speed import wall_clock
from benchmarks.likelihood import BATCH_SIZE, MODEL, PUBLISHED, SEED, draw_binary, measure_neg_elbo, training_config
from benchmarks.peers.pythae import train_pythae_vae
from benchmarks.training import BATCH
from vae_core.config import Budget, TrainConfig
from vae_core.evaluation.likelihood.binarize import binarize
from vae_core.evaluation.likelihood.importance_nll import ROWS_AT_ONCE
from vae_core.evaluation.likelihood.model_nll import bernoulli_nll_of
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.registry import family_of
from vae_core.training.data.training_data import TrainingData
from vae_core.training.execution import Execution
from vae_core.training.loop import train
from vae_core.training.result import TrainResult

Clock = Callable[[], float]

GPU_ROWS = 16 * ROWS_AT_ONCE
"""Decoded draws held at a time: 50 MB of images of 28 px."""

NEVER = 1_000_000
"""Looks without improvement after which the training ends."""


@dataclass(frozen=True, slots=True)
class FullPlan:
    """A whole training: passes over the images, drawings of each, images held out of it; k draws, images, the bar.

    look_every: steps between two looks at the held-out images.
    """

    passes: int
    drawings: int
    held_out: int
    k: int
    nll_images: int
    nll_limit: float | None = None
    look_every: int = 500


STANDARD = FullPlan(1_000, drawings=40, held_out=2_000, k=5_000, nll_images=10_000, nll_limit=229.0)
QUICK = FullPlan(2, drawings=2, held_out=2_000, k=100, nll_images=200)


def equal_time_results(
    images: np.ndarray,
    test_images: np.ndarray,
    config: ConvVaeConfig,
    seconds: float,
    device: str,
    *,
    batch: int = BATCH,
    clock: Clock = time.perf_counter,
) -> list[Result]:
    """-ELBO of ours and pythae's VAE of the same layers after the same seconds, on grey images, lower is better.

    Ours follows the product's recipe, which knows its budget; pythae's trains at its constant rate.
    """
    budget = Budget(amount=seconds, unit="seconds")
    recipe = TrainConfig(budget=budget, batch_size=batch, seed=SEED)
    result = train(TrainingData(images), config, recipe, Execution(clock, device=device, log_every=100))
    model = family_of(result.model).with_posterior(result.model)
    assert model is not None, "the config is a VAE's"
    ours, _ = measure_neg_elbo(model, test_images, device)
    peer, peer_steps = train_pythae_vae(images, config, batch, seconds=seconds, clock=clock, device=device)
    theirs, _ = measure_neg_elbo(peer, test_images, device)
    return [
        Result.of("equal_time_s", seconds, "s"),
        Result.of("neg_elbo_equal_time", ours.mean, "nats", n=ours.n),
        Result.of("neg_elbo_equal_time_half_width", ours.half_width, "nats", n=ours.n),
        Result.of("pythae_neg_elbo_equal_time", theirs.mean, "nats", n=theirs.n),
        Result.of("steps_equal_time", result.steps, "steps", direction="higher"),
        Result.of("pythae_steps_equal_time", peer_steps, "steps", direction="higher"),
    ]


def train_fully(images: np.ndarray, plan: FullPlan, device: str) -> TrainResult:
    """Train the dense network of `benchmarks.likelihood` by its recipe; the weights that held-out images like best."""
    generator = np.random.default_rng([SEED, 0])
    drawings = draw_binary(images[: -plan.held_out], plan.drawings, generator)
    held_out = binarize(images[-plan.held_out :], generator)
    steps = plan.passes * (len(images) - plan.held_out) // BATCH_SIZE
    watched = {"validate_every_steps": plan.look_every, "patience": NEVER, "min_delta_nats": 0.0}
    config = training_config(Budget(amount=steps, unit="steps")).model_copy(update=watched)
    return train(
        TrainingData(drawings, held_out=held_out),
        MODEL,
        config,
        Execution(time.perf_counter, device=device, log_every=plan.look_every),
    )


def full_results(
    images: np.ndarray,
    test_images: np.ndarray,
    plan: FullPlan,
    device: str,
    train_one: Callable[[np.ndarray, FullPlan, str], TrainResult] = train_fully,
) -> list[Result]:
    """NLL of test images binarized once, after a whole training on drawings of the others; with the published ones."""
    now = partial(wall_clock, device)
    begun = now()
    result = train_one(images, plan, device)
    trained = now()
    binary = binarize(test_images[: plan.nll_images], np.random.default_rng([SEED, 1]))
    model = family_of(result.model).with_posterior(result.model)
    assert model is not None, "the config of this benchmark is a VAE's"
    found = bernoulli_nll_of(
        model,
        binary,
        k=plan.k,
        generator=torch.Generator(device).manual_seed(SEED),
        rows_at_once=ROWS_AT_ONCE if torch.device(device).type == "cpu" else GPU_ROWS,
    )
    neg_elbo, kl = measure_neg_elbo(model, binary, device)
    return [
        Result.of("nll_full", found.nll.mean, "nats", limit=plan.nll_limit, n=found.n),
        Result.of("nll_full_half_width", found.nll.half_width, "nats", n=found.n),
        Result.of("nll_full_draws_standard_error", found.draws_standard_error, "nats", n=found.n),
        Result.of("nll_full_effective_samples", found.ess_mean, "samples", direction="higher", n=found.n),
        Result.of("nll_full_k", found.k, "samples", direction="higher"),
        Result.of("neg_elbo_full", neg_elbo.mean, "nats", n=neg_elbo.n),
        Result.of("kl_full", kl.mean, "nats", direction="higher", n=kl.n),
        Result.of("best_step_full", result.best_step, "steps", direction="higher"),
        Result.of("steps_full", result.steps, "steps", direction="higher"),
        Result.of("train_full_s", trained - begun, "s"),
        Result.of("nll_full_s", now() - trained, "s"),
        *(Result.of(published, value, "nats") for published, value in PUBLISHED.items()),
    ]
