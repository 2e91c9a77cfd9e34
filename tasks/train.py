"""Training as a task: images of the plan in, weights and sampling prior out; resumes from its last checkpoint."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from deploy.wiring import World
from tasks.dataset.images import read_benchmark
from tasks.dataset.mixing import mark_new_kind, mix, natural_weights
from tasks.dataset.pixel_file import read_into_file
from tasks.dataset.pixels import read_pixels
from tasks.dataset.rows import early_stopping_rows, fix_rows, training_rows
from tasks.plan import may_pass_later
from tasks.run.curve import keep_curve, say_code_prior, say_training
from tasks.run.device import training_device
from tasks.run.progress import tell_share, tell_step
from tasks.run.steps import finish_step, finished_step
from tasks.run.tracking import CurveLogger, open_curves
from tasks.scoring.sampling_prior import (
    describe_fit,
    fit_mixture_prior,
    fit_prior_over_codes,
    training_clock,
    warm_start,
)
from tasks.values import CodePriorFitted, InformationBounds, Mixing, RetrainPlan, Trained, TrainingEvent

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from vae_core.artifact import Artifact, TrainingSummary
    from vae_core.families.variants import CodedModel, ServedModel
    from vae_core.priors.fit_code_prior import CodePriorProgress
    from vae_core.priors.sampling import SamplingPrior
    from vae_core.training.health.progress import TrainProgress
    from vae_core.training.result import TrainResult


Trainer = Callable[..., "TrainResult"]
"""Trains as `vae_core.training.recovery.recovery.train_with_recovery` does, and is called as it is."""


@dataclass(frozen=True, slots=True, eq=False)
class FittedPrior:
    """A sampling prior; of a VQ-VAE also how its fit went, and what became of the parent's codes."""

    prior: SamplingPrior
    code_prior: CodePriorFitted | None = None
    codes_kept: float | None = None


@task(cache_policy=NO_CACHE, retries=1, retry_delay_seconds=5, retry_condition_fn=may_pass_later)
def train_candidate(world: World, plan: RetrainPlan) -> Trained:
    """Train to the plan's budget, from the champion where the tier does, fit the sampling prior, and keep both."""
    if (kept := finished_step(world.objects, plan.key, "trained", Trained)) is not None:
        return kept
    from vae_core.training.recovery.recovery import train_with_recovery

    return train_plan(world, plan, train_with_recovery)


def train_plan(world: World, plan: RetrainPlan, trainer: Trainer) -> Trained:
    """Train by this trainer what the plan says, fit the sampling prior, and keep both."""
    import pyarrow as pa
    import torch

    from deploy.stores.objects.artifacts import put_artifact
    from vae_core.artifact import Artifact, write_artifact
    from vae_core.families.served import require_served
    from vae_core.placement import model_on

    device = training_device(world)  # before the images are read: that takes minutes
    torch.set_num_threads(world.settings.training.threads)
    excluded = fix_rows(world, world.catalogue, plan)
    rows = training_rows(world, world.catalogue, plan, ["row"])
    pixels, is_new = _decode(world, plan, rows), mark_new_kind(world, rows, plan)
    del rows
    pa.default_memory_pool().release_unused()  # Arrow keeps 0.4 KB for each row that it read
    mixture = mix(is_new, plan)
    parent = _fetch_parent(world, plan)
    tell_step("training", "opening its curves in MLflow")
    with open_curves(world, plan) as curves:
        result = _train(world, plan, trainer, pixels, mixture.weights if mixture else None, parent, curves, device)
        result = _fall_back(world, plan, result, device)
        model = require_served(result.model)
        fitted = _fit_prior(world, plan, model, pixels, natural_weights(is_new, plan), parent, curves)
    prefix = f"runs/{plan.key}/trained"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "artifact"
        artifact = Artifact(
            model=model_on(model, "cpu"),
            model_config=model.config,  # a training that recovered may have ended with another
            preprocessing=plan.preprocessing,
            prior=fitted.prior,
            reference=None,
            golden=None,
            summary=_summarise(result, fitted.codes_kept, plan),
            digest="",
        )
        digest = write_artifact(folder, artifact)
        put_artifact(world.objects, folder, prefix)
    keep_curve(world, plan.key, result.curve)
    trained = Trained(
        key=plan.key,
        prefix=prefix,
        digest=digest,
        steps=result.steps,
        epochs=result.epochs,
        seconds=result.seconds_used,
        resumed_from_step=result.resumed_from_step,
        n_images=len(pixels),
        excluded=len(excluded.digests),
        mixing=Mixing.of(mixture) if mixture else None,
        best_step=result.best_step,
        stop_reason=str(result.stop_reason),
        code_prior=fitted.code_prior,
        codes_kept=fitted.codes_kept,
        events=tuple(map(TrainingEvent.of, result.events)),
        information=tuple(map(InformationBounds.of, result.information)),
    )
    return finish_step(world.objects, plan.key, "trained", trained)


