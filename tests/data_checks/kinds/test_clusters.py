import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import pairwise_distances_argmin

from data_checks.kinds.clusters import Clusters, fit_clusters


def three_heaps(rng: np.random.Generator, counts: tuple[int, ...] = (100, 50, 50)) -> np.ndarray:
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    return np.repeat(centres, counts, axis=0) + rng.normal(0, 0.1, (sum(counts), 2))


def test_separate_heaps_become_clusters_with_their_shares() -> None:
    points = three_heaps(np.random.default_rng(0))
    clusters = fit_clusters(points, k=3, seed=0)
    assert len(clusters) == 3
    assert sorted(clusters.shares(points).tolist()) == [0.25, 0.25, 0.5]
    assigned = clusters.assign(points)
    assert len(set(assigned[:100])) == len(set(assigned[100:150])) == len(set(assigned[150:])) == 1
    # the centre of a heap is the mean of its points
    np.testing.assert_allclose(clusters.centres[assigned[0]], points[:100].mean(axis=0), atol=1e-12)


def test_points_go_to_the_nearest_centre_as_scikit_learn_finds_it() -> None:
    rng = np.random.default_rng(1)
    reference, window = rng.normal(size=(2000, 8)), rng.normal(1, 2, (500, 8)).astype(np.float16)
    clusters = fit_clusters(reference, seed=3)
    assert len(clusters) == 64
    expected = pairwise_distances_argmin(window.astype(np.float64), clusters.centres)
    np.testing.assert_array_equal(clusters.assign(window), expected)
    np.testing.assert_allclose(clusters.shares(window), np.bincount(expected, minlength=64) / 500)


def test_the_same_codes_and_seed_give_the_same_clusters() -> None:
    codes = np.random.default_rng(2).normal(size=(500, 4)).astype(np.float16)
    once, again, other = (fit_clusters(codes, k=8, seed=seed).centres for seed in (5, 5, 6))
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)


@pytest.mark.parametrize(("different", "found"), [(1, 1), (5, 5), (64, 64), (70, 64)])
def test_there_are_no_more_clusters_than_points_that_differ(different: int, found: int) -> None:
    points = np.tile(np.arange(different, dtype=float)[:, None], (4, 3))
    assert len(fit_clusters(points, seed=0)) == found


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-1e3, 1e3)), max_size=40))
def test_cluster_means_are_those_of_each_cluster_alone(rows: list[tuple[int, float]]) -> None:
    clusters = Clusters(np.arange(4.0)[:, None])
    assigned = np.array([cluster for cluster, _ in rows], dtype=np.int64)
    values = np.array([value for _, value in rows], dtype=np.float64)
    means = clusters.average(assigned, values)
    for cluster in range(4):
        own = values[assigned == cluster]
        assert means.count[cluster] == len(own)
        expected = own.mean() if len(own) else np.nan
        spread = own.std(ddof=1) if len(own) > 1 else np.nan
        np.testing.assert_allclose(means.mean[cluster], expected, atol=1e-9)
        # squares of up to 1e6, summed over at most 40 values in float64
        np.testing.assert_allclose(means.sd[cluster], spread, rtol=1e-7, atol=1e-6)


def test_a_candidate_that_lost_one_place_shows_it_in_that_cluster_alone() -> None:
    rng = np.random.default_rng(4)
    codes = three_heaps(rng)
    clusters = fit_clusters(codes, k=3, seed=0)
    assigned, change = clusters.assign(codes), rng.normal(0, 1e-4, 200)
    change[100:150] += 0.01
    means = clusters.average(assigned, change)
    lost = assigned[100]
    assert means.count[lost] == 50
    assert means.mean[lost] > 0.009
    assert np.abs(np.delete(means.mean, lost)).max() < 1e-4


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (np.zeros((0, 3)), r"at least one point \(N, D\), came \(0, 3\)"),
        (np.zeros(3), r"at least one point \(N, D\), came \(3,\)"),
        (np.array([[0.0], [np.nan], [np.inf]]), "2 points are NaN or infinite"),
    ],
    ids=["none", "flat", "not finite"],
)
def test_what_cannot_be_clustered_is_refused_by_name(points: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fit_clusters(points, seed=0)


def test_codes_of_another_model_are_refused() -> None:
    clusters = Clusters(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"\(N, 3\), came \(5, 4\)"):
        clusters.assign(np.zeros((5, 4)))
    with pytest.raises(ValueError, match=r"one value a cluster number, came \(4,\) for \(5,\)"):
        clusters.average(np.zeros(5, dtype=np.int64), np.zeros(4))
