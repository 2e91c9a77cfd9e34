"""A space in which kinds of images lie apart: the feature network's, in the directions in which known images differ.

A model codes what it never saw as what it knows: its codes may hide a new kind that another network tells at a glance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DIMENSIONS, SPREAD = 16, 4.0
"""Of the space, and the root of the known images' summed variances in it: beside them clusters weigh an error."""


@dataclass(frozen=True, slots=True, eq=False)
class KindSpace:
    """The space of N known images with F features, and where they lie in it.

    mean (F,), axes (D, F): a feature vector of length 1 less the mean, along the axes. points (N, D). All float32.
    """

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    points: NDArray[np.float32]

    @classmethod
    def fit(cls, features: NDArray[np.floating]) -> KindSpace:
        """The space of known images' features (N, F), N >= 2: their first principal components."""
        unit = _to_length_1(features)
        mean = unit.mean(axis=0)
        axes = np.linalg.svd(unit - mean, full_matrices=False)[2][:DIMENSIONS]
        spread = float(np.sqrt(((unit - mean) @ axes.T).var(axis=0).sum()))
        axes *= SPREAD / max(spread, 1e-12)
        points = (unit - mean) @ axes.T
        return cls(mean.astype(np.float32), axes.astype(np.float32), points.astype(np.float32))

    def place(self, features: NDArray[np.floating]) -> NDArray[np.float32]:
        """Where images with features (M, F) lie, (M, D)."""
        points: NDArray[np.float32] = ((_to_length_1(features) - self.mean) @ self.axes.T).astype(np.float32)
        return points


def _to_length_1(features: NDArray[np.floating]) -> NDArray[np.float64]:
    exact = features.astype(np.float64)
    unit: NDArray[np.float64] = exact / np.maximum(np.linalg.norm(exact, axis=1, keepdims=True), 1e-12)
    return unit
