"""What a trained model makes of images; serving, evaluation and references all call these functions."""

from __future__ import annotations

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.families.conv_vae.protocol import Vae
from vae_core.families.registry import family_of
from vae_core.families.scores import Scores
from vae_core.families.variants import MeasuredModel
from vae_core.images.describe_images import describe_images
from vae_core.images.preprocessing import to_unit
from vae_core.weights import to_numpy

SAMPLES_AT_ONCE = 512
"""Decoded draws held at a time by `reconstruct_samples`."""


def score_images(model: MeasuredModel, pixels: np.ndarray, *, batch_size: int = 512, device: str = "cpu") -> Scores:
    """Score pixels uint8 (B, C, H, W), B ≥ 1, in float32; the model is in eval mode on `device`."""
    _require_images(pixels)
    batches = [pixels[start : start + batch_size] for start in range(0, len(pixels), batch_size)]
    parts = [family_of(model).score(model, batch, device) for batch in batches]
    return parts[0] if len(parts) == 1 else Scores.joined(parts)


@torch.inference_mode()
def reconstruct_samples(
    model: Vae, pixels: np.ndarray, k: int, generator: torch.Generator, *, device: str = "cpu"
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd over k ≥ 2 decoded draws of z ~ q(z|x), per pixel: two float32 arrays (B, C, H, W).

    The sd is the sample's (k - 1 in the denominator): how much the model's uncertainty about z moves each
    pixel. DataError for unfit images or k < 2.
    """
    _require_images(pixels)
    if k < 2:
        raise DataError(f"reconstruct_samples: expected k of at least 2, came {k}; one draw has no spread")
    mu, logvar = model.encode(to_unit(pixels).to(device))
    noise = torch.randn((len(mu), k, mu.shape[1]), generator=generator, device=generator.device).to(device)
    z = mu[:, None] + torch.exp(0.5 * logvar)[:, None] * noise
    step = max(1, SAMPLES_AT_ONCE // k)
    means, sds = [], []
    for start in range(0, len(z), step):
        some = z[start : start + step]
        draws = model.decode(some.flatten(0, 1)).view(len(some), k, *pixels.shape[1:])
        means.append(to_numpy(draws.mean(1)))
        sds.append(to_numpy(draws.std(1)))
    return np.concatenate(means), np.concatenate(sds)


def _require_images(pixels: np.ndarray) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or len(pixels) == 0:
        raise DataError(
            "inference: expected at least one uint8 image of shape (B, C, H, W), "
            f"came {describe_images(pixels)}; let preprocessing make the pixels"
        )
