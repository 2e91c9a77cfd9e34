"""Streamed moments are those of all features at once."""

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_core.errors import DataError
from vae_core.evaluation.distances.frechet import frechet_distance
from vae_core.evaluation.distances.moments import Moments, measure_moments


def _features(n: int, dim: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dim)) @ rng.normal(size=(dim, dim)) + rng.normal(size=dim)


@given(cuts=st.lists(st.integers(0, 50), max_size=4), seed=st.integers(0, 1000))
def test_streaming_in_any_batches_gives_the_mean_and_covariance_of_the_whole(cuts: list[int], seed: int) -> None:
    features = _features(50, 4, seed)
    moments = Moments.empty(4)
    for batch in np.split(features, sorted(cuts)):
        moments = moments.add(batch)
    assert moments.n == 50
    np.testing.assert_allclose(moments.mean, features.mean(0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(moments.covariance, np.cov(features.T), rtol=1e-10, atol=1e-12)


@given(cut=st.integers(0, 30))
def test_merging_two_parts_is_measuring_both_together(cut: int) -> None:
    features = _features(30, 3)
    merged = measure_moments(features[:cut]).merge(measure_moments(features[cut:]))
    whole = measure_moments(features)
    assert merged.n == whole.n
    np.testing.assert_allclose(merged.total, whole.total, rtol=1e-12)
    np.testing.assert_allclose(merged.products, whole.products, rtol=1e-12)


@pytest.mark.parametrize("shards", [2, 7, 64])
def test_shards_in_any_order_agree_with_one_pass(shards: int) -> None:
    features = _features(3000, 16)
    parts = [measure_moments(features[rows::shards]) for rows in range(shards)]
    merged, whole = functools.reduce(Moments.merge, reversed(parts)), measure_moments(features)
    scale = float(whole.covariance.diagonal().max())
    assert float((merged.covariance - whole.covariance).abs().max()) < 1e-12 * scale
    other = measure_moments(_features(3000, 16, seed=1))
    assert frechet_distance(merged, other) == pytest.approx(frechet_distance(whole, other), rel=1e-12)


def test_float32_features_are_summed_in_float64() -> None:
    # mean 1000 and deviation 1: in float32 the sum of squares keeps 7 digits and the variance none of them
    features = (np.random.default_rng(0).normal(size=(20_000, 2)) + 1000).astype(np.float32)
    oracle = np.cov(features.astype(np.float64).T)
    # cancellation in float64 costs (mean/deviation)² · 1e-16 = 1e-10, times a few for summing 20,000 terms
    np.testing.assert_allclose(measure_moments(features).covariance, oracle, rtol=1e-7, atol=1e-8)


def test_covariance_is_exactly_symmetric() -> None:
    covariance = measure_moments(_features(40, 8)).covariance
    assert bool((covariance == covariance.T).all())


def test_features_that_cannot_be_written_to_are_read() -> None:
    features = _features(10, 2)
    features.flags.writeable = False
    assert measure_moments(features).n == 10


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.full((3, 2), np.nan), "6 values of NaN"),
        (np.zeros((3, 5)), r"\(B, 2\), came \(3, 5\)"),
        (np.zeros(2), r"came \(2,\)"),
    ],
)
def test_unfit_features_are_refused_with_what_came(features: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Moments.empty(2).add(features)


def test_one_feature_has_no_covariance() -> None:
    with pytest.raises(DataError, match="at least 2 features, came 1"):
        _ = measure_moments(np.zeros((1, 2))).covariance


def test_moments_of_two_feature_spaces_do_not_merge() -> None:
    with pytest.raises(DataError, match="width 2 with features of width 3"):
        Moments.empty(2).merge(Moments.empty(3))
