"""Features that are drawn, and the distance of two sets of them."""

import numpy as np

from vae_core.evaluation.distances.frechet import frechet_distance
from vae_core.evaluation.distances.moments import measure_moments


def draw(n: int, dim: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Correlated normal features (n, dim), another mixture for each seed."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dim)) @ (rng.normal(size=(dim, dim)) / np.sqrt(dim) + np.eye(dim)) + shift


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Between all of both sets."""
    return frechet_distance(measure_moments(a), measure_moments(b))
