"""The Fréchet distance against its textbook form, closed forms and laws, its error against fresh draws."""

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vae_core.errors import DataError
from vae_core.evaluation.distances.frechet import factor_covariance, frechet_distance
from vae_core.evaluation.distances.frechet_interval import (
    FrechetEstimate,
    frechet_interval,
    measure_influence,
    paired_frechet_interval,
    prepare_features,
)
from vae_core.evaluation.distances.moments import Moments, measure_moments

seeds = st.integers(0, 10_000)


def _draw(n: int, dim: int, seed: int, shift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dim)) @ (rng.normal(size=(dim, dim)) / np.sqrt(dim) + np.eye(dim)) + shift


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return frechet_distance(measure_moments(a), measure_moments(b))


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
    a, b = _draw(n, dim, 0), _draw(n, dim, 1, shift=0.3)
    assert _distance(a, b) == pytest.approx(_textbook(a, b), rel=1e-6)


@given(st.lists(st.tuples(*[st.floats(-3, 3)] * 2, *[st.floats(0.1, 5)] * 2), min_size=1, max_size=6))
def test_diagonal_gaussians_have_the_closed_form(dims: list[tuple[float, float, float, float]]) -> None:
    mean_a, mean_b, sd_a, sd_b = (np.array(column) for column in zip(*dims, strict=True))
    expected = np.square(mean_a - mean_b).sum() + np.square(sd_a - sd_b).sum()
    found = frechet_distance(_exact_moments(mean_a, np.diag(sd_a**2)), _exact_moments(mean_b, np.diag(sd_b**2)))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=25)
@given(seed=seeds)
def test_the_distance_is_symmetric(seed: int) -> None:
    a, b = _draw(30, 5, seed), _draw(40, 5, seed + 1, shift=1.0)
    assert _distance(a, b) == pytest.approx(_distance(b, a), rel=1e-9)


@settings(max_examples=25)
@given(seed=seeds)
def test_a_set_is_at_no_distance_from_itself(seed: int) -> None:
    a = _draw(30, 5, seed)
    scale = float(measure_moments(a).covariance.trace())
    assert _distance(a, a) <= 1e-10 * scale


@settings(max_examples=25)
@given(seed=seeds, scale=st.floats(0.1, 10))
def test_rotation_and_shift_of_both_change_nothing_and_scale_enters_squared(seed: int, scale: float) -> None:
    a, b = _draw(30, 5, seed), _draw(40, 5, seed + 1, shift=1.0)
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))[0]
    moved = [scale * x @ rotation + 7.0 for x in (a, b)]
    assert _distance(*moved) == pytest.approx(scale**2 * _distance(a, b), rel=1e-7)


@pytest.mark.parametrize(("n_a", "n_b"), [(10, 60), (60, 10), (10, 12), (20, 21)])
def test_fewer_images_than_features_take_the_other_path_to_the_same_number(n_a: int, n_b: int) -> None:
    a, b = _draw(n_a, 20, 0), _draw(n_b, 20, 1, shift=0.5)
    assert _distance(a, b) == pytest.approx(_singular_values_form(a, b), rel=1e-6)
    assert frechet_interval(a, b).value == pytest.approx(_singular_values_form(a, b), rel=1e-6)


def test_features_that_never_change_are_no_obstacle() -> None:
    a, b = _draw(100, 6, 0), _draw(100, 6, 1)
    a[:, 2], b[:, 4] = 0.0, 3.0
    assert not factor_covariance(measure_moments(a)).triangular
    assert _distance(a, b) == pytest.approx(_singular_values_form(a, b), rel=1e-6)
    assert np.isfinite(frechet_interval(a, b).standard_error)


def test_a_kept_factor_gives_the_same_distance() -> None:
    a, b = measure_moments(_draw(50, 6, 0)), measure_moments(_draw(50, 6, 1))
    assert frechet_distance(a, b, factor_covariance(a)) == frechet_distance(a, b)


@pytest.mark.parametrize("n", [80, 300])
def test_only_the_lower_triangle_and_the_rank_of_the_product_are_computed(n: int) -> None:
    a, b = measure_moments(_draw(n, 100, 0)), measure_moments(_draw(200, 100, 1))
    factor = factor_covariance(a)
    product = factor.congruence(b.covariance)
    assert product.shape == ((100, 100) if factor.triangular else (79, 79))
    solid = factor.matrix if factor.triangular else factor.matrix[:, -79:]
    np.testing.assert_allclose(product.tril(), (solid.T @ b.covariance @ solid).tril(), rtol=1e-9, atol=1e-10)


