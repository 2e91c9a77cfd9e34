"""Any-time-valid bounds on the mean of a stream: look after every observation, stop when you like.

Three parts, each chosen by simulation (tables of `benchmarks/canary_aa.py` and `benchmarks/shadow_paired.py`):

1. *Boundary.* A delayed start: nothing is said before `start` observations, then
   mean + sqrt(a^2 + log(n / start)) * s / sqrt(n), which a Brownian motion ever crosses with probability alpha
   (Robbins 1970, Annals of Mathematical Statistics 41, 1397; with an estimated s and dependent data: Waudby-Smith et
   al. 2024, Annals of Statistics 52, 2613, and Bibaut, Kallus and Lindon 2022, arXiv:2212.14411).
2. *Dependence.* s^2 is the long-run variance. What blocks find above the plain variance counts one and a half times,
   because that estimate is noisy and too small, and n counts as n * variance / s^2 independent observations: ten
   copies of an image are one. At alpha = 1 % and a mean of 0, AR(1) 0.7 ends on the wrong side in 0.1 to 0.3 % of
   2,000 streams of 15,000; with the found variance as it is in 0.8 to 1.4 %, and with a start that counts copies as
   independent in 1.8 to 3.6 % of 500.
3. *Skewness.* The mean of a right-skewed sample is too small exactly when its variance is, so an upper bound is too
   low: Johnson's correction (1978, JASA 73, 536), skewness * s * (1 + 2 z^2) / (6 n), taken three times because the
   sample's own skewness is too small as well, and never to narrow a bound. At a skewness of 14 the upper bound fails
   in 0.4 % of those streams instead of 3.8 % without it (start 1,000).

Measured beside it: betting on clipped means of blocks (Waudby-Smith and Ramdas 2024, JRSS B 86, 1) fails in 1 of 500
under skew with blocks of 50, but needs 2,450 observations where this needs 550 (p90, mean 0.2 sd, alpha 1 %); with
blocks of 10 it needs 1,080 and fails under dependence in 1.4 to 2.8 %.

Limits. The bounds are asymptotic in `start`: no bound on a mean is exact without a bound on the values (Bahadur and
Savage 1956), and an event rarer than one in `start` that dominates the mean cannot be known before it was seen once.
Dependence that reaches beyond sqrt(2 n) observations, such as a daily cycle in the first hours, is not seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_checks.statistics.long_run_variance import running_block_variance, running_moments

Floats = NDArray[np.float64]

DEPENDENCE_SAFETY = 1.5
SKEWNESS_SAFETY = 3.0
SMALLEST_VARIANCE = 1e-200  # its power 1.5 is still a number above 0


@dataclass(frozen=True, slots=True)
class MeanBounds:
    """Mean so far and its one-sided bounds after every observation, each (..., N); infinite before they can be said."""

    mean: Floats
    low: Floats
    high: Floats


def bound_mean(
    x: Floats,
    *,
    alpha: float,
    start_low: int,
    start_high: int,
    variance_floor: float = 0.0,
    dependence_floor: Floats | float = 1.0,
) -> MeanBounds:
    """Bound the mean of streams x (..., N) from below and from above after every observation.

    Each side alone holds at all of its moments with probability >= 1 - alpha. `start_low`, `start_high`: independent
    observations to wait for; the bound towards the longer tail needs more. `variance_floor`, `dependence_floor`: what
    is known of the variance and of the dependence beforehand; rare events tell neither before some were seen.
    ValueError when alpha or a start make no sense.
    """
    if not 0 < alpha < 0.5 or min(start_low, start_high) < 8:
        raise ValueError(
            f"bounds on a mean need 0 < alpha < 0.5 and starts >= 8, came {alpha}, {start_low} and {start_high}"
        )
    if x.shape[-1] == 0:
        return MeanBounds(np.empty(x.shape), np.empty(x.shape), np.empty(x.shape))
    moments = running_moments(x)
    variance = np.maximum(moments.variance, max(variance_floor, SMALLEST_VARIANCE))
    dependence = np.maximum(_dependence(x, variance), dependence_floor)
    skewness = moments.third * np.sqrt(dependence / variance) / variance  # of sums of t copies: sqrt(t) times

    n = np.arange(1, x.shape[-1] + 1)
    independent, scale = n / dependence, np.sqrt(variance * dependence)
    below = _radius(-skewness, n, independent, alpha, start_low)
    above = _radius(skewness, n, independent, alpha, start_high)
    return MeanBounds(moments.mean, moments.mean - scale * below, moments.mean + scale * above)


def running_dependence(x: Floats) -> Floats:
    """How many observations of streams x (..., N) count as one independent observation, at least 1."""
    return _dependence(x, np.maximum(running_moments(x).variance, SMALLEST_VARIANCE))


def _dependence(x: Floats, variance: Floats) -> Floats:
    return 1 + DEPENDENCE_SAFETY * np.maximum(running_block_variance(x) / variance - 1, 0)


def _radius(skewness: Floats, n: NDArray[np.int64], independent: Floats, alpha: float, start: int) -> Floats:
    """Width of one side in standard deviations of an observation."""
    z2 = _boundary_at_start(alpha) ** 2 + np.log(np.maximum(independent / start, 1))
    correction = SKEWNESS_SAFETY * np.maximum(skewness, 0) * (1 + 2 * z2) / (6 * n)
    return np.where(independent >= start, np.sqrt(z2 / n) + correction, np.inf)


def _boundary_at_start(alpha: float) -> float:
    """The a with 1 - Phi(a) + phi(a) * (a + phi(a) / Phi(a)) = alpha, by bisection (Robbins 1970, one-sided)."""
    low, high = 0.0, 40.0
    for _ in range(60):
        a = (low + high) / 2
        density, above = math.exp(-a * a / 2) / math.sqrt(2 * math.pi), math.erfc(a / math.sqrt(2)) / 2
        if above + density * (a + density / (1 - above)) > alpha:
            low = a
        else:
            high = a
    return high
