"""The cheap look at the newest traffic, every 500 requests: is there a suspicion worth a monitor run?

Numpy only, milliseconds for 2,000 codes of 32 dimensions: it runs inside the controller. It looks at the whole
window, and at its newest rows alone, where a change that has just begun is not yet diluted. Its level is wider than
the judges', because a false suspicion costs one monitor run and never a retrain; its tail bounds err on the careful
side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from data_checks.drift.finding import Finding, judge_findings
from data_checks.drift.locations import IMAGE_STATISTICS, compare_logs, find_unlogged
from data_checks.drift.policy import ANSWERED_RULES, DriftPolicy
from data_checks.drift.refusals import LIMIT_SETTING
from data_checks.drift.window import Window, cannot_judge, find_obstacle, find_unusable, keep_distinct
from data_checks.refusal import Refusal
from data_checks.sample import Sample
from data_checks.statistics.two_sample import (
    compare_codes,
    compare_means,
    f_p_value,
    fit_whitening,
    t_p_value,
)
from data_checks.verdict import Evidence, Verdict, combine

PARTS = 4
"""Codes, errors, image statistics, refusals; each number of the family's own that has a rule is one more part."""

SECOND_VIEW = 1.5
"""Times `min_images` that must be there before the newest rows alone differ enough from all of them."""


def judge_screening(window: Window, reference: Sample | None, policy: DriftPolicy) -> Verdict:
    """Judge the newest traffic of one version; failed means suspicion: start a monitor run, decide nothing else.

    passed: nothing that matters was seen, at its level. Where one part cannot be judged, the others still are.
    """
    numbers = [] if reference is None else [name for name in reference.own_numbers() if name in ANSWERED_RULES]
    level = policy.screening_level / (PARTS + len(numbers))
    verdicts = _watch_refusals(window, level, policy)
    distinct = keep_distinct(window.sample)
    if reference is None:
        obstacle: Verdict | None = cannot_judge("watch", "this version has no reference")
    else:
        obstacle = find_obstacle("watch", distinct, reference, policy)
    if reference is None or obstacle is not None:
        return combine([*verdicts, *([obstacle] if obstacle else [])])
    views = _views(distinct, policy)
    verdicts += [
        _watch_codes(views, reference, policy, level),
        _watch_logs("recon_error", views, reference, policy.error_change, level),
        *(_watch_logs(name, views, reference, getattr(policy, f"{name}_change"), level) for name in numbers),
        _watch_images(views, reference, policy, level),
    ]
    return combine(verdicts)


def _views(distinct: Sample, policy: DriftPolicy) -> tuple[Sample, ...]:
    """All rows, and the newest of them alone."""
    if len(distinct) < SECOND_VIEW * policy.min_images:
        return (distinct,)
    return distinct, distinct.take(slice(len(distinct) - policy.min_images, None))


def _watch_codes(views: Sequence[Sample], reference: Sample, policy: DriftPolicy, level: float) -> Verdict:
    for view in views:
        unusable = find_unusable("latent_code", "mu", view.mu, reference.mu)
        if unusable:
            return unusable
    moving = np.ptp(reference.mu, axis=0) > 0
    whitening = fit_whitening(reference.mu[:, moving].astype(np.float64))
    findings = []
    for view in views:
        moved = compare_codes(view.mu[:, moving].astype(np.float64), whitening)
        size, p_value = float(np.sqrt(max(moved.squared, 0.0))), f_p_value(moved.statistic, moved.degrees)
        findings.append(_find("latent_shift", size, policy.latent_shift, "reference sd", len(view), p_value))
    return judge_findings("latent_code", findings, level)


def _watch_logs(
    name: str,
    views: Sequence[Sample],
    reference: Sample,
    limit: float,
    level: float,
) -> Verdict:
    known, findings = reference.columns()[name], []
    for view in views:
        now = view.columns()[name]
        unusable = find_unlogged(name, now, known)
        if unusable:
            return unusable
        moved = compare_logs(now, known)
        size, t, sides = (moved.shift, moved.t, 1) if name == "recon_error" else (abs(moved.shift), abs(moved.t), 2)
        p_value = sides * float(t_p_value(t, moved.degrees)[0])
        findings.append(_find(f"{name}_change", float(np.expm1(size[0])), limit, "share", len(view), p_value))
    return judge_findings(name, findings, level)


def _watch_images(views: Sequence[Sample], reference: Sample, policy: DriftPolicy, level: float) -> Verdict:
    known = _image_columns(reference)
    findings = []
    for view in views:
        now = _image_columns(view)
        for name, some, column in zip(IMAGE_STATISTICS, now.T, known.T, strict=True):
            unusable = find_unusable("image_statistics", name, some, column)
            if unusable:
                return unusable
        scale = known.std(axis=0)
        moved = compare_means(now / scale, known / scale)
        p_values = 2 * t_p_value(np.abs(moved.t), moved.degrees)
        for name, shift, p_value in zip(IMAGE_STATISTICS, np.abs(moved.shift), p_values, strict=True):
            findings.append(
                _find(f"{name}_shift", float(shift), policy.image_shift, "reference sd", len(view), float(p_value))
            )
    return judge_findings("image_statistics", findings, level)


def _watch_refusals(window: Window, level: float, policy: DriftPolicy) -> list[Verdict]:
    """Judge each reason by Chernoff's bound of the binomial tail at the limit."""
    verdicts, limit = [], policy.max_refused_share
    for reason, count in sorted(window.refused.items()):
        if count == 0 or window.received < policy.min_received:
            continue
        share = count / window.received
        finding = _find(
            f"refused_{reason}", share, limit, "share", window.received, _chernoff(share, limit, window.received)
        )
        finding = replace(finding, note=LIMIT_SETTING)
        verdicts.append(judge_findings(f"refused_{reason}", [finding], level / len(Refusal)))
    return verdicts


def _chernoff(share: float, limit: float, n: int) -> float:
    """Bound P(a share of at least `share` of n) where each has probability `limit`."""
    if share <= limit:
        return 1.0
    information = share * np.log(share / limit)
    if share < 1:
        information += (1 - share) * np.log((1 - share) / (1 - limit))
    return float(np.exp(-n * information))


def _find(name: str, value: float, limit: float, unit: str, n: int, p_value: float) -> Finding:
    return Finding(Evidence(name=name, value=value, limit=limit, unit=unit, direction="lower", n=n), p_value)


def _image_columns(sample: Sample) -> NDArray[np.float64]:
    return np.column_stack([getattr(sample, name) for name in IMAGE_STATISTICS]).astype(np.float64)
