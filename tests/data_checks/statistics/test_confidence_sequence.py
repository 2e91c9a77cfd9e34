"""Any-time-valid bounds on the mean of a stream, against closed forms and by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, skew

from data_checks.statistics.confidence_sequence import MeanBounds, bound_mean, running_dependence
from data_checks.statistics.long_run_variance import running_moments
from data_checks.statistics.rates import measure_rate
from tests.data_checks.statistics.drawn import streams


def bounds(x: np.ndarray, alpha: float = 0.01, start: int = 8) -> MeanBounds:
    return bound_mean(x, alpha=alpha, start_low=start, start_high=start)


def test_independent_symmetric_data_give_the_closed_form_of_robbins() -> None:
    # alternating blocks of +1 and -1 have no skewness and no positive dependence
    x = np.tile([1.0, -1.0], 5_000)
    found = bounds(x, alpha=0.01, start=100)
    a = 3.1367607  # 1 - Phi(a) + phi(a) (a + phi(a) / Phi(a)) = 0.01
    assert norm.sf(a) + norm.pdf(a) * (a + norm.pdf(a) / norm.cdf(a)) == pytest.approx(0.01, rel=1e-6)
    for n in (100, 1_000, 10_000):
        radius = np.sqrt((a**2 + np.log(n / 100)) * x[:n].var(ddof=1) / n)
        assert found.high[n - 1] == pytest.approx(radius, rel=1e-6)
        assert found.low[n - 1] == pytest.approx(-radius, rel=1e-6)


def test_nothing_is_said_before_the_start_and_copies_count_once() -> None:
    x = np.random.default_rng(2).standard_normal(5_000)
    found = bound_mean(x, alpha=0.01, start_low=100, start_high=1_000)
    assert np.isneginf(found.low[:99]).all() and np.isinf(found.high[:999]).all()
    assert np.isfinite(found.low[200:]).all() and np.isfinite(found.high[1_500:]).all()
    copies = bound_mean(np.repeat(x, 10), alpha=0.01, start_low=100, start_high=1_000)
    assert np.isneginf(copies.low[:999]).all() and np.isinf(copies.high[:9_999]).all()
    assert copies.high[-1] - copies.mean[-1] > found.high[-1] - found.mean[-1]


@given(streams, st.floats(0.1, 10), st.floats(-50, 50))
def test_bounds_hold_the_mean_and_follow_shift_scale_and_mirror(x: np.ndarray, scale: float, shift: float) -> None:
    x = np.round(x, 3)  # differences far above the rounding of their squares
    found, moved, mirrored = bounds(x), bounds(scale * x + shift), bounds(-x)
    assert (found.low <= found.mean).all() and (found.mean <= found.high).all()
    np.testing.assert_array_equal(mirrored.low, -found.high)
    known = np.isfinite(found.high) & np.isfinite(moved.high)
    width, moved_width = (each.high - each.mean for each in (found, moved))
    # third moments lose up to 60 * 1000^3 * 2^-53 = 7e-6 to rounding, which a spread of 0.001 could not carry
    varied = known & (running_moments(x).variance > 1)
    np.testing.assert_allclose(moved_width[varied], scale * width[varied], rtol=1e-4)


def test_many_streams_at_once_are_judged_as_each_alone() -> None:
    x = np.random.default_rng(3).standard_exponential((4, 700))
    together = bounds(x, start=50)
    for row in range(4):
        np.testing.assert_allclose(bounds(x[row], start=50).high, together.high[row], rtol=1e-12)


def test_a_skewed_sample_widens_the_side_of_its_long_tail_by_johnsons_correction_three_times() -> None:
    x = np.random.default_rng(4).lognormal(0, 1, 2_000)
    found = bounds(x, start=100)
    above, below = found.high - found.mean, found.mean - found.low
    z2 = 3.1367607**2 + np.log(2_000 / running_dependence(x)[-1] / 100)
    sd = np.sqrt(x.var(ddof=1) * running_dependence(x)[-1])
    g = skew(x) * (1999 / 2000) ** 1.5 * np.sqrt(running_dependence(x)[-1])
    assert above[-1] - below[-1] == pytest.approx(3 * g * sd * (1 + 2 * z2) / (6 * 2_000), rel=1e-6)


def test_floors_keep_rare_events_from_looking_certain() -> None:
    nothing_seen = np.zeros(3_000)
    found = bound_mean(nothing_seen, alpha=0.001, start_low=250, start_high=1_000, variance_floor=0.01)
    assert found.high[999] == pytest.approx(3.8 * np.sqrt(0.01 / 1_000), rel=0.05)
    dependent = bound_mean(
        nothing_seen, alpha=0.001, start_low=250, start_high=1_000, variance_floor=0.01, dependence_floor=3.0
    )
    assert np.isinf(dependent.high[2_997]) and dependent.high[2_999] > found.high[2_999]


def test_an_empty_stream_has_no_bounds() -> None:
    assert bounds(np.empty((3, 0))).high.shape == (3, 0)


@pytest.mark.parametrize(("alpha", "start"), [(0.0, 100), (0.5, 100), (0.01, 7)])
def test_senseless_levels_and_starts_are_refused(alpha: float, start: int) -> None:
    with pytest.raises(ValueError, match="came"):
        bounds(np.zeros(10), alpha=alpha, start=start)


def test_the_mean_ever_leaves_its_bounds_no_more_often_than_alpha_for_exponential_data() -> None:
    # 1,000 streams, every one of 4,000 observations looked at: no more than a true 1 % explains at 95 % confidence
    rng = np.random.default_rng(5)
    low = high = 0
    for _ in range(10):
        found = bound_mean(rng.standard_exponential((100, 4_000)) - 1, alpha=0.01, start_low=250, start_high=1_000)
        low += int((found.low > 0).any(1).sum())
        high += int((found.high < 0).any(1).sum())
    assert measure_rate(low, 1_000, confidence=0.95).low <= 0.01
    assert measure_rate(high, 1_000, confidence=0.95).low <= 0.01
