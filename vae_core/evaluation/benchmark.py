"""One evaluation of one model on one fixed set of images: errors, latents, Fréchet distances."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.evaluation.benchmark_result import BenchmarkResult
from vae_core.evaluation.features import FeatureExtractor
from vae_core.evaluation.frechet_ruler import FrechetRuler
from vae_core.evaluation.image_scores import measure_images
from vae_core.evaluation.latents import measure_latents
from vae_core.evaluation.progress import EvaluationProgress, ProgressCounter
from vae_core.evaluation.real_features import CHUNK, RealFeatures, extract_real_features
from vae_core.models.protocol import Vae
from vae_core.preprocessing import pixel_digest
from vae_core.priors.gaussian_mixture import GaussianMixturePrior
from vae_core.priors.standard_normal import sample_standard_normal

SMALLEST_SET = 4
"""Two halves of two images: the least that has a covariance and a floor."""


@dataclass(frozen=True, slots=True)
class MeanInterval:
    """A mean over images with its normal-theory 95 % interval."""

    mean: float
    low: float
    high: float


def evaluate(
    model: Vae,
    pixels: np.ndarray,
    *,
    extractor: FeatureExtractor,
    prior: GaussianMixturePrior | None,
    real_features: RealFeatures | None = None,
    independent_features: RealFeatures | None = None,
    n_samples: int = 5000,
    seed: int = 0,
    device: str = "cpu",
    on_progress: Callable[[EvaluationProgress], None] | None = None,
) -> BenchmarkResult:
    """Evaluate a model in eval mode on pixels (N, C, H, W) uint8; the same arguments give the same result.

    `real_features` are the cached features of `pixels`. `independent_features`, for the floor, are those of
    other real images of the same kind and number (training images, for instance); without them the
    benchmark's two halves serve, at half the n. DataError for unfit images, or features of another set or
    extractor; DivergenceError when the model answers with NaN or infinity.
    """
    baseline = _measure_baseline(pixels)
    passes = len(pixels) * (2 if real_features is None else 1) + n_samples * (1 if prior is None else 2)
    counter = ProgressCounter(passes, on_progress)

    if real_features is None:
        real_features = extract_real_features(pixels, extractor, counter.stage("real images", len(pixels)))
    _refuse_other_images(real_features, pixels)
    ruler = FrechetRuler.of(real_features, extractor)
    floor, floor_kind = ruler.measure_floor(independent_features)

    report = counter.stage("reconstructions", len(pixels))
    scores = measure_images(model, pixels, extractor, seed=seed, device=device, on_progress=report)
    recon_error, neg_elbo = _mean_interval(scores.recon_error), _mean_interval(scores.neg_elbo)
    latents = measure_latents(scores.mu, scores.logvar)
    reconstructions = ruler.measure_reconstructions(scores.features)

    # each prior has its own generator of this seed: adding one leaves the other's samples alone
    z = sample_standard_normal(n_samples, scores.mu.shape[1], torch.Generator().manual_seed(seed))
    report = counter.stage("samples from N(0, I)", n_samples)
    samples_standard = ruler.measure_samples(model, z, device, report)
    samples_mixture = None
    if prior is not None:
        z = prior.sample(n_samples, torch.Generator().manual_seed(seed))
        report = counter.stage("samples from the mixture", n_samples)
        samples_mixture = ruler.measure_samples(model, z, device, report)

    return BenchmarkResult(
        n_images=len(pixels),
        n_samples=n_samples,
        seed=seed,
        data_digest=real_features.data_digest,
        extractor_digest=extractor.digest,
        recon_error=recon_error.mean,
        recon_error_low=recon_error.low,
        recon_error_high=recon_error.high,
        recon_error_p50=float(np.quantile(scores.recon_error, 0.50)),
        recon_error_p99=float(np.quantile(scores.recon_error, 0.99)),
        recon_error_baseline=baseline,
        explained_variance=1 - recon_error.mean / baseline,
        likelihood=model.likelihood_name,
        neg_elbo=neg_elbo.mean,
        neg_elbo_low=neg_elbo.low,
        neg_elbo_high=neg_elbo.high,
        kl=float(latents.kl.sum()),
        latent_dim=len(latents.kl),
        active_units=latents.active_units,
        inactive_dims=latents.inactive_dims,
        kl_per_dim=tuple(latents.kl.tolist()),
        mu_variance_per_dim=tuple(latents.mu_variance.tolist()),
        posterior_mean_per_dim=tuple(latents.posterior_mean.tolist()),
        posterior_variance_per_dim=tuple(latents.posterior_variance.tolist()),
        fd_reconstructions=reconstructions,
        fd_samples_standard=samples_standard,
        fd_samples_mixture=samples_mixture,
        fd_floor=floor,
        fd_floor_kind=floor_kind,
    )


def _measure_baseline(pixels: np.ndarray) -> float:
    """Give the recon_error of answering every image with the mean image: the mean pixel variance."""
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or len(pixels) < SMALLEST_SET:
        raise DataError(
            f"evaluate: expected at least {SMALLEST_SET} uint8 images of shape (N, C, H, W), "
            f"came {pixels.dtype} {pixels.shape}; use more images, quantised to 0..255"
        )
    total, squares = np.zeros(pixels.shape[1:]), np.zeros(pixels.shape[1:])
    for start in range(0, len(pixels), CHUNK):
        chunk = pixels[start : start + CHUNK].astype(np.float64) / 255
        total += chunk.sum(axis=0)
        squares += np.square(chunk).sum(axis=0)
    variance = float(np.mean(squares / len(pixels) - np.square(total / len(pixels))))
    if variance < 1e-9:
        raise DataError(
            f"evaluate: the {len(pixels)} images of the benchmark are all the same "
            f"(pixel variance {variance:.1e}); no model can be judged on them, cut another benchmark"
        )
    return variance


def _mean_interval(values: np.ndarray, level: float = 0.95) -> MeanInterval:
    mean = float(values.mean(dtype=np.float64))
    standard_error = float(values.std(dtype=np.float64, ddof=1)) / math.sqrt(len(values))
    half = NormalDist().inv_cdf(0.5 + level / 2) * standard_error
    return MeanInterval(mean, mean - half, mean + half)


def _refuse_other_images(features: RealFeatures, pixels: np.ndarray) -> None:
    digest = pixel_digest(pixels)
    if features.data_digest != digest or len(features.features) != len(pixels):
        raise DataError(
            f"evaluate: expected features of the set {digest[:12]}…, came features of another one, "
            f"{features.data_digest[:12]}…; extract them again"
        )
