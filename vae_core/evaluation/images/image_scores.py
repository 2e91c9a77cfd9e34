"""What a model makes of every image of a set: errors, codes and the features of its reconstructions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

from vae_core.errors import DivergenceError
from vae_core.evaluation.features.extractor import FeatureExtractor
from vae_core.evaluation.features.real_features import CHUNK
from vae_core.evaluation.images.decoding import quantize
from vae_core.evaluation.images.image_quality import measure_ssim
from vae_core.families.conv_ae.model import ConvAe
from vae_core.families.conv_vae.protocol import Vae
from vae_core.families.variants import MeasuredModel
from vae_core.families.vq_vae.model import VqVae
from vae_core.images.preprocessing import to_unit
from vae_core.inference import Scores, score_images
from vae_core.priors.posterior import sample_posterior


@dataclass(frozen=True, slots=True, eq=False)
class ImageScores:
    """Per image: recon_error, ssim (N,), features (N, F) of its reconstruction; None where its kind has no such thing.

    Of a VAE: neg_elbo (N,), mu, logvar (N, D). Of a VQ-VAE: codes (N, h, w), code_distance (N,). Of an autoencoder: its
    codes as mu.
    """

    recon_error: np.ndarray
    ssim: np.ndarray
    features: np.ndarray
    neg_elbo: np.ndarray | None = None
    mu: np.ndarray | None = None
    logvar: np.ndarray | None = None
    codes: np.ndarray | None = None
    code_distance: np.ndarray | None = None


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
    neg_elbo = None if isinstance(model, VqVae | ConvAe) else _neg_elbo(model, pixels, scores, generator, device)
    _refuse_divergence(scores, neg_elbo, start)
    return ImageScores(
        recon_error=scores.recon_error,
        ssim=measure_ssim(pixels, scores.reconstruction, device=device),
        features=extractor.extract(quantize(scores.reconstruction)),
        neg_elbo=neg_elbo,
        mu=None if isinstance(model, VqVae) else scores.mu,
        logvar=scores.logvar,
        codes=scores.codes,
        code_distance=scores.code_distance,
    )


@torch.inference_mode()
def _neg_elbo(model: Vae, pixels: np.ndarray, scores: Scores, generator: torch.Generator, device: str) -> np.ndarray:
    """-ELBO per image (B,) in nats, with one draw of z."""
    assert scores.logvar is not None
    z = sample_posterior(scores.mu, scores.logvar, generator).to(device)
    nll = model.nll(model.decode_logits(z), to_unit(pixels).to(device))
    neg_elbo: np.ndarray = nll.cpu().numpy() + scores.kl
    return neg_elbo


def _refuse_divergence(scores: Scores, neg_elbo: np.ndarray | None, start: int) -> None:
    told = [each for each in (scores.recon_error, neg_elbo, scores.code_distance) if each is not None]
    broken = np.flatnonzero(~np.isfinite(told).all(0))
    if len(broken):
        raise DivergenceError(
            f"evaluate: the model answers image {start + int(broken[0])} with NaN or infinity "
            f"({len(broken)} of {len(scores.recon_error)} in this chunk); take an earlier checkpoint"
        )


def _join(chunks: Sequence[ImageScores]) -> ImageScores:
    columns: dict[str, Any] = {
        each.name: None
        if getattr(chunks[0], each.name) is None
        else np.concatenate([getattr(chunk, each.name) for chunk in chunks])
        for each in fields(ImageScores)
    }
    return ImageScores(**columns)
