"""The kernel distance against explicit loops, a closed form, and its error against fresh draws."""

import numpy as np
import pytest

from vae_core.errors import DataError
from vae_core.evaluation.distances.kid import KidEstimate, kernel_distance


def draw(n: int, dim: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dim)) + shift


def double_loop(a: np.ndarray, b: np.ndarray) -> float:
    def mean_kernel(x: np.ndarray, y: np.ndarray, same: bool) -> float:
        values = [
            (sum(x[i, d] * y[j, d] for d in range(x.shape[1])) / x.shape[1] + 1) ** 3
            for i in range(len(x))
            for j in range(len(y))
            if not (same and i == j)
        ]
        return sum(values) / len(values)

    return mean_kernel(a, a, True) + mean_kernel(b, b, True) - 2 * mean_kernel(a, b, False)


def expected_kernel(mean_a: np.ndarray, cov_a: np.ndarray, mean_b: np.ndarray, cov_b: np.ndarray) -> float:
    """E (x·y / D + 1)³ of independent Gaussians, from their raw moments up to the third."""

    def raw(m: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        third = np.einsum("i,j,k->ijk", m, m, m)
        third += np.einsum("i,jk->ijk", m, s) + np.einsum("j,ik->ijk", m, s) + np.einsum("k,ij->ijk", m, s)
        return m, s + np.outer(m, m), third

    dim = len(mean_a)
    first, second, third = (
        (one * other).sum() / dim**order
        for order, one, other in zip((1, 2, 3), raw(mean_a, cov_a), raw(mean_b, cov_b), strict=True)
    )
    return float(third + 3 * second + 3 * first + 1)


@pytest.mark.parametrize("chunk", [3, 7, 2048])
def test_the_value_is_the_double_loop_over_all_pairs(chunk: int) -> None:
    a, b = draw(14, 5, 0), draw(11, 5, 1, shift=0.4)
    estimate = kernel_distance(a, b, block=chunk)
    assert estimate.value == pytest.approx(double_loop(a, b), rel=1e-12)
    assert (estimate.n_a, estimate.n_b) == (14, 11)


def test_blocks_change_neither_value_nor_error() -> None:
    a, b = draw(60, 4, 0), draw(45, 4, 1, shift=0.2)
    whole = kernel_distance(a, b)
    blocks = kernel_distance(a, b, block=16)
    assert blocks.value == pytest.approx(whole.value, rel=1e-10)
    assert blocks.standard_error == pytest.approx(whole.standard_error, rel=1e-10)


def test_exchanging_the_sets_changes_nothing() -> None:
    a, b = draw(40, 4, 0), draw(30, 4, 1, shift=0.2)
    there, back = kernel_distance(a, b), kernel_distance(b, a)
    assert there.value == pytest.approx(back.value, rel=1e-12)
    assert there.standard_error == pytest.approx(back.standard_error, rel=1e-9)


def test_float32_features_lose_nothing_that_matters() -> None:
    a, b = (draw(300, 64, seed).astype(np.float32) for seed in (0, 1))
    half, full = kernel_distance(a, b), kernel_distance(a.astype(np.float64), b)
    # a float32 product of 64 terms is right to 1e-6 of the kernel, about 1; errors of 90,000 pairs average out
    assert half.value == pytest.approx(full.value, abs=1e-6)
    assert abs(half.value - full.value) < 1e-3 * full.standard_error


def fresh_estimates(n: int, m: int, shift: float, scale: float, draws: int) -> list[KidEstimate]:
    rng = np.random.default_rng(0)
    return [kernel_distance(rng.normal(size=(n, 4)), rng.normal(size=(m, 4)) * scale + shift) for _ in range(draws)]


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.3, 1.2)])
def test_it_is_unbiased_between_equal_and_between_different_distributions(shift: float, scale: float) -> None:
    values = np.array([each.value for each in fresh_estimates(30, 20, shift, scale, draws=1000)])
    one = (np.zeros(4), np.eye(4))
    other = (np.full(4, shift), scale**2 * np.eye(4))
    truth = expected_kernel(*one, *one) + expected_kernel(*other, *other) - 2 * expected_kernel(*one, *other)
    assert truth == pytest.approx(0.0, abs=1e-12) if shift == 0 else truth > 0.1
    assert abs(values.mean() - truth) < 3 * values.std() / np.sqrt(len(values))


@pytest.mark.parametrize(("n", "m", "shift"), [(150, 100, 0.3), (60, 200, 0.5)])
def test_the_standard_error_is_the_spread_over_fresh_draws(n: int, m: int, shift: float) -> None:
    estimates = fresh_estimates(n, m, shift, 1.0, draws=400)
    values = np.array([each.value for each in estimates])
    rms_error = np.sqrt(np.mean([each.standard_error**2 for each in estimates]))
    # the variance is unbiased; the spread of 400 right-skewed values is known to about 5 %: three of those
    assert rms_error == pytest.approx(values.std(ddof=1), rel=0.15)


def test_the_interval_covers_where_the_distance_is_several_errors() -> None:
    estimates = fresh_estimates(600, 400, 0.3, 1.0, draws=200)
    values = np.array([each.value for each in estimates])
    held = np.mean([each.low <= values.mean() <= each.high for each in estimates])
    # 95 % of 200 is known to 1.5 %: three of those either way
    assert 0.90 <= held <= 0.995


def test_between_equal_distributions_the_interval_keeps_a_width() -> None:
    estimates = fresh_estimates(100, 100, 0.0, 1.0, draws=400)
    values = np.array([each.value for each in estimates])
    rms_error = np.sqrt(np.mean([each.standard_error**2 for each in estimates]))
    # kept above the part of pairs, so too large by up to a half at so few features, and never too small
    assert 0.95 <= rms_error / values.std(ddof=1) <= 1.5
    assert np.mean([each.low <= 0 <= each.high for each in estimates]) >= 0.93


def test_a_larger_difference_is_further_away() -> None:
    a = draw(200, 6, 0)
    values = [kernel_distance(a, draw(200, 6, 1, shift)).value for shift in (0.0, 0.2, 0.5, 1.0)]
    assert values == sorted(values)


def test_a_higher_level_is_a_wider_interval() -> None:
    narrow, wide = (kernel_distance(draw(50, 3, 0), draw(50, 3, 1), level) for level in (0.5, 0.99))
    # the quantiles of the normal distribution at 99.5 and 75 %
    assert (wide.high - wide.value) / (narrow.high - narrow.value) == pytest.approx(2.5758 / 0.6745, rel=1e-3)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((9, 3)), np.zeros((9, 4)), "width 3 and 4 are two spaces"),
        (np.zeros((3, 2)), np.zeros((9, 2)), r"at least 4 finite features of shape \(N, D\), came \(3, 2\)"),
        (np.zeros((0, 2)), np.zeros((9, 2)), r"came \(0, 2\)"),
        (np.zeros((9, 2)), np.full((9, 2), np.inf), "18 values of NaN or infinity"),
        (np.zeros(9), np.zeros((9, 2)), r"came \(9,\)"),
    ],
)
def test_unfit_features_are_refused_with_what_came(a: np.ndarray, b: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        kernel_distance(a, b)
