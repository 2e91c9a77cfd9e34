"""The Fréchet distance at infinitely many images: lower is better, 0 in the mean for equal distributions.

A Fréchet distance at n images is too large by about c/n, and c depends on the model (Chong & Forsyth 2020), so
distances at equal n do not compare models. Here both sets are cut at random into g equal groups, the distances of group
to group are averaged for each g, and a straight line in 1/n through these points is read at 1/n = 0. With both sets cut
alike, the bias from the real images goes too; a fixed real set would keep its share.

Where the interval's width comes from. The line's value at 0 is a weighted mean of the points, of weights w_g that sum
to 1. To first order every point is the same mean over all images, whatever the cut, so the standard error of the
influence function (`frechet_interval`) holds as it is. The second order is a sum over pairs of images, of which a cut
keeps those within a group. Over all cuts it is the U-statistic of the pairs, and with K = Σ w_g² (g - 1) the variance
of one random cut around it is K times the U-statistic's own. So the spread s² of the line's value between R cuts of the
same images measures both, and

    variance = influence variance + s² (1/K + 1/R).

Between equal distributions the influence is 0 and the second term is all there is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.evaluation.distances.frechet import frechet_distance
from vae_core.evaluation.distances.frechet_interval import FeatureSet, frechet_interval, prepare_features
from vae_core.evaluation.distances.moments import Moments, measure_moments

GROUPS = (1, 2, 3)
"""More groups are smaller ones, where the bias is no longer a straight line in 1/n."""

CUTS = 8
"""Random cuts: the spread between 8 is known to 27 %, and is the smaller part of most intervals."""


@dataclass(frozen=True, slots=True)
class FrechetPoint:
    """The mean distance of groups of n_a and n_b images, one point of the line."""

    n_a: int
    n_b: int
    value: float


@dataclass(frozen=True, slots=True)
class FrechetLimit:
    """A squared Fréchet distance without its bias at a finite n (lower is better), and the interval of its error.

    `value` and `low` may be below 0, where two sets are as good as equal. `points` are what the line goes through, the
    whole sets first; points that bend tell that n is too small beside the number of features.
    """

    value: float
    standard_error: float
    low: float
    high: float
    points: tuple[FrechetPoint, ...]


def frechet_limit(
    features_a: np.ndarray | FeatureSet,
    features_b: np.ndarray,
    rng: np.random.Generator,
    groups: tuple[int, ...] = GROUPS,
    cuts: int = CUTS,
    level: float = 0.95,
) -> FrechetLimit:
    """Extrapolate the distance of two independent sets of features, (N, D) and (M, D), to infinite N and M.

    `groups` holds 1 and one other number at least, `cuts` is 2 or more. It costs the distances of all groups:
    with the defaults 41, each of D³. DataError when the smallest group has no more images than features: its
    covariance is singular, and its bias no straight line.
    """
    a = features_a if isinstance(features_a, FeatureSet) else prepare_features(features_a)
    _refuse_small(min(len(a.features), len(features_b)), a.moments.dim, groups, cuts)
    whole = frechet_interval(a, features_b, level)
    means = np.array([_cut_distances(a, features_b, groups, whole.value, rng) for _ in range(cuts)])
    weights = _weights_at_zero(groups)
    limits = means @ weights
    amplified = float(weights**2 @ (np.array(groups) - 1))
    variance = whole.standard_error**2 + float(limits.var(ddof=1)) * (1 / amplified + 1 / cuts)
    half = NormalDist().inv_cdf(0.5 + level / 2) * math.sqrt(variance)
    value = float(limits.mean())
    points = tuple(
        FrechetPoint(whole.n_a // count, whole.n_b // count, float(mean))
        for count, mean in zip(groups, means.mean(0), strict=True)
    )
    return FrechetLimit(value, math.sqrt(variance), value - half, value + half, points)


def _cut_distances(
    a: FeatureSet, features_b: np.ndarray, groups: tuple[int, ...], whole: float, rng: np.random.Generator
) -> list[float]:
    """Mean distance of group to group at each number of groups, each with a random cut of its own."""
    device = a.moments.total.device
    means = []
    for count in groups:
        if count == 1:
            means.append(whole)
            continue
        pairs = zip(_cut(a.features, count, rng, device), _cut(features_b, count, rng, device), strict=True)
        means.append(sum(frechet_distance(one, other) for one, other in pairs) / count)
    return means


def _cut(features: np.ndarray, count: int, rng: np.random.Generator, device: torch.device) -> list[Moments]:
    """Moments of `count` groups of equal size, at most one image more or less, that hold every image once."""
    order = rng.permutation(len(features))
    return [measure_moments(features[rows], device) for rows in np.array_split(order, count)]


def _weights_at_zero(groups: tuple[int, ...]) -> np.ndarray:
    """Weights (G,) of the points in the least-squares line's value at 1/n = 0; a group's 1/n is g / N."""
    inverse_n = np.array(groups, dtype=np.float64)
    centred = inverse_n - inverse_n.mean()
    weights: np.ndarray = 1 / len(groups) - inverse_n.mean() * centred / np.square(centred).sum()
    return weights


def _refuse_small(n: int, dim: int, groups: tuple[int, ...], cuts: int) -> None:
    if 1 not in groups or len(set(groups)) != len(groups) or len(groups) < 2 or min(groups) < 1 or cuts < 2:
        raise DataError(
            f"fréchet limit: expected 1 and other numbers of groups, each once, and 2 cuts or more, came groups "
            f"{groups} and {cuts} cuts"
        )
    if n // max(groups) <= dim:
        raise DataError(
            f"fréchet limit: {n} images in {max(groups)} groups are {n // max(groups)} a group, expected more than the "
            f"{dim} features; use more images or fewer groups"
        )
