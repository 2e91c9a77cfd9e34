"""A trial whose candidate is so many times as bad as its champion."""

from __future__ import annotations

import numpy as np

from data_checks.verdict import Verdict
from deploy.delivery.trial import FrechetChange, Trial
from deploy.delivery.trial_policy import DAY_S, DeliveryPolicy

POLICY = DeliveryPolicy()
THRESHOLD = 2.4  # about the 99th percentile of the champion's errors below
NO_CHANGE = FrechetChange(value=0.001, low=-0.004, high=0.006, n=4_320)


def trial(factor: float = 1.0, n: int = 4_000, *, elapsed_s: float = DAY_S, seed: int = 0) -> Trial:
    """Lognormal errors of CV 0.5, pair noise of sd 0.1, the candidate's mean `factor` times the champion's."""
    rng = np.random.default_rng(seed)
    champion = rng.lognormal(-0.11, 0.47, n)
    return Trial(
        champion_error=champion,
        candidate_error=factor * champion * rng.lognormal(-0.005, 0.1, n),
        failures=0,
        canary_answered=300,
        champion_latency_ms=rng.gamma(4, 5, 5_700),
        canary_latency_ms=rng.gamma(4, 5, 300),
        tail_threshold=THRESHOLD,
        elapsed_s=elapsed_s,
        frechet=NO_CHANGE,
    )


def values(verdict: Verdict) -> dict[str, float]:
    return {each.name: each.value for each in verdict.evidence}
