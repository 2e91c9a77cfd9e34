"""What a model makes of every image of a set: errors, codes and the features of its reconstructions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from vae_core.errors import DivergenceError
from vae_core.evaluation.features.extractor import FeatureExtractor
from vae_core.evaluation.features.real_features import CHUNK
from vae_core.evaluation.images.decoding import quantize
from vae_core.evaluation.images.image_quality import measure_ssim
from vae_core.families.columns import join_rows
from vae_core.families.registry import family_of
from vae_core.families.scores import ImageScores
from vae_core.families.variants import MeasuredModel
from vae_core.inference import score_images


def measure_images(
    model: MeasuredModel,
    pixels: np.ndarray,
    extractor: FeatureExtractor,
    *,
    seed: int,
    device: str = "cpu",
    on_progress: Callable[[int], None] | None = None,
) -> ImageScores:
    """Score pixels (N, C, H, W) uint8 a chunk at a time; `on_progress` hears the number of images done.

    neg_elbo draws one z per image from a generator seeded here. DivergenceError when a score is not finite.
    """
    generator = torch.Generator().manual_seed(seed)
    chunks: list[ImageScores] = []
    for start in range(0, len(pixels), CHUNK):
        chunks.append(_measure_chunk(model, pixels[start : start + CHUNK], extractor, generator, device, start))
        if on_progress:
            on_progress(min(start + CHUNK, len(pixels)))
    return _join(chunks)


def _measure_chunk(
    model: MeasuredModel,
    pixels: np.ndarray,
    extractor: FeatureExtractor,
    generator: torch.Generator,
    device: str,
    start: int,
) -> ImageScores:
    scores = score_images(model, pixels, device=device)
    own = family_of(model).measure_columns(model, pixels, scores, generator, device)
    _refuse_divergence([scores.recon_error, *(each for each in own.values() if each.ndim == 1)], start)
    return ImageScores(
        recon_error=scores.recon_error,
        ssim=measure_ssim(pixels, scores.reconstruction, device=device),
        features=extractor.extract(quantize(scores.reconstruction)),
        own=own,
    )


def _refuse_divergence(told: Sequence[np.ndarray], start: int) -> None:
    """DivergenceError where one number of an image is none."""
    broken = np.flatnonzero(~np.isfinite(told).all(0))
    if len(broken):
        raise DivergenceError(
            f"evaluate: the model answers image {start + int(broken[0])} with NaN or infinity "
            f"({len(broken)} of {len(told[0])} in this chunk); take an earlier checkpoint"
        )


def _join(chunks: Sequence[ImageScores]) -> ImageScores:
    return ImageScores(
        np.concatenate([each.recon_error for each in chunks]),
        np.concatenate([each.ssim for each in chunks]),
        np.concatenate([each.features for each in chunks]),
        join_rows([each.own for each in chunks]),
    )
