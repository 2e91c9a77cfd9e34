"""By how much a candidate's kernel distance (KID) differs from the champion's, relative, with an interval.

For sets that are too small for a Fréchet distance, which is mostly bias there: the kernel distance has none at any n.
Both distances go to the same real images, so that most of their sampling error is common and cancels: each real image
counts once, with everything that it moves (the first-order part of the U-statistic's variance; Hoeffding 1948).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from vae_core.errors import DataError
from vae_core.evaluation.distances.paired_change import RelativeChange
from vae_core.evaluation.distances.u_statistic import SMALLEST_SET

LEVEL = 0.99
"""Of the interval: a gate that refuses above its lower end refuses one of 200 equal models at most."""

SMALLEST_RATIO = 2.0
"""Standard errors of the champion's distance that count as its least size: near 0 nothing is relative to it."""

Floats = np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class _Distance:
    """A kernel distance, and what each member of either set moves it by: (N,) and (M,), mean 0."""

    value: float
    of_real: Floats
    of_other: Floats


def kernel_sample_change(
    real: Floats, candidate_samples: Floats, champion_samples: Floats, level: float = LEVEL
) -> RelativeChange:
    """Compare two models' samples against one real set: features (N, D), (M, D) and (K, D), four at least.

    More samples than real images make the interval narrower, as far as the real images allow.
    """
    _require(real, candidate_samples, champion_samples)
    ours, theirs = _measure(real, candidate_samples), _measure(real, champion_samples)
    scale, ratio = _scale(theirs, _variance(theirs.of_real) + _variance(theirs.of_other)), 1.0
    # the first look at the ratio says how much of the champion's error counts
    ratio = 1 + (ours.value - theirs.value) / scale
    variance = (
        _variance(ours.of_real - ratio * theirs.of_real)
        + _variance(ours.of_other)
        + ratio**2 * _variance(theirs.of_other)
    )
    return _change(ratio, math.sqrt(variance) / scale, len(real), level)


def kernel_reconstruction_change(
    real: Floats, candidate: Floats, champion: Floats, level: float = LEVEL
) -> RelativeChange:
    """Compare two models' reconstructions of the same images: features (N, D) each, rows in the same order.

    An image and its own reconstruction are no independent pair: they are left out. Equal models differ by exactly 0.
    """
    _require(real, candidate, champion)
    if not len(real) == len(candidate) == len(champion):
        raise DataError(
            f"kernel change: expected features of the same images, came {len(real)} real, {len(candidate)} of the "
            f"candidate, {len(champion)} of the champion; extract them from one set"
        )
    ours, theirs = _measure(real, candidate, paired=True), _measure(real, champion, paired=True)
    scale = _scale(theirs, _variance(theirs.of_real + theirs.of_other))
    ratio = 1 + (ours.value - theirs.value) / scale
    moved = (ours.of_real + ours.of_other) - ratio * (theirs.of_real + theirs.of_other)
    return _change(ratio, math.sqrt(_variance(moved)) / scale, len(real), level)


def _measure(real: Floats, other: Floats, paired: bool = False) -> _Distance:
    """The distance by its full U-statistic; `paired`: rows belong together, and a row is not compared with its own."""
    within_real, within_other = _within(real), _within(other)
    across = _kernel(real, other)
    if paired:
        np.fill_diagonal(across, 0)
        to_other, to_real = across.sum(axis=1) / (len(other) - 1), across.sum(axis=0) / (len(real) - 1)
    else:
        to_other, to_real = across.mean(axis=1), across.mean(axis=0)
    value = float(within_real.mean() + within_other.mean() - to_other.mean() - to_real.mean())
    of_real, of_other = 2 * (within_real - to_other), 2 * (within_other - to_real)
    return _Distance(value, of_real - of_real.mean(), of_other - of_other.mean())


def _within(features: Floats) -> Floats:
    """Mean kernel (N,) of each member with all others."""
    values = _kernel(features, features)
    np.fill_diagonal(values, 0)
    means: Floats = values.sum(axis=1) / (len(features) - 1)
    return means


def _kernel(a: Floats, b: Floats) -> Floats:
    """(x·y / D + 1)³ in float64, as in `kid`."""
    base = a.astype(np.float64) @ b.astype(np.float64).T / a.shape[1] + 1
    cubes: Floats = base * base * base  # a power is ten times as dear
    return cubes


def _scale(champion: _Distance, variance: float) -> float:
    return max(champion.value, SMALLEST_RATIO * math.sqrt(variance), 1e-12)


def _variance(influences: Floats) -> float:
    """Of the mean of these."""
    return float(influences.var(ddof=1)) / len(influences)


def _change(ratio: float, error: float, n: int, level: float) -> RelativeChange:
    half = NormalDist().inv_cdf(0.5 + level / 2) * error
    return RelativeChange(value=ratio - 1, low=ratio - 1 - half, high=ratio - 1 + half, n=n)


def _require(*features: Floats) -> None:
    widths = {each.shape[1] for each in features}
    smallest = min(len(each) for each in features)
    if len(widths) > 1 or smallest < SMALLEST_SET or not all(np.isfinite(each).all() for each in features):
        raise DataError(
            f"kernel change: expected finite features of one width and at least {SMALLEST_SET} a set, came widths "
            f"{sorted(widths)} and {smallest}; extract them with one network from more images"
        )
