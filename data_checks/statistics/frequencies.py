"""Have the frequencies of codes moved? What is drawn at random is images: the codes of one depend on one another.

The 49 codes of a picture of trousers are mostly codes of trousers, and the next picture may be like it: a chi-square
test that takes codes for independent alarms on nothing. Here each image is one row, the shares of its codes, and the
variance of their mean comes from images: from the reference's covariance and from the window's long-run variance.

The Jensen-Shannon divergence (Lin 1991, IEEE Trans. Inf. Theory 37, 145; its root is a metric: Endres and Schindelin
2003, ibid. 49, 1858) is an f-divergence: where little moved it is, in nats, an eighth of the chi-square form
sum (p - q)^2 / q (Csiszár and Shields 2004, Information Theory and Statistics, section 4). That form of a mean of many
rows is a sum of weighted chi-squares, whose weights are the eigenvalues of the mean's covariance (Box 1954, Ann. Math.
Statist. 25, 290). Its far tail is that of the largest weight, so no chi-square of the same two moments will do:
Chernoff's bound over all weights errs on the careful side however far the tail. Numpy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_checks.statistics.two_sample import Floats, LongRun, measure_long_run

Codes = NDArray[np.integer]

MOST_CELLS = 512
IMAGES_PER_CELL = 4
"""Of the reference: with fewer the covariance of the cells is not known."""

CHOOSES = 4
"""Every so manieth image of the reference chooses the cells, the others measure them."""

BITS_OF_FORM = 1 / (8 * np.log(2))
"""Squared Jensen-Shannon distance in bits over the chi-square form, where little moved."""

SMALLEST_EIGENVALUE = 1e-9
"""Of the largest: below it a direction is rounding, such as that of the sum of all shares."""


@dataclass(frozen=True, slots=True, eq=False)
class Frequencies:
    """Of a reference of m images: in which cell each code counts, and how the cells' shares vary from image to image.

    cells (K,): rare codes share a cell, and codes that the reference never has are in the rarest. shares (C,): of the
    reference's codes. values (R,), directions (C, R): eigenvalues and eigenvectors of the covariance of an image's
    shares over the root of `shares`.
    """

    cells: NDArray[np.int64]
    shares: Floats
    values: Floats
    directions: Floats
    m: int


@dataclass(frozen=True, slots=True)
class FrequencyShift:
    """A shift of the frequencies against a reference.

    squared: squared Jensen-Shannon distance in bits, 0 to 1, with the noise taken out; may fall below 0 where nothing
    moved. error: its standard error. p_value: a bound on the probability that noise alone shows as much.
    """

    squared: float
    error: float
    p_value: float


def fit_frequencies(codes: Codes) -> Frequencies:
    """Fit cells and their covariance to the codes (M, T) of a reference, all at least 0, of more than one image."""
    known = int(codes.max()) + 1
    # a cell of codes that are rare by chance would be too rare: whoever chooses the cells does not measure them
    chooses = np.arange(len(codes)) % CHOOSES == 0
    m = int((~chooses).sum())
    chosen = np.bincount(codes[chooses].ravel(), minlength=known)
    cells = _share_cells(chosen, max(2, min(MOST_CELLS, m // IMAGES_PER_CELL)))
    counts = np.bincount(codes[~chooses].ravel(), minlength=known)
    shares = np.bincount(cells, counts) / counts.sum()
    rows = _rows(codes[~chooses], cells, shares)
    values, directions = np.linalg.eigh(np.atleast_2d(np.cov(rows, rowvar=False)))
    kept = values > SMALLEST_EIGENVALUE * values[-1]
    return Frequencies(cells, shares, values[kept], directions[:, kept], m)


def compare_frequencies(window: Codes, known: Frequencies) -> FrequencyShift:
    """Compare the codes (N, T) of a window, in time order, N >= 50, with those of a reference."""
    cells = known.cells
    if (beyond := int(window.max()) + 1 - len(cells)) > 0:
        cells = np.concatenate([cells, np.zeros(beyond, np.int64)])
    rows = _rows(window, cells, known.shares)
    away = (rows - np.sqrt(known.shares)) @ (known.directions / np.sqrt(known.values))
    long_run = measure_long_run(away, np.ones(len(known.values)))
    single, inflated = _group_variances(long_run, known.values)
    weights = known.values * (inflated / len(window) + single / known.m)
    degrees = float(long_run.degrees * weights.sum() ** 2 / (weights**2).sum())
    moved = known.values * away.mean(axis=0) ** 2
    now = rows.mean(axis=0) * np.sqrt(known.shares)
    squared = js_divergence(now, known.shares) - float(weights.sum()) * BITS_OF_FORM
    spread = float((2 * weights**2 + 4 * weights * moved).sum())
    p_value = chi_square_sum_p_value(float(moved.sum()), weights, degrees)
    return FrequencyShift(squared, float(np.sqrt(spread)) * BITS_OF_FORM, p_value)


def js_divergence(one: Floats, other: Floats) -> float:
    """Jensen-Shannon divergence of two distributions (C,) in bits, 0 to 1."""
    middle = (one + other) / 2
    parts = [_entropy(middle), -_entropy(one) / 2, -_entropy(other) / 2]
    return float(np.clip(sum(parts), 0.0, 1.0))


def chi_square_sum_p_value(value: float, weights: Floats, degrees: float) -> float:
    """Bound P(sum of weights * chi-square(1) > value * chi-square(degrees) / degrees) by Chernoff's bound at its best.

    The right side is what an estimate of the weights with so many degrees of freedom adds. weights (R,) > 0.
    """
    if value <= weights.sum():
        return 1.0
    low, high = 0.0, 1 / (2 * float(weights.max()))
    for _ in range(100):  # the derivative of the logarithm of the bound rises from below 0 to infinity
        middle = (low + high) / 2
        slope = (weights / (1 - 2 * middle * weights)).sum() - value / (1 + 2 * middle * value / degrees)
        low, high = (middle, high) if slope < 0 else (low, middle)
    log = np.log1p(-2 * low * weights).sum() + degrees * np.log1p(2 * low * value / degrees)
    return float(np.exp(-log / 2))


def _group_variances(long_run: LongRun, values: Floats) -> tuple[Floats, Floats]:
    """Variance of a row and long-run variance of each direction (R,), in units of the reference's, at least 1.

    A single direction's estimate over 20 to 40 blocks is noisy, and the largest of three estimates too large: 250 of
    them would hide what moved. The leading directions, on which kinds of images differ, are taken by themselves; those
    that follow are averaged in groups of 2, 4, 8, ... of alike eigenvalues.
    """
    ranks = np.arange(len(values))[::-1]  # eigenvalues ascend
    group = np.where(ranks > 0, np.log2(np.maximum(ranks, 1)).astype(np.int64) + 1, 0)
    total = np.bincount(group, values)
    means = [np.bincount(group, values * each) / total for each in (long_run.single, long_run.smooth, long_run.batch)]
    return means[0][group], np.max(means, axis=0)[group]


def _share_cells(counts: NDArray[np.int64], cells: int) -> NDArray[np.int64]:
    """Give each code (K,) a cell: from the rarest on, codes share one until it has 1 / cells of all."""
    order = np.argsort(counts, kind="stable")
    least = counts.sum() / cells
    cell, held, of = 0, 0.0, np.empty(len(counts), np.int64)
    for code in order.tolist():
        if held >= least:
            cell, held = cell + 1, 0.0
        of[code] = cell
        held += counts[code]
    return of


def _rows(codes: Codes, cells: NDArray[np.int64], shares: Floats) -> Floats:
    """Shares of each image's codes in the cells, over the root of the reference's: (N, C)."""
    n, c = len(codes), len(shares)
    places = cells[codes] + c * np.arange(n)[:, None]
    counts = np.bincount(places.ravel(), minlength=n * c).reshape(n, c)
    rows: Floats = counts / (codes.shape[1] * np.sqrt(shares))
    return rows


def _entropy(shares: Floats) -> float:
    held = shares[shares > 0]
    return -float((held * np.log2(held)).sum())
