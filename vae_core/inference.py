"""What a trained model makes of images; serving, evaluation and references all call these functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.families.conv_ae.model import ConvAe
from vae_core.families.conv_vae.protocol import Vae
from vae_core.families.variants import MeasuredModel
from vae_core.families.vq_vae.model import VqVae
from vae_core.images.describe_images import describe_images
from vae_core.images.preprocessing import to_unit
from vae_core.losses import kl_divergence

SAMPLES_AT_ONCE = 512
"""Decoded draws held at a time by `reconstruct_samples`."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What a model says of B images, numpy float32 unless said otherwise; None where its kind has no such thing.

    reconstruction (B, C, H, W): the decoder's mean at the code, on [0, 1]. recon_error (B,): mean squared error per
    pixel and channel of that reconstruction; lower is better. mu (B, D): the code as one vector: the posterior's mean,
    a deterministic autoencoder's z, or of a VQ-VAE a fixed projection of the grid of vectors z_e. norm (B,): the
    Euclidean length of mu, or the mean length of z_e over the grid.

    Of a Gaussian posterior: logvar (B, D); kl (B,): nats per image, summed over dimensions, never clamped. Of a VQ-VAE:
    codes (B, h, w) int32: indices of the codes; code_distance (B,): mean Euclidean distance of z_e from its code.
    """

    reconstruction: np.ndarray
    mu: np.ndarray
    recon_error: np.ndarray
    norm: np.ndarray
    logvar: np.ndarray | None = None
    kl: np.ndarray | None = None
    codes: np.ndarray | None = None
    code_distance: np.ndarray | None = None

    def rows(self, start: int, stop: int) -> Scores:
        """Those of the images from start to before stop."""
        columns: dict[str, Any] = {name: None if each is None else each[start:stop] for name, each in self._columns()}
        return Scores(**columns)

    def all_finite(self) -> bool:
        """Whether every error, length, KL and distance is a number."""
        told = (self.recon_error, self.norm, self.kl, self.code_distance)
        return all(np.isfinite(each).all() for each in told if each is not None)

    @classmethod
    def joined(cls, parts: Sequence[Scores]) -> Scores:
        """Of one model, the images of each part after those of the one before; at least one part."""
        columns: dict[str, Any] = {
            name: None if each is None else np.concatenate([getattr(part, name) for part in parts])
            for name, each in parts[0]._columns()
        }
        return cls(**columns)

    def _columns(self) -> list[tuple[str, Any]]:
        return [(each.name, getattr(self, each.name)) for each in fields(self)]


def score_images(model: MeasuredModel, pixels: np.ndarray, *, batch_size: int = 512, device: str = "cpu") -> Scores:
    """Score pixels uint8 (B, C, H, W), B ≥ 1, in float32; the model is in eval mode on `device`."""
    _require_images(pixels)
    batches = [pixels[start : start + batch_size] for start in range(0, len(pixels), batch_size)]
    if isinstance(model, VqVae):
        parts = [_score_grids(model, batch, device) for batch in batches]
    elif isinstance(model, ConvAe):
        parts = [_score_codes(model, batch, device) for batch in batches]
    else:
        parts = [_score_posteriors(model, batch, device) for batch in batches]
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
        means.append(_to_numpy(draws.mean(1)))
        sds.append(_to_numpy(draws.std(1)))
    return np.concatenate(means), np.concatenate(sds)


@torch.inference_mode()
def _score_posteriors(model: Vae, pixels: np.ndarray, device: str) -> Scores:
    x = to_unit(pixels).to(device)
    mu, logvar = model.encode(x)
    reconstruction = model.decode(mu)
    return Scores(
        reconstruction=_to_numpy(reconstruction),
        mu=_to_numpy(mu),
        recon_error=_to_numpy((reconstruction - x).square().mean((1, 2, 3))),
        norm=_to_numpy(torch.linalg.vector_norm(mu, dim=1)),
        logvar=_to_numpy(logvar),
        kl=_to_numpy(kl_divergence(mu, logvar).sum(1)),
    )


@torch.inference_mode()
def _score_codes(model: ConvAe, pixels: np.ndarray, device: str) -> Scores:
    x = to_unit(pixels).to(device)
    z = model.encode(x)
    reconstruction = model.decode(z)
    return Scores(
        reconstruction=_to_numpy(reconstruction),
        mu=_to_numpy(z),
        recon_error=_to_numpy((reconstruction - x).square().mean((1, 2, 3))),
        norm=_to_numpy(torch.linalg.vector_norm(z, dim=1)),
    )


@torch.inference_mode()
def _score_grids(model: VqVae, pixels: np.ndarray, device: str) -> Scores:
    x = to_unit(pixels).to(device)
    z_e = model.encode(x)
    quantised = model.quantise(z_e)
    reconstruction = model.decode(quantised.z_q)
    return Scores(
        reconstruction=_to_numpy(reconstruction),
        mu=_to_numpy(model.summarise(z_e)),
        recon_error=_to_numpy((reconstruction - x).square().mean((1, 2, 3))),
        norm=_to_numpy(torch.linalg.vector_norm(z_e, dim=1).mean((1, 2))),
        codes=_to_numpy(quantised.indices.int()),
        code_distance=_to_numpy(torch.linalg.vector_norm(z_e - quantised.z_q, dim=1).mean((1, 2))),
    )


def _to_numpy(tensor: torch.Tensor) -> np.ndarray:
    array: np.ndarray = tensor.contiguous().cpu().numpy()
    return array


def _require_images(pixels: np.ndarray) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or len(pixels) == 0:
        raise DataError(
            "inference: expected at least one uint8 image of shape (B, C, H, W), "
            f"came {describe_images(pixels)}; let preprocessing make the pixels"
        )
