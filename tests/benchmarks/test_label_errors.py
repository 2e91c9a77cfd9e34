"""The benchmark's own counting: what is flipped, what is found of it, and which label is proposed."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.label_errors import flip, score
from data_checks.label_errors import LabelJudgement, SuspectedLabel


def test_as_many_labels_as_asked_become_another_kind_and_no_kind_is_preferred() -> None:
    labels = np.arange(10_000) % 10
    flipped = flip(labels, 10, 0.05, np.random.default_rng(0))
    changed = flipped != labels
    assert changed.sum() == 500
    assert set(flipped) == set(range(10))
    steps = np.bincount((flipped - labels)[changed] % 10, minlength=10)
    assert steps[0] == 0 and steps[1:].min() > 30, "56 expected of each of nine"


def test_found_right_and_better_are_counted_against_what_was_flipped() -> None:
    true, given = np.array([0, 1, 2, 0, 1]), np.array([1, 1, 0, 0, 2])
    suspects = (
        SuspectedLabel(row=0, given="1", better="0", score=0.01),
        SuspectedLabel(row=2, given="0", better="1", score=0.02),
        SuspectedLabel(row=3, given="0", better="1", score=0.03),
    )
    found = score(LabelJudgement({"0": 2, "1": 2, "2": 1}, {}, 0.9, suspects), given, true)
    assert (found.found, found.right, found.better_right) == (pytest.approx(2 / 3), pytest.approx(2 / 3), 0.5)
