"""Does traffic use a VQ-VAE's codes as often as the reference did?"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from data_checks.drift.finding import Finding, judge_findings
from data_checks.drift.policy import DriftPolicy
from data_checks.drift.window import cannot_judge
from data_checks.sample import Sample
from data_checks.statistics.frequencies import compare_frequencies, fit_frequencies
from data_checks.verdict import Evidence, Verdict

RULE = "code_histogram"


def judge_code_histogram(window: Sample, reference: Sample, policy: DriftPolicy) -> Verdict:
    """Judge the Jensen-Shannon distance of the frequencies of codes; used codes and perplexity are shown beside it.

    The distance is that of cells of codes: those that are rare in the reference share one.
    """
    now, known = window.column("codes"), reference.column("codes")
    unusable = _find_unusable(now, known)
    if unusable:
        return unusable
    moved = compare_frequencies(now, fit_frequencies(known))
    margin = NormalDist().inv_cdf(policy.confidence) * moved.error
    low, value, high = np.sqrt(np.maximum([moved.squared - margin, moved.squared, moved.squared + margin], 0.0))
    evidence = Evidence(
        name="code_js_distance", value=float(value), limit=policy.code_histogram, unit="", direction="lower",
        low=float(low), high=float(high), n=len(window),
    )  # fmt: skip
    shown = _show_usage(now)
    perplexity, before = shown[1].value, _perplexity(known)
    note = f"{shown[0].value:.0f} codes used, perplexity {perplexity:.4g}, of the reference {before:.4g}"
    verdict = judge_findings(RULE, [Finding(evidence, moved.p_value, note)], policy.rule_level(reference.own))
    return verdict.model_copy(update={"evidence": (*verdict.evidence, *shown)})


def _find_unusable(window: NDArray[np.integer], reference: NDArray[np.integer]) -> Verdict | None:
    """Find what makes the codes unusable: images without them, or the same ones for every image; or None."""
    for whose, codes in (("window", window), ("reference", reference)):
        missing = int((codes < 0).any(axis=1).sum())
        if missing or not codes.shape[1]:
            count = missing or len(codes)
            return cannot_judge(RULE, f"codes: {count} of {len(codes)} images of the {whose} have none")
        if not np.ptp(codes, axis=0).any():
            return cannot_judge(RULE, f"codes are the same for every image of the {whose}")
    if len(np.unique(reference)) < 2:
        return cannot_judge(RULE, "the reference uses one code only")
    return None


def _show_usage(codes: NDArray[np.integer]) -> tuple[Evidence, Evidence]:
    """How many codes occur, and their perplexity; neither has a limit: both grow with the number of images."""
    used, n = len(np.unique(codes)), len(codes)
    return (
        Evidence(name="codes_used", value=float(used), limit=None, unit="codes", direction="higher", n=n),
        Evidence(name="code_perplexity", value=_perplexity(codes), limit=None, unit="codes", direction="higher", n=n),
    )


def _perplexity(codes: NDArray[np.integer]) -> float:
    """Exponential of the entropy of the codes' frequencies, at least 1."""
    counts = np.unique(codes, return_counts=True)[1]
    shares = counts / counts.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))
