"""MMD against double loops, the closed form of Gaussians under an RBF kernel, and fresh draws."""

import math

import numpy as np
import pytest
import torch

from vae_core.errors import DataError
from vae_core.evaluation.distances.mmd import InverseMultiquadric, Kernel, Mmd, measure_mmd, wae_kernel


def _normal(n: int, dim: int, seed: int, shift: float = 0.0, sd: float = 1.0) -> torch.Tensor:
    return shift + sd * torch.randn((n, dim), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _rbf(bandwidth: float) -> Kernel:
    return lambda squared: torch.exp(squared * (-0.5 / bandwidth**2))


def _closed_form(bandwidth: float, dim: int, shift: float, sd: float) -> float:
    """MMD² of N(0, I) and N(shift, sd² I): the mean of an RBF kernel over a normal difference is known."""

    def mean_kernel(variance: float, distance: float) -> float:
        total = bandwidth**2 + variance
        return (bandwidth**2 / total) ** (dim / 2) * math.exp(-(distance**2) / (2 * total))

    apart = mean_kernel(1 + sd**2, shift * math.sqrt(dim))
    return mean_kernel(2, 0) + mean_kernel(2 * sd**2, 0) - 2 * apart


@pytest.mark.parametrize("kernel", [_rbf(1.3), wae_kernel(3)])
def test_the_estimate_is_the_mean_over_all_pairs(kernel: Kernel) -> None:
    x, y = _normal(9, 3, 0), _normal(7, 3, 1, shift=0.5)

    def k(a: torch.Tensor, b: torch.Tensor) -> float:
        return float(kernel((a - b).square().sum()))

    expected = (
        np.mean([k(x[i], x[j]) for i in range(9) for j in range(9) if i != j])
        + np.mean([k(y[i], y[j]) for i in range(7) for j in range(7) if i != j])
        - 2 * np.mean([k(a, b) for a in x for b in y])
    )
    for block in (2, 4, 1024):
        assert measure_mmd(x, y, kernel, block=block).value == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("dim", "shift", "sd"), [(2, 0.3, 1.0), (8, 0.0, 1.3), (16, 0.1, 0.8), (4, 0.0, 1.0)])
def test_gaussians_under_an_rbf_kernel_have_their_closed_form(dim: int, shift: float, sd: float) -> None:
    bandwidth = math.sqrt(dim)
    found = measure_mmd(_normal(2000, dim, 0), _normal(1500, dim, 1, shift, sd), _rbf(bandwidth))
    assert abs(found.value - _closed_form(bandwidth, dim, shift, sd)) < 3 * found.standard_error
    assert (found.n, found.m) == (2000, 1500)


def _fresh(shift: float, n: int, m: int) -> list[Mmd]:
    return [
        measure_mmd(_normal(n, 4, 2 * seed), _normal(m, 4, 2 * seed + 1, shift), wae_kernel(4)) for seed in range(300)
    ]


def _spread_and_typical(found: list[Mmd]) -> tuple[float, float]:
    values = np.array([each.value for each in found])
    return float(values.std(ddof=1)), math.sqrt(np.mean([each.standard_error**2 for each in found]))


@pytest.mark.parametrize(("shift", "n", "m"), [(0.2, 200, 150), (0.5, 100, 120)])
def test_the_standard_error_is_the_spread_over_fresh_draws_where_there_is_a_difference(
    shift: float, n: int, m: int
) -> None:
    spread, typical = _spread_and_typical(_fresh(shift, n, m))
    # 300 values of a skewed statistic know their spread to some 6 %: three of those
    assert typical == pytest.approx(spread, rel=0.2)


@pytest.mark.parametrize(("n", "m"), [(120, 120), (60, 180)])
def test_without_a_difference_the_mean_estimate_is_zero_and_its_interval_holds_zero(n: int, m: int) -> None:
    found = _fresh(0.0, n, m)
    values = np.array([each.value for each in found])
    assert abs(values.mean()) < 3 * values.std() / math.sqrt(len(values))
    assert 0.4 < (values < 0).mean() < 0.75
    spread, typical = _spread_and_typical(found)
    assert 0.85 * spread < typical < 1.5 * spread
    # at least the promised 95 %, which 300 draws know to 1.3 %
    assert np.mean([each.low <= 0 <= each.high for each in found]) >= 0.92


def test_the_inverse_multiquadric_is_the_mean_over_its_scales() -> None:
    squared = torch.tensor([0.0, 1.0, 7.0], dtype=torch.float64)
    kernel = wae_kernel(4, prior_sd=0.5)
    scales = 2 * 4 * 0.25 * np.array([0.1, 0.2, 0.5, 1, 2, 5, 10])
    expected = np.mean(scales / (scales + squared.numpy()[:, None]), axis=1)
    np.testing.assert_allclose(kernel(squared), expected, rtol=1e-12)
    assert float(kernel(torch.zeros(()))) == 1


def test_single_precision_codes_far_from_zero_keep_their_answer() -> None:
    x, y = _normal(500, 8, 0), _normal(500, 8, 1, shift=0.2)
    exact = measure_mmd(x, y, wae_kernel(8))
    moved = measure_mmd((x + 100).float(), (y + 100).float(), wae_kernel(8))
    assert moved.value == pytest.approx(exact.value, abs=0.01 * exact.standard_error)
    assert moved.standard_error == pytest.approx(exact.standard_error, rel=1e-3)


def test_unfit_codes_are_refused() -> None:
    with pytest.raises(DataError, match=r"N, M ≥ 4, came \(3, 2\) and \(9, 2\)"):
        measure_mmd(torch.zeros(3, 2), torch.zeros(9, 2), _rbf(1.0))
    with pytest.raises(DataError, match="came NaN or infinity"):
        measure_mmd(torch.full((5, 2), torch.inf), torch.zeros(9, 2), _rbf(1.0))
    assert measure_mmd(torch.ones(9, 2), torch.ones(8, 2), InverseMultiquadric((1.0,))).value == 0
