"""Are more images beyond the reference's far quantile than belong there? Uses scipy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data_checks.drift.finding import Finding, judge_findings
from data_checks.drift.policy import DriftPolicy
from data_checks.drift.window import find_unusable
from data_checks.sample import Sample
from data_checks.statistics.rates import measure_rate
from data_checks.statistics.two_sample import exceedance_p_value, measure_long_run
from data_checks.verdict import Evidence, Verdict


def judge_recon_error_tail(window: Sample, reference: Sample, policy: DriftPolicy) -> Verdict:
    """Judge the share of images whose error is above the reference's 99th percentile, 1 % by itself."""
    level = policy.rule_level(reference.own)
    return _judge_tail(
        "recon_error_tail", window.recon_error, reference.recon_error, 0.01, policy.tail_excess, level, policy
    )


def judge_norm_tail(window: Sample, reference: Sample, policy: DriftPolicy) -> Verdict:
    """Judge the share of images whose code is longer than 99.9 % of the reference's, 0.1 % by itself."""
    level = policy.rule_level(reference.own)
    return _judge_tail("norm_tail", window.norm, reference.norm, 0.001, policy.norm_tail_excess, level, policy)


def _judge_tail(
    rule: str,
    window: NDArray[np.floating],
    reference: NDArray[np.floating],
    beyond: float,
    excess: float,
    level: float,
    policy: DriftPolicy,
) -> Verdict:
    unusable = find_unusable(rule, rule.removesuffix("_tail"), window, reference)
    if unusable:
        return unusable
    m = len(reference)
    rank = max(1, round(beyond * m))
    threshold = float(np.partition(reference, m - rank)[m - rank])
    above = window > threshold
    # dependent images are worth fewer: count and size shrink alike
    column = above.astype(np.float64)[:, None]
    inflation = float(measure_long_run(column).inflation[0]) if above.any() else 1.0
    n, count = int(len(window) / inflation), int(np.ceil(above.sum() / inflation))
    interval = measure_rate(min(count, n), n, confidence=policy.confidence)
    evidence = Evidence(
        name=rule, value=float(above.mean()), limit=beyond + excess, unit="share", direction="lower",
        low=min(interval.low, float(above.mean())), high=max(interval.high, float(above.mean())), n=len(window),
    )  # fmt: skip
    shown = int(above.sum() / inflation)
    finding = Finding(evidence, exceedance_p_value(shown, n, m, rank), f"threshold {threshold:.4g}")
    return judge_findings(rule, [finding], level)
