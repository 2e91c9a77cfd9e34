"""A candidate beside the champion on the same requests: promote it, take it back, or try it for longer?

Pure: what was measured and a policy in, a `Verdict` out, at any moment and as often as one likes. Lower is better
for every number here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_checks.shown_text import shorten
from data_checks.verdict import LONGEST_REASON, Evidence, Phase, Verdict, combine
from deploy.delivery.causes import TIME_OVER
from deploy.delivery.trial_parts import decide, judge_answers, judge_error, judge_failures, judge_latency, judge_tail
from deploy.delivery.trial_policy import DeliveryPolicy

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FrechetChange:
    """Relative change (candidate / champion) - 1 of the Fréchet distance of reconstructions of the same n requests."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What is known of a stage so far; arrays are in the order of arrival.

    champion_error, candidate_error (N,): `recon_error` of the same images, finite. failures: images that the candidate
    failed on, which are not among the N. canary_tried, canary_failures: images that it was to answer in this stage, and
    those of them that the champion answered for it. champion_latency_ms, canary_latency_ms: of answered requests;
    the champion's may be empty while the canary is fast enough.
    tail_threshold: 99th percentile of `recon_error` in the champion's reference. elapsed_s: since this stage began.
    """

    champion_error: Floats
    candidate_error: Floats
    failures: int
    canary_answered: int
    champion_latency_ms: Floats
    canary_latency_ms: Floats
    tail_threshold: float | None
    elapsed_s: float
    frechet: FrechetChange | None = None
    canary_tried: int = 0
    canary_failures: int = 0

    def __post_init__(self) -> None:
        if self.champion_error.ndim != 1 or self.champion_error.shape != self.candidate_error.shape:
            raise ValueError(
                f"trial: expected pairs of errors (N,), came {self.champion_error.shape} and "
                f"{self.candidate_error.shape}"
            )


def judge_shadow(trial: Trial, policy: DeliveryPolicy) -> Verdict:
    """passed: on to the canary; failed: take it back; otherwise: go on looking."""
    verdicts = _judge_pairs(trial, policy)
    if trial.frechet is not None:
        verdicts.append(_judge_frechet(trial.frechet, policy))
    return _judge_time("shadow", combine(verdicts), trial.elapsed_s, 0.0, policy.shadow_max_s)


def judge_canary(trial: Trial, policy: DeliveryPolicy) -> Verdict:
    """passed: promote; failed: roll back; otherwise: extend."""
    latency = judge_latency(trial.canary_latency_ms, trial.champion_latency_ms, trial.canary_answered, policy)
    verdicts = [*_judge_pairs(trial, policy), _judge_frechet(trial.frechet, policy), latency]
    if trial.canary_tried:  # else the latencies say that it answered nothing
        verdicts.append(judge_answers(trial.canary_failures, trial.canary_tried, policy))
    return _judge_time("canary", combine(verdicts), trial.elapsed_s, policy.canary_min_s, policy.canary_max_s)


def judge_watch_period(trial: Trial, policy: DeliveryPolicy) -> Verdict:
    """failed: the promoted version ("champion") is worse than the previous one ("candidate"): roll back.

    passed: the period is over and nothing was found; without enough pairs it is extended up to `watch_max_s`.
    """
    refusal = _cannot_judge(trial)
    worse = refusal or judge_error(trial.candidate_error, trial.champion_error, ("promoted", "previous"), policy)
    if worse.failed:
        return worse
    time = f"watched {trial.elapsed_s:.0f} s of {policy.watch_s:.0f} s"
    enough = refusal is None and len(trial.champion_error) >= policy.roll_back_min_pairs
    if trial.elapsed_s >= policy.watch_max_s or (enough and trial.elapsed_s >= policy.watch_s):
        return _with_words(worse, Phase.passed, f"{time}: period over, not shown to be worse")
    return _with_words(worse, Phase.inconclusive if worse.passed else worse.phase, time)


def _judge_pairs(trial: Trial, policy: DeliveryPolicy) -> list[Verdict]:
    """What every stage before promotion asks: error, its tail, failures."""
    failures = judge_failures(trial.failures, len(trial.candidate_error) + trial.failures, policy)
    if (refusal := _cannot_judge(trial)) is not None:
        return [refusal, failures]
    champion, candidate = trial.champion_error, trial.candidate_error
    return [
        judge_error(champion, candidate, ("candidate", "champion"), policy),
        judge_tail(champion, candidate, trial.tail_threshold, policy),
        failures,
    ]


def _cannot_judge(trial: Trial) -> Verdict | None:
    """Answer missing, constant and senseless numbers before any statistic."""
    n = len(trial.champion_error)
    if n == 0:
        return Verdict(phase=Phase.no_data, reason="recon_error: 0 pairs of champion and candidate, nothing judged")
    for name, errors in (("champion", trial.champion_error), ("candidate", trial.candidate_error)):
        bad = int((~np.isfinite(errors)).sum() + (errors < 0).sum())
        if bad:
            reason = f"recon_error: cannot judge, {bad} of {n} errors of the {name} are not finite numbers >= 0"
            return Verdict(phase=Phase.no_data, reason=reason)
        if n > 1 and np.ptp(errors) == 0:
            reason = f"recon_error: cannot judge, all {n} errors of the {name} are {errors[0]:.4g}"
            return Verdict(phase=Phase.no_data, reason=reason)
    return None


def _judge_frechet(change: FrechetChange | None, policy: DeliveryPolicy) -> Verdict:
    """Judge the paired Fréchet distance by its interval."""
    if change is None:
        reason = f"frechet_change: not measured yet, margin {policy.reconstruction_frechet_margin:.2%}"
        return Verdict(phase=Phase.inconclusive, reason=reason)
    if not np.isfinite([change.value, change.low, change.high]).all():
        reason = f"frechet_change: cannot judge, came {change.value} [{change.low}, {change.high}] (n={change.n})"
        return Verdict(phase=Phase.no_data, reason=reason)
    evidence = Evidence(
        name="frechet_change", value=change.value, limit=policy.reconstruction_frechet_margin,
        unit="share", direction="lower", low=change.low, high=change.high, n=change.n,
    )  # fmt: skip
    means = f"reconstructions of the same {change.n} requests, candidate against champion {change.value:+.2%}"
    return decide(evidence, change.low, change.high, means, policy)


def _judge_time(stage: str, verdict: Verdict, elapsed_s: float, least_s: float, most_s: float) -> Verdict:
    """Hold a stage that is shorter than its least time; end one that found nothing in its longest."""
    if verdict.failed:
        return verdict
    phase, time = verdict.phase, f"{stage} {elapsed_s:.0f} s"
    if verdict.passed and elapsed_s < least_s:
        phase, time = Phase.inconclusive, f"{time}, at least {least_s:.0f} s needed; so far passed"
    elif not verdict.passed and elapsed_s >= most_s:
        phase, time = Phase.failed, f"{time}, at most {most_s:.0f} s: taken back as {Phase.inconclusive}"
        over = Evidence(name=TIME_OVER, value=elapsed_s, limit=most_s, unit="s", direction="lower")
        verdict = verdict.model_copy(update={"evidence": (*verdict.evidence, over)})
    return _with_words(verdict, phase, time)


def _with_words(verdict: Verdict, phase: Phase, words: str) -> Verdict:
    return Verdict(phase=phase, reason=shorten(f"{words}; {verdict.reason}", LONGEST_REASON), evidence=verdict.evidence)
