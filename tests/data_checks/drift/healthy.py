"""Healthy traffic of one model, its reference, and the policy by which both are judged."""

from __future__ import annotations

import numpy as np

from data_checks.drift.policy import DriftPolicy
from data_checks.sample import Sample
from tests.data_checks.drift.traffic import Source

SOURCE = Source(1)
POLICY = DriftPolicy()
REFERENCE = SOURCE.draw(3000, np.random.default_rng(100))


def healthy(n: int = 2000, seed: int = 0) -> Sample:
    """Images that follow the reference's law."""
    return SOURCE.draw(n, np.random.default_rng(seed))
