"""Clusters of images: found again, numbered by their size, and none where nothing can be parted."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from vae_core.errors import DataError
from vae_core.evaluation.features.image_clusters import cluster_images, count_clusters

SIZES = (80, 200, 120)


def _three_kinds(apart: float = 6.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    kinds = rng.permutation(np.repeat(np.arange(3), SIZES))
    middles = apart * rng.normal(size=(3, 50))
    return (middles[kinds] + rng.normal(size=(len(kinds), 50))).astype(np.float32), kinds


def test_kinds_that_lie_apart_are_found_and_the_largest_is_the_first() -> None:
    features, kinds = _three_kinds()
    found = cluster_images(features, 3)
    assert found is not None and found.dtype == np.int64
    assert adjusted_rand_score(kinds, found) == 1
    assert np.bincount(found).tolist() == [0, 200, 120, 80]


def test_the_same_set_has_the_same_clusters_and_another_order_of_it_too() -> None:
    features, _ = _three_kinds()
    found = cluster_images(features, 3)
    np.testing.assert_array_equal(cluster_images(features, 3), found)
    np.testing.assert_array_equal(cluster_images(features, 3, seed=1), found)
    assert found is not None
    np.testing.assert_array_equal(cluster_images(features[::-1], 3), found[::-1])


@pytest.mark.parametrize(
    ("n", "count"), [(0, 0), (499, 0), (500, 2), (1_000, 4), (4_000, 16), (5_000, 16), (100_000, 16)]
)
def test_a_small_set_has_fewer_clusters_and_a_smaller_one_none(n: int, count: int) -> None:
    assert count_clusters(n) == count


def test_equal_images_are_no_clusters_and_two_kinds_of_equal_ones_two() -> None:
    assert cluster_images(np.ones((40, 5), np.float32), 4) is None
    assert cluster_images(np.eye(3, dtype=np.float32), 4) is None, "fewer images than clusters"
    assert cluster_images(_three_kinds()[0], 0) is None
    features = np.repeat(np.eye(2, 5, dtype=np.float32), (30, 10), axis=0)
    found = cluster_images(features, 2)
    assert found is not None and found.tolist() == [1] * 30 + [2] * 10


def test_features_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="clusters: expected at least 1 finite features"):
        cluster_images(np.full((9, 2), np.nan, np.float32), 2)
