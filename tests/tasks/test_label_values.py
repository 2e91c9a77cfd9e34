"""What a retraining knows of labels: how many of those that were judged are doubted."""

from __future__ import annotations

import pytest

from tasks.label_values import LabelsChecked
from tests.tasks.card.test_labels import suspect


@pytest.mark.parametrize(
    ("judged", "suspects", "share"), [({}, 0, 0.0), ({"a": 4}, 0, 0.0), ({"a": 3, "b": 1}, 1, 0.25), ({"a": 2}, 2, 1.0)]
)
def test_the_share_in_doubt_is_of_all_that_were_judged_and_none_where_nothing_was(
    judged: dict[str, int], suspects: int, share: float
) -> None:
    doubted = tuple(suspect("a", str(number)) for number in range(suspects))
    assert LabelsChecked(judged=judged, too_few={"c": 9}, suspects=doubted).share == share
