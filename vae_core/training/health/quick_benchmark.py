"""What can be said of a VAE's weights by images alone, in seconds: how many units live, and what they explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.evaluation.codes.latents import measure_latents
from vae_core.families.variants import PosteriorModel
from vae_core.inference import score_images
from vae_core.training.health.monitor import fewest_active

IMAGES_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class QuickBenchmark:
    """Active units (Var[mu] > 0.01) of latent_dim, and the explained variance, over n images; both higher is better.

    explained_variance: 1 - recon_error over that of the mean image, as the whole benchmark has it; at most 1, and NaN
    where the model answers so.
    """

    active_units: int
    latent_dim: int
    explained_variance: float
    n: int

    @property
    def is_collapsed(self) -> bool:
        """Whether fewer units are active than the monitor of a training lets pass."""
        return self.active_units < fewest_active(self.latent_dim)

    def describe(self) -> str:
        """One line for a person."""
        return (
            f"{self.active_units} of {self.latent_dim} units active, {self.explained_variance:.1%} of the variance "
            f"explained, n = {self.n:,}"
        )


@dataclass(frozen=True, slots=True)
class Bars:
    """What weights must reach to be handed over in the place of others; never less than what is no collapse."""

    min_active_units: int
    min_explained_variance: float

    def pass_over(self, found: QuickBenchmark) -> bool:
        """Whether weights with these figures pass."""
        alive = not found.is_collapsed and found.active_units >= self.min_active_units
        return alive and found.explained_variance >= self.min_explained_variance


def measure_quickly(
    model: PosteriorModel, pixels: np.ndarray, device: str = "cpu", images_at_once: int = IMAGES_AT_ONCE
) -> QuickBenchmark:
    """Measure a model in eval mode on pixels uint8 (N ≥ 2, C, H, W) that it was not trained on, in float32."""
    errors, mu, logvar = [], [], []
    total, squares = np.zeros(pixels.shape[1:]), np.zeros(pixels.shape[1:])
    for start in range(0, len(pixels), images_at_once):
        some = pixels[start : start + images_at_once]
        scores = score_images(model, some, device=device)
        errors.append(scores.recon_error)
        mu.append(scores.mu)
        logvar.append(scores.column("logvar"))
        unit = some.astype(np.float64) / 255
        total += unit.sum(axis=0)
        squares += np.square(unit).sum(axis=0)
    baseline = float(np.mean(squares / len(pixels) - np.square(total / len(pixels))))
    latents = measure_latents(np.concatenate(mu), np.concatenate(logvar))
    # of images that are all alike there is nothing to explain
    explained = 1 - float(np.concatenate(errors).mean(dtype=np.float64)) / baseline if baseline > 1e-9 else 0.0
    return QuickBenchmark(latents.active_units, model.latent_dim, explained, len(pixels))
