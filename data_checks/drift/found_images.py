"""What the images of risen clusters lie among: beside the known kinds as one more, or all over them.

A new kind comes beside the known ones: the model codes it in a few places of the reference, and the other images of
the window are those of before. A fault of the sensor alters images of every kind: their codes lie all over the
reference, and where it alters the whole traffic, the images that were not found moved too, or none are left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_checks.drift.locations import IMAGE_STATISTICS
from data_checks.kinds.clusters import fit_clusters
from data_checks.sample import Sample

CLUSTERS = 64
"""Of the reference, at most; the limit of the spread was measured with as many."""

IMAGES_PER_CLUSTER = 20
"""At least, on average: below that the reference's own spread is not known."""


@dataclass(frozen=True, slots=True)
class FoundImages:
    """The found images beside the reference, and the rest of the window.

    spread: over how many clusters of the reference the codes of the found images lie, as a share of those over which
    the reference's own lie; about 1 where they are as various as the whole catalogue. rest: images of the window that
    were not found. rest_shift: the largest shift of the mean of an image statistic of those against the reference,
    reference sd; 0 where there are none.
    """

    spread: float
    rest: int
    rest_shift: float


def measure_found(window: Sample, reference: Sample, found: NDArray[np.int64], *, seed: int) -> FoundImages:
    """Measure the found rows (K,) of the window, K >= 1, whose codes are finite; `NewKind.indices` are such rows."""
    codes = reference.mu[np.isfinite(reference.mu).all(axis=1)]
    clusters = fit_clusters(codes, k=max(2, min(CLUSTERS, len(codes) // IMAGES_PER_CLUSTER)), seed=seed)
    spread = _effective_clusters(clusters.shares(window.mu[found])) / _effective_clusters(clusters.shares(codes))
    rest = np.ones(len(window), np.bool_)
    rest[found] = False
    return FoundImages(spread, int(rest.sum()), _largest_shift(window.take(rest), reference))


def _effective_clusters(shares: NDArray[np.float64]) -> float:
    """How many clusters of equal shares have the entropy of these; Hill (1973), Ecology 54, 427, of order 1."""
    held = shares[shares > 0]
    return float(np.exp(-(held * np.log(held)).sum()))


def _largest_shift(images: Sample, reference: Sample) -> float:
    if not len(images):
        return 0.0
    shifts = []
    for name in IMAGE_STATISTICS:
        now, known = (getattr(each, name).astype(np.float64) for each in (images, reference))
        shifts.append(abs(float(now.mean() - known.mean())) / max(float(known.std()), 1e-12))
    return max(shifts)
