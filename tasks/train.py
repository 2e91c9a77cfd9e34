"""Training as a task: images of the plan in, weights and sampling prior out; resumes from its last checkpoint."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.context import objects, settings
from tasks.images import decode_rows, training_rows
from tasks.progress import ProgressWriter
from tasks.steps import finish_step, finished_step
from tasks.tracking import CurveLogger
from tasks.values import RetrainPlan, Trained

if TYPE_CHECKING:
    import numpy as np

    from vae_core.priors.gaussian_mixture import GaussianMixturePrior
    from vae_core.training.loop import TrainResult
    from vae_core.training.progress import TrainProgress

PRIOR_IMAGES = 10_000  # as many codes as the mixture is fitted on at most


@task(cache_policy=NO_CACHE, retries=1, retry_delay_seconds=5)
def train_candidate(plan: RetrainPlan) -> Trained:
    """Train to the plan's budget, fit the ex-post mixture, and put both into the object store."""
    if (kept := finished_step(objects(), plan.key, "trained", Trained)) is not None:
        return kept
    import torch

    from deploy.stores.artifacts import put_artifact
    from vae_core.artifact import Artifact, TrainingSummary, write_artifact
    from vae_core.training.loop import train

    torch.set_num_threads(settings().training.threads)
    note = ProgressWriter(objects(), plan.key)
    note.note("reading", 0.0, f"{plan.n_training:,} images")
    pixels = decode_rows(training_rows(settings().open_catalogue(), plan, ["image"])["image"], plan.preprocessing)
    checkpoints = settings().work_folder / plan.key / "checkpoints"
    with _curves(plan) as curves:

        def progressed(progress: TrainProgress) -> None:
            curves.add(progress)
            note.note("training", progress.share_done, _words(progress))

        result = train(
            pixels,
            plan.model,
            plan.train,
            clock=time.process_time if settings().training.clock == "cpu" else time.monotonic,
            checkpoint_folder=checkpoints,
            device=settings().training.device,
            on_progress=progressed,
        )
    note.note("prior", 1.0, f"mixture of {settings().training.mixture_components}")
    prior = _fit_prior(result, pixels, plan)
    summary = TrainingSummary(
        steps=result.steps,
        epochs=result.epochs,
        seconds=result.seconds_used,
        train_config=plan.train,
        dataset_version=str(plan.catalogue_version),
    )
    prefix = f"runs/{plan.key}/trained"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "artifact"
        artifact = Artifact(
            model=result.model,
            model_config=plan.model,
            preprocessing=plan.preprocessing,
            prior=prior,
            reference=None,
            golden=None,
            summary=summary,
            digest="",
        )
        digest = write_artifact(folder, artifact)
        put_artifact(objects(), folder, prefix)
    _keep_curve(result, plan)
    trained = Trained(
        key=plan.key,
        prefix=prefix,
        digest=digest,
        steps=result.steps,
        epochs=result.epochs,
        seconds=result.seconds_used,
        resumed_from_step=result.resumed_from_step,
    )
    return finish_step(objects(), plan.key, "trained", trained)


def _curves(plan: RetrainPlan) -> CurveLogger:
    params = {
        "tier": plan.tier,
        "catalogue_version": plan.catalogue_version,
        "training_images": plan.n_training,
        **{f"model.{name}": value for name, value in plan.model.model_dump().items()},
        **{f"train.{name}": value for name, value in plan.train.model_dump().items()},
    }
    return CurveLogger(settings().open_registry(), plan.key, f"{plan.tier} {plan.planned_at:%Y-%m-%d %H:%M}", params)


def _fit_prior(result: TrainResult, pixels: np.ndarray, plan: RetrainPlan) -> GaussianMixturePrior:
    import torch

    from vae_core.inference import score_images
    from vae_core.priors.gaussian_mixture import fit_mixture
    from vae_core.priors.posterior import sample_posterior

    scores = score_images(result.model, pixels[:PRIOR_IMAGES], device=settings().training.device)
    codes = sample_posterior(scores.mu, scores.logvar, torch.Generator().manual_seed(plan.train.seed))
    return fit_mixture(codes, settings().training.mixture_components, plan.train.seed)


def _keep_curve(result: TrainResult, plan: RetrainPlan) -> None:
    columns = {
        name: [getattr(each, name) for each in result.curve]
        for name in ("step", "epoch", "neg_elbo", "nll", "kl", "beta", "learning_rate")
    }
    objects().put(curve_key(plan.key), json.dumps(columns).encode())


def curve_key(run: str) -> str:
    """Key of a run's training curve: JSON of equally long columns."""
    return f"runs/{run}/curve.json"


def _words(progress: TrainProgress) -> str:
    return (
        f"step {progress.step:,}, epoch {progress.epoch:.1f}, −ELBO {progress.neg_elbo:.1f}, KL {progress.kl:.1f} nats"
    )
