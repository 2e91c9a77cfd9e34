import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from data_checks.statistics.two_sample import (
    compare_codes,
    compare_means,
    exceedance_p_value,
    f_p_value,
    fit_whitening,
    ks_p_value,
    measure_ks,
    measure_long_run,
    t_p_value,
)
from tests.data_checks.drift.traffic import autoregressive


@given(st.integers(0, 2**32), st.integers(60, 300), st.integers(60, 300), st.booleans())
def test_ks_distances_are_scipys_also_where_values_tie(seed: int, n: int, m: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    window, reference = rng.normal(0.3, 1, (n, 3)), rng.normal(size=(m, 3))
    if ties:
        window, reference = window.round(1), reference.round(1)
    expected = [stats.ks_2samp(window[:, d], reference[:, d], method="asymp").statistic for d in range(3)]
    assert measure_ks(window, np.sort(reference, axis=0)) == pytest.approx(expected, abs=1e-12)


def test_the_ks_tail_bounds_scipys_and_grows_with_doubt_about_the_size() -> None:
    distance = np.array([0.08, 0.1, 0.12])
    exact = stats.kstwobign.sf(distance * np.sqrt(1000 * 3000 / 4000))
    assert (ks_p_value(distance, np.full(3, 1000.0), 3000, 10**9) >= exact - 1e-15).all()
    assert ks_p_value(distance, np.full(3, 1000.0), 3000, 10**9) == pytest.approx(exact, rel=0.02)
    assert (ks_p_value(distance, np.full(3, 1000.0), 3000, 19) > exact).all()


@pytest.mark.parametrize("degrees", [19.0, 39.0, 1000.0])
def test_the_t_bound_is_above_the_exact_tail_and_not_far(degrees: float) -> None:
    t = np.linspace(0, 5.5, 56)
    exact = stats.t.sf(t, degrees)
    bound = t_p_value(t, np.full(56, degrees))
    assert (bound >= exact * (1 - 1e-12)).all()
    # exp(-z^2 / 2) / 2 over the normal tail is below z sqrt(pi / 2) (1 + 1 / z^2), 7.2 at 5.5
    assert (bound <= 7.3 * exact).all()


@pytest.mark.parametrize("degrees", [(32.0, 608.0), (4.8, 91.0), (1.0, 19.0)])
def test_the_f_bound_is_above_the_exact_tail(degrees: tuple[float, float]) -> None:
    for statistic in (0.2, 1.0, 1.5, 2.5, 4.0, 8.0):
        exact = float(stats.f.sf(statistic, *degrees))
        assert exact <= f_p_value(statistic, degrees) <= min(1.0, 60 * exact)


@pytest.mark.parametrize(("exceeding", "n", "m", "rank"), [(0, 500, 1500, 15), (20, 500, 1500, 15), (9, 2000, 5000, 5)])
def test_exceedances_follow_scipys_beta_binomial(exceeding: int, n: int, m: int, rank: int) -> None:
    expected = stats.betabinom.sf(exceeding - 1, n, rank, m - rank + 1)
    assert exceedance_p_value(exceeding, n, m, rank) == pytest.approx(expected, rel=1e-6)


def test_whitened_reference_rows_are_uncorrelated_with_variance_one_up_to_the_shrinkage() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(20_000, 6)) @ rng.normal(size=(6, 6)) * np.array([1, 1, 1, 1e-3, 1, 1])
    covariance = np.cov(fit_whitening(rows).apply(rows), rowvar=False)
    # shrinking the correlations by D / M = 3e-4 moves an eigenvalue l to l / (l + 3e-4 (1 - l))
    assert covariance == pytest.approx(np.eye(6), abs=0.02)


def test_a_known_shift_is_measured_in_mahalanobis_length() -> None:
    rng = np.random.default_rng(1)
    mixing = rng.normal(size=(8, 8))
    reference, window = rng.normal(size=(50_000, 8)) @ mixing, rng.normal(size=(50_000, 8)) @ mixing
    step = rng.normal(size=8)
    moved = compare_codes(window + 0.5 * step / np.linalg.norm(step) @ mixing, fit_whitening(reference))
    # squared length .25; its standard error at n = m = 50,000 is 2 * .5 * sqrt(2 / 50,000) = .0063
    assert moved.squared == pytest.approx(0.25, abs=4 * 0.0063)
    assert moved.error == pytest.approx(0.0063, rel=0.2)


@pytest.mark.parametrize(("correlation", "expected"), [(0.0, 1.0), (0.5, 3.0), (0.7, 17 / 3)])
def test_the_long_run_variance_of_ar1_is_its_closed_form(correlation: float, expected: float) -> None:
    rows = autoregressive(np.random.default_rng(2), 4000, 60, correlation)
    inflation = measure_long_run(rows).inflation.mean()
    # (1 + r) / (1 - r); the largest of three estimates errs upwards, with 40 blocks by up to .25 of it on average
    assert 0.95 * expected <= inflation <= 1.25 * expected


def test_a_column_that_never_varies_is_worth_its_rows() -> None:
    assert (measure_long_run(np.ones((200, 2))).inflation == 1.0).all()


def test_a_slow_alternation_that_lag_one_does_not_see_is_seen_by_the_blocks() -> None:
    rng = np.random.default_rng(3)
    slow = np.repeat(rng.normal(size=20), 100)[:, None]
    rows = 0.4 * slow + rng.normal(size=(2000, 1))
    long_run = measure_long_run(rows)
    assert long_run.batch[0] > 2 * long_run.smooth[0]
    assert long_run.variance[0] == long_run.batch[0]


def test_too_few_rows_for_two_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 50 rows, came 49"):
        measure_long_run(np.zeros((49, 1)))


@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_equal_means_and_codes_are_called_different_no_more_often_than_the_level(correlation: float) -> None:
    # 500 windows at 5 %: 25 expected, more than 46 has probability 3e-5
    rng = np.random.default_rng(4)
    mixing = rng.normal(size=(12, 12))
    means = codes = 0
    for _ in range(20):
        reference = rng.normal(size=(1500, 12)) @ mixing
        whitening = fit_whitening(reference)
        for _ in range(25):
            window = autoregressive(rng, 500, 12, correlation) @ mixing
            means += bool(compare_means(window, reference).two_sided()[0] <= 0.05)
            moved = compare_codes(window, whitening)
            codes += bool(stats.f.sf(moved.statistic, *moved.degrees) <= 0.05)
    assert means <= 46
    assert codes <= 46
    # and not by being blind: .6 sd of one column is 9 standard errors of independent rows, 4.4 at 0.7
    window[:, 0] += 0.6 * window[:, 0].std()
    assert compare_means(window, reference).two_sided()[0] <= 0.01
    moved = compare_codes(window, whitening)
    assert stats.f.sf(moved.statistic, *moved.degrees) <= 0.01
