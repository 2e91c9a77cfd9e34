"""The squared distance of two sets under a kernel, every pair once, and how sure it is: what KID and MMD share.

E k(x, x') + E k(y, y') - 2 E k(x, y) by its full U-statistic is unbiased at every n (Gretton et al. 2012, equation 3),
so that it may come out below 0. No subset is drawn: nothing is random.

Its variance is estimated without bias from the same kernel values (Hoeffding 1948; Sutherland et al. 2017, appendix A).
Beside the part of single members, 4 var[E k(x, ·) - E k(·, y)] / n for each set, it holds the part of pairs, of order
1/n², which is all that is left between equal sets; there an interval from the first part alone would have no width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import torch

Kernel = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Values (A, B) of every row of one block (A, D) with every row of another (B, D)."""

SMALLEST_SET = 4
"""The variance needs four different members of a set."""


@dataclass(frozen=True, slots=True)
class KernelDistance:
    """The estimate of n_a against n_b members with its standard error and interval; lower is more alike."""

    value: float
    standard_error: float
    low: float
    high: float
    n_a: int
    n_b: int


@dataclass(frozen=True, slots=True, eq=False)
class _Within:
    """Kernel of a set with itself, the diagonal left out: sums per member (N,), sum of all squares; float64."""

    rows: torch.Tensor
    squares: float

    @property
    def mean(self) -> float:
        n = len(self.rows)
        return float(self.rows.sum()) / (n * (n - 1))

    @property
    def pair_variance(self) -> float:
        """Unbiased variance of the part of k(x, x') that neither member explains alone."""
        n, total, rows = len(self.rows), float(self.rows.sum()), float(self.rows.square().sum())
        shared_member = (rows - self.squares) / (n * (n - 1) * (n - 2))
        no_shared_member = (total**2 - 4 * rows + 2 * self.squares) / (n * (n - 1) * (n - 2) * (n - 3))
        return self.squares / (n * (n - 1)) - 2 * shared_member + no_shared_member


@dataclass(frozen=True, slots=True, eq=False)
class _Across:
    """Kernel between two sets: sums per member of the first (N,) and of the second (M,), sum of all squares."""

    rows: torch.Tensor
    columns: torch.Tensor
    squares: float

    @property
    def mean(self) -> float:
        return float(self.rows.sum()) / (len(self.rows) * len(self.columns))

    @property
    def pair_variance(self) -> float:
        """Unbiased variance of the part of k(x, y) that neither member explains alone."""
        n, m, total = len(self.rows), len(self.columns), float(self.rows.sum())
        rows, columns = float(self.rows.square().sum()), float(self.columns.square().sum())
        shared_x = (rows - self.squares) / (n * m * (m - 1))
        shared_y = (columns - self.squares) / (n * m * (n - 1))
        nothing_shared = (total**2 - rows - columns + self.squares) / (n * m * (n - 1) * (m - 1))
        return self.squares / (n * m) - shared_x - shared_y + nothing_shared


def measure_kernel_distance(
    a: torch.Tensor, b: torch.Tensor, kernel: Kernel, *, block: int, level: float = 0.95
) -> KernelDistance:
    """Estimate it between rows a (N, D) and b (M, D), N, M ≥ 4, of one dtype on one device; sums in float64.

    Time grows with the square of N and M, memory does not: the kernel is computed in blocks of so many rows.
    """
    in_a, in_b, across = _sum_within(a, kernel, block), _sum_within(b, kernel, block), _sum_across(a, b, kernel, block)
    value = in_a.mean + in_b.mean - 2 * across.mean
    standard_error = math.sqrt(max(0.0, _variance(in_a, in_b, across)))
    half = NormalDist().inv_cdf(0.5 + level / 2) * standard_error
    return KernelDistance(value, standard_error, value - half, value + half, len(a), len(b))


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
    """Variance over members of E k(x, ·) - E k(·, y): that of the observed means less the noise in these.

    Each member is also in the means of the others, which n - 2 instead of n - 1 undoes.
    """
    n = len(own.rows)
    return float((own.rows / (n - 2) - mean_to_other).var()) - own.pair_variance / (n - 2) - noise_of_mean


def _sum_within(members: torch.Tensor, kernel: Kernel, block: int) -> _Within:
    """Sum the kernel over all pairs of different members; of the symmetric matrix only one half is computed."""
    rows = torch.zeros(len(members), dtype=torch.float64, device=members.device)
    squares = torch.zeros((), dtype=torch.float64, device=members.device)
    for start, first in _blocks(members, block):
        for other, second in _blocks(members, block, start):
            values = kernel(first, second)
            if other == start:
                values.fill_diagonal_(0)
            else:
                rows[other : other + block] += values.sum(0, dtype=torch.float64)
            rows[start : start + block] += values.sum(1, dtype=torch.float64)
            squares += (1 if other == start else 2) * values.square().sum(dtype=torch.float64)
    return _Within(rows, float(squares))


def _sum_across(a: torch.Tensor, b: torch.Tensor, kernel: Kernel, block: int) -> _Across:
    """Sum the kernel over all pairs of a member of a and one of b."""
    rows, columns = (torch.zeros(len(each), dtype=torch.float64, device=a.device) for each in (a, b))
    squares = torch.zeros((), dtype=torch.float64, device=a.device)
    for start, first in _blocks(a, block):
        for other, second in _blocks(b, block):
            values = kernel(first, second)
            rows[start : start + block] += values.sum(1, dtype=torch.float64)
            columns[other : other + block] += values.sum(0, dtype=torch.float64)
            squares += values.square().sum(dtype=torch.float64)
    return _Across(rows, columns, float(squares))


def _blocks(members: torch.Tensor, block: int, begin: int = 0) -> Iterator[tuple[int, torch.Tensor]]:
    for start in range(begin, len(members), block):
        yield start, members[start : start + block]