def _decode(world: World, plan: RetrainPlan, rows: pa.Table) -> np.ndarray:
    """The images of the training, uint8 (N, C, H, W): in memory, or mapped from a file where they are too many."""
    catalogue, size = world.catalogue, len(rows) * math.prod(plan.preprocessing.shape)
    if size <= world.settings.training.pixels_in_memory_bytes:
        return read_pixels(catalogue, plan.catalogue_version, rows, plan.preprocessing, "images to train on")
    folder = world.settings.work_folder / plan.key
    return read_into_file(catalogue, plan.catalogue_version, rows, plan.preprocessing, folder)


def _train(
    world: World,
    plan: RetrainPlan,
    trainer: Trainer,
    pixels: np.ndarray,
    weights: np.ndarray | None,
    parent: Artifact | None,
    curves: CurveLogger,
    device: str,
) -> TrainResult:
    from vae_core.training.data.training_data import TrainingData
    from vae_core.training.execution import Execution

    def progressed(progress: TrainProgress) -> None:
        curves.add(progress)
        tell_share("training", progress.share_done, say_training(progress))

    def warned(progress: TrainProgress) -> None:
        tell_share("early-warning twin", progress.share_done, say_training(progress))

    result = trainer(
        TrainingData(pixels, weights, held_out=_early_stopping(world, plan), inspected=_inspected(world, plan)),
        plan.model,
        plan.train,
        Execution(
            clock=training_clock(world),
            checkpoint_folder=world.settings.work_folder / plan.key / "checkpoints",
            device=device,
            on_progress=progressed,
        ),
        initial=parent.model if parent else None,
        on_twin_progress=warned,
    )
    curves.add_information(result.information)
    curves.add_trained(model=result.model.config, train=result.train_config)
    return result


def _fall_back(world: World, plan: RetrainPlan, result: TrainResult, device: str) -> TrainResult:
    """In doubt about the weights, those of a snapshot: judged on images of benchmark_old, by the gate's absolute bars.

    Nothing trains on those images, and of a few snapshots hardly anything is fitted to them by choosing one. They are
    the ones of the gate's figures, so that weights have the same active units and explained variance here as there.
    """
    if not plan.train.snapshots:
        return result
    from vae_core.training.health.quick_benchmark import Bars
    from vae_core.training.recovery.fallback import fall_back_where_suspect

    tell_step("weights", "a quick benchmark")
    gate, pixels = (
        world.settings.gate,
        read_benchmark(world.objects, plan.benchmark, world.settings.evaluation.n_images),
    )
    bars = Bars(gate.first_min_active_units, gate.first_min_explained_variance)
    return fall_back_where_suspect(result, pixels, bars, device=device)


def _fit_prior(
    world: World,
    plan: RetrainPlan,
    model: ServedModel,
    pixels: np.ndarray,
    natural: np.ndarray,
    parent: Artifact | None,
    curves: CurveLogger,
) -> FittedPrior:
    """The prior of the model's family, on all images of the training in their natural mix."""
    from vae_core.families.registry import family_of

    family = family_of(model)
    if (coded := family.with_codes(model)) is not None:
        return _fit_code_prior(world, plan, coded, pixels, natural, parent, curves)
    posterior = family.with_posterior(model)
    assert posterior is not None, "a version has codes or a posterior to sample from"
    return FittedPrior(fit_mixture_prior(world, posterior, pixels, natural, plan))


