"""The shared distance under a kernel whose answer is known: the product, which sees nothing but the means."""

import numpy as np
import pytest
import torch

from vae_core.evaluation.distances.u_statistic import measure_kernel_distance


def _product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return a @ b.T


@pytest.mark.parametrize("block", [3, 64])
def test_under_a_product_it_is_the_squared_distance_of_the_means_without_its_bias(block: int) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(20, 3)), rng.normal(size=(15, 3)) + 0.5
    found = measure_kernel_distance(torch.from_numpy(a), torch.from_numpy(b), _product, block=block)
    bias = np.trace(np.cov(a.T)) / 20 + np.trace(np.cov(b.T)) / 15
    assert found.value == pytest.approx(np.square(a.mean(0) - b.mean(0)).sum() - bias, rel=1e-10)
    assert (found.n_a, found.n_b) == (20, 15)
    assert found.high - found.value == pytest.approx(1.959964 * found.standard_error, rel=1e-6)


def test_its_squared_error_is_unbiased_where_the_sets_differ() -> None:
    rng = np.random.default_rng(1)
    draws = [
        measure_kernel_distance(
            torch.from_numpy(rng.normal(size=(40, 2))),
            torch.from_numpy(rng.normal(size=(30, 2)) + 1),
            _product,
            block=64,
        )
        for _ in range(500)
    ]
    values = np.array([each.value for each in draws])
    # Var |d|² = 4 |m|² s + 2 D s² with s = 1/n + 1/m the variance of each coordinate of d, to order 1/n²
    s = 1 / 40 + 1 / 30
    exact = 4 * 2 * s + 2 * 2 * s**2
    # 500 values know their variance to about 6.5 %: three of those
    assert values.var(ddof=1) == pytest.approx(exact, rel=0.2)
    assert np.mean([each.standard_error**2 for each in draws]) == pytest.approx(exact, rel=0.05)
