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
from tasks.images import decode_rows
from tasks.mixing import mark_new_kind, mix, natural_weights
from tasks.progress import ProgressWriter
from tasks.rows import early_stopping_rows, fix_rows, training_rows
from tasks.steps import finish_step, finished_step
from tasks.tracking import CurveLogger
from tasks.values import Mixing, RetrainPlan, Trained

if TYPE_CHECKING:
    import numpy as np

    from vae_core.artifact import Artifact, TrainingSummary
    from vae_core.priors.gaussian_mixture import GaussianMixturePrior
    from vae_core.training.loop import TrainResult
    from vae_core.training.progress import TrainProgress

PRIOR_IMAGES = 10_000  # as many codes as the mixture is fitted on at most


@task(cache_policy=NO_CACHE, retries=1, retry_delay_seconds=5)
def train_candidate(plan: RetrainPlan) -> Trained:
    """Train to the plan's budget, from the champion where the tier does, fit the mixture, and keep both."""
    if (kept := finished_step(objects(), plan.key, "trained", Trained)) is not None:
        return kept
    import torch

    from deploy.stores.artifacts import put_artifact
    from vae_core.artifact import Artifact, write_artifact
    from vae_core.training.loop import train

    torch.set_num_threads(settings().training.threads)
    note = ProgressWriter(objects(), plan.key)
    excluded = fix_rows(settings().open_catalogue(), plan)
    note.note("reading", 0.0, f"{plan.n_training:,} images")
    rows = training_rows(settings().open_catalogue(), plan, ["image"])
    pixels, is_new = decode_rows(rows["image"], plan.preprocessing), mark_new_kind(rows, plan)
    mixture = mix(is_new, plan)
    parent = _fetch_parent(plan)
    with _curves(plan) as curves:

        def progressed(progress: TrainProgress) -> None:
            curves.add(progress)
            note.note("training", progress.share_done, _words(progress))

        result = train(
            pixels,
            plan.model,
            plan.train,
            clock=time.process_time if settings().training.clock == "cpu" else time.monotonic,
            checkpoint_folder=settings().work_folder / plan.key / "checkpoints",
            device=settings().training.device,
            on_progress=progressed,
            initial=parent.model if parent else None,
            weights=mixture.weights if mixture else None,
            held_out=_early_stopping(plan),
        )
    note.note("prior", 1.0, f"mixture of {settings().training.mixture_components}")
    prefix = f"runs/{plan.key}/trained"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "artifact"
        artifact = Artifact(
            model=result.model,
            model_config=plan.model,
            preprocessing=plan.preprocessing,
            prior=_fit_prior(result, pixels, natural_weights(is_new, plan), plan),
            reference=None,
            golden=None,
            summary=_summarise(result, plan),
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
        n_images=len(pixels),
        excluded=len(excluded.digests),
        mixing=Mixing.of(mixture) if mixture else None,
        best_step=result.best_step,
        stop_reason=str(result.stop_reason),
    )
    return finish_step(objects(), plan.key, "trained", trained)


def _fetch_parent(plan: RetrainPlan) -> Artifact | None:
    """The champion that a warm start begins from; the full tier begins anew."""
    if plan.tier == "full":
        return None
    from deploy.stores.artifacts import fetch_artifact

    assert plan.champion is not None, "a plan of these tiers names its champion"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "champion"
        return fetch_artifact(objects(), plan.champion.artifact, plan.champion.digest, folder)


def _early_stopping(plan: RetrainPlan) -> np.ndarray | None:
    """Images whose -ELBO ends the training, where the plan set some aside."""
    rows = early_stopping_rows(settings().open_catalogue(), plan, ["image"])
    return decode_rows(rows["image"], plan.preprocessing) if len(rows) else None


def _summarise(result: TrainResult, plan: RetrainPlan) -> TrainingSummary:
    from vae_core.artifact import TrainingSummary
    from vae_core.weights import encoder_digest

    watched = {each.step: each.neg_elbo for each in result.held_out_curve}
    return TrainingSummary(
        steps=result.steps,
        epochs=result.epochs,
        seconds=result.seconds_used,
        train_config=plan.train,
        dataset_version=str(plan.catalogue_version),
        parent_digest=plan.champion.digest if plan.champion and plan.tier != "full" else None,
        tier=plan.tier,
        encoder_digest=encoder_digest(result.model),
        best_step=result.best_step,
        stop_reason=result.stop_reason,
        held_out_neg_elbo_before=watched.get(0),
        held_out_neg_elbo=watched.get(result.best_step) if result.best_step is not None else None,
    )


def _curves(plan: RetrainPlan) -> CurveLogger:
    params = {
        "tier": plan.tier,
        "catalogue_version": plan.catalogue_version,
        "training_images": plan.n_training,
        "cause": plan.cause,
        "snapshot": plan.snapshot or "",
        "parent_version": plan.champion.version if plan.champion else "",
        **{f"model.{name}": value for name, value in plan.model.model_dump().items()},
        **{f"train.{name}": value for name, value in plan.train.model_dump().items()},
    }
    return CurveLogger(settings().open_registry(), plan.key, f"{plan.tier} {plan.planned_at:%Y-%m-%d %H:%M}", params)


def _fit_prior(result: TrainResult, pixels: np.ndarray, weights: np.ndarray, plan: RetrainPlan) -> GaussianMixturePrior:
    """On codes in the mix that the version will meet, not in the one that it was trained with."""
    import numpy as np
    import torch

    from vae_core.inference import score_images
    from vae_core.priors.gaussian_mixture import fit_mixture
    from vae_core.priors.posterior import sample_posterior

    random = np.random.default_rng(plan.train.seed)
    if plan.found is None:
        chosen = random.permutation(len(pixels))[:PRIOR_IMAGES]
    else:  # an image that is drawn twice gives two codes: each is drawn from its posterior
        chosen = random.choice(len(pixels), PRIOR_IMAGES, p=weights / weights.sum())
    scores = score_images(result.model, pixels[chosen], device=settings().training.device)
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
