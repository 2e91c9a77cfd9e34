"""Have the codes left the reference? Location and shape of mu, and the aggregated posterior. Judges use scipy."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from data_checks.drift.finding import Finding, judge_findings
from data_checks.drift.policy import DriftPolicy
from data_checks.drift.window import cannot_judge, find_unusable
from data_checks.sample import Sample
from data_checks.statistics.two_sample import (
    Floats,
    MeanShift,
    compare_codes,
    compare_means,
    fit_whitening,
    ks_p_value,
    measure_ks,
    measure_long_run,
)
from data_checks.verdict import Evidence, Phase, Verdict


def judge_latent_code(window: Sample, reference: Sample, policy: DriftPolicy) -> Verdict:
    """Judge location (all dimensions together) and shape (each by Kolmogorov-Smirnov) of the codes."""
    unusable = find_unusable("latent_code", "mu", window.mu, reference.mu)
    if unusable:
        return unusable
    # a unit that never moves in the reference says nothing
    moving = np.flatnonzero(np.ptp(reference.mu, axis=0) > 0)
    now, known = window.mu[:, moving].astype(np.float64), reference.mu[:, moving].astype(np.float64)
    findings = (_find_location(now, known, policy), _find_shape(now, known, moving, policy))
    return judge_findings("latent_code", findings, policy.rule_level(reference.own))


def judge_aggregated_posterior(window: Sample, reference: Sample, policy: DriftPolicy) -> Verdict:
    """Judge mean and variance (E[sigma^2] + Var[mu]) of each dimension of the aggregated posterior.

    Mean shifts count in the reference's aggregated sd, variances as a share of the reference's. The variance is taken
    about the reference's mean, which makes it the mean of one number an image.
    """
    rule = "aggregated_posterior"
    logvar, known_logvar = window.column("logvar"), reference.column("logvar")
    unusable = find_unusable(rule, "mu", window.mu, reference.mu) or find_unusable(rule, "logvar", logvar, known_logvar)
    if unusable:
        return unusable
    if len(window) < policy.posterior_min_images:
        why = f"{len(window)} distinct images, at least {policy.posterior_min_images} needed"
        return cannot_judge(rule, why, Phase.inconclusive)
    centre = reference.mu.astype(np.float64).mean(axis=0)
    known = _moments(reference.mu, known_logvar, centre)
    scale = known[:, reference.latent_dim :].mean(axis=0)
    units = np.concatenate([np.sqrt(scale), scale])
    moved = compare_means(_moments(window.mu, logvar, centre) / units, known / units)
    return judge_findings(rule, _find_posterior(moved, len(window), policy), policy.rule_level(reference.own))


def _find_location(now: Floats, known: Floats, policy: DriftPolicy) -> Finding:
    from scipy.special import fdtrc

    moved = compare_codes(now, fit_whitening(known))
    margin = NormalDist().inv_cdf(policy.confidence) * moved.error
    low, value, high = np.sqrt(np.maximum([moved.squared - margin, moved.squared, moved.squared + margin], 0.0))
    evidence = Evidence(
        name="latent_shift", value=float(value), limit=policy.latent_shift, unit="reference sd", direction="lower",
        low=float(low), high=float(high), n=len(now),
    )  # fmt: skip
    return Finding(evidence, float(fdtrc(*moved.degrees, moved.statistic)))


def _find_shape(now: Floats, known: Floats, moving: np.ndarray, policy: DriftPolicy) -> Finding:
    distances = measure_ks(now, np.sort(known, axis=0))
    long_run = measure_long_run(now)
    # one dimension's estimate is noisy: the mean over all of them is its lower bound
    effective_n = len(now) / np.maximum(long_run.inflation, long_run.inflation.mean())
    p_values = ks_p_value(distances, effective_n, len(known), long_run.degrees)
    worst = int(np.argmax(distances * np.sqrt(effective_n)))
    evidence = Evidence(
        name="latent_ks", value=float(distances[worst]), limit=policy.latent_ks, unit="share", direction="lower",
        n=len(now),
    )  # fmt: skip
    return Finding(evidence, min(1.0, float(p_values[worst]) * len(moving)), f"dimension {moving[worst]}")


def _moments(mu: NDArray[np.floating], logvar: NDArray[np.floating], centre: Floats) -> Floats:
    """What each image adds to mean and variance of the aggregated posterior: (N, 2 D)."""
    away = mu.astype(np.float64) - centre
    return np.concatenate([away, np.exp(logvar.astype(np.float64)) + away**2], axis=1)


def _find_posterior(moved: MeanShift, n: int, policy: DriftPolicy) -> tuple[Finding, Finding]:
    margin = NormalDist().inv_cdf(policy.confidence)
    size, dimensions = np.abs(moved.shift), len(moved.shift) // 2
    p_value = min(1.0, float(moved.two_sided().min()) * len(size))
    worst = int(np.argmax(size))
    largest = Evidence(
        name="posterior_max", value=float(size[worst]), limit=policy.posterior_max, unit="reference", direction="lower",
        low=max(0.0, float(size[worst] - margin * moved.error[worst])), high=float((size + margin * moved.error).max()),
        n=n,
    )  # fmt: skip
    square = float((size**2 - moved.error**2).mean())
    noise = margin * float(np.sqrt((2 * moved.error**4 + 4 * moved.error**2 * size**2).sum())) / len(size)
    low, value, high = np.sqrt(np.maximum([square - noise, square, square + noise], 0.0))
    rms = Evidence(
        name="posterior_rms", value=float(value), limit=policy.posterior_rms, unit="reference", direction="lower",
        low=float(low), high=float(high), n=n,
    )  # fmt: skip
    told = f"{'mean' if worst < dimensions else 'variance'} of dimension {worst % dimensions}"
    return Finding(largest, p_value, told), Finding(rms, p_value)