def test_sets_without_any_variance_are_apart_by_their_means() -> None:
    assert _distance(np.zeros((9, 4)), np.full((9, 4), 0.5)) == pytest.approx(1.0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_finds_the_same_distance_and_error() -> None:
    a, b = _draw(300, 20, 0), _draw(200, 20, 1, shift=0.5)
    there, here = (frechet_interval(prepare_features(a, device), b) for device in ("cuda", "cpu"))
    assert there.value == pytest.approx(here.value, rel=1e-9)
    assert there.standard_error == pytest.approx(here.standard_error, rel=1e-9)
    moments = [measure_moments(each, "cuda") for each in (a, b)]
    assert frechet_distance(*moments) == pytest.approx(here.value, rel=1e-9)


def test_whitening_gives_unit_covariance() -> None:
    a = _draw(80, 6, 0)
    np.testing.assert_allclose(np.cov(prepare_features(a).whitened.T), np.eye(6), atol=1e-10)


def test_two_feature_spaces_have_no_distance() -> None:
    with pytest.raises(DataError, match="width 3 and 4"):
        _distance(_draw(10, 3, 0), _draw(10, 4, 0))
    with pytest.raises(DataError, match="width 3 and 4"):
        frechet_interval(_draw(10, 3, 0), _draw(10, 4, 0))


def test_an_images_influence_is_what_leaving_it_out_changes() -> None:
    a, b = _draw(400, 5, 0), _draw(500, 5, 1, shift=0.5)
    influence = measure_influence(prepare_features(a), b)
    for of, n, without in (
        (influence.of_a, 400, lambda row: _distance(np.delete(a, row, 0), b)),
        (influence.of_b, 500, lambda row: _distance(a, np.delete(b, row, 0))),
    ):
        change = np.array([influence.value - without(row) for row in range(100)])
        predicted = of[:100].numpy() / (n - 1)
        # first order is right up to the curvature, which is 1/n of it
        assert np.corrcoef(change, predicted)[0, 1] > 0.999
        np.testing.assert_allclose(change, predicted, atol=0.03 * np.abs(predicted).max())
        assert float(of.mean()) == pytest.approx(0.0, abs=1e-9)


def _fresh_estimates(paired: bool, draws: int = 300) -> list[FrechetEstimate]:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(12, 12)) / np.sqrt(12) + np.eye(12)
    estimates = []
    for _ in range(draws):
        a = rng.normal(size=(600, 12)) @ mixing
        if paired:
            estimates.append(paired_frechet_interval(a, 0.7 * a + 0.3 * rng.normal(size=a.shape)))
        else:
            estimates.append(frechet_interval(a, 0.7 * rng.normal(size=a.shape) @ mixing.T + 0.2))
    return estimates


@pytest.mark.parametrize("paired", [False, True])
def test_the_standard_error_is_the_spread_over_fresh_draws(paired: bool) -> None:
    estimates = _fresh_estimates(paired)
    values = np.array([estimate.value for estimate in estimates])
    standard_error = np.mean([estimate.standard_error for estimate in estimates])
    # the spread of 300 values is known to 1/sqrt(600) = 4 %; three of those, and 3 % for the finite n
    assert standard_error == pytest.approx(values.std(ddof=1), rel=0.15)
    held = np.mean([estimate.low <= values.mean() <= estimate.high for estimate in estimates])
    # 95 % of 300 is known to 1.3 %: four of those either way
    assert 0.90 <= held <= 0.995


def test_pairing_takes_out_what_moves_both_sets_alike() -> None:
    a = _draw(500, 6, 0)
    reconstructions = 0.9 * a + 0.1 * np.random.default_rng(1).normal(size=a.shape)
    paired, independent = paired_frechet_interval(a, reconstructions), frechet_interval(a, reconstructions)
    assert paired.value == independent.value
    assert paired.standard_error < independent.standard_error


def test_a_perfect_reconstruction_is_known_to_be_perfect() -> None:
    a = _draw(200, 6, 0)
    estimate = paired_frechet_interval(a, a.copy())
    assert estimate.value == pytest.approx(0.0, abs=1e-9)
    assert estimate.standard_error == pytest.approx(0.0, abs=1e-6)


def test_pairs_need_equal_numbers() -> None:
    with pytest.raises(DataError, match="came 10 and 11"):
        paired_frechet_interval(_draw(10, 3, 0), _draw(11, 3, 0))
