"""What an evaluation says of a VAE's posteriors: the ELBO and its parts, the codes, and the likelihood itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from vae_core.evaluation.benchmark_scores import MeanScore, NllScore, OccupancyScore, UnbiasedScore
from vae_core.evaluation.codes.latents import measure_latents
from vae_core.evaluation.codes.prior_occupancy import compare_occupancy
from vae_core.evaluation.codes.traversal_score import TraversalScore, measure_traversals
from vae_core.evaluation.distances.mmd import measure_mmd, wae_kernel
from vae_core.evaluation.distances.u_statistic import SMALLEST_SET
from vae_core.evaluation.effort import Effort, thin_rows
from vae_core.evaluation.images.sample_sources import SampleSource
from vae_core.evaluation.likelihood.model_nll import measure_nll
from vae_core.evaluation.likelihood.mutual_information import measure_mutual_information
from vae_core.evaluation.mean_estimate import estimate_mean_normally
from vae_core.families.conv_vae.config import LikelihoodName
from vae_core.families.conv_vae.protocol import Posterior, Vae
from vae_core.families.scores import ImageScores
from vae_core.priors.posterior import sample_posterior
from vae_core.priors.standard_normal import sample_standard_normal


@dataclass(frozen=True, slots=True)
class PosteriorFigures:
    """Figures of a `BenchmarkResult`, by the names and in the units that they have there."""

    likelihood: LikelihoodName
    neg_elbo: float
    neg_elbo_low: float
    neg_elbo_high: float
    kl: float
    active_units: int
    inactive_dims: tuple[int, ...]
    kl_per_dim: tuple[float, ...]
    mu_variance_per_dim: tuple[float, ...]
    posterior_mean_per_dim: tuple[float, ...]
    posterior_variance_per_dim: tuple[float, ...]
    mutual_information_lower: MeanScore
    mutual_information_upper: MeanScore
    mmd_prior: UnbiasedScore | None
    occupancy: OccupancyScore | None
    nll: NllScore
    traversals: TraversalScore


def measure_posteriors(
    model: Vae,
    pixels: np.ndarray,
    scores: ImageScores,
    source: SampleSource,
    effort: Effort,
    *,
    seed: int,
    device: str,
    on_progress: Callable[[int], None],
) -> PosteriorFigures:
    """Measure a VAE by its scores of N ≥ 2 images, pixels (N, C, H, W) uint8; `on_progress` hears N at the end.

    `source` is what the version's samples are drawn from.
    """
    mu, logvar = scores.column("mu"), scores.column("logvar")
    neg_elbo, latents = estimate_mean_normally(scores.column("neg_elbo")), measure_latents(mu, logvar)
    rows = thin_rows(len(pixels), effort.information_images)
    posterior = Posterior(*(torch.from_numpy(each[rows]).to(device) for each in (mu, logvar)))
    information = measure_mutual_information(posterior, torch.Generator(device).manual_seed(seed))
    nll_rows = thin_rows(len(pixels), effort.nll_images)
    nll = measure_nll(model, pixels[nll_rows], k=effort.nll_draws, seed=seed, device=device)
    active = np.setdiff1d(np.arange(model.latent_dim), latents.inactive_dims).tolist()
    traversals = measure_traversals(model, mu, logvar, active, effort, seed=seed, device=device)
    on_progress(len(pixels))
    return PosteriorFigures(
        likelihood=model.likelihood_name,
        neg_elbo=neg_elbo.mean,
        neg_elbo_low=neg_elbo.low,
        neg_elbo_high=neg_elbo.high,
        kl=float(latents.kl.sum()),
        active_units=latents.active_units,
        inactive_dims=latents.inactive_dims,
        kl_per_dim=tuple(latents.kl.tolist()),
        mu_variance_per_dim=tuple(latents.mu_variance.tolist()),
        posterior_mean_per_dim=tuple(latents.posterior_mean.tolist()),
        posterior_variance_per_dim=tuple(latents.posterior_variance.tolist()),
        mutual_information_lower=MeanScore.of(information.lower),
        mutual_information_upper=MeanScore.of(information.upper),
        mmd_prior=_measure_mmd(mu, logvar, effort, seed, device),
        occupancy=_measure_occupancy(mu, logvar, source, effort, seed),
        nll=NllScore.of(nll),
        traversals=traversals,
    )


def _measure_mmd(mu: np.ndarray, logvar: np.ndarray, effort: Effort, seed: int, device: str) -> UnbiasedScore | None:
    """MMD² of one draw from each posterior against as many from N(0, I)."""
    rows = thin_rows(len(mu), effort.mmd_images)
    if len(rows) < SMALLEST_SET:
        return None
    generator = torch.Generator().manual_seed(seed)
    codes = sample_posterior(mu[rows], logvar[rows], generator)
    prior = sample_standard_normal(len(rows), codes.shape[1], generator)
    found = measure_mmd(codes.to(device), prior.to(device), wae_kernel(codes.shape[1]))
    return UnbiasedScore.of(found, len(rows), len(rows))


def _measure_occupancy(
    mu: np.ndarray, logvar: np.ndarray, source: SampleSource, effort: Effort, seed: int
) -> OccupancyScore | None:
    """Compare one draw from each posterior with as many of what samples are drawn from, by cells of the code space."""
    rows = thin_rows(len(mu), effort.mmd_images)
    generator = torch.Generator().manual_seed(seed)
    codes = sample_posterior(mu[rows], logvar[rows], generator)
    return compare_occupancy(mu[rows], codes, source.draw(len(rows), generator), seed)
