"""What an evaluation says of an autoencoder's codes: points without a posterior, so neither KL nor ELBO."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.evaluation.codes.latents import ACTIVE_VARIANCE


@dataclass(frozen=True, slots=True)
class CodeSpread:
    """Figures of a `BenchmarkResult`, by the names that they have there; the posteriors are the codes themselves."""

    active_units: int
    inactive_dims: tuple[int, ...]
    mu_variance_per_dim: tuple[float, ...]
    posterior_mean_per_dim: tuple[float, ...]
    posterior_variance_per_dim: tuple[float, ...]
    likelihood: None = None


def measure_code_spread(codes: np.ndarray) -> CodeSpread:
    """Summarise codes (N ≥ 2, D) per dimension: mean, variance, and whether it is active (Var > 0.01)."""
    means = np.asarray(codes, dtype=np.float64)
    variance = means.var(axis=0)
    inactive = np.flatnonzero(variance <= ACTIVE_VARIANCE)
    return CodeSpread(
        active_units=len(variance) - len(inactive),
        inactive_dims=tuple(inactive.tolist()),
        mu_variance_per_dim=tuple(variance.tolist()),
        posterior_mean_per_dim=tuple(means.mean(axis=0).tolist()),
        posterior_variance_per_dim=tuple(variance.tolist()),
    )
