"""Occupancy and histogram distances against scipy, enumeration and fresh draws."""

import math

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st

from vae_core.errors import DataError
from vae_core.evaluation.codes.occupancy import assign_cells, compare_histograms, count_codes, measure_occupancy

counts_lists = st.lists(st.integers(0, 50), min_size=1, max_size=12).filter(any)


@given(counts_lists)
def test_perplexity_is_scipys_entropy_and_lies_between_one_and_the_used_cells(counts: list[int]) -> None:
    found = measure_occupancy(np.array(counts))
    assert found.perplexity == pytest.approx(math.exp(scipy.stats.entropy(counts)), rel=1e-9)
    assert 1 - 1e-9 <= found.perplexity <= found.used + 1e-9
    assert (found.n, found.cells, found.used) == (sum(counts), len(counts), sum(count > 0 for count in counts))


def test_codes_of_any_shape_are_counted_and_strangers_refused() -> None:
    codes = torch.tensor([[[0, 2], [2, 2]]])
    assert count_codes(codes, 4).tolist() == [1, 0, 3, 0]
    for bad, message in (
        (torch.tensor([0, 4]), r"codes on 0\.\.3, came 0\.\.4"),
        (torch.tensor([-1]), r"came -1\.\.-1"),
        (torch.tensor([0.0]), "integer code, came torch.float32"),
        (torch.empty(0, dtype=torch.int64), "at least one integer code"),
    ):
        with pytest.raises(DataError, match=message):
            count_codes(bad, 4)


def test_points_belong_to_the_nearest_centre_also_far_from_zero() -> None:
    generator = torch.Generator().manual_seed(0)
    points, centres = torch.randn((5000, 6), generator=generator), torch.randn((40, 6), generator=generator)
    expected = torch.from_numpy(scipy.spatial.distance.cdist(points, centres).argmin(1))
    assert bool((assign_cells(points, centres) == expected).all())
    far = assign_cells((points + 1000).double(), (centres + 1000).double())
    assert bool((far == expected).all())
    assert assign_cells(torch.zeros(1, 1), torch.tensor([[1.0], [1.0], [-1.0]])).tolist() == [0]


def test_points_of_another_width_or_without_a_place_are_refused() -> None:
    with pytest.raises(DataError, match=r"came \(3, 2\) and \(4, 3\)"):
        assign_cells(torch.zeros(3, 2), torch.zeros(4, 3))
    with pytest.raises(DataError, match="came NaN or infinity"):
        assign_cells(torch.full((3, 2), torch.nan), torch.zeros(4, 2))


@given(counts_lists, st.randoms(use_true_random=False))
def test_the_distance_is_scipys_jensen_shannon_distance_in_bits(counts: list[int], random: object) -> None:
    a = np.array(counts)
    b = np.random.default_rng(len(counts)).permutation(a) + 1
    expected = scipy.spatial.distance.jensenshannon(a, b, base=2)
    found = compare_histograms(a, b, np.random.default_rng(0), draws=5)
    # a root of a difference of entropies: rounding of 1e-16 becomes 1e-8
    assert found.distance == pytest.approx(expected, abs=3e-8)
    assert compare_histograms(b, a, np.random.default_rng(0), draws=5).distance == pytest.approx(expected, abs=3e-8)


def test_histograms_apart_are_at_distance_one_and_equal_ones_at_none() -> None:
    rng = np.random.default_rng(0)
    assert compare_histograms(np.array([5, 0]), np.array([0, 9]), rng).distance == pytest.approx(1)
    assert compare_histograms(np.array([5, 3]), np.array([10, 6]), rng).distance == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize(("cells", "n_a", "n_b"), [(64, 500, 500), (256, 150, 1500)])
def test_two_samples_of_one_distribution_rarely_exceed_the_floor(cells: int, n_a: int, n_b: int) -> None:
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(cells))
    found = [
        compare_histograms(rng.multinomial(n_a, shares), rng.multinomial(n_b, shares), rng, draws=100)
        for _ in range(150)
    ]
    # 1 in 20, of which 150 pairs know 1.8 %; three of those either way
    assert 0.01 <= np.mean([each.distance > each.floor_p95 for each in found]) <= 0.105
    typical = np.mean([each.distance for each in found])
    assert np.mean([each.floor_mean for each in found]) == pytest.approx(typical, rel=0.03)


def test_a_real_change_exceeds_the_floor() -> None:
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(64))
    found = compare_histograms(rng.multinomial(2000, shares), rng.multinomial(2000, shares[::-1]), rng)
    assert found.floor_mean < found.floor_p95 < 0.2 < found.distance
    assert (found.n_a, found.n_b) == (2000, 2000)


@pytest.mark.parametrize(
    "counts", [np.zeros(3, np.int64), np.array([2, -1]), np.array([0.5]), np.zeros((0,), np.int64)]
)
def test_what_counts_nothing_is_refused(counts: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"counts \(K,\) of at least one point"):
        measure_occupancy(counts)


def test_histograms_of_different_cells_do_not_compare() -> None:
    with pytest.raises(DataError, match="histograms of 2 and 3 cells"):
        compare_histograms(np.array([1, 1]), np.array([1, 1, 1]), np.random.default_rng(0))
