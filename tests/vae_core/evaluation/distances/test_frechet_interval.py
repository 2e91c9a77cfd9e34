"""The error of a Fréchet distance: influences against leaving images out, and intervals against fresh draws."""

import numpy as np
import pytest
import torch

from tests.vae_core.evaluation.distances.drawn_features import distance, draw
from vae_core.errors import DataError
from vae_core.evaluation.distances.frechet import frechet_distance
from vae_core.evaluation.distances.frechet_interval import (
    FrechetEstimate,
    frechet_interval,
    measure_influence,
    paired_frechet_interval,
    prepare_features,
)
from vae_core.evaluation.distances.moments import measure_moments


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_finds_the_same_distance_and_error() -> None:
    a, b = draw(300, 20, 0), draw(200, 20, 1, shift=0.5)
    there, here = (frechet_interval(prepare_features(a, device), b) for device in ("cuda", "cpu"))
    assert there.value == pytest.approx(here.value, rel=1e-9)
    assert there.standard_error == pytest.approx(here.standard_error, rel=1e-9)
    moments = [measure_moments(each, "cuda") for each in (a, b)]
    assert frechet_distance(*moments) == pytest.approx(here.value, rel=1e-9)


def test_whitening_gives_unit_covariance() -> None:
    a = draw(80, 6, 0)
    np.testing.assert_allclose(np.cov(prepare_features(a).whitened.T), np.eye(6), atol=1e-10)


def test_an_images_influence_is_what_leaving_it_out_changes() -> None:
    a, b = draw(400, 5, 0), draw(500, 5, 1, shift=0.5)
    influence = measure_influence(prepare_features(a), b)
    for of, n, without in (
        (influence.of_a, 400, lambda row: distance(np.delete(a, row, 0), b)),
        (influence.of_b, 500, lambda row: distance(a, np.delete(b, row, 0))),
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
    a = draw(500, 6, 0)
    reconstructions = 0.9 * a + 0.1 * np.random.default_rng(1).normal(size=a.shape)
    paired, independent = paired_frechet_interval(a, reconstructions), frechet_interval(a, reconstructions)
    assert paired.value == independent.value
    assert paired.standard_error < independent.standard_error


def test_a_perfect_reconstruction_is_known_to_be_perfect() -> None:
    a = draw(200, 6, 0)
    estimate = paired_frechet_interval(a, a.copy())
    assert estimate.value == pytest.approx(0.0, abs=1e-9)
    assert estimate.standard_error == pytest.approx(0.0, abs=1e-6)


def test_pairs_need_equal_numbers() -> None:
    with pytest.raises(DataError, match="came 10 and 11"):
        paired_frechet_interval(draw(10, 3, 0), draw(11, 3, 0))
