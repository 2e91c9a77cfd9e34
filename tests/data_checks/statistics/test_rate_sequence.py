import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_checks.statistics.rate_sequence import bound_rate
from data_checks.statistics.rates import measure_rate


def test_no_event_in_n_trials_has_the_closed_form_bound() -> None:
    # evidence B(1, b + n) / B(1, b) = b / (b + n) = (1 - high)^n / alpha with b = 1 / expected
    high = bound_rate(0, 1_000, alpha=0.01, expected=0.01).high
    assert float(high) == pytest.approx(1 - (0.01 * 100 / 1_100) ** (1 / 1_000), rel=1e-9)


@given(st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(1e-4, 0.4))
def test_bounds_hold_the_rate_and_are_wider_than_those_for_a_single_look(kn: tuple[int, int], alpha: float) -> None:
    k, n = kn
    found, once = bound_rate(k, n, alpha=alpha, expected=0.01), measure_rate(k, n, confidence=1 - alpha)
    assert 0 <= found.low <= k / n <= found.high <= 1
    assert found.low <= once.low + 1e-9 and found.high >= once.high - 1e-9


def test_counts_of_a_stream_are_judged_as_each_alone() -> None:
    k, n = np.array([[0, 1, 1], [0, 0, 5]]), np.array([10, 100, 1_000])
    together = bound_rate(k, n, alpha=0.01, expected=0.1)
    assert together.low.shape == (2, 3)
    assert together.high[1, 2] == bound_rate(5, 1_000, alpha=0.01, expected=0.1).high


@pytest.mark.parametrize(
    ("k", "n", "alpha", "expected"),
    [(1, 0, 0.01, 0.1), (-1, 5, 0.01, 0.1), (6, 5, 0.01, 0.1), (1, 5, 0.5, 0.1), (1, 5, 0.01, 0.0)],
)
def test_senseless_counts_and_shares_are_refused(k: int, n: int, alpha: float, expected: float) -> None:
    with pytest.raises(ValueError, match="came"):
        bound_rate(k, n, alpha=alpha, expected=expected)


@pytest.mark.parametrize("rate", [0.002, 0.01, 0.3])
def test_the_rate_ever_leaves_its_bounds_no_more_often_than_alpha(rate: float) -> None:
    # alpha 2 %, 1,000 streams, every tenth trial looked at: at most 20 are expected to leave on one side; more than 34
    # has probability 1e-3 at the full level
    rng = np.random.default_rng(6)
    k, n = np.cumsum(rng.random((1_000, 1_000)) < rate, 1), np.arange(1, 1_001)
    looks = slice(None, None, 10)
    found = bound_rate(k[:, looks], n[looks], alpha=0.02, expected=0.01)
    assert (found.low > rate).any(1).sum() <= 34
    assert (found.high < rate).any(1).sum() <= 34
