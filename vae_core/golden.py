"""Golden answers: what a version said where it was measured, to be said again wherever it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from vae_core.errors import ArtifactError
from vae_core.families.registry import family_of
from vae_core.families.variants import AnyModel
from vae_core.inference import score_images


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """G images, pixels uint8 (G, C, H, W), and the answers expected: mu (G, D), recon_error (G,), float32."""

    pixels: np.ndarray
    mu: np.ndarray
    recon_error: np.ndarray

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """Name the arrays for a safetensors file."""
        return {name: torch.tensor(getattr(self, name)) for name in ("pixels", "mu", "recon_error")}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, torch.Tensor]) -> Golden:
        """Rebuild what `to_tensors` named; ArtifactError when it is something else."""
        expected = {"pixels": (torch.uint8, 4), "mu": (torch.float32, 2), "recon_error": (torch.float32, 1)}
        forms = {name: (tensor.dtype, tensor.ndim) for name, tensor in tensors.items()}
        counts = {tensor.shape[:1] for tensor in tensors.values()}
        if forms != expected or len(counts) != 1 or not len(tensors["mu"]):
            came = (f"{name} {tensor.dtype} {tuple(tensor.shape)}" for name, tensor in tensors.items())
            raise ArtifactError(
                "golden: expected pixels (G, C, H, W) uint8, mu (G, D) and recon_error (G,) float32, "
                f"G at least 1, came {', '.join(came) or 'nothing'}; make the golden answers again"
            )
        return cls(**{name: tensor.numpy() for name, tensor in tensors.items()})


def make_golden(model: AnyModel, pixels: np.ndarray) -> Golden:
    """Record what a model in eval mode on the CPU answers to pixels uint8 (G, C, H, W), G ≥ 1."""
    scores = score_images(model, pixels)
    return Golden(pixels=np.array(pixels), mu=scores.mu, recon_error=scores.recon_error)


def check_golden(golden: Golden, model: AnyModel) -> float:
    """Measure a model's largest relative deviation from its golden answers; 0 is best.

    Of mu by Euclidean length for the image that deviates most, and of recon_error for the one that the family goes by;
    another processor's rounding stays below 1e-4. Infinite when an answer is not finite or not of the expected shape.
    """
    scores = score_images(model, golden.pixels)
    if scores.mu.shape != golden.mu.shape:
        return float("inf")
    tiny = np.finfo(np.float32).tiny
    mu = np.linalg.norm(scores.mu - golden.mu, axis=1) / np.maximum(np.linalg.norm(golden.mu, axis=1), tiny)
    error = np.abs(scores.recon_error - golden.recon_error) / np.maximum(np.abs(golden.recon_error), tiny)
    deviation = float(max(mu.max(), family_of(model).worst_deviation(error)))
    return deviation if np.isfinite(deviation) else float("inf")
