"""A mean and its interval against scipy and against fresh draws."""

import numpy as np
import pytest
import scipy.stats
import torch

from vae_core.errors import DataError, DivergenceError
from vae_core.evaluation.mean_estimate import estimate_mean


def test_the_interval_is_students() -> None:
    values = np.random.default_rng(0).normal(3, 2, size=17)
    estimate = estimate_mean(values, 0.9)
    expected = scipy.stats.t.interval(0.9, 16, loc=values.mean(), scale=scipy.stats.sem(values))
    np.testing.assert_allclose((estimate.low, estimate.high), expected, rtol=1e-12)
    assert (estimate.mean, estimate.n) == (pytest.approx(values.mean()), 17)
    assert estimate.half_width == pytest.approx((expected[1] - expected[0]) / 2)


def test_normal_values_are_covered_as_often_as_promised_even_when_they_are_few() -> None:
    draws = np.random.default_rng(1).normal(size=(2000, 5))
    held = np.mean([estimate.low <= 0 <= estimate.high for estimate in map(estimate_mean, draws)])
    # 95 % of 2,000 is known to 0.5 %: three of those
    assert 0.935 <= held <= 0.965


def test_float32_tensors_are_summed_in_float64() -> None:
    values = torch.full((100_000,), 1000.0) + torch.randn(100_000, generator=torch.Generator().manual_seed(0))
    assert estimate_mean(values).mean == pytest.approx(float(values.double().mean()), rel=1e-12)


def test_what_has_no_mean_or_no_spread_is_refused() -> None:
    with pytest.raises(DataError, match=r"at least 2 values \(n,\), came \(1,\)"):
        estimate_mean(np.ones(1))
    with pytest.raises(DivergenceError, match="1 of 3 values are NaN"):
        estimate_mean(np.array([1.0, np.nan, 2.0]))
