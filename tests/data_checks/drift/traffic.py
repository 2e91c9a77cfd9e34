"""Synthetic traffic with what real traffic has: correlated and inactive code dimensions, skewed errors, dependence."""

from __future__ import annotations

import numpy as np

from data_checks.drift.policy import DriftPolicy
from data_checks.drift.window import Window
from data_checks.sample import Sample

KIND_LENGTH = 3.4
"""Mahalanobis distance of the new kind's mean from the rest: sandals and bags for a model that never saw them."""


class Source:
    """One world, as one model sees it; every draw follows the same law unless it is told to drift."""

    def __init__(self, seed: int = 0, latent_dim: int = 32) -> None:
        rng = np.random.default_rng(seed)
        self.latent_dim = latent_dim
        self.factors = rng.normal(size=(latent_dim, latent_dim)) / np.sqrt(latent_dim) + 0.5 * np.eye(latent_dim)
        # three in five units are active, the others barely move, as in FIELD's healthy run
        self.scales = np.where(np.arange(latent_dim) < 0.6 * latent_dim, 1.0, 0.03)
        self.error_weights = rng.normal(size=latent_dim) * 0.4 / np.sqrt(latent_dim)
        self.pixel_weights = rng.normal(size=(latent_dim, 3)) / np.sqrt(latent_dim)
        direction = rng.normal(size=latent_dim)
        self.kind = KIND_LENGTH * direction / np.linalg.norm(direction)

    def draw(
        self,
        n: int,
        rng: np.random.Generator,
        *,
        correlation: float = 0.0,
        new_share: float = 0.0,
        error_factor: float = 1.0,
        brightness: float = 0.0,
    ) -> Sample:
        """Images (n); AR(1) `correlation` of everything between neighbours, and the drifts that a test asks for.

        brightness: shift of the image mean in its sd. error_factor: of every error, the codes untouched.
        """
        core = autoregressive(rng, n, self.latent_dim, correlation)
        noise = autoregressive(rng, n, 5, correlation)
        new = rng.random(n) < new_share
        core = core + np.where(new[:, None], self.kind, 0.0)
        codes = core @ self.factors
        # a softly bent response makes the dimensions skewed, as a mixture of classes does
        mu = (codes + 0.15 * (codes**2 - 1)) * self.scales
        log_error = -4.5 + core @ self.error_weights + 0.4 * noise[:, 0] + np.where(new, 1.06, 0.0)
        pixels = np.tanh(0.5 * (core * ~new[:, None]) @ self.pixel_weights + 0.3 * noise[:, 2:5])
        logvar = np.log(np.where(self.scales < 1, 0.95, 0.05)) + 0.1 * codes
        return Sample(
            mu=mu,
            recon_error=error_factor * np.exp(log_error),
            own={"logvar": logvar, "kl": np.exp(2.7 + 0.2 * noise[:, 1] + 0.02 * (core**2).mean(axis=1))},
            norm=np.linalg.norm(mu, axis=1),
            image_mean=0.3 + 0.1 * (pixels[:, 0] + brightness * 0.45),
            image_variance=0.1 + 0.03 * pixels[:, 1],
            image_entropy=2.4 + 0.5 * pixels[:, 2],
        )


def autoregressive(rng: np.random.Generator, n: int, columns: int, correlation: float) -> np.ndarray:
    """Stationary AR(1) columns (n, columns) with variance 1."""
    from scipy.signal import lfilter

    innovations = rng.normal(size=(n, columns)) * np.sqrt(1 - correlation**2)
    innovations[:1] = rng.normal(size=(min(n, 1), columns))
    series: np.ndarray = lfilter([1.0], [1.0, -correlation], innovations, axis=0)
    return series


def window_of(sample: Sample, **refused: int) -> Window:
    """A window of these answered images and refused counts."""
    return Window(sample, refused, len(sample) + sum(refused.values()))


def at_family_level(level: float, **changes: float) -> DriftPolicy:
    """A policy whose family level is `level`: the budget that allows it."""
    default = DriftPolicy()
    return DriftPolicy.model_validate({"false_retrains": level / default.family_level, **changes})


ANY_EFFECT = {
    "latent_shift": 1e-9,
    "latent_ks": 1e-9,
    "error_change": 1e-9,
    "tail_excess": 1e-9,
    "kl_change": 1e-9,
    "code_distance_change": 1e-9,
    "code_histogram": 1e-9,
    "posterior_rms": 1e-9,
    "posterior_max": 1e-9,
    "norm_tail_excess": 1e-9,
    "image_shift": 1e-9,
}
"""Changes of a policy for which any effect matters: significance alone decides, the level itself is seen."""


def concatenate(*samples: Sample) -> Sample:
    """Samples one after the other."""
    names = samples[0].columns()
    return Sample.from_columns({name: np.concatenate([each.columns()[name] for each in samples]) for name in names})
