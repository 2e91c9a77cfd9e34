"""Frequencies of codes: the distance against scipy, the tail against exact ones, false alarms by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import binom, chi2, f

from data_checks.statistics.frequencies import (
    chi_square_sum_p_value,
    compare_frequencies,
    fit_frequencies,
    js_divergence,
)
from tests.data_checks.drift.grids import CODES, Grids

GRIDS = Grids(1)


def test_the_divergence_is_the_square_of_scipys_distance_in_bits() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        one, other = rng.dirichlet(np.full(40, 0.1), 2)
        assert js_divergence(one, other) == pytest.approx(jensenshannon(one, other, base=2) ** 2, abs=1e-12)
    assert js_divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1.0
    assert js_divergence(one, one) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("dimensions", [1, 10, 200])
@pytest.mark.parametrize("degrees", [20.0, 1e7])
@pytest.mark.parametrize("tail", [1e-2, 1e-4, 1e-7])
def test_the_tail_of_equal_weights_is_bounded_from_above_and_not_by_far(
    dimensions: int, degrees: float, tail: float
) -> None:
    # the same law is known exactly: dimensions * weight * F(dimensions, degrees); Chernoff's bound exceeds a tail
    # probability of Gaussian shape by about z sqrt(2 pi), 13 at z = 5; that of one chi-square by four times as much
    value = 0.3 * dimensions * f.isf(tail, dimensions, degrees)
    bound = chi_square_sum_p_value(value, np.full(dimensions, 0.3), degrees)
    assert tail <= bound <= (100 if dimensions == 1 else 30) * tail


def test_the_tail_of_unequal_weights_is_not_that_of_their_two_moments() -> None:
    weights = np.concatenate([[5.0], np.full(100, 0.1)])
    rng = np.random.default_rng(1)
    drawn = 5 * rng.chisquare(1, 400_000) + 0.1 * rng.chisquare(100, 400_000)
    value = float(np.quantile(drawn, 1 - 1e-4))
    assert chi_square_sum_p_value(value, weights, 1e9) >= 1e-4
    # far out only the largest weight is left: 10 for the others and 5 chi-square(1)
    far = 10 + 5 * chi2.isf(1e-9, 1)
    scale, freedom = (weights**2).sum() / weights.sum(), weights.sum() ** 2 / (weights**2).sum()
    assert chi_square_sum_p_value(far, weights, 1e9) >= 1e-9
    assert chi2.sf(far / scale, freedom) < 1e-9  # what a chi-square of the same two moments would say


def test_nothing_moved_where_the_form_is_what_noise_gives() -> None:
    assert chi_square_sum_p_value(1.0, np.array([0.5, 0.5]), 50.0) == 1.0


def test_a_code_that_the_reference_never_has_counts_among_the_rarest() -> None:
    rng = np.random.default_rng(2)
    reference = GRIDS.draw(2000, rng)
    known = fit_frequencies(reference)
    assert known.cells.min() == 0 and known.shares.min() > 0
    assert known.shares.sum() == pytest.approx(1.0)
    window = GRIDS.draw(1000, rng)
    same, unseen = compare_frequencies(window, known), window.copy()
    unseen[::5, :25] = CODES + 100
    moved = compare_frequencies(unseen, known)
    assert same.p_value > 1e-3
    assert moved.p_value < 1e-12 and moved.squared > 0.01


@pytest.mark.parametrize(("n", "windows", "reference_n"), [(500, 400, 1500), (2000, 100, 1500), (500, 300, 500)])
@pytest.mark.parametrize("stay", [0.0, 0.7])
def test_equal_traffic_alarms_no_more_often_than_the_level(n: int, windows: int, reference_n: int, stay: float) -> None:
    # A true rate of 5 % exceeds the bound with probability 1e-4, one of 1 % likewise. At the rule's own 5.5e-7 nothing
    # can be counted: there the exact tails of the test above speak.
    rng = np.random.default_rng(n + windows + int(10 * stay))
    p_values = []
    for index in range(windows):
        if index % 20 == 0:
            known = fit_frequencies(GRIDS.draw(reference_n, rng))
        p_values.append(compare_frequencies(GRIDS.draw(n, rng, stay=stay), known).p_value)
    for level in (0.05, 0.01):
        assert (np.array(p_values) <= level).sum() <= binom.ppf(1 - 1e-4, windows, level)


def test_a_test_that_takes_codes_for_independent_would_alarm() -> None:
    # why images are the rows: Pearson's test on the counts of codes, on the same traffic
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(50):
        one, other = (np.bincount(GRIDS.draw(n, rng).ravel(), minlength=CODES) for n in (500, 1500))
        used = one + other > 0
        expected = (one + other)[used] * np.array([[0.25], [0.75]])
        form = ((np.stack([one, other])[:, used] - expected) ** 2 / expected).sum()
        alarms += chi2.sf(form, used.sum() - 1) < 1e-6
    assert alarms == 50


@pytest.mark.parametrize("n", [500, 2000])
def test_a_new_kind_moves_the_frequencies(n: int) -> None:
    # each of 10 stories at the rule's own level: a true miss rate of 30 % would let that happen with probability .03
    rng = np.random.default_rng(n)
    for _ in range(10):
        known = fit_frequencies(GRIDS.draw(3000, rng))
        moved = compare_frequencies(GRIDS.draw(n, rng, new_share=0.4 if n == 500 else 0.2), known)
        assert moved.p_value < 5e-7
        assert moved.squared - 1.645 * moved.error > 0


def test_the_distance_with_the_noise_taken_out_is_the_true_one() -> None:
    rng = np.random.default_rng(7)
    known = fit_frequencies(GRIDS.draw(20_000, rng))
    many = compare_frequencies(GRIDS.draw(40_000, rng, new_share=0.3), known)
    few = [compare_frequencies(GRIDS.draw(1000, rng, new_share=0.3), known) for _ in range(25)]
    found = np.array([each.squared for each in few])
    # within three standard errors of the mean, and the long-run variance, which errs on the large side, takes 10 % more
    assert abs(found.mean() - many.squared) < 3 * found.std() / np.sqrt(25) + 0.1 * many.squared
    assert found.std() < 2 * np.mean([each.error for each in few])