def _fit_code_prior(
    world: World,
    plan: RetrainPlan,
    model: CodedModel,
    pixels: np.ndarray,
    natural: np.ndarray,
    parent: Artifact | None,
    curves: CurveLogger,
) -> FittedPrior:
    from tasks.scoring.codes import encode_codes, share_kept
    from vae_core.families.registry import family_of
    from vae_core.weights import copy_weights, digest_weights

    def progressed(progress: CodePriorProgress) -> None:
        curves.add_prior(progress)
        tell_share("prior", progress.share_done, say_code_prior(progress, codes[0].size))

    codes = encode_codes(world, model, pixels)
    tell_step("prior", f"over the codes of {len(codes):,} images")  # its first steps are told after twenty
    before = parent.prior if parent else None
    # a training that was killed as its budget ended may make one more step: other weights give other codes, and
    # checkpoints of a fit to the former ones would stop this one
    folder = world.settings.work_folder / plan.key / f"prior-{digest_weights(copy_weights(model))[:16]}"
    fitted = fit_prior_over_codes(
        world, codes, natural, plan, size=model.config.codes, parent=before, folder=folder, on_progress=progressed
    )
    curves.add_trained(code_prior=fitted.prior.config)
    kept = None
    coded = family_of(parent.model).with_codes(parent.model) if parent else None
    if coded is not None:
        kept = share_kept(world, coded, pixels, codes, plan.train.seed)
    warm = warm_start(before, fitted.prior.config) is not None
    return FittedPrior(fitted.prior, describe_fit(fitted, warm=warm), kept)


def _fetch_parent(world: World, plan: RetrainPlan) -> Artifact | None:
    """The champion that a warm start begins from; the full tier begins anew."""
    if plan.tier == "full":
        return None
    assert plan.champion is not None, "a plan of these tiers names its champion"
    return world.artifact(plan.champion.artifact, plan.champion.digest)


def _early_stopping(world: World, plan: RetrainPlan) -> np.ndarray | None:
    """Images whose loss ends the training, where the plan set some aside."""
    catalogue = world.catalogue
    rows = early_stopping_rows(world, catalogue, plan, ["segment", "row"])
    return read_pixels(catalogue, plan.catalogue_version, rows, plan.preprocessing) if len(rows) else None


def _inspected(world: World, plan: RetrainPlan) -> np.ndarray | None:
    """Images that nothing trains on, for bounds by which nothing is chosen or ended; None where none are asked for."""
    if not plan.train.mutual_information_every_steps:
        return None
    from vae_core.training.health.information import MOST_IMAGES

    return read_benchmark(world.objects, plan.benchmark, MOST_IMAGES)


def _summarise(result: TrainResult, codes_kept: float | None, plan: RetrainPlan) -> TrainingSummary:
    from vae_core.artifact import TrainingSummary
    from vae_core.families.registry import family_of
    from vae_core.weights import encoder_digest

    watched = {each.step: each.loss for each in result.held_out_curve}
    before, best = watched.get(0), watched.get(result.best_step) if result.best_step is not None else None
    loss = f"held_out_{family_of(result.model).held_out_loss}"
    return TrainingSummary(
        steps=result.steps,
        epochs=result.epochs,
        seconds=result.seconds_used,
        train_config=result.train_config,
        dataset_version=plan.dataset_version,
        parent_digest=plan.champion.digest if plan.champion and plan.tier != "full" else None,
        tier=plan.tier,
        encoder_digest=encoder_digest(result.model),
        best_step=result.best_step,
        stop_reason=result.stop_reason,
        codes_kept=codes_kept,
        **{f"{loss}_before": before, loss: best},
    )
