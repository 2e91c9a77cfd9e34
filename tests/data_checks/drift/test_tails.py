"""More images beyond the reference's far quantile than belong there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data_checks.drift.judge import judge_window
from tests.data_checks.drift.healthy import POLICY, REFERENCE, healthy
from tests.data_checks.drift.traffic import window_of


def test_a_window_whose_every_image_is_beyond_the_tail_is_judged() -> None:
    window = replace(healthy(), recon_error=healthy().recon_error + REFERENCE.recon_error.max())
    verdict = judge_window(window_of(window), REFERENCE, POLICY).verdicts["recon_error_tail"]
    assert verdict.failed
    assert verdict.reason.startswith("recon_error_tail: recon_error_tail 1 ")


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("norm_tail", {"norm": lambda s: np.where(np.arange(len(s)) % 30 == 0, 3 * s.norm, s.norm)}),
        ("recon_error_tail", {"recon_error": lambda s: s.recon_error * np.where(np.arange(len(s)) % 25 == 0, 30, 1)}),
    ],
)
def test_each_rule_finds_its_own_change(rule: str, change: dict) -> None:
    sample = healthy(seed=6)
    window = window_of(replace(sample, **{name: make(sample) for name, make in change.items()}))
    assert rule in judge_window(window, REFERENCE, POLICY).failed
