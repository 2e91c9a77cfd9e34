"""Has a window of traffic moved against a reference? Means and distributions, honest under autocorrelation.

The reference is a shuffled sample, so its rows count as independent. The window is a stretch of traffic: neighbours
resemble one another, and a test that takes its n rows for n independent ones alarms on nothing.
Here the variance of the window's mean comes from the window itself. Numpy only, except where a docstring names scipy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHORTEST_BLOCK = 25
"""Rows. AR(1) at 0.7 keeps 11 % of the variance outside of such blocks; the autoregressive estimate brings it back."""

MOST_BLOCKS = 40


@dataclass(frozen=True, slots=True, eq=False)
class LongRun:
    """Long-run variance of D columns: n times the variance of the mean of n consecutive rows.

    single, smooth, batch (D,): three estimates, see `measure_long_run`. blocks (K, D): means of consecutive blocks of
    `block_rows` rows, scaled as the variance was where the reference's is larger.
    """

    single: Floats
    smooth: Floats
    batch: Floats
    blocks: Floats
    block_rows: int

    @property
    def variance(self) -> Floats:
        """The largest of the three (D,), because a variance too small is a false alarm."""
        return np.maximum(np.maximum(self.single, self.smooth), self.batch)

    @property
    def inflation(self) -> Floats:
        """How many rows are worth one independent row (D,), at least 1, also in a column that never varies."""
        return np.maximum(self.variance / np.maximum(self.single, 1e-300), 1.0)

    @property
    def degrees(self) -> int:
        """Degrees of freedom of the batch estimate, K - 1."""
        return len(self.blocks) - 1


@dataclass(frozen=True, slots=True)
class MeanShift:
    """Window mean minus reference mean (D,), its standard error (D,) and the degrees of freedom (D,) of that."""

    shift: Floats
    error: Floats
    degrees: Floats

    @property
    def t(self) -> Floats:
        """Shift over standard error."""
        return self.shift / self.error

    def upper(self) -> Floats:
        """P-values (D,) of a rise. Uses scipy."""
        from scipy.special import stdtr

        p_values: Floats = stdtr(self.degrees, -self.t)
        return p_values

    def two_sided(self) -> Floats:
        """P-values (D,) of a shift either way. Uses scipy."""
        from scipy.special import stdtr

        p_values: Floats = 2 * stdtr(self.degrees, -np.abs(self.t))
        return p_values


@dataclass(frozen=True, slots=True)
class CodeShift:
    """A shift of the mean of D columns at once, in units of the reference's own spread.

    `squared`: squared Mahalanobis length of the shift with the noise taken out; may fall below 0 where nothing moved.
    `error`: its standard error. `statistic`: the squared length over what noise alone gives, about F with `degrees`.
    """

    squared: float
    error: float
    statistic: float
    degrees: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """Makes a reference's columns uncorrelated with variance 1: (rows - centre) @ matrix."""

    centre: Floats
    matrix: Floats
    n: int

    def apply(self, rows: Floats) -> Floats:
        """Whiten rows (N, D)."""
        whitened: Floats = (rows - self.centre) @ self.matrix
        return whitened


