"""By how much a candidate's Fréchet distance differs from the champion's, relative, with an interval of the difference.

Both distances go to the same real images, so most of their sampling error is common and cancels. To first order the
error of the ratio r = d²(candidate) / d²(champion) is the mean of (influence on candidate - r · influence on champion)
/ d²(champion) over the images (the delta method on the influences of `frechet_interval`); paired, each real image
counts once, with everything that it moves.

The positive bias of both distances at a finite n is not in the interval; it pulls the ratio towards 1. Compare at n
well above the number of features, where the real-against-real floor is small beside both distances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.evaluation.distances.frechet_interval import (
    FeatureSet,
    FrechetInfluence,
    measure_influence,
    prepare_features,
)

SMALLEST_SHARE = 1e-9
"""Of the real set's variance: a distance below it is rounding, and nothing can be told relative to it."""


@dataclass(frozen=True, slots=True)
class RelativeChange:
    """Candidate's distance / champion's - 1: below 0 is better. n: images (or samples) of the smallest set."""

    value: float
    low: float
    high: float
    n: int


def paired_reconstruction_change(
    real: np.ndarray | FeatureSet, candidate: np.ndarray, champion: np.ndarray, level: float = 0.95
) -> RelativeChange:
    """Compare two models' reconstructions of the same images: features (N, D) each, rows in the same order.

    Two equal models differ by exactly 0. DataError when numbers or widths differ, or when the champion's distance
    is 0.
    """
    real = _prepared(real)
    counts = {len(real.features), len(candidate), len(champion)}
    if len(counts) != 1:
        raise DataError(
            f"fréchet: expected features of the same images, came {len(real.features)} real, {len(candidate)} of the "
            f"candidate, {len(champion)} of the champion; extract them from one set"
        )
    ours, theirs = _measure_both(real, candidate, champion)
    ratio = ours.value / theirs.value
    moved = (ours.of_a + ours.of_b) - ratio * (theirs.of_a + theirs.of_b)
    return _change(ratio, _variance_of_mean(moved) / theirs.value**2, len(champion), level)


def sample_change(
    real: np.ndarray | FeatureSet,
    candidate_samples: np.ndarray,
    champion_samples: np.ndarray,
    level: float = 0.95,
) -> RelativeChange:
    """Compare two models' samples against one real set: features (N, D), (M, D) and (K, D).

    The noise of the real set is common to both distances, that of the samples is not; samples drawn from the same
    codes only make the interval wider than it need be. DataError when widths differ or the champion's distance is 0.
    """
    real = _prepared(real)
    ours, theirs = _measure_both(real, candidate_samples, champion_samples)
    ratio = ours.value / theirs.value
    variance = (
        _variance_of_mean(ours.of_a - ratio * theirs.of_a)
        + _variance_of_mean(ours.of_b)
        + ratio**2 * _variance_of_mean(theirs.of_b)
    )
    smallest = min(len(real.features), len(candidate_samples), len(champion_samples))
    return _change(ratio, variance / theirs.value**2, smallest, level)


def _measure_both(
    real: FeatureSet, candidate: np.ndarray, champion: np.ndarray
) -> tuple[FrechetInfluence, FrechetInfluence]:
    """Influences on the candidate's and on the champion's distance."""
    ours, theirs = measure_influence(real, candidate), measure_influence(real, champion)
    if theirs.value <= SMALLEST_SHARE * float(real.moments.covariance.trace()):
        raise DataError(
            f"fréchet: the champion's distance is {theirs.value:.1e}, as good as 0; no change is relative to it, "
            "compare the distances themselves"
        )
    return ours, theirs


def _variance_of_mean(influences: torch.Tensor) -> float:
    return float(influences.var()) / len(influences)


def _change(ratio: float, variance: float, n: int, level: float) -> RelativeChange:
    half = NormalDist().inv_cdf(0.5 + level / 2) * math.sqrt(max(0.0, variance))
    # a distance is at least 0, so it falls by 100 % at most
    return RelativeChange(value=ratio - 1, low=max(-1.0, ratio - 1 - half), high=ratio - 1 + half, n=n)


def _prepared(features: np.ndarray | FeatureSet) -> FeatureSet:
    return features if isinstance(features, FeatureSet) else prepare_features(features)
