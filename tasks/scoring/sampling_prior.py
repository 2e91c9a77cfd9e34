"""The prior that a version's samples are drawn from, in the mix of images that it will meet, not of its training."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from deploy.wiring import World
from tasks.run.device import training_device
from tasks.run.progress import tell_step
from tasks.scoring.scores import score_many
from tasks.values import CodePriorFitted, RetrainPlan

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from vae_core.families.variants import PosteriorModel
    from vae_core.priors.code_prior import CodePrior
    from vae_core.priors.code_prior_config import CodePriorConfig
    from vae_core.priors.fit_code_prior import CodePriorProgress, FittedCodePrior
    from vae_core.priors.gaussian_mixture import GaussianMixturePrior
    from vae_core.priors.sampling import SamplingPrior

PRIOR_IMAGES = 10_000  # as many codes as the mixture is fitted on at most


def training_clock(world: World) -> Callable[[], float]:
    """What a budget in seconds counts, of the training and of its prior."""
    return time.process_time if world.settings.training.clock == "cpu" else time.monotonic


def fit_mixture_prior(
    world: World, model: PosteriorModel, pixels: np.ndarray, weights: np.ndarray, plan: RetrainPlan
) -> GaussianMixturePrior:
    """A VAE's: a mixture on draws from the posteriors of images (N, C, H, W) that weigh `weights` (N,)."""
    import numpy as np
    import torch

    from vae_core.priors.gaussian_mixture import fit_mixture
    from vae_core.priors.posterior import sample_posterior

    random = np.random.default_rng(plan.train.seed)
    if plan.found is None:
        chosen = random.permutation(len(pixels))[:PRIOR_IMAGES]
    else:  # an image that is drawn twice gives two codes: each is drawn from its posterior
        chosen = random.choice(len(pixels), PRIOR_IMAGES, p=weights / weights.sum())
    scores = score_many(model, pixels[chosen], "images, for the prior", device=training_device(world))
    codes = sample_posterior(scores.mu, scores.column("logvar"), torch.Generator().manual_seed(plan.train.seed))
    tell_step("prior", f"fitting a mixture of {world.settings.training.mixture_components}")
    return fit_mixture(codes, world.settings.training.mixture_components, plan.train.seed)


def fit_prior_over_codes(
    world: World,
    codes: np.ndarray,
    weights: np.ndarray,
    plan: RetrainPlan,
    *,
    size: int,
    parent: SamplingPrior | None,
    folder: Path,
    on_progress: Callable[[CodePriorProgress], None],
) -> FittedCodePrior:
    """A VQ-VAE's, on the codes (N, h, w) of all images, which weigh `weights` (N,); a killed fit resumes in `folder`.

    Begins at the parent's prior where that is one of the same config. `size`: the codebook's, which a training that
    recovered from unused codes has made smaller than planned.
    """
    from vae_core.priors.fit_code_prior import fit_code_prior

    assert plan.code_prior is not None, "the plan of a VQ-VAE has a prior over codes"
    config = plan.code_prior.config.model_copy(update={"codebook_size": size})
    return fit_code_prior(
        codes,
        config,
        plan.code_prior.recipe,
        seed=plan.train.seed,
        clock=training_clock(world),
        device=training_device(world),
        on_progress=on_progress,
        initial=warm_start(parent, config),
        checkpoint_folder=folder,
        weights=None if plan.found is None else weights,
    )


def warm_start(parent: SamplingPrior | None, config: CodePriorConfig) -> CodePrior | None:
    """The parent's prior over codes, where its config is this one."""
    from vae_core.priors.code_prior import CodePrior

    return parent if isinstance(parent, CodePrior) and parent.config == config else None


def describe_fit(fitted: FittedCodePrior, *, warm: bool) -> CodePriorFitted:
    """What of a fit is kept beside the training."""
    positions = fitted.prior.config.positions
    return CodePriorFitted(
        steps=fitted.steps,
        seconds=fitted.seconds,
        warm=warm,
        nats_per_code=fitted.nll_per_code,
        before=fitted.nll_per_code_before,
        independent=fitted.independent_nll / positions,
    )
