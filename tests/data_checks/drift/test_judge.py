"""Every rule over a window: what passes, what fails, and what cannot be judged never passes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data_checks.drift.judge import judge_window
from data_checks.drift.policy import rules_for
from data_checks.sample import Sample
from data_checks.verdict import Phase
from tests.data_checks.drift.healthy import POLICY, REFERENCE, SOURCE, healthy
from tests.data_checks.drift.traffic import window_of
from vae_core.families.registry import FAMILIES

SAMPLE_RULES = rules_for(each.name for each in FAMILIES["conv_vae"].columns)


def test_a_healthy_window_passes_every_rule_with_its_numbers() -> None:
    judgement = judge_window(window_of(healthy(), low_variance=2), REFERENCE, POLICY)
    assert list(judgement.verdicts) == [*SAMPLE_RULES, "refused_low_variance"]
    assert {name: verdict.phase for name, verdict in judgement.verdicts.items() if not verdict.passed} == {}
    assert judgement.verdicts["latent_code"].reason.startswith("latent_code: latent_shift 0")
    assert "<= limit 0.25 reference sd (n=2000)" in judgement.verdicts["latent_code"].reason


@pytest.mark.parametrize(
    ("drift", "failing"),
    [
        ({"new_share": 0.17}, {"latent_code", "recon_error"}),
        ({"error_factor": 1.25}, {"recon_error"}),
        ({"brightness": 0.6}, {"image_statistics"}),
    ],
)
def test_a_drift_fails_the_rules_that_it_concerns(drift: dict[str, float], failing: set[str]) -> None:
    window = window_of(SOURCE.draw(2000, np.random.default_rng(5), **drift))
    judgement = judge_window(window, REFERENCE, POLICY)
    assert failing <= set(judgement.failed)
    if "new_share" not in drift:
        assert set(judgement.failed) == failing
    for rule in failing:
        assert "<= level" in judgement.verdicts[rule].reason
        assert "> limit" in judgement.verdicts[rule].reason


def of_another_model(reference: Sample) -> Sample:
    return replace(
        reference, mu=reference.mu[:, :16], own={**reference.own, "logvar": reference.column("logvar")[:, :16]}
    )


@pytest.mark.parametrize(
    ("window", "reference", "phase", "words"),
    [
        (healthy(), None, Phase.no_data, "this version has no reference"),
        (healthy(), REFERENCE.take(slice(0, 100)), Phase.inconclusive, "the reference holds 100 images, at least 500"),
        (healthy(), of_another_model(REFERENCE), Phase.no_data, "of another model: its codes have 16 dimensions"),
        (healthy(0), REFERENCE, Phase.no_data, "no image was answered in this window"),
        (healthy(499), REFERENCE, Phase.inconclusive, "499 distinct images, at least 500 needed: wait"),
        (healthy(300).take(np.arange(2000) % 300), REFERENCE, Phase.inconclusive, "300 distinct images, at least 500"),
    ],
)  # fmt: skip
def test_without_enough_to_compare_no_rule_passes(
    window: Sample, reference: Sample | None, phase: Phase, words: str
) -> None:
    verdicts = judge_window(window_of(window), reference, POLICY).verdicts
    for rule in SAMPLE_RULES:
        assert verdicts[rule].phase is phase
        assert verdicts[rule].reason.startswith(f"{rule}: cannot judge: ")
        assert words in verdicts[rule].reason


COLUMNS = [
    ("mu", "latent_code"),
    ("logvar", "aggregated_posterior"),
    ("recon_error", "recon_error"),
    ("recon_error", "recon_error_tail"),
    ("kl", "kl"),
    ("norm", "norm_tail"),
    ("image_mean", "image_statistics"),
    ("image_variance", "image_statistics"),
    ("image_entropy", "image_statistics"),
]


def with_column(sample: Sample, name: str, column: np.ndarray) -> Sample:
    return Sample.from_columns({**sample.columns(), name: column})


@pytest.mark.parametrize(("column", "rule"), COLUMNS)
@pytest.mark.parametrize("whose", ["window", "reference"])
def test_one_number_that_is_none_keeps_the_rule_from_judging(column: str, rule: str, whose: str) -> None:
    samples = {"window": healthy(), "reference": REFERENCE}
    broken = samples[whose].columns()[column].copy()
    broken[17] = np.nan
    samples[whose] = with_column(samples[whose], column, broken)
    verdict = judge_window(window_of(samples["window"]), samples["reference"], POLICY).verdicts[rule]
    assert verdict.phase is Phase.no_data
    assert f"{rule}: cannot judge: {column}: 1 of {len(broken)} images of the {whose} have no finite" in verdict.reason


@pytest.mark.parametrize(("column", "rule"), COLUMNS)
@pytest.mark.parametrize("whose", ["window", "reference"])
def test_a_constant_column_keeps_the_rule_from_judging(column: str, rule: str, whose: str) -> None:
    samples = {"window": healthy(), "reference": REFERENCE}
    flat = np.full_like(samples[whose].columns()[column], 0.25)
    samples[whose] = with_column(samples[whose], column, flat)
    verdict = judge_window(window_of(samples["window"]), samples["reference"], POLICY).verdicts[rule]
    assert verdict.phase is Phase.no_data
    assert f"{rule}: cannot judge: {column} is constant in the {whose}" in verdict.reason
