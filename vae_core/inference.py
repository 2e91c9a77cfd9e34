"""What a trained model makes of images; serving, evaluation and references all call these functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.losses import kl_divergence
from vae_core.models.protocol import Vae
from vae_core.preprocessing import to_unit

SAMPLES_AT_ONCE = 512
"""Decoded draws held at a time by `reconstruct_samples`."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What a model says of B images, all numpy float32.

    reconstruction (B, C, H, W): the decoder's mean at z = mu, on [0, 1]. mu, logvar (B, D): the posterior.
    recon_error (B,): mean squared error per pixel and channel of that reconstruction; lower is better.
    kl (B,): nats per image, summed over dimensions, never clamped. norm (B,): the Euclidean length of mu.
    """

    reconstruction: np.ndarray
    mu: np.ndarray
    logvar: np.ndarray
    recon_error: np.ndarray
    kl: np.ndarray
    norm: np.ndarray


def score_images(model: Vae, pixels: np.ndarray, *, batch_size: int = 512, device: str = "cpu") -> Scores:
    """Score pixels uint8 (B, C, H, W), B ≥ 1, in float32; the model is in eval mode on `device`."""
    _require_images(pixels)
    if len(pixels) <= batch_size:
        return _score_batch(model, pixels, device)
    batches = [
        _score_batch(model, pixels[start : start + batch_size], device) for start in range(0, len(pixels), batch_size)
    ]
    return Scores(
        reconstruction=np.concatenate([batch.reconstruction for batch in batches]),
        mu=np.concatenate([batch.mu for batch in batches]),
        logvar=np.concatenate([batch.logvar for batch in batches]),
        recon_error=np.concatenate([batch.recon_error for batch in batches]),
        kl=np.concatenate([batch.kl for batch in batches]),
        norm=np.concatenate([batch.norm for batch in batches]),
    )


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
        means.append(_to_numpy(draws.mean(1)))
        sds.append(_to_numpy(draws.std(1)))
    return np.concatenate(means), np.concatenate(sds)


@torch.inference_mode()
def _score_batch(model: Vae, pixels: np.ndarray, device: str) -> Scores:
    x = to_unit(pixels).to(device)
    mu, logvar = model.encode(x)
    reconstruction = model.decode(mu)
    return Scores(
        reconstruction=_to_numpy(reconstruction),
        mu=_to_numpy(mu),
        logvar=_to_numpy(logvar),
        recon_error=_to_numpy((reconstruction - x).square().mean((1, 2, 3))),
        kl=_to_numpy(kl_divergence(mu, logvar).sum(1)),
        norm=_to_numpy(torch.linalg.vector_norm(mu, dim=1)),
    )


def _to_numpy(tensor: torch.Tensor) -> np.ndarray:
    array: np.ndarray = tensor.contiguous().cpu().numpy()
    return array


def _require_images(pixels: np.ndarray) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or len(pixels) == 0:
        raise DataError(
            "inference: expected at least one uint8 image of shape (B, C, H, W), "
            f"came {pixels.dtype} {pixels.shape}; let preprocessing make the pixels"
        )
