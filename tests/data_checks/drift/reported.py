"""Small reports of a drift, of the four phases a verdict may have."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from data_checks.drift.report import DriftReport, run_drift_report
from data_checks.sample import Sample
from data_checks.verdict import Evidence, Phase, Verdict
from tests.data_checks.kinds.drawn import draw, known_kinds, season_kinds

AT = datetime(2025, 6, 1, 12, 30, tzinfo=UTC)


def number(name: str, value: float, limit: float) -> Evidence:
    """One number of 2,000 images, beside its limit."""
    return Evidence(name=name, value=value, limit=limit, unit="", direction="lower", n=2000)


VERDICTS = {
    "recon_error": Verdict(
        phase=Phase.failed,
        reason="recon_error rose by 0.29 [0.25, 0.33] > limit 0.05 (n=2000)",
        evidence=(number("mean", 0.01, 0.02), number("relative rise", 0.29, 0.05)),
    ),
    "refused_low_variance": Verdict(
        phase=Phase.passed, reason="refused_low_variance 0.001 <= limit 0.01", evidence=(number("rate", 0.001, 0.01),)
    ),
    "kl": Verdict(phase=Phase.inconclusive, reason="the interval holds the limit", evidence=(number("rise", 0.6, 1),)),
    "aggregated_posterior": Verdict(phase=Phase.no_data, reason="cannot judge: 600 images, at least 2000 needed"),
}


def ordinary(n: int = 600, seed: int = 0) -> Sample:
    """Known kinds."""
    rng = np.random.default_rng(seed)
    return draw(known_kinds(n, rng), rng)


def season(n: int = 600) -> Sample:
    """The same with two in five of a new kind."""
    rng = np.random.default_rng(1)
    return draw(season_kinds(n, 0.4, rng), rng)


def report(current: Sample, reference: Sample | None, verdicts: dict[str, Verdict] = VERDICTS) -> DriftReport:
    """A report of these verdicts, drawn of 300 images of either side."""
    return run_drift_report(current, reference, verdicts, name="fashion: suspicion", at=AT, max_rows=300, seed=0)
