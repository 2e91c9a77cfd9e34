"""The extrapolated Fréchet distance: no bias, and an interval that covers the distance of the distributions."""

import numpy as np
import pytest
import torch

from vae_core.errors import DataError
from vae_core.evaluation.distances.fid_infinity import FrechetLimit, _weights_at_zero, frechet_limit
from vae_core.evaluation.distances.frechet import frechet_distance
from vae_core.evaluation.distances.frechet_interval import frechet_interval, prepare_features
from vae_core.evaluation.distances.moments import Moments

DIM, N = 16, 300
MIXINGS = [
    np.random.default_rng(seed).normal(size=(DIM, DIM)) / np.sqrt(DIM) * np.arange(1, DIM + 1) ** -0.25
    for seed in (0, 1)
]
SHIFT = 0.1


def exact_moments(mixing: np.ndarray, shift: float) -> Moments:
    mean = np.full(DIM, shift)
    products = 999 * mixing.T @ mixing + 1000 * np.outer(mean, mean)
    return Moments(1000, torch.from_numpy(1000 * mean), torch.from_numpy(products))


TRUTH = frechet_distance(exact_moments(MIXINGS[0], 0.0), exact_moments(MIXINGS[1], SHIFT))


def two_sets(rng: np.random.Generator, n: int = N, m: int = N) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(size=(n, DIM)) @ MIXINGS[0], rng.normal(size=(m, DIM)) @ MIXINGS[1] + SHIFT


def test_the_interval_covers_the_distance_of_the_distributions_over_fresh_draws() -> None:
    rng = np.random.default_rng(2)
    limits = [frechet_limit(*two_sets(rng), rng, groups=(1, 2), cuts=3) for _ in range(300)]
    values = np.array([limit.value for limit in limits])
    biased = np.array([limit.points[0].value for limit in limits])
    spread = values.std(ddof=1)
    assert abs(values.mean() - TRUTH) < 3 * spread / np.sqrt(300)
    # what it corrects would be seen at once
    assert biased.mean() - TRUTH > 10 * spread / np.sqrt(300)
    # the spread of 300 values is known to 4 %; three of those, and 3 % for the finite n
    assert np.sqrt(np.mean([limit.standard_error**2 for limit in limits])) == pytest.approx(spread, rel=0.15)
    held = np.mean([limit.low <= TRUTH <= limit.high for limit in limits])
    # 95 % of 300 is known to 1.3 %: three of those either way
    assert 0.91 <= held <= 0.99


def test_between_equal_distributions_it_is_0_in_the_mean_and_its_interval_holds_0() -> None:
    rng = np.random.default_rng(0)
    limits: list[FrechetLimit] = []
    for _ in range(100):
        a, b = (rng.normal(size=(N, DIM)) @ MIXINGS[0] for _ in range(2))
        limits.append(frechet_limit(a, b, rng, cuts=2))
    values = np.array([limit.value for limit in limits])
    biased = np.mean([limit.points[0].value for limit in limits])
    # what is left of the bias is of order 1/n²: a twentieth of it, beside the error of 100 draws
    assert abs(values.mean()) < 0.05 * biased + 3 * values.std() / 10
    # the influence of equal sets is estimated too large, so the interval is too wide rather than too narrow
    assert np.mean([limit.low <= 0 <= limit.high for limit in limits]) >= 0.91


def test_points_are_the_distances_at_the_numbers_of_images() -> None:
    a, b = two_sets(np.random.default_rng(0), 300, 200)
    limit = frechet_limit(a, b, np.random.default_rng(0), groups=(1, 2, 4))
    assert [(point.n_a, point.n_b) for point in limit.points] == [(300, 200), (150, 100), (75, 50)]
    assert limit.points[0].value == frechet_interval(a, b).value
    values = [point.value for point in limit.points]
    assert limit.value < values[0] < values[1] < values[2]
    # the same straight line, fitted by numpy
    assert limit.value == pytest.approx(np.polyfit([1, 2, 4], values, 1)[1], rel=1e-9)


@pytest.mark.parametrize("groups", [(1, 2), (1, 2, 3), (2, 1, 5)])
def test_weights_read_a_straight_line_at_zero(groups: tuple[int, ...]) -> None:
    line = 7.0 + 3.0 * np.array(groups)
    assert float(_weights_at_zero(groups) @ line) == pytest.approx(7.0, rel=1e-12)


def test_the_same_generator_gives_the_same_and_another_nearly() -> None:
    a, b = two_sets(np.random.default_rng(0))
    once, again, other = (frechet_limit(a, b, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert once == again != other
    assert once.value == pytest.approx(other.value, abs=once.standard_error)


def test_a_prepared_set_gives_the_same() -> None:
    a, b = two_sets(np.random.default_rng(0))
    first, second = (frechet_limit(each, b, np.random.default_rng(0)) for each in (a, prepare_features(a)))
    assert first == second


@pytest.mark.parametrize(
    ("n", "groups", "cuts", "message"),
    [
        (48, (1, 2, 3), 8, "48 images in 3 groups are 16 a group, expected more than the 16 features"),
        (300, (2, 3), 8, r"came groups \(2, 3\) and 8 cuts"),
        (300, (1, 1), 8, r"came groups \(1, 1\)"),
        (300, (1,), 8, r"came groups \(1,\)"),
        (300, (1, 2), 1, "and 1 cuts"),
    ],
)
def test_what_cannot_be_extrapolated_is_refused(n: int, groups: tuple[int, ...], cuts: int, message: str) -> None:
    a, b = two_sets(np.random.default_rng(0), n)
    with pytest.raises(DataError, match=message):
        frechet_limit(a, b, np.random.default_rng(0), groups, cuts)


def test_two_feature_spaces_have_no_limit() -> None:
    a, b = two_sets(np.random.default_rng(0))
    with pytest.raises(DataError, match="width 16 and 15"):
        frechet_limit(a, b[:, 1:], np.random.default_rng(0))
