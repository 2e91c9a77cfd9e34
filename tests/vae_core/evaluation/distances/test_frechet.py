"""The Fréchet distance against its textbook form, closed forms and laws."""

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vae_core.evaluation.distances.drawn_features import distance, draw
from vae_core.errors import DataError
from vae_core.evaluation.distances.frechet import factor_covariance, factor_features, frechet_distance
from vae_core.evaluation.distances.frechet_interval import (
    FeatureSet,
    frechet_interval,
)
from vae_core.evaluation.distances.moments import Moments, measure_moments

seeds = st.integers(0, 10_000)


def _textbook(a: np.ndarray, b: np.ndarray) -> float:
    s1, s2 = np.cov(a.T), np.cov(b.T)
    root = scipy.linalg.sqrtm(s1 @ s2).real
    return float(np.square(a.mean(0) - b.mean(0)).sum() + np.trace(s1 + s2 - 2 * root))


def _singular_values_form(a: np.ndarray, b: np.ndarray) -> float:
    """With S1 = AᵀA and S2 = BᵀB of any rank, tr (S1 S2)^(1/2) is the sum of the singular values of A Bᵀ."""
    roots = [(x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b)]
    cross = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    traces = sum(np.square(root).sum() for root in roots)
    return float(np.square(a.mean(0) - b.mean(0)).sum() + traces - 2 * cross)


def _exact_moments(mean: np.ndarray, covariance: np.ndarray, n: int = 1000) -> Moments:
    products = covariance * (n - 1) + n * np.outer(mean, mean)
    return Moments(n, torch.from_numpy(n * mean), torch.from_numpy(products))


@pytest.mark.parametrize(("dim", "n"), [(2, 50), (16, 100), (64, 300)])
def test_the_distance_equals_scipys_matrix_square_root(dim: int, n: int) -> None:
    a, b = draw(n, dim, 0), draw(n, dim, 1, shift=0.3)
    assert distance(a, b) == pytest.approx(_textbook(a, b), rel=1e-6)


@given(st.lists(st.tuples(*[st.floats(-3, 3)] * 2, *[st.floats(0.1, 5)] * 2), min_size=1, max_size=6))
def test_diagonal_gaussians_have_the_closed_form(dims: list[tuple[float, float, float, float]]) -> None:
    mean_a, mean_b, sd_a, sd_b = (np.array(column) for column in zip(*dims, strict=True))
    expected = np.square(mean_a - mean_b).sum() + np.square(sd_a - sd_b).sum()
    found = frechet_distance(_exact_moments(mean_a, np.diag(sd_a**2)), _exact_moments(mean_b, np.diag(sd_b**2)))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=25)
@given(seed=seeds)
def test_the_distance_is_symmetric(seed: int) -> None:
    a, b = draw(30, 5, seed), draw(40, 5, seed + 1, shift=1.0)
    assert distance(a, b) == pytest.approx(distance(b, a), rel=1e-9)


@settings(max_examples=25)
@given(seed=seeds)
def test_a_set_is_at_no_distance_from_itself(seed: int) -> None:
    a = draw(30, 5, seed)
    scale = float(measure_moments(a).covariance.trace())
    assert distance(a, a) <= 1e-10 * scale


@settings(max_examples=25)
@given(seed=seeds, scale=st.floats(0.1, 10))
def test_rotation_and_shift_of_both_change_nothing_and_scale_enters_squared(seed: int, scale: float) -> None:
    a, b = draw(30, 5, seed), draw(40, 5, seed + 1, shift=1.0)
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))[0]
    moved = [scale * x @ rotation + 7.0 for x in (a, b)]
    assert distance(*moved) == pytest.approx(scale**2 * distance(a, b), rel=1e-7)


@pytest.mark.parametrize(("n_a", "n_b"), [(10, 60), (60, 10), (10, 12), (20, 21)])
def test_fewer_images_than_features_take_the_other_path_to_the_same_number(n_a: int, n_b: int) -> None:
    a, b = draw(n_a, 20, 0), draw(n_b, 20, 1, shift=0.5)
    assert distance(a, b) == pytest.approx(_singular_values_form(a, b), rel=1e-6)
    assert frechet_interval(a, b).value == pytest.approx(_singular_values_form(a, b), rel=1e-6)


def test_fewer_images_than_features_are_factored_as_wide_as_their_rank() -> None:
    a, b = draw(30, 80, 0), draw(60, 80, 1, shift=0.5)
    moments, narrow = measure_moments(a), factor_features(a, measure_moments(a))
    assert narrow.matrix.shape == (80, 29)
    np.testing.assert_allclose(narrow.matrix @ narrow.matrix.T, moments.covariance, atol=1e-12)
    np.testing.assert_allclose(np.cov(narrow.whiten(torch.from_numpy(a) - moments.mean).T), np.eye(29), atol=1e-10)
    wide = FeatureSet(a, moments, whole := factor_covariance(moments), whole.whiten(torch.from_numpy(a) - moments.mean))
    ours, theirs = frechet_interval(a, b), frechet_interval(wide, b)
    assert (ours.value, ours.standard_error) == pytest.approx((theirs.value, theirs.standard_error), rel=1e-6)


def test_features_that_never_change_are_no_obstacle() -> None:
    a, b = draw(100, 6, 0), draw(100, 6, 1)
    a[:, 2], b[:, 4] = 0.0, 3.0
    assert not factor_covariance(measure_moments(a)).triangular
    assert distance(a, b) == pytest.approx(_singular_values_form(a, b), rel=1e-6)
    assert np.isfinite(frechet_interval(a, b).standard_error)


def test_a_kept_factor_gives_the_same_distance() -> None:
    a, b = measure_moments(draw(50, 6, 0)), measure_moments(draw(50, 6, 1))
    assert frechet_distance(a, b, factor_covariance(a)) == frechet_distance(a, b)


@pytest.mark.parametrize("n", [80, 300])
def test_only_the_lower_triangle_and_the_rank_of_the_product_are_computed(n: int) -> None:
    a, b = measure_moments(draw(n, 100, 0)), measure_moments(draw(200, 100, 1))
    factor = factor_covariance(a)
    product = factor.congruence(b.covariance)
    assert product.shape == ((100, 100) if factor.triangular else (79, 79))
    solid = factor.matrix if factor.triangular else factor.matrix[:, -79:]
    np.testing.assert_allclose(product.tril(), (solid.T @ b.covariance @ solid).tril(), rtol=1e-9, atol=1e-10)


def test_sets_without_any_variance_are_apart_by_their_means() -> None:
    assert frechet_interval(np.zeros((3, 4)), np.full((9, 4), 0.5)).value == pytest.approx(1.0)
    assert distance(np.zeros((9, 4)), np.full((9, 4), 0.5)) == pytest.approx(1.0)


def test_two_feature_spaces_have_no_distance() -> None:
    with pytest.raises(DataError, match="width 3 and 4"):
        distance(draw(10, 3, 0), draw(10, 4, 0))
    with pytest.raises(DataError, match="width 3 and 4"):
        frechet_interval(draw(10, 3, 0), draw(10, 4, 0))
