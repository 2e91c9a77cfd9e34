"""What is asked of a candidate, one question a function: each answers with a `Verdict` that holds both numbers.

Bounds hold at every moment (`paired_bounds.py`, `data_checks/statistics`), so asking again and again is harmless.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data_checks.shown_text import shorten
from data_checks.statistics.confidence_sequence import bound_mean
from data_checks.statistics.rate_sequence import bound_rate
from data_checks.verdict import LONGEST_REASON, Evidence, Phase, Verdict
from deploy.delivery.paired_bounds import bound_error, bound_since_restart, bound_tail
from deploy.delivery.trial_policy import DeliveryPolicy

Floats = NDArray[np.float64]

SHARE_ABOVE_P99 = 0.01


def judge_error(reference: Floats, judged: Floats, names: tuple[str, str], policy: DeliveryPolicy) -> Verdict:
    """Judge mean(judged - (1 + margin) * reference), shown as a relative change of the reference's mean.

    Errors (N,) of the same images, finite, >= 0 and not constant; `names` of the judged one and of the reference.
    """
    scale, n = float(reference.mean()), len(reference)
    bounds = bound_error(reference, judged, policy)
    low, high = (policy.recon_error_margin + float(each[-1]) / scale for each in (bounds.low, bounds.high))
    evidence = Evidence(
        name="recon_error_change", value=float(judged.mean()) / scale - 1, limit=policy.recon_error_margin,
        unit="share", direction="lower", n=n, **_interval(low, high),
    )  # fmt: skip
    means = f"{names[0]} {judged.mean():.4g} against {names[1]} {scale:.4g}"
    verdict = decide(evidence, low, high, means, policy)
    return verdict if verdict.failed else _judge_newest(reference, judged, verdict, names, policy)


def _judge_newest(
    reference: Floats, judged: Floats, verdict: Verdict, names: tuple[str, str], policy: DeliveryPolicy
) -> Verdict:
    """Failed when the newest pairs alone show it; otherwise what all pairs say."""
    every, n = policy.restart_every_pairs, len(reference)
    last = (n - 1) // every
    for restart in range(max(1, last - 1), last + 1):
        theirs, mine = float(reference[restart * every :].mean()), float(judged[restart * every :].mean())
        bounds = bound_since_restart(reference, judged, policy, restart)
        low, high = (policy.recon_error_margin + float(each[-1]) / theirs for each in (bounds.low, bounds.high))
        if low > policy.recon_error_margin:
            newest = Evidence(
                name="recon_error_change_newest", value=mine / theirs - 1, limit=policy.recon_error_margin,
                unit="share", direction="lower", n=n - restart * every, **_interval(low, high),
            )  # fmt: skip
            reason = (
                f"on the newest {n - restart * every} pairs {names[0]} {mine:.4g} against {names[1]} {theirs:.4g}: "
                f"change {mine / theirs - 1:+.4f}: lower bound {low:.4g} > limit {policy.recon_error_margin:.4g}; "
                f"on all: {verdict.reason}"
            )
            return Verdict(
                phase=Phase.failed, reason=shorten(reason, LONGEST_REASON), evidence=(*verdict.evidence, newest)
            )
    return verdict


def judge_tail(champion: Floats, candidate: Floats, threshold: float | None, policy: DeliveryPolicy) -> Verdict:
    """Judge the share of images above the champion reference's 99th percentile, candidate minus champion."""
    if threshold is None or not np.isfinite(threshold):
        reason = "recon_error_tail: cannot judge, the champion has no reference whose 99th percentile could be exceeded"
        return Verdict(phase=Phase.no_data, reason=reason)
    bounds = bound_tail(champion, candidate, threshold, policy)
    low, high = (policy.tail_excess + float(each[-1]) for each in (bounds.low, bounds.high))
    above, expected = (float(np.mean(errors > threshold)) for errors in (candidate, champion))
    evidence = Evidence(
        name="recon_error_tail_excess", value=above - expected, limit=policy.tail_excess,
        unit="share", direction="lower", n=len(champion), **_interval(low, high),
    )  # fmt: skip
    means = f"candidate {above:.2%} against champion {expected:.2%} above {threshold:.4g}"
    return decide(evidence, low, high, means, policy)


def judge_failures(failures: int, tried: int, policy: DeliveryPolicy) -> Verdict:
    """Judge the share of the tried images that the candidate failed on."""
    if tried == 0:
        return Verdict(phase=Phase.no_data, reason="failure_share: the candidate was tried on 0 images")
    limit = policy.max_failure_share
    bounds = bound_rate(failures, tried, alpha=policy.alpha_of_a_bound, expected=limit)
    low, high = float(bounds.low), float(bounds.high)
    evidence = Evidence(
        name="failure_share", value=failures / tried, limit=limit,
        unit="share", direction="lower", n=tried, **_interval(low, high),
    )  # fmt: skip
    return decide(evidence, low, high, f"candidate failed on {failures} of {tried} images", policy)