def measure_long_run(rows: Floats, known: Floats | None = None) -> LongRun:
    """Measure the long-run variance of the columns of rows (N, D), in time order, N >= 50.

    known: variance of a row by the reference (D,), below which the window's own is not believed: on skewed columns a
    window whose mean is low by chance has a low variance too, and would seem surer than it is.

    single: the variance of a row. batch: of block means, which sees any dependence shorter than a block (Flegal and
    Jones 2010, Ann. Statist. 38, 1034). smooth: the AR(1) formula on the lag-1 correlation, which has less noise and
    sees what reaches beyond a block.
    """
    n = len(rows)
    block_rows = max(SHORTEST_BLOCK, n // MOST_BLOCKS)
    count = n // block_rows
    if count < 2:
        raise ValueError(f"a long-run variance needs at least {2 * SHORTEST_BLOCK} rows, came {n}")
    # the remainder is cut from the oldest end
    blocks = rows[n - count * block_rows :].reshape(count, block_rows, -1).mean(axis=1)
    centred = rows - rows.mean(axis=0)
    squares = np.maximum((centred**2).sum(axis=0), 1e-300)
    lag_one = np.clip((centred[1:] * centred[:-1]).sum(axis=0) / squares, 0.0, 0.98)
    own = rows.var(axis=0, ddof=1)
    single = own if known is None else np.maximum(own, known)
    grown = np.sqrt(single / np.maximum(own, 1e-300))
    blocks = blocks * grown
    return LongRun(
        single=single,
        smooth=single * (1 + lag_one) / (1 - lag_one),
        batch=block_rows * blocks.var(axis=0, ddof=1),
        blocks=blocks,
        block_rows=block_rows,
    )


def compare_means(window: Floats, reference: Floats) -> MeanShift:
    """Compare the column means of window (N, D) and reference (M, D), Welch's way with the window's long-run variance.

    Source of the degrees of freedom: Welch (1947), Biometrika 34, 28.
    """
    known = reference.var(axis=0, ddof=1)
    long_run = measure_long_run(window, known)
    # a unit that is dead in both has a shift of 0 and no variance: 0 standard errors, not 0 / 0
    from_window, from_reference = np.maximum(long_run.variance, 1e-100) / len(window), known / len(reference)
    total = from_window + from_reference
    degrees = total**2 / (from_window**2 / long_run.degrees + from_reference**2 / (len(reference) - 1))
    return MeanShift(window.mean(axis=0) - reference.mean(axis=0), np.sqrt(total), degrees)


def fit_whitening(reference: Floats) -> Whitening:
    """Fit the whitening of reference (M, D), M > D, no column constant.

    The covariance is shrunk towards its diagonal by D / M, so that a reference of few images still inverts; a column's
    own scale is never touched, so inactive units count in their own spread.
    """
    m, dimensions = reference.shape
    scale = reference.std(axis=0, ddof=1)
    standard = (reference - reference.mean(axis=0)) / scale
    shrinkage = min(1.0, dimensions / m)
    correlation = (1 - shrinkage) * (standard.T @ standard) / (m - 1) + shrinkage * np.eye(dimensions)
    values, vectors = np.linalg.eigh(correlation)
    return Whitening(reference.mean(axis=0), (vectors / np.sqrt(values)) / scale[:, None], m)


def compare_codes(window: Floats, whitening: Whitening) -> CodeShift:
    """Compare the mean of window (N, D) with that of the whitening's reference, all columns together.

    Hotelling's question, answered by Box's approximation: the squared length of the whitened shift over its expectation
    under noise is about F(f, f (K - 1)), where f shrinks as the noise gathers in few directions. Unlike Hotelling's T2
    it needs no inverse of the window's long-run covariance, which K blocks cannot give.
    Source: Box (1954), Ann. Math. Statist. 25, 290; Brunner, Dette and Munk (1997), JASA 92, 1494.
    """
    rows = whitening.apply(window)
    n, dimensions = rows.shape
    long_run = measure_long_run(rows, np.ones(dimensions))
    trace, squares = _measure_spread(long_run)
    # a whitening fitted on M rows makes those very rows look too round by D / M
    from_reference = 1 / max(whitening.n - dimensions, 1)
    expected = trace / n + dimensions * from_reference
    expected_squares = squares / n**2 + 2 * trace / n * from_reference + dimensions * from_reference**2
    first = min(max(expected**2 / expected_squares, 1.0), float(dimensions))
    length = float((rows.mean(axis=0) ** 2).sum())
    squared = length - expected
    error = float(np.sqrt(2 * expected_squares + 4 * max(squared, 0.0) * expected / first))
    return CodeShift(squared, error, length / expected, (first, first * long_run.degrees))


def measure_ks(window: Floats, reference_sorted: Floats) -> Floats:
    """Measure the two-sample Kolmogorov-Smirnov distances (D,) of window (N, D) and reference (M, D), exactly.

    `reference_sorted` is sorted by column. A distance is also a lower bound of the share of the window that moved.
    """
    n, m = len(window), len(reference_sorted)
    distances = np.empty(window.shape[1])
    for column, (some, known) in enumerate(zip(np.sort(window, axis=0).T, reference_sorted.T, strict=True)):
        at_known = np.abs(np.searchsorted(some, known, side="right") / n - _steps(known))
        at_some = np.abs(_steps(some) - np.searchsorted(known, some, side="right") / m)
        distances[column] = max(at_known.max(), at_some.max())
    return distances


def ks_p_value(distance: Floats, effective_n: Floats, m: int, degrees: int) -> Floats:
    """Bound the p-value (D,) of KS distances, for an effective size of the window that was itself estimated.

    2 exp(-2 e d^2) with e = n m / (n + m) is Kolmogorov's tail; averaged over an n whose estimate has `degrees` degrees
    of freedom it becomes 2 (1 + 4 e d^2 / degrees)^(-degrees / 2), as a normal tail becomes Student's.
    """
    size = effective_n * m / (effective_n + m)
    bound: Floats = 2 * (1 + 4 * size * distance**2 / degrees) ** (-degrees / 2)
    return np.minimum(bound, 1.0)


def t_p_value(t: Floats, degrees: Floats) -> Floats:
    """Bound P(T > t) of Student's distribution from above, t >= 0, without scipy.

    P(Z > z) <= exp(-z^2 / 2) / 2, averaged over the estimated variance, is (1 + t^2 / degrees)^(-degrees / 2) / 2.
    """
    bound: Floats = 0.5 * (1 + np.maximum(t, 0.0) ** 2 / degrees) ** (-degrees / 2)
    return bound


def f_p_value(statistic: float, degrees: tuple[float, float]) -> float:
    """Bound P(F > statistic) from above without scipy, by Chernoff's bound at its best exponent."""
    first, second = degrees
    if statistic <= 1:
        return 1.0
    exponent = (statistic - 1) / (statistic * (1 + first / second))
    log = first * np.log1p(-exponent) + second * np.log1p(exponent * first * statistic / second)
    return float(np.exp(-log / 2))


def exceedance_p_value(exceeding: int, n: int, m: int, rank: int) -> float:
    """P(at least `exceeding` of n new values are above the `rank`-th largest of m reference values), all exchangeable.

    The count is beta-binomial(n, rank, m - rank + 1): the threshold's own uncertainty is in it, which a binomial test
    against 1 - q would leave out. Source: Gumbel and von Schelling (1950), Ann. Math. Statist. 21, 247. Uses scipy.
    """
    from scipy.special import betaln, gammaln

    k = np.arange(exceeding, n + 1)
    chosen = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    logs = chosen + betaln(k + rank, n - k + m - rank + 1) - betaln(rank, m - rank + 1)
    return float(min(1.0, np.exp(logs).sum()))


def _measure_spread(long_run: LongRun) -> tuple[float, float]:
    """Trace of the long-run covariance and of its square, never below what the smooth estimate says."""
    covariance = np.atleast_2d(np.cov(long_run.blocks, rowvar=False)) * long_run.block_rows
    degrees, dimensions = long_run.degrees, len(covariance)
    trace = float(np.trace(covariance))
    # unbiased for tr(S^2); the plain sum of squares is too large by about tr(S)^2 / (K - 1)
    squares = (float((covariance**2).sum()) - trace**2 / degrees) * degrees**2 / ((degrees - 1) * (degrees + 2))
    squares = max(squares, trace**2 / dimensions)
    grown = max(1.0, float(np.maximum(long_run.smooth, long_run.single).sum()) / max(trace, 1e-300))
    return trace * grown, squares * grown**2


def _steps(ordered: Floats) -> Floats:
    """Value of the empirical distribution at its own points, ties at their upper end."""
    steps: Floats = np.searchsorted(ordered, ordered, side="right") / len(ordered)
    return steps
