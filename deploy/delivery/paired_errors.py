"""Two versions' errors on the same images: how the mean changed, over all images and in each cluster of them.

The interval is that of a ratio of means (delta method: Cochran 1977, section 6.3), because a mean of ratios explodes
where the champion's error is near zero. What makes an image hard for both versions cancels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deploy.delivery.gate import ClusterChange

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class PairedRatio:
    """mean(candidate) / mean(champion) with its 95 % interval; n images."""

    value: float
    low: float
    high: float
    n: int


def paired_ratio(candidate: NDArray[np.floating], champion: NDArray[np.floating], alpha: float = ALPHA) -> PairedRatio:
    """Compare errors (N,) of the same images, N >= 2; alpha is the error probability of both sides together.

    ValueError when there are fewer, the lengths differ, or the champion's errors are all 0.
    """
    from scipy.special import stdtrit

    if candidate.shape != champion.shape or len(champion) < 2:
        raise ValueError(
            f"paired ratio: expected errors of the same images, 2 or more, came {candidate.shape} and {champion.shape}"
        )
    ours, theirs = candidate.astype(np.float64), champion.astype(np.float64)
    if not theirs.mean() > 0:
        raise ValueError(f"paired ratio: expected a champion with errors above 0, came a mean of {theirs.mean():g}")
    count, ratio = len(theirs), float(ours.mean() / theirs.mean())
    spread = float((ours - ratio * theirs).std(ddof=1)) / math.sqrt(count) / float(theirs.mean())
    half = float(stdtrit(count - 1, 1 - alpha / 2)) * spread
    return PairedRatio(ratio, ratio - half, ratio + half, count)


def measure_clusters(
    candidate: NDArray[np.floating], champion: NDArray[np.floating], clusters: NDArray[np.integer], min_images: int
) -> list[ClusterChange]:
    """Compare errors (N,) in each of the clusters (N,) of `min_images`, 2 or more; the bounds hold for all together."""
    images = np.bincount(clusters)
    measured = np.flatnonzero(images >= max(2, min_images))
    found = []
    for cluster in measured:
        here = clusters == cluster
        # one side, shared among the clusters (Bonferroni)
        ratio = paired_ratio(candidate[here], champion[here], alpha=2 * ALPHA / len(measured))
        found.append(ClusterChange(cluster=int(cluster), ratio=ratio.value, low=ratio.low, n=ratio.n))
    return found
