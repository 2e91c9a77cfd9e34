"""Running moments of a stream, and what dependence between neighbours adds to its variance.

The mean of n dependent observations moves like that of fewer independent ones: its variance is s2 / n with the
long-run variance s2. Sums over overlapping blocks estimate s2 (overlapping batch means: Meketon and Schmeiser 1984),
with blocks that grow like the square root of n (Flegal and Jones 2010, Annals of Statistics 38, 1034).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RunningMoments:
    """Mean, variance and third central moment of x[..., : n] for every n, each (..., N); variance 0 at n = 1."""

    mean: Floats
    variance: Floats
    third: Floats


def running_moments(x: Floats) -> RunningMoments:
    """Moments of streams x (..., N) after every observation."""
    n = np.arange(1, x.shape[-1] + 1)
    # sums of powers around the first value keep their digits when the spread is small beside the mean
    y = x - x[..., :1]
    first, second, third = (np.cumsum(power, -1) / n for power in (y, y * y, y * y * y))
    spread = np.maximum(second - first * first, 0)
    return RunningMoments(
        mean=first + x[..., :1],
        variance=spread * n / np.maximum(n - 1, 1),
        third=third - 3 * first * second + 2 * first * first * first,
    )


def running_block_variance(x: Floats) -> Floats:
    """Estimate the long-run variance of streams x (..., N) after every observation; 0 before the 8th.

    The block length is the largest power of two up to sqrt(2 n). The estimate of independent observations is
    unbiased; that of dependent ones is too small by about (reach of the dependence) / (block length).
    """
    sums = np.cumsum(x - x[..., :1], -1)
    estimate = np.zeros(x.shape)
    length = 4
    while (start := length * length // 2) < x.shape[-1]:
        stop = min(x.shape[-1], 4 * start)
        estimate[..., start:stop] = _variance_of_blocks(sums[..., :stop], length)[..., start - length + 1 :]
        length *= 2
    return estimate


def _variance_of_blocks(sums: Floats, length: int) -> Floats:
    """Mean square of overlapping block sums around the running mean, over their length: after n = length, ..., N."""
    blocks = sums[..., length - 1 :].copy()
    blocks[..., 1:] -= sums[..., :-length]
    n, count = np.arange(length, sums.shape[-1] + 1), np.arange(1, blocks.shape[-1] + 1)
    expected = sums[..., length - 1 :] * (length / n)
    spread = np.cumsum(blocks * blocks, -1) + expected * (count * expected - 2 * np.cumsum(blocks, -1))
    left_over = 1 - np.minimum(length / n, 0.5)  # by centring at the mean of the same observations
    estimate: Floats = np.maximum(spread, 0) / (count * length * left_over)
    return estimate
