"""Has the traffic moved away from the reference? Every rule, under one budget of false alarms.

At most one false retrain in 90 days over all rules and checks: `DriftPolicy.family_level` belongs to one check,
Bonferroni shares it among the rules, each rule among its dimensions. A rule fails only where the change is also large
enough to matter. What cannot be judged says so and never passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from data_checks.drift.histograms import judge_code_histogram
from data_checks.drift.latents import judge_aggregated_posterior, judge_latent_code
from data_checks.drift.locations import (
    judge_code_distance,
    judge_image_statistics,
    judge_kl,
    judge_recon_error,
)
from data_checks.drift.policy import DriftPolicy, rules_for
from data_checks.drift.refusals import judge_refusals
from data_checks.drift.tails import judge_norm_tail, judge_recon_error_tail
from data_checks.drift.window import Window, cannot_judge, find_obstacle, keep_distinct
from data_checks.sample import Sample
from data_checks.verdict import Verdict

Judge = Callable[[Sample, Sample, DriftPolicy], Verdict]

JUDGES: Mapping[str, Judge] = {
    "latent_code": judge_latent_code,
    "recon_error": judge_recon_error,
    "recon_error_tail": judge_recon_error_tail,
    "kl": judge_kl,
    "aggregated_posterior": judge_aggregated_posterior,
    "code_distance": judge_code_distance,
    "code_histogram": judge_code_histogram,
    "image_statistics": judge_image_statistics,
    "norm_tail": judge_norm_tail,
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """One verdict a rule: those of the kind of model always, `refused_<reason>` for each reason that occurred."""

    verdicts: Mapping[str, Verdict]

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the rules that failed, in their order."""
        return tuple(name for name, verdict in self.verdicts.items() if verdict.failed)


def judge_window(window: Window, reference: Sample | None, policy: DriftPolicy) -> Judgement:
    """Judge a window of one version's traffic against that version's reference, by every rule that applies to it."""
    distinct = keep_distinct(window.sample)
    own = (distinct if reference is None else reference).own
    verdicts = {rule: _judge_sample(rule, distinct, reference, policy) for rule in rules_for(own)}
    return Judgement(verdicts | judge_refusals(window, policy.rule_level(own), policy))


def _judge_sample(rule: str, distinct: Sample, reference: Sample | None, policy: DriftPolicy) -> Verdict:
    if reference is None:
        return cannot_judge(rule, "this version has no reference; measure one on its acceptance data")
    obstacle = find_obstacle(rule, distinct, reference, policy)
    return obstacle or JUDGES[rule](distinct, reference, policy)
