"""A rule fails where an effect is both beyond chance and large enough to matter, and on nothing less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from data_checks.drift.judge import judge_window
from data_checks.verdict import Phase
from tests.data_checks.drift.healthy import POLICY, REFERENCE, SOURCE, healthy
from tests.data_checks.drift.traffic import window_of


def test_a_significant_change_that_is_too_small_to_matter_does_not_fail() -> None:
    strict = POLICY.model_copy(update={"error_change": 0.02})
    window = window_of(SOURCE.draw(20_000, np.random.default_rng(8), error_factor=1.05))
    reference = SOURCE.draw(20_000, np.random.default_rng(9))
    assert judge_window(window, reference, strict).verdicts["recon_error"].phase is Phase.failed
    assert judge_window(window, reference, POLICY).verdicts["recon_error"].phase is Phase.passed


def test_a_large_change_that_could_be_chance_is_inconclusive() -> None:
    rng = np.random.default_rng(10)
    sample = healthy(500)
    wild = replace(sample, recon_error=sample.recon_error * np.exp(rng.normal(0.3, 2, 500)))
    verdict = judge_window(window_of(wild), REFERENCE, POLICY).verdicts["recon_error"]
    assert verdict.phase is Phase.inconclusive
    assert "too noisy to tell" in verdict.reason
