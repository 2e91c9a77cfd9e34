"""What a version's acceptance data looked like to it: the yardstick for its traffic, travelling with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch

from vae_core.errors import ArtifactError, DataError
from vae_core.inference import score_images
from vae_core.models.protocol import Vae

HISTOGRAM_BINS = 16
"""Of 16 grey levels each."""

CHUNK = 512

Ranked = Literal["recon_error", "kl", "norm"]

_PER_IMAGE = ("recon_error", "kl", "norm", "image_mean", "image_variance", "image_entropy")


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Codes, errors and image statistics of N images, in the order of the images.

    mu, logvar (N, D) float16; recon_error, kl, norm (N,) float32 as in `Scores`; image_mean and
    image_variance (N,) float32 of the pixels on [0, 1]; image_entropy (N,) float32, bits of the grey-level
    histogram, 0 to 4; histogram (16,) float32, the mean over images, sums to 1.
    """

    mu: np.ndarray
    logvar: np.ndarray
    recon_error: np.ndarray
    kl: np.ndarray
    norm: np.ndarray
    image_mean: np.ndarray
    image_variance: np.ndarray
    image_entropy: np.ndarray
    histogram: np.ndarray
    _sorted: dict[str, np.ndarray] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # a request asks for three ranks: sorting once makes each a binary search
        ordered = {name: np.sort(getattr(self, name)) for name in ("recon_error", "kl", "norm")}
        object.__setattr__(self, "_sorted", ordered)

    def __len__(self) -> int:
        """N, the number of images."""
        return len(self.recon_error)

    def quantile_rank(self, name: Ranked, value: float) -> float:
        """Share of the reference's values that are at most `value`, 0 to 1; NaN ranks above everything."""
        ordered = self._sorted[name]
        return float(np.searchsorted(ordered, value, side="right")) / len(ordered)

    def threshold(self, name: Ranked, q: float) -> float:
        """Find the smallest value whose `quantile_rank` is at least q; DataError unless 0 ≤ q ≤ 1."""
        if not 0 <= q <= 1:
            raise DataError(f"reference: expected a quantile between 0 and 1, came {q}")
        return float(np.quantile(self._sorted[name], q, method="inverted_cdf"))

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """Name the arrays for a safetensors file."""
        names = ("mu", "logvar", *_PER_IMAGE, "histogram")
        return {name: torch.tensor(getattr(self, name)) for name in names}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, torch.Tensor]) -> Reference:
        """Rebuild what `to_tensors` named; ArtifactError when it is no reference."""
        problem = _problem(tensors)
        if problem:
            raise ArtifactError(f"reference: {problem}; measure the reference again")
        return cls(**{name: tensor.numpy() for name, tensor in tensors.items()})


def measure_reference(model: Vae, pixels: np.ndarray, *, device: str = "cpu") -> Reference:
    """Measure a model in eval mode on its acceptance data, pixels uint8 (N, C, H, W), N ≥ 1."""
    # chunk by chunk, so that the reconstructions of a whole catalogue never lie in memory together
    scores = [score_images(model, pixels[start : start + CHUNK], device=device) for start in _starts(pixels)]
    statistics = np.concatenate([_measure_pixels(pixels[start : start + CHUNK]) for start in _starts(pixels)])
    return Reference(
        mu=np.concatenate([each.mu for each in scores]).astype(np.float16),
        logvar=np.concatenate([each.logvar for each in scores]).astype(np.float16),
        recon_error=np.concatenate([each.recon_error for each in scores]),
        kl=np.concatenate([each.kl for each in scores]),
        norm=np.concatenate([each.norm for each in scores]),
        image_mean=statistics[:, 0].astype(np.float32),
        image_variance=statistics[:, 1].astype(np.float32),
        image_entropy=statistics[:, 2].astype(np.float32),
        histogram=statistics[:, 3:].mean(axis=0).astype(np.float32),
    )


def _starts(pixels: np.ndarray) -> range:
    return range(0, max(len(pixels), 1), CHUNK)  # an empty set reaches score_images, which refuses it


def _measure_pixels(pixels: np.ndarray) -> np.ndarray:
    """Mean, population variance, entropy in bits and the 16 shares of each image: (B, 19) float64."""
    rows = pixels.reshape(len(pixels), -1)
    shares = np.stack(
        [np.bincount(row >> 4, minlength=HISTOGRAM_BINS) for row in rows]
    ) / rows.shape[1]  # fmt: skip
    entropy = -(shares * np.log2(np.where(shares > 0, shares, 1.0))).sum(axis=1)
    unit = rows / 255.0
    return np.column_stack([unit.mean(axis=1), unit.var(axis=1), entropy, shares])


def _problem(tensors: Mapping[str, torch.Tensor]) -> str | None:
    """Say what keeps the tensors from being a reference, or None."""
    expected = {"mu", "logvar", *_PER_IMAGE, "histogram"}
    if set(tensors) != expected:
        return f"expected the tensors {sorted(expected)}, came {sorted(tensors)}"
    count = len(tensors["recon_error"]) if tensors["recon_error"].ndim else 0
    if count == 0 or tensors["mu"].ndim != 2:
        return "it holds no images, or mu is not (N, D)"
    codes = (count, tensors["mu"].shape[1])
    for name, tensor in tensors.items():
        shape = codes if name in ("mu", "logvar") else (HISTOGRAM_BINS,) if name == "histogram" else (count,)
        dtype = torch.float16 if name in ("mu", "logvar") else torch.float32
        if tuple(tensor.shape) != shape or tensor.dtype != dtype:
            return f"{name}: expected {dtype} {shape}, came {tensor.dtype} {tuple(tensor.shape)}"
        if not bool(torch.isfinite(tensor).all()):
            return f"{name}: some values are NaN or infinite"
    return None
