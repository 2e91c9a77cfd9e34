from dataclasses import replace

import numpy as np
import pytest

from data_checks.drift.judge import judge_window
from data_checks.drift.policy import DriftPolicy, rules_for
from data_checks.drift.window import Window
from data_checks.sample import Sample
from data_checks.verdict import Phase
from tests.data_checks.drift.traffic import Source, window_of
from vae_core.families.registry import FAMILIES

SAMPLE_RULES = rules_for(each.name for each in FAMILIES["conv_vae"].columns)

SOURCE = Source(1)
POLICY = DriftPolicy()
REFERENCE = SOURCE.draw(3000, np.random.default_rng(100))


def healthy(n: int = 2000, seed: int = 0) -> Sample:
    return SOURCE.draw(n, np.random.default_rng(seed))


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


def test_a_window_whose_every_image_is_beyond_the_tail_is_judged() -> None:
    window = replace(healthy(), recon_error=healthy().recon_error + REFERENCE.recon_error.max())
    verdict = judge_window(window_of(window), REFERENCE, POLICY).verdicts["recon_error_tail"]
    assert verdict.failed
    assert verdict.reason.startswith("recon_error_tail: recon_error_tail 1 ")


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("kl", {"own": lambda s: {**s.own, "kl": s.column("kl") * 0.8}}),
        ("norm_tail", {"norm": lambda s: np.where(np.arange(len(s)) % 30 == 0, 3 * s.norm, s.norm)}),
        ("recon_error_tail", {"recon_error": lambda s: s.recon_error * np.where(np.arange(len(s)) % 25 == 0, 30, 1)}),
        (
            "aggregated_posterior",
            {"own": lambda s: {**s.own, "logvar": s.column("logvar") + np.where(np.arange(32) < 3, 3.0, 0.0)}},
        ),
        ("image_statistics", {"image_entropy": lambda s: s.image_entropy + 0.3}),
        ("latent_code", {"mu": lambda s: s.mu * np.where(np.arange(32) == 4, 2.5, 1.0)}),
    ],
)
def test_each_rule_finds_its_own_change(rule: str, change: dict) -> None:
    sample = healthy(seed=6)
    window = window_of(replace(sample, **{name: make(sample) for name, make in change.items()}))
    assert rule in judge_window(window, REFERENCE, POLICY).failed


def test_easier_images_are_no_fault_of_the_version() -> None:
    window = window_of(SOURCE.draw(2000, np.random.default_rng(7), error_factor=0.5))
    assert judge_window(window, REFERENCE, POLICY).verdicts["recon_error"].phase is Phase.passed


def test_a_significant_change_that_is_too_small_to_matter_does_not_fail() -> None:
    strict = POLICY.model_copy(update={"error_change": 0.02})
    window = window_of(SOURCE.draw(20_000, np.random.default_rng(8), error_factor=1.05))
    reference = SOURCE.draw(20_000, np.random.default_rng(9))
    assert judge_window(window, reference, strict).verdicts["recon_error"].phase is Phase.failed
    assert judge_window(window, reference, POLICY).verdicts["recon_error"].phase is Phase.passed


def test_a_large_change_that_could_be_chance_is_inconclusive() -> None:
    rng = np.random.default_rng(10)
    sample = healthy(500)
    wild = replace(sample, recon_error=sample.recon_error * np.exp(rng.normal(0.3, 2, 500)))
    verdict = judge_window(window_of(wild), REFERENCE, POLICY).verdicts["recon_error"]
    assert verdict.phase is Phase.inconclusive
    assert "too noisy to tell" in verdict.reason


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


def test_a_dead_unit_of_the_reference_is_left_out_and_the_others_are_judged() -> None:
    dead = replace(REFERENCE, mu=np.where(np.arange(32) == 31, 0.0, REFERENCE.mu))
    window = healthy()
    still = replace(window, mu=np.where(np.arange(32) == 31, 0.0, window.mu))
    assert judge_window(window_of(still), dead, POLICY).verdicts["latent_code"].phase is Phase.passed


def test_a_reason_is_judged_even_where_every_image_was_refused() -> None:
    verdict = judge_window(Window(healthy(0), {"low_variance": 150}, 150), None, POLICY).verdicts[
        "refused_low_variance"
    ]
    assert verdict.phase is Phase.failed
    assert "> limit 0.01 share (n=150), the limit is `drift.max_refused_share`, p " in verdict.reason
    few = judge_window(Window(healthy(0), {"low_variance": 99}, 99), None, POLICY).verdicts["refused_low_variance"]
    assert few.phase is Phase.inconclusive
    assert few.reason == "refused_low_variance: cannot judge: 99 of 99 images, at least 100 needed"


@pytest.mark.parametrize(
    ("count", "phase"), [(2, Phase.passed), (22, Phase.inconclusive), (62, Phase.failed)]
)  # fmt: skip
def test_the_refused_share_of_a_reason_is_tested_as_a_rate(count: int, phase: Phase) -> None:
    judgement = judge_window(window_of(healthy(), low_variance=count, truncated=1), REFERENCE, POLICY)
    assert judgement.verdicts["refused_low_variance"].phase is phase
    assert judgement.verdicts["refused_truncated"].phase is Phase.passed
