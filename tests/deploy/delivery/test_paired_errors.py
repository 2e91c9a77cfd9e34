"""Errors of two versions on the same images: closed forms, and coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from deploy.delivery.paired_errors import measure_clusters, paired_ratio


def _pair(count: int, seed: int, factor: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Errors with a coefficient of variation of 0.5 and a correlation of about 0.98, as two related models have."""
    random = np.random.default_rng(seed)
    champion = random.lognormal(-4, 0.47, count)
    return factor * champion * random.lognormal(-0.005, 0.1, count), champion


def test_equal_errors_have_a_ratio_of_exactly_one() -> None:
    errors = _pair(100, 0)[1]
    assert paired_ratio(errors, errors) == paired_ratio(errors, errors).__class__(1.0, 1.0, 1.0, 100)


def test_a_common_factor_is_the_ratio_without_any_doubt() -> None:
    errors = _pair(100, 1)[1]
    found = paired_ratio(1.3 * errors, errors)
    assert [found.value, found.low, found.high] == pytest.approx([1.3, 1.3, 1.3], rel=1e-12)


def test_the_interval_holds_the_truth_in_95_of_100_cases() -> None:
    """2,000 sets of 400 images; 3 standard deviations of the coverage are 1.5 points."""
    hits = 0
    for seed in range(2_000):
        candidate, champion = _pair(400, seed, factor=1.02)
        found = paired_ratio(candidate, champion)
        hits += found.low <= 1.02 <= found.high
    assert 0.935 <= hits / 2_000 <= 0.965


def test_no_cluster_of_an_equal_model_is_thought_lost() -> None:
    """Bounds for 64 clusters together: in 200 comparisons at most one has any lower bound above 1.1."""
    lost = 0
    for seed in range(200):
        candidate, champion = _pair(2_000, seed)
        clusters = np.random.default_rng(seed).integers(0, 64, 2_000)
        lost += any(each.low > 1.1 for each in measure_clusters(candidate, champion, clusters, 20))
    assert lost <= 1


def test_a_cluster_that_was_lost_is_found_and_its_neighbours_are_not() -> None:
    candidate, champion = _pair(2_000, 3)
    clusters = np.arange(2_000) % 20
    candidate[clusters == 7] *= 1.4
    lost = [each for each in measure_clusters(candidate, champion, clusters, 20) if each.low > 1.1]
    assert [(each.cluster, each.n) for each in lost] == [(7, 100)]
    assert lost[0].ratio == pytest.approx(1.4, rel=0.03)


def test_clusters_of_few_images_are_left_out() -> None:
    candidate, champion = _pair(30, 4)
    clusters = np.array([0] * 20 + [1] * 9 + [2])
    assert [each.cluster for each in measure_clusters(candidate, champion, clusters, 10)] == [0]
    assert [each.cluster for each in measure_clusters(candidate, champion, clusters, 1)] == [0, 1], (
        "one image has no spread"
    )


@pytest.mark.parametrize(
    ("candidate", "champion", "message"),
    [
        (np.ones(3), np.ones(4), r"came \(3,\) and \(4,\)"),
        (np.ones(1), np.ones(1), r"2 or more, came \(1,\)"),
        (np.ones(3), np.zeros(3), r"errors above 0, came a mean of 0"),
    ],
)
def test_what_cannot_be_compared_is_refused(candidate: np.ndarray, champion: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paired_ratio(candidate, champion)
