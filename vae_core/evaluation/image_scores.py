"""What a model makes of every image of a set: errors, codes and the features of its reconstructions."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch

from vae_core.errors import DivergenceError
from vae_core.evaluation.decoding import quantize
from vae_core.evaluation.features import FeatureExtractor
from vae_core.evaluation.real_features import CHUNK
from vae_core.inference import Scores, score_images
from vae_core.models.protocol import Vae
from vae_core.preprocessing import to_unit
from vae_core.priors.posterior import sample_posterior


@dataclass(frozen=True, slots=True, eq=False)
class ImageScores:
    """Per image: recon_error, neg_elbo (N,), mu, logvar (N, D), features (N, F) of its reconstruction."""

    recon_error: np.ndarray
    neg_elbo: np.ndarray
    mu: np.ndarray
    logvar: np.ndarray
    features: np.ndarray


def measure_images(
    model: Vae,
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
        chunk = pixels[start : start + CHUNK]
        scores = score_images(model, chunk, device=device)
        neg_elbo = _neg_elbo(model, chunk, scores, generator, device)
        _refuse_divergence(scores.recon_error, neg_elbo, start)
        features = extractor.extract(quantize(scores.reconstruction))
        chunks.append(ImageScores(scores.recon_error, neg_elbo, scores.mu, scores.logvar, features))
        if on_progress:
            on_progress(start + len(chunk))
    return ImageScores(
        *(np.concatenate([getattr(chunk, field.name) for chunk in chunks]) for field in fields(ImageScores))
    )


@torch.inference_mode()
def _neg_elbo(model: Vae, pixels: np.ndarray, scores: Scores, generator: torch.Generator, device: str) -> np.ndarray:
    """-ELBO per image (B,) in nats, with one draw of z."""
    z = sample_posterior(scores.mu, scores.logvar, generator).to(device)
    nll = model.nll(model.decode_logits(z), to_unit(pixels).to(device))
    neg_elbo: np.ndarray = nll.cpu().numpy() + scores.kl
    return neg_elbo


def _refuse_divergence(recon_error: np.ndarray, neg_elbo: np.ndarray, start: int) -> None:
    broken = np.flatnonzero(~(np.isfinite(recon_error) & np.isfinite(neg_elbo)))
    if len(broken):
        raise DivergenceError(
            f"evaluate: the model answers image {start + int(broken[0])} with NaN or infinity "
            f"({len(broken)} of {len(recon_error)} in this chunk); take an earlier checkpoint"
        )
