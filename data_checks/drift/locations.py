"""Have error, KL or image statistics moved as a whole? Means, of logarithms where values are positive. Uses scipy."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from data_checks.drift.finding import Finding, judge_findings
from data_checks.drift.policy import DriftPolicy
from data_checks.drift.window import cannot_judge, find_unusable
from data_checks.sample import Sample
from data_checks.statistics.two_sample import Floats, MeanShift, compare_means
from data_checks.verdict import Evidence, Verdict

SMALLEST = 1e-3
"""Of the reference's median: smaller values count as this much, or one image near 0 would move a mean of logarithms."""

IMAGE_STATISTICS = ("image_mean", "image_variance", "image_entropy")


def judge_recon_error(window: Sample, reference: Sample, policy: DriftPolicy) -> Verdict:
    """Judge whether the geometric mean of the reconstruction error rose; easier images are no fault."""
    problem = find_unlogged("recon_error", window.recon_error, reference.recon_error)
    if problem:
        return problem
    moved = compare_logs(window.recon_error, reference.recon_error)
    low, value, high = _interval(moved, policy)
    evidence = Evidence(
        name="recon_error_change", value=float(np.expm1(value)), limit=policy.error_change, unit="share",
        direction="lower", low=float(np.expm1(low)), high=float(np.expm1(high)), n=len(window),
    )  # fmt: skip
    return judge_findings("recon_error", [Finding(evidence, float(moved.upper()[0]))], policy.rule_level(reference.own))


def judge_kl(window: Sample, reference: Sample, policy: DriftPolicy) -> Verdict:
    """Judge whether the geometric mean of the KL moved, either way; the change counts as a share of the smaller one."""
    return _judge_either_way("kl", window, reference, policy.kl_change, policy)


def judge_code_distance(window: Sample, reference: Sample, policy: DriftPolicy) -> Verdict:
    """Judge the distance of a VQ-VAE's vectors from their codes as `judge_kl` judges the KL."""
    return _judge_either_way("code_distance", window, reference, policy.code_distance_change, policy)


def _judge_either_way(name: str, window: Sample, reference: Sample, limit: float, policy: DriftPolicy) -> Verdict:
    now, known = window.column(name), reference.column(name)
    problem = find_unlogged(name, now, known)
    if problem:
        return problem
    moved = compare_logs(now, known)
    low, value, high = np.expm1(_either_way(*_interval(moved, policy)))
    evidence = Evidence(
        name=f"{name}_change", value=float(value), limit=limit, unit="share", direction="lower",
        low=float(low), high=float(high), n=len(window),
    )  # fmt: skip
    finding = Finding(evidence, float(moved.two_sided()[0]), _direction(moved.shift[0]))
    return judge_findings(name, [finding], policy.rule_level(reference.own))


def judge_image_statistics(window: Sample, reference: Sample, policy: DriftPolicy) -> Verdict:
    """Judge whether mean, variance or entropy of the images moved, either way, in the reference's sd of an image."""
    findings = []
    for name in IMAGE_STATISTICS:
        now, known = getattr(window, name), getattr(reference, name)
        unusable = find_unusable("image_statistics", name, now, known)
        if unusable:
            return unusable
        scale = float(known.std(dtype=np.float64))
        moved = compare_means(_column(now) / scale, _column(known) / scale)
        low, value, high = _either_way(*_interval(moved, policy))
        evidence = Evidence(
            name=f"{name}_shift", value=value, limit=policy.image_shift, unit="reference sd", direction="lower",
            low=low, high=high, n=len(window),
        )  # fmt: skip
        findings.append(Finding(evidence, float(moved.two_sided()[0]), _direction(moved.shift[0])))
    return judge_findings("image_statistics", findings, policy.rule_level(reference.own))


def compare_logs(window: NDArray[np.floating], reference: NDArray[np.floating]) -> MeanShift:
    """Compare the mean logarithms of two columns (N,) and (M,) that `find_unlogged` had nothing against."""
    floor = SMALLEST * float(np.median(reference))
    return compare_means(*(np.log(np.maximum(_column(each), floor)) for each in (window, reference)))


def find_unlogged(
    name: str, window: NDArray[np.floating], reference: NDArray[np.floating]
) -> Verdict | None:  # fmt: skip
    """Find what keeps a column from being judged on a log scale, or None."""
    unusable = find_unusable(name, name, window, reference)
    if unusable is None and float(np.median(reference)) <= 0:
        return cannot_judge(name, f"more than half of the reference's {name} is 0 or below")
    return unusable


def _column(values: NDArray[np.floating]) -> Floats:
    return values.astype(np.float64)[:, None]


def _interval(moved: MeanShift, policy: DriftPolicy) -> tuple[float, float, float]:
    """Lower bound, value and upper bound of a single shift."""
    value, margin = float(moved.shift[0]), NormalDist().inv_cdf(policy.confidence) * float(moved.error[0])
    return value - margin, value, value + margin


def _either_way(low: float, value: float, high: float) -> tuple[float, float, float]:
    """The same for the size of the shift: an interval that holds 0 starts there."""
    nearest = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    return nearest, abs(value), max(abs(low), abs(high))


def _direction(shift: float) -> str:
    return "up" if shift > 0 else "down"
