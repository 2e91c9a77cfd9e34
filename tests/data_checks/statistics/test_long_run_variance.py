"""Running moments of a stream, and what dependence between neighbours adds to its variance."""

import numpy as np
import pytest
from hypothesis import given

from data_checks.statistics.long_run_variance import running_block_variance, running_moments
from tests.data_checks.statistics.drawn import streams


@given(streams)
def test_running_moments_agree_with_those_of_every_prefix(x: np.ndarray) -> None:
    moments = running_moments(x)
    # sums of 60 products of values up to 200: 60 * 200^k * 2^-53 is below these tolerances
    for n in range(2, x.shape[-1] + 1):
        np.testing.assert_allclose(moments.mean[:, n - 1], x[:, :n].mean(1), atol=1e-11)
        np.testing.assert_allclose(moments.variance[:, n - 1], x[:, :n].var(1, ddof=1), atol=1e-8)
        third = ((x[:, :n] - x[:, :n].mean(1, keepdims=True)) ** 3).mean(1)
        np.testing.assert_allclose(moments.third[:, n - 1], third, atol=1e-6)


def test_block_variance_is_the_mean_square_of_overlapping_block_sums() -> None:
    x = np.random.default_rng(0).normal(3.0, 1.0, 500)
    found = running_block_variance(x)
    for n, length in ((9, 4), (40, 8), (200, 16), (500, 16)):  # the largest power of two up to sqrt(2 (n - 1))
        sums = np.array([x[i : i + length].sum() - length * x[:n].mean() for i in range(n - length + 1)])
        oracle = (sums**2).mean() / length / (1 - min(length / n, 0.5))
        assert found[n - 1] == pytest.approx(oracle, rel=1e-9)


def test_long_run_variance_of_known_processes() -> None:
    # AR(1) rho: (1 + rho) / (1 - rho); bursts of ten: 10. Blocks of 128 see all but 2.75 / 128 and 3.3 / 128 of it,
    # and the estimate's relative standard error over 100 streams is sqrt(4/3 * 128 / 20000 / 100) = 0.9 %.
    rng = np.random.default_rng(1)
    shocks, ar1 = rng.standard_normal((100, 20_000)) * np.sqrt(1 - 0.49), np.zeros((100, 20_000))
    for t in range(1, 20_000):
        ar1[:, t] = 0.7 * ar1[:, t - 1] + shocks[:, t]
    bursts = np.repeat(rng.standard_normal((100, 2_000)), 10, axis=1)
    for x, truth in ((shocks, 0.51), (ar1, 1.7 / 0.3), (bursts, 10.0)):
        assert running_block_variance(x)[:, -1].mean() == pytest.approx(truth, rel=0.05)