def judge_answers(failures: int, tried: int, policy: DeliveryPolicy) -> Verdict:
    """Judge the share of the images it was to answer that the canary failed on.

    Among the pairs those few are thinned by what it scores beside the champion. One-sided: that it works is proved by
    the pairs, so a few answers need no proof of their own.
    """
    limit = policy.max_failure_share
    low = float(bound_rate(failures, tried, alpha=policy.alpha_of_a_bound, expected=limit).low)
    evidence = Evidence(
        name="canary_failure_share", value=failures / tried, limit=limit, unit="share", direction="lower", n=tried
    )
    if low > limit:
        phase, judged = Phase.failed, f"lower bound {low:.4g} > limit {limit:.4g}"
    elif evidence.within_limit:
        phase, judged = Phase.passed, "within the limit"
    else:
        phase, judged = Phase.inconclusive, f"lower bound {low:.4g} <= limit {limit:.4g}"
    means = f"canary failed on {failures} of the {tried} images it was to answer"
    return Verdict(phase=phase, reason=f"{means}: {evidence.describe()}: {judged}", evidence=(evidence,))


def judge_latency(canary_ms: Floats, champion_ms: Floats, answered: int, policy: DeliveryPolicy) -> Verdict:
    """Judge the 99th percentile of the canary's answers; a machine that is slow for both is not the canary's fault."""
    canary, champion = (each[np.isfinite(each)] for each in (canary_ms, champion_ms))
    n, limit = len(canary), policy.max_latency_p99_ms
    if n < policy.canary_min_answers:
        phase = Phase.inconclusive if n else Phase.no_data
        reason = f"latency_p99: {n} latencies of {answered} canary answers, at least {policy.canary_min_answers} needed"
        return Verdict(phase=phase, reason=reason)
    p99 = float(np.quantile(canary, 0.99))
    evidence = Evidence(name="latency_p99", value=p99, limit=limit, unit="ms", direction="lower", n=n)
    if evidence.within_limit:
        return Verdict(phase=Phase.passed, reason=evidence.describe(), evidence=(evidence,))
    slow, start = canary > limit, policy.canary_min_answers
    bounds = bound_mean(
        slow.astype(np.float64) - SHARE_ABOVE_P99,
        alpha=policy.alpha_of_a_bound, start_low=start, start_high=start, variance_floor=SHARE_ABOVE_P99,
    )  # fmt: skip
    low = float(bounds.low[-1])
    beside = float(np.quantile(champion, 0.99)) if len(champion) else 0.0
    shares = f"{slow.mean():.2%} of its answers are slower, lower bound {SHARE_ABOVE_P99 + low:.2%}"
    if beside > limit:
        phase, judged = Phase.inconclusive, f"the champion is slow too, p99 {beside:.4g} ms (n={len(champion)})"
    elif low > 0:
        phase, judged = Phase.failed, f"{shares} > {SHARE_ABOVE_P99:.0%}; champion {beside:.4g} ms (n={len(champion)})"
    else:
        phase, judged = Phase.inconclusive, f"{shares} <= {SHARE_ABOVE_P99:.0%}"
    return Verdict(phase=phase, reason=f"{evidence.describe()}: {judged}", evidence=(evidence,))


def decide(evidence: Evidence, low: float, high: float, means: str, policy: DeliveryPolicy) -> Verdict:
    """Beyond the limit, within it, or not known yet."""
    limit = evidence.limit
    assert limit is not None
    if low > limit:
        phase, judged = Phase.failed, f"lower bound {low:.4g} > limit {limit:.4g}"
    elif high < limit:
        phase, judged = Phase.passed, f"upper bound {high:.4g} < limit {limit:.4g}"
    elif not np.isfinite(high):
        phase = Phase.inconclusive
        judged = f"too few to pass, at least {policy.shadow_min_pairs} independent pairs needed"
    else:
        phase, judged = Phase.inconclusive, "the interval holds the limit"
    return Verdict(phase=phase, reason=f"{means}: {evidence.describe()}: {judged}", evidence=(evidence,))


def _interval(low: float, high: float) -> dict[Literal["low", "high"], float]:
    """Both ends, or none while one of them is not known yet."""
    return {"low": low, "high": high} if np.isfinite([low, high]).all() else {}
