"""Label errors: what a classifier that did not see the image is sure of. Clusters whose right labels are known."""

from __future__ import annotations

import numpy as np
import pytest

from data_checks.errors import DataChecksError
from data_checks.label_errors import LabelPolicy, count_kinds, find_label_errors

POLICY = LabelPolicy()


def clusters(per_kind: int = 80, kinds: int = 4, spread: float = 0.6) -> tuple[np.ndarray, list[str]]:
    """Features (N, 8) of well separated kinds, and their right labels."""
    random = np.random.default_rng(5)
    middles = random.normal(0, 3, (kinds, 8))
    labels = [f"kind-{number}" for number in range(kinds) for _ in range(per_kind)]
    features = np.repeat(middles, per_kind, axis=0) + random.normal(0, spread, (kinds * per_kind, 8))
    return features.astype(np.float32), labels


def replace_some(labels: list[str], share: float) -> tuple[list[str], list[int]]:
    """Labels of which this share is one of the other kinds at random, and their rows."""
    random, kinds = np.random.default_rng(2), sorted(set(labels))
    rows = sorted(random.permutation(len(labels))[: round(share * len(labels))].tolist())
    given = list(labels)
    for row in rows:
        given[row] = str(random.choice([kind for kind in kinds if kind != labels[row]]))
    return given, rows


def test_wrong_labels_are_found_with_the_label_that_they_had() -> None:
    features, labels = clusters(per_kind=150, kinds=6)
    given, wrong = replace_some(labels, 0.03)

    found = find_label_errors(features, given, POLICY)

    assert sorted(each.row for each in found.suspects) == wrong
    assert [each.better for each in found.suspects] == [labels[each.row] for each in found.suspects]
    assert all(each.given == given[each.row] and each.score < 0.5 for each in found.suspects)
    assert [each.score for each in found.suspects] == sorted(each.score for each in found.suspects)
    assert found.share == pytest.approx(len(wrong) / 900) and found.agreement == pytest.approx(1 - len(wrong) / 900)


def test_right_labels_are_not_suspected() -> None:
    features, labels = clusters()
    found = find_label_errors(features, labels, POLICY)
    assert (found.suspects, found.judged) == ((), dict.fromkeys(["kind-0", "kind-1", "kind-2", "kind-3"], 80))


def test_images_without_a_label_and_kinds_of_few_images_are_left_alone() -> None:
    features, labels = clusters(per_kind=60, kinds=3)
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
    assert (found.judged, found.suspects, found.share, found.agreement) == ({}, (), 0.0, None)
    assert count_kinds(labels, POLICY)[0] == {}


def test_the_same_images_are_suspected_at_every_call() -> None:
    features, labels = clusters()
    labels, _ = replace_some(labels, 0.03)
    first, second = (find_label_errors(features, labels, POLICY) for _ in range(2))
    assert first == second and first.suspects


def test_a_third_of_labels_by_chance_is_more_than_a_training_should_begin_with() -> None:
    features, labels = clusters(kinds=6)
    given, wrong = replace_some(labels, 0.33)
    found = find_label_errors(features, given, POLICY)
    suspected = {each.row for each in found.suspects}
    assert suspected <= set(wrong) and len(suspected) > 0.8 * len(wrong)
    assert found.share > POLICY.max_suspected_share


def test_labels_that_the_pictures_do_not_tell_are_not_suspected() -> None:
    features, labels = clusters(per_kind=100)
    shuffled = np.random.default_rng(1).permutation(labels).tolist()
    found = find_label_errors(features, shuffled, POLICY)
    assert not found.tells_kinds and found.suspects == ()
    assert found.agreement == pytest.approx(1 / 3, abs=0.1)


@pytest.mark.parametrize("features", [np.zeros((3, 2)), np.full((4, 2), np.nan), np.zeros(4)])
def test_features_that_do_not_belong_to_the_labels_are_refused(features: np.ndarray) -> None:
    with pytest.raises(DataChecksError, match=r"expected finite features \(N, D\) and N labels"):
        find_label_errors(features.astype(np.float32), ["a", "b", "a", "b"], POLICY)
