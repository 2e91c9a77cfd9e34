"""Codes that left the reference: location, shape, and the aggregated posterior."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data_checks.drift.judge import judge_window
from data_checks.verdict import Phase
from tests.data_checks.drift.healthy import POLICY, REFERENCE, healthy
from tests.data_checks.drift.traffic import window_of


def test_a_dead_unit_of_the_reference_is_left_out_and_the_others_are_judged() -> None:
    dead = replace(REFERENCE, mu=np.where(np.arange(32) == 31, 0.0, REFERENCE.mu))
    window = healthy()
    still = replace(window, mu=np.where(np.arange(32) == 31, 0.0, window.mu))
    assert judge_window(window_of(still), dead, POLICY).verdicts["latent_code"].phase is Phase.passed


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        (
            "aggregated_posterior",
            {"own": lambda s: {**s.own, "logvar": s.column("logvar") + np.where(np.arange(32) < 3, 3.0, 0.0)}},
        ),
        ("latent_code", {"mu": lambda s: s.mu * np.where(np.arange(32) == 4, 2.5, 1.0)}),
    ],
)
def test_each_rule_finds_its_own_change(rule: str, change: dict) -> None:
    sample = healthy(seed=6)
    window = window_of(replace(sample, **{name: make(sample) for name, make in change.items()}))
    assert rule in judge_window(window, REFERENCE, POLICY).failed
