"""Label errors: what a classifier that did not see the image is sure of. Clusters whose right labels are known."""

from __future__ import annotations

import numpy as np
import pytest

from data_checks.errors import DataChecksError
from data_checks.label_errors import LabelPolicy, count_kinds, find_label_errors

POLICY = LabelPolicy()


def clusters(per_kind: int = 60, kinds: int = 3, spread: float = 0.6) -> tuple[np.ndarray, list[str]]:
    """Features (N, 8) of well separated kinds, and their right labels."""
    random = np.random.default_rng(5)
    middles = random.normal(0, 3, (kinds, 8))
    labels = [f"kind-{number}" for number in range(kinds) for _ in range(per_kind)]
    features = np.repeat(middles, per_kind, axis=0) + random.normal(0, spread, (kinds * per_kind, 8))
    return features.astype(np.float32), labels


def test_flipped_labels_are_found_with_the_label_that_they_had() -> None:
    features, labels = clusters()
    right = list(labels)
    flipped = [3, 61, 70, 130, 150]
    for row in flipped:
        labels[row] = "kind-0" if labels[row] != "kind-0" else "kind-2"

    found = find_label_errors(features, labels, POLICY)

    assert sorted(each.row for each in found.suspects) == flipped
    assert [each.better for each in found.suspects] == [right[each.row] for each in found.suspects]
    assert all(each.given == labels[each.row] and each.score < 0.5 for each in found.suspects)
    assert [each.score for each in found.suspects] == sorted(each.score for each in found.suspects)
    assert found.share == pytest.approx(5 / 180)


def test_right_labels_are_not_suspected() -> None:
    features, labels = clusters()
    found = find_label_errors(features, labels, POLICY)
    assert (found.suspects, found.judged) == ((), {"kind-0": 60, "kind-1": 60, "kind-2": 60})


def test_images_without_a_label_and_kinds_of_few_images_are_left_alone() -> None:
    features, labels = clusters()
    labels[0] = labels[100] = ""
    for row in range(120, 180 - 19):
        labels[row] = ""
    found = find_label_errors(features, labels, POLICY)
    assert (found.judged, found.too_few) == ({"kind-0": 59, "kind-1": 59}, {"kind-2": 19})
    assert found.suspects == ()


@pytest.mark.parametrize("labels", [[""] * 60, ["one"] * 60, ["one"] * 50 + ["two"] * 10])
def test_one_kind_says_nothing(labels: list[str]) -> None:
    features = np.zeros((60, 4), dtype=np.float32)
    found = find_label_errors(features, labels, POLICY)
    assert (found.judged, found.suspects, found.share) == ({}, (), 0.0)
    assert count_kinds(labels, POLICY)[0] == {}


def test_the_same_images_are_suspected_at_every_call() -> None:
    features, labels = clusters(spread=2.5)
    first, second = (find_label_errors(features, labels, POLICY) for _ in range(2))
    assert first == second and first.suspects


def test_labels_at_random_are_mostly_suspected() -> None:
    """What the policy's share is for: a shifted column leaves no label where it belongs."""
    features, labels = clusters(per_kind=100)
    shifted = [labels[(row + 37) % len(labels)] for row in range(len(labels))]
    assert find_label_errors(features, shifted, POLICY).share > POLICY.max_suspected_share


@pytest.mark.parametrize("features", [np.zeros((3, 2)), np.full((4, 2), np.nan), np.zeros(4)])
def test_features_that_do_not_belong_to_the_labels_are_refused(features: np.ndarray) -> None:
    with pytest.raises(DataChecksError, match=r"expected finite features \(N, D\) and N labels"):
        find_label_errors(features.astype(np.float32), ["a", "b", "a", "b"], POLICY)
