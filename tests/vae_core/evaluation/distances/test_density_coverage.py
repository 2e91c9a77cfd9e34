"""Density, coverage, precision and recall against brute force and the paper's expectation."""

import numpy as np
import pytest

from vae_core.errors import DataError
from vae_core.evaluation.distances.density_coverage import (
    GroupCoverage,
    SampleCoverage,
    expected_coverage,
    find_neighbourhoods,
    measure_coverage,
)


def draw(n: int, dim: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dim)) + shift


def brute_force(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[float, float, float, float]:
    def radius(points: np.ndarray, i: int) -> float:
        return sorted(float(np.linalg.norm(points[i] - points[j])) for j in range(len(points)) if j != i)[k - 1]

    real_radii = [radius(real, i) for i in range(len(real))]
    fake_radii = [radius(fake, j) for j in range(len(fake))]
    apart = [[float(np.linalg.norm(x - y)) for y in fake] for x in real]
    n, m = range(len(real)), range(len(fake))
    return (
        sum(apart[i][j] <= real_radii[i] for i in n for j in m) / (k * len(fake)),
        sum(any(apart[i][j] <= real_radii[i] for j in m) for i in n) / len(real),
        sum(any(apart[i][j] <= real_radii[i] for i in n) for j in m) / len(fake),
        sum(any(apart[i][j] <= fake_radii[j] for j in m) for i in n) / len(real),
    )


def four(found: SampleCoverage) -> tuple[float, float, float, float]:
    return found.density, found.coverage, found.precision, found.recall


@pytest.mark.parametrize("chunk", [1, 7, 2048])
@pytest.mark.parametrize("k", [1, 5])
def test_all_four_are_what_brute_force_finds(chunk: int, k: int) -> None:
    real, fake = draw(40, 3, 0), draw(33, 3, 1, shift=1.2)
    found = measure_coverage(real, fake, k, block=chunk)
    assert four(found) == pytest.approx(brute_force(real, fake, k), rel=1e-12)
    assert (found.k, found.n_real, found.n_samples) == (k, 40, 33)
    assert all(0 < value < 1 for value in four(found)), "each of them says something here"


def test_radii_do_not_depend_on_blocks_smaller_than_k() -> None:
    features = draw(30, 4, 0)
    whole = find_neighbourhoods(features, 5).squared_radii
    np.testing.assert_allclose(find_neighbourhoods(features, 5, block=2).squared_radii, whole, rtol=1e-12)


def test_kept_neighbourhoods_give_the_same() -> None:
    real, fake = draw(50, 4, 0), draw(40, 4, 1)
    assert measure_coverage(find_neighbourhoods(real, 3), fake) == measure_coverage(real, fake, 3)


@pytest.mark.parametrize(("n", "m"), [(120, 120), (150, 60)])
def test_coverage_and_density_of_equal_distributions_are_those_of_the_paper(n: int, m: int) -> None:
    rng = np.random.default_rng(0)
    found = [measure_coverage(rng.normal(size=(n, 3)), rng.normal(size=(m, 3))) for _ in range(300)]
    for values, expected in (
        ([each.coverage for each in found], expected_coverage(n, m)),
        ([each.density for each in found], 1.0),
    ):
        assert abs(np.mean(values) - expected) < 3 * np.std(values) / np.sqrt(len(values))


def test_expected_coverage_tends_to_one_less_a_half_to_the_k() -> None:
    assert expected_coverage(10**6, 10**6, 5) == pytest.approx(1 - 2**-5, rel=1e-5)
    # 3 real, 2 samples, k = 1: the nearest of 4 neighbours is one of the 2 real ones half the time
    assert expected_coverage(3, 2, 1) == pytest.approx(0.5)


def test_a_missing_kind_is_the_worst_covered_group() -> None:
    labels = np.repeat([3, 0, 7], [50, 60, 40])
    real = draw(150, 3, 0) + 20 * labels[:, None]
    fake = np.concatenate([real[labels == 3], real[labels == 0]]) + 0.01
    found = measure_coverage(real, fake, labels=labels)
    assert found.groups == (GroupCoverage(7, 40, 0.0), GroupCoverage(0, 60, 1.0), GroupCoverage(3, 50, 1.0))
    assert found.coverage == pytest.approx(110 / 150) and found.precision == 1.0


def test_groups_average_to_the_coverage() -> None:
    labels = np.arange(90) % 4
    found = measure_coverage(draw(90, 5, 0), draw(30, 5, 1, shift=0.5), labels=labels)
    assert sum(group.n * group.coverage for group in found.groups) / 90 == pytest.approx(found.coverage)
    assert [group.coverage for group in found.groups] == sorted(group.coverage for group in found.groups)


def test_an_outlier_opens_precision_but_hardly_density() -> None:
    real = draw(200, 2, 0)
    far = draw(100, 2, 1, shift=30.0)
    with_outlier = np.concatenate([real, [[60.0, 60.0]]])
    assert measure_coverage(real, far).precision == 0.0
    found = measure_coverage(with_outlier, far)
    assert found.precision == 1.0 and found.density == pytest.approx(1 / found.k)


@pytest.mark.parametrize("types", [(np.float32, np.float32), (np.float32, np.float64), (np.float64, np.float32)])
def test_float32_features_far_from_zero_are_told_apart(types: tuple[type, type]) -> None:
    real, fake = draw(200, 16, 0, shift=100.0), draw(200, 16, 1, shift=100.0)
    found = measure_coverage(real.astype(types[0]), fake.astype(types[1]))
    expected = measure_coverage(real, fake)
    # at 100 float32 keeps 8e-6 of a distance of about 5, which may move a handful of the 80,000 pairs over an edge
    assert found.coverage == pytest.approx(expected.coverage, abs=0.01)
    assert found.density == pytest.approx(expected.density, abs=0.005)


def test_shifting_and_scaling_both_sets_changes_nothing() -> None:
    real, fake = draw(60, 4, 0), draw(50, 4, 1, shift=0.5)
    assert four(measure_coverage(3 * real + 2, 3 * fake + 2)) == four(measure_coverage(real, fake))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((9, 3)), np.zeros((9, 4))), "width 3 and 4 are two spaces"),
        ((np.zeros((5, 2)), np.zeros((9, 2))), r"at least 6 finite features of shape \(N, D\), came \(5, 2\)"),
        ((np.zeros((9, 2)), np.zeros((5, 2))), r"came \(5, 2\)"),
        ((np.full((9, 2), np.nan), np.zeros((9, 2))), "18 values of NaN"),
        ((np.zeros((9, 2)), np.zeros((9, 2)), 0), "k of 1 or more neighbours, came 0"),
        ((np.zeros((9, 2)), np.zeros((9, 2)), 5, np.zeros(8, int)), r"9 whole numbers as labels.*int64 \(8,\)"),
        ((np.zeros((9, 2)), np.zeros((9, 2)), 5, np.zeros(9)), "came float64"),
    ],
)
def test_unfit_input_is_refused_with_what_came(arguments: tuple[np.ndarray, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        measure_coverage(*arguments)
