"""Which latent dimensions carry something, and how far the codes are from the prior."""

from dataclasses import dataclass

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.losses import kl_divergence

ACTIVE_VARIANCE = 0.01
"""Var_x[mu] above which a unit is active (Burda, Grosse & Salakhutdinov 2015, section 5.2)."""


@dataclass(frozen=True, slots=True, eq=False)
class LatentSummary:
    """Statistics per latent dimension, each (D,) float64, over a set of images.

    kl: nats, mean over images; never clamped. mu_variance: Var[mu], the spread of the means.
    posterior_mean, posterior_variance: of the aggregated posterior q(z), E[mu] and E[sigma²] + Var[mu];
    0 and 1 where it equals the prior, also in an inactive dimension.
    """

    kl: np.ndarray
    mu_variance: np.ndarray
    posterior_mean: np.ndarray
    posterior_variance: np.ndarray

    @property
    def inactive_dims(self) -> tuple[int, ...]:
        """Dimensions whose mean hardly depends on the image; reported, not a fault by itself."""
        return tuple(int(dim) for dim in np.flatnonzero(self.mu_variance <= ACTIVE_VARIANCE))

    @property
    def active_units(self) -> int:
        """How many dimensions are active; higher is better, near 0 is collapse."""
        return len(self.mu_variance) - len(self.inactive_dims)

    def dims_by_kl(self, count: int) -> tuple[int, ...]:
        """Name the dimensions that carry most, the largest KL first."""
        return tuple(int(dim) for dim in np.argsort(-self.kl, kind="stable")[:count])


def measure_latents(mu: np.ndarray, logvar: np.ndarray) -> LatentSummary:
    """Summarise the posteriors N(mu, exp(logvar)) of N images, both (N, D); DataError for N < 2."""
    if mu.ndim != 2 or mu.shape != logvar.shape or len(mu) < 2:
        raise DataError(
            f"latents: expected mu and logvar of one shape (N ≥ 2, D), came {mu.shape} and {logvar.shape}; "
            "score more images"
        )
    means, log_variances = np.asarray(mu, dtype=np.float64), np.asarray(logvar, dtype=np.float64)
    mu_variance = means.var(axis=0)
    kl = kl_divergence(torch.from_numpy(means), torch.from_numpy(log_variances))
    return LatentSummary(
        kl=kl.mean(0).numpy(),
        mu_variance=mu_variance,
        posterior_mean=means.mean(axis=0),
        posterior_variance=np.exp(log_variances).mean(axis=0) + mu_variance,
    )
