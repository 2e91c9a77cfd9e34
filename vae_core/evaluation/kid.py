"""The kernel distance of two sets of features (KID; Bińkowski et al. 2018): lower is better, 0 in the mean if equal.

KID = E k(x, x') + E k(y, y') - 2 E k(x, y) with k(x, y) = (x·y / D + 1)³, the squared MMD of a cubic kernel. It is
estimated by its full U-statistic, every pair of images once: unbiased at every n, unlike a Fréchet distance, and of a
smaller variance than the usual mean over random subsets at about their cost. No subset is drawn, so nothing is random.

Its variance is estimated without bias from the same kernel values (Hoeffding 1948). Beside the part of single images,
4 var[E k(x, ·) - E k(·, y)] / n for each set, it holds the part of pairs, of order 1/n², which is all that is left
between equal sets; there an interval from the first part alone would have no width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import torch

from vae_core.errors import DataError
from vae_core.evaluation.features import feature_rows

CHUNK = 2048
"""Rows and columns of a block of the kernel: 34 MB in float64."""

SMALLEST_SET = 4
"""The variance needs four different images of a set."""


@dataclass(frozen=True, slots=True)
class KidEstimate:
    """A kernel distance (lower is better) and the interval of its sampling error.

    `value` is the squared MMD itself; papers mostly print `value_x1000`. It is unbiased, so that it, and `low`, may be
    below 0 where two sets are as good as equal.
    """

    value: float
    standard_error: float
    low: float
    high: float
    n_a: int
    n_b: int

    @property
    def value_x1000(self) -> float:
        """The value times 1,000."""
        return 1000 * self.value


@dataclass(frozen=True, slots=True, eq=False)
class _Within:
    """Kernel of a set with itself, the diagonal left out: sums per image (N,), sum of all squares."""

    rows: torch.Tensor
    squares: float

    @property
    def mean(self) -> float:
        n = len(self.rows)
        return float(self.rows.sum()) / (n * (n - 1))

    @property
    def pair_variance(self) -> float:
        """Unbiased variance of the part of k(x, x') that neither image explains alone."""
        n, total, rows = len(self.rows), float(self.rows.sum()), float(self.rows.square().sum())
        shared_image = (rows - self.squares) / (n * (n - 1) * (n - 2))
        no_shared_image = (total**2 - 4 * rows + 2 * self.squares) / (n * (n - 1) * (n - 2) * (n - 3))
        return self.squares / (n * (n - 1)) - 2 * shared_image + no_shared_image


@dataclass(frozen=True, slots=True, eq=False)
class _Across:
    """Kernel between two sets: sums per image of the first (N,) and of the second (M,), sum of all squares."""

    rows: torch.Tensor
    columns: torch.Tensor
    squares: float

    @property
    def mean(self) -> float:
        return float(self.rows.sum()) / (len(self.rows) * len(self.columns))

    @property
    def pair_variance(self) -> float:
        """Unbiased variance of the part of k(x, y) that neither image explains alone."""
        n, m, total = len(self.rows), len(self.columns), float(self.rows.sum())
        rows, columns = float(self.rows.square().sum()), float(self.columns.square().sum())
        shared_x = (rows - self.squares) / (n * m * (m - 1))
        shared_y = (columns - self.squares) / (n * m * (n - 1))
        nothing_shared = (total**2 - rows - columns + self.squares) / (n * m * (n - 1) * (m - 1))
        return self.squares / (n * m) - shared_x - shared_y + nothing_shared


def kernel_distance(
    features_a: np.ndarray, features_b: np.ndarray, level: float = 0.95, device: str | torch.device = "cpu"
) -> KidEstimate:
    """Estimate the KID of two independent sets of features, (N, D) and (M, D), with its interval.

    Products are computed in the precision of the features, all sums in float64. Time grows with the square of N and M,
    memory does not. DataError when widths differ, a set has fewer than four features, or one is not finite.
    """
    a = feature_rows(features_a, "kernel distance", device, SMALLEST_SET)
    b = feature_rows(features_b, "kernel distance", device, SMALLEST_SET)
    if a.shape[1] != b.shape[1]:
        raise DataError(
            f"kernel distance: features of width {a.shape[1]} and {b.shape[1]} are two spaces; use one extractor"
        )
    dtype = torch.promote_types(a.dtype, b.dtype)
    a, b = a.to(dtype), b.to(dtype)
    in_a, in_b, across = _kernel_within(a), _kernel_within(b), _kernel_across(a, b)
    value = in_a.mean + in_b.mean - 2 * across.mean
    standard_error = math.sqrt(max(0.0, _variance(in_a, in_b, across)))
    half = NormalDist().inv_cdf(0.5 + level / 2) * standard_error
    return KidEstimate(value, standard_error, value - half, value + half, len(a), len(b))


def _variance(a: _Within, b: _Within, across: _Across) -> float:
    """Unbiased but for being kept above the part of pairs, which alone is left where two sets are equal."""
    n, m = len(a.rows), len(b.rows)
    single_a = _single_variance(a, across.rows / m, across.pair_variance / m)
    single_b = _single_variance(b, across.columns / n, across.pair_variance / n)
    pairs = (
        2 * a.pair_variance / (n * (n - 1)) + 2 * b.pair_variance / (m * (m - 1)) + 4 * across.pair_variance / (n * m)
    )
    return pairs + max(0.0, 4 * single_a / n + 4 * single_b / m)


def _single_variance(own: _Within, mean_to_other: torch.Tensor, noise_of_mean: float) -> float:
    """Variance over images of E k(x, ·) - E k(·, y): that of the observed means less the noise in these.

    Each image is also in the means of the others, which n - 2 instead of n - 1 undoes.
    """
    n = len(own.rows)
    return float((own.rows / (n - 2) - mean_to_other).var()) - own.pair_variance / (n - 2) - noise_of_mean


def _kernel_within(features: torch.Tensor) -> _Within:
    """Sum the kernel over all pairs of different images; of the symmetric matrix only one half is computed."""
    rows = torch.zeros(len(features), dtype=torch.float64, device=features.device)
    squares = torch.zeros((), dtype=torch.float64, device=features.device)
    for start, first in _chunks(features):
        for other, second in _chunks(features, start):
            kernel = _cubic_kernel(first, second)
            if other == start:
                kernel.fill_diagonal_(0)
                squares += kernel.square().sum()
            else:
                rows[other : other + CHUNK] += kernel.sum(0)
                squares += 2 * kernel.square().sum()
            rows[start : start + CHUNK] += kernel.sum(1)
    return _Within(rows, float(squares))


def _kernel_across(a: torch.Tensor, b: torch.Tensor) -> _Across:
    """Sum the kernel over all pairs of an image of a and one of b."""
    rows, columns = (torch.zeros(len(each), dtype=torch.float64, device=a.device) for each in (a, b))
    squares = torch.zeros((), dtype=torch.float64, device=a.device)
    for start, first in _chunks(a):
        for other, second in _chunks(b):
            kernel = _cubic_kernel(first, second)
            rows[start : start + CHUNK] += kernel.sum(1)
            columns[other : other + CHUNK] += kernel.sum(0)
            squares += kernel.square().sum()
    return _Across(rows, columns, float(squares))


def _cubic_kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(x·y / D + 1)³ in float64 for every row x of a and y of b."""
    base = (a @ b.T).double().div_(a.shape[1]).add_(1)
    return base * base.square()


def _chunks(features: torch.Tensor, begin: int = 0) -> Iterator[tuple[int, torch.Tensor]]:
    for start in range(begin, len(features), CHUNK):
        yield start, features[start : start + CHUNK]
