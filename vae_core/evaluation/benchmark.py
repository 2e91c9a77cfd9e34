"""One evaluation of one model on one fixed set of images: errors, codes, distances and shares of features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.evaluation.benchmark_result import BenchmarkResult
from vae_core.evaluation.benchmark_scores import CoverageScore, FrechetScore, MeanScore
from vae_core.evaluation.distances.feature_quality import measure_at_infinity, measure_coverages, measure_kid
from vae_core.evaluation.distances.frechet_ruler import FrechetRuler
from vae_core.evaluation.effort import THOROUGH, USUAL, Effort
from vae_core.evaluation.features.extractor import FeatureExtractor
from vae_core.evaluation.features.real_features import CHUNK, RealFeatures, extract_real_features
from vae_core.evaluation.images.group_scores import number_groups, score_groups
from vae_core.evaluation.images.image_quality import psnr_of_images
from vae_core.evaluation.images.image_scores import measure_images
from vae_core.evaluation.images.sample_features import extract_samples
from vae_core.evaluation.mean_estimate import estimate_mean, estimate_mean_normally
from vae_core.evaluation.progress import EvaluationProgress, ProgressCounter
from vae_core.families.family import Figures
from vae_core.families.registry import family_of
from vae_core.families.variants import MeasuredModel
from vae_core.images.describe_images import describe_images
from vae_core.images.preprocessing import pixel_digest, to_unit
from vae_core.priors.sampling import SamplingPrior

SMALLEST_SET = 4
"""Two halves of two images: the least that has a covariance and a floor."""


def evaluate(
    model: MeasuredModel,
    pixels: np.ndarray,
    *,
    extractor: FeatureExtractor,
    prior: SamplingPrior | None,
    real_features: RealFeatures | None = None,
    independent_features: RealFeatures | None = None,
    groups: np.ndarray | Sequence[str] | Sequence[int] | None = None,
    thorough: bool = False,
    effort: Effort | None = None,
    n_samples: int = 5000,
    seed: int = 0,
    device: str = "cpu",
    on_progress: Callable[[EvaluationProgress], None] | None = None,
) -> BenchmarkResult:
    """Evaluate a model in eval mode on `device` on pixels (N, C, H, W) uint8; the same arguments give the same result.

    `real_features` are the cached features of `pixels`. `independent_features`, for the floor, are those of
    other real images of the same kind and number (training images, for instance); without them the
    benchmark's two halves serve, at half the n. `groups` name the class or cluster of each of the N images. `thorough`
    looks at more images where that is dear, and at the samples' distance at infinite n; `effort` says otherwise how
    many.

    DataError for images that are unfit or not of the model's shape, features of another set or extractor, a prior of
    the other kind of model, or groups that are not one an image; DivergenceError when the model answers with NaN or
    infinity.
    """
    family, baseline = family_of(model), _measure_baseline(pixels)
    sources = family.find_sources(model, prior)
    _refuse_other_shape(model, pixels, device)
    effort = effort or (THOROUGH if thorough else USUAL)
    labels = None if groups is None else _number_each(groups, len(pixels))
    passes = len(pixels) * (4 if real_features is None else 3) + n_samples * len(sources)
    counter = ProgressCounter(passes, on_progress)

    if real_features is None:
        real_features = extract_real_features(pixels, extractor, counter.stage("real images", len(pixels)))
    _refuse_other_images(real_features, pixels)
    ruler = FrechetRuler.of(real_features, extractor)
    floor, floor_kind = ruler.measure_floor(independent_features)

    report = counter.stage("reconstructions", len(pixels))
    scores = measure_images(model, pixels, extractor, seed=seed, device=device, on_progress=report)
    recon_error = estimate_mean_normally(scores.recon_error)
    psnr = psnr_of_images(torch.from_numpy(scores.recon_error))
    reconstructions = ruler.measure_reconstructions(scores.features)

    distances: dict[str, FrechetScore] = {}
    samples = None
    for source in sources:  # the version's own prior comes last: the other measures of samples are of its samples
        report = counter.stage(source.stage, n_samples)
        samples = extract_samples(model, source, n_samples, extractor, seed=seed, device=device, on_progress=report)
        distances[source.name] = ruler.measure_samples(samples)

    report = counter.stage("neighbourhoods of features", len(pixels))
    coverages = measure_coverages(real_features.features, scores.features, samples, effort, labels, device)
    kid = None if samples is None else measure_kid(real_features.features, samples, effort, device)
    limit = None if samples is None else measure_at_infinity(ruler.real, samples, effort, seed)
    report(len(pixels))

    report = counter.stage("codes", len(pixels))
    own = family.measure_figures(model, pixels, scores, sources, effort, seed=seed, device=device, on_progress=report)
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
        psnr_db=None if psnr is None else MeanScore.of(psnr),
        ssim=MeanScore.of(estimate_mean(scores.ssim)),
        groups=None if groups is None else score_groups(scores.recon_error, groups, coverages.samples),
        thorough=thorough,
        latent_dim=model.latent_dim,
        **_by_name(own),
        fd_reconstructions=reconstructions,
        fd_samples_standard=distances.get("standard"),
        fd_samples_mixture=distances.get("mixture"),
        fd_samples_codes=distances.get("codes"),
        fd_samples_at_infinity=limit,
        fd_floor=floor,
        fd_floor_kind=floor_kind,
        kid_samples=kid,
        coverage_reconstructions=coverages.reconstructions and CoverageScore.of(coverages.reconstructions),
        coverage_samples=coverages.samples and CoverageScore.of(coverages.samples),
    )


def _by_name(figures: Figures) -> dict[str, Any]:
    """Figures under the names that a result has for them too."""
    return {each.name: getattr(figures, each.name) for each in fields(figures)}


def _measure_baseline(pixels: np.ndarray) -> float:
    """Give the recon_error of answering every image with the mean image: the mean pixel variance."""
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or len(pixels) < SMALLEST_SET:
        raise DataError(
            f"evaluate: expected at least {SMALLEST_SET} uint8 images of shape (N, C, H, W), "
            f"came {describe_images(pixels)}; use more images, quantised to 0..255"
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


@torch.inference_mode()
def _refuse_other_shape(model: MeasuredModel, pixels: np.ndarray, device: str) -> None:
    """DataError for images that the model's encoder refuses, before minutes are spent on their features."""
    model.encode(to_unit(pixels[:1]).to(device))


def _refuse_other_images(features: RealFeatures, pixels: np.ndarray) -> None:
    digest = pixel_digest(pixels)
    if features.data_digest != digest or len(features.features) != len(pixels):
        raise DataError(
            f"evaluate: expected features of the set {digest[:12]}…, came features of another one, "
            f"{features.data_digest[:12]}…; extract them again"
        )


def _number_each(groups: np.ndarray | Sequence[str] | Sequence[int], n: int) -> np.ndarray:
    if np.shape(groups) != (n,):
        raise DataError(f"evaluate: expected {n} groups, one an image, came {np.shape(groups)}; name each image's own")
    return number_groups(groups)
