"""What a retraining does after its budgets, counted in images."""

from __future__ import annotations

import pytest

from latentloop.init.proposing.afterwards import Measuring, count_measuring
from latentloop.trial_steps import EvaluationCost


@pytest.mark.parametrize(
    ("images", "held_out", "labelled", "expected"),
    [
        # labels of all; the benchmark, its reconstructions, as many others, a thousand samples
        (1_756, 351, True, Measuring(features=1_756 + 3 * 351 + 1_000, scored=1_405 + 4 * 351, samples=1_048)),
        (1_756, 351, False, Measuring(features=3 * 351 + 1_000, scored=1_405 + 3 * 351, samples=1_048)),
        # of many labels only the newest 20,000, and of a large benchmark 5,000 images and samples
        (60_000, 5_000, True, Measuring(features=20_000 + 4 * 5_000, scored=55_000 + 4 * 5_000, samples=5_048)),
        (10_000, 2_000, False, Measuring(features=3 * 2_000 + 2_000, scored=8_000 + 3 * 2_000, samples=2_048)),
    ],
)
def test_images_are_counted_as_often_as_they_are_seen(
    images: int, held_out: int, labelled: bool, expected: Measuring
) -> None:
    assert count_measuring(images, held_out, labelled=labelled) == expected


def test_the_seconds_are_the_sum_over_what_each_image_costs() -> None:
    cost = EvaluationCost(feature_s=0.01, score_s=0.002, sample_s=0.03)
    assert Measuring(features=1_000, scored=500, samples=100).seconds(cost) == pytest.approx(10 + 1 + 3)
