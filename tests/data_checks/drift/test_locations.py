"""Error, KL, distance from the codes and image statistics that moved as a whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data_checks.drift.judge import judge_window
from data_checks.verdict import Phase
from tests.data_checks.drift.grids import Grids
from tests.data_checks.drift.healthy import POLICY, REFERENCE, SOURCE, healthy
from tests.data_checks.drift.traffic import window_of


def test_easier_images_are_no_fault_of_the_version() -> None:
    window = window_of(SOURCE.draw(2000, np.random.default_rng(7), error_factor=0.5))
    assert judge_window(window, REFERENCE, POLICY).verdicts["recon_error"].phase is Phase.passed


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("kl", {"own": lambda s: {**s.own, "kl": s.column("kl") * 0.8}}),
        ("image_statistics", {"image_entropy": lambda s: s.image_entropy + 0.3}),
    ],
)
def test_each_rule_finds_its_own_change(rule: str, change: dict) -> None:
    sample = healthy(seed=6)
    window = window_of(replace(sample, **{name: make(sample) for name, make in change.items()}))
    assert rule in judge_window(window, REFERENCE, POLICY).failed


def test_vectors_that_moved_away_from_their_codes_fail_the_distance_either_way() -> None:
    grids = Grids(1)
    reference = grids.sample(3000, np.random.default_rng(100))
    for factor in (0.75, 1.3):
        window = grids.sample(2000, np.random.default_rng(2), distance=factor)
        judgement = judge_window(window_of(window), reference, POLICY)
        assert judgement.failed == ("code_distance",)
        assert "code_distance_change" in judgement.verdicts["code_distance"].reason
