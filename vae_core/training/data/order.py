"""In which order an epoch shows its images; all randomness comes from the generator that is given."""

from __future__ import annotations

import hashlib

import numpy as np

from vae_core.errors import DataError


def uniform_order(count: int, generator: np.random.Generator) -> np.ndarray:
    """Every row once, (count,) int64."""
    return generator.permutation(count)


def weighted_order(weights: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """N rows of weights (N,), each drawn in proportion to its weight, (N,) int64.

    Systematic sampling (Madow 1949): in every epoch an image of mean-1 weight w comes floor(w) or ceil(w) times, so
    that shares and ceilings hold in each epoch and not only on average, and equal weights are a permutation.
    """
    rows = generator.permutation(np.flatnonzero(weights > 0))
    ends = np.cumsum(weights[rows], dtype=np.float64)
    points = (np.arange(len(weights)) + generator.random()) * (ends[-1] / len(weights))
    # the last point may be rounded onto the end of the last row
    drawn = np.minimum(np.searchsorted(ends, points, side="right"), len(rows) - 1)
    return generator.permutation(rows[drawn])


def require_sampling_weights(weights: np.ndarray, count: int) -> None:
    """DataError unless weights are `count` finite numbers of at least 0, and not all 0."""
    if weights.shape != (count,) or not np.issubdtype(weights.dtype, np.floating):
        raise DataError(
            f"train: expected sampling weights as floats ({count},), one an image, came {weights.dtype} "
            f"{weights.shape}; weigh exactly the images that are trained on"
        )
    broken = int((~np.isfinite(weights) | (weights < 0)).sum())
    if broken or not weights.any():
        problem = f"{broken} that are negative, NaN or infinite" if broken else "none above 0"
        raise DataError(f"train: expected sampling weights of at least 0, some above it, came {problem}; mix again")


def digest_sampling_weights(weights: np.ndarray) -> str:
    """Name sampling weights (N,) by the sha256, in hex, of their float64 values."""
    return hashlib.sha256(np.ascontiguousarray(weights, dtype=np.float64).data).hexdigest()
