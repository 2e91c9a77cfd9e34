"""Shadow, canary and watch period are judged as a whole: what is asked first, and what time makes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data_checks.verdict import Phase
from deploy.delivery.trial import FrechetChange, Trial, judge_canary, judge_shadow, judge_watch_period
from deploy.delivery.trial_policy import DAY_S
from tests.deploy.delivery.paired_trial import POLICY, trial


@pytest.mark.parametrize("judge", [judge_shadow, judge_canary])
def test_an_equal_candidate_passes_and_the_reason_names_both_models_and_both_numbers(judge) -> None:
    verdict = judge(trial(), POLICY)
    assert verdict.phase is Phase.passed
    for words in (
        "candidate 0.9947 against champion 0.9933: recon_error_change 0.001487 [",
        "] <= limit 0.02 share (n=4000): upper bound",
        "recon_error_tail_excess",
        "candidate failed on 0 of 4000 images",
    ):
        assert words in verdict.reason
    change = next(each for each in verdict.evidence if each.name == "recon_error_change")
    assert change.low < change.value < change.high < change.limit == 0.02


@pytest.mark.parametrize("judge", [judge_shadow, judge_canary])
def test_a_candidate_beyond_the_margin_is_taken_back_at_any_time(judge) -> None:
    verdict = judge(trial(1.05, elapsed_s=1.0), POLICY)
    assert verdict.phase is Phase.failed
    assert "lower bound" in verdict.reason and "> limit 0.02" in verdict.reason


def test_a_sabotaged_candidate_is_taken_back_by_the_shadow_after_a_few_hundred_requests() -> None:
    assert judge_shadow(trial(3.0, 320, elapsed_s=5.0), POLICY).failed


def test_a_candidate_at_the_margin_is_neither_promoted_nor_taken_back() -> None:
    verdict = judge_canary(trial(1.02), POLICY)
    assert verdict.phase is Phase.inconclusive
    assert "the interval holds the limit" in verdict.reason


@pytest.mark.parametrize(
    ("n", "phase", "words"),
    [
        (0, Phase.no_data, "recon_error: 0 pairs of champion and candidate"),
        (1, Phase.inconclusive, "too few to pass, at least 1000 independent pairs needed"),
        (100, Phase.inconclusive, "too few to pass, at least 1000 independent pairs needed"),
        (999, Phase.inconclusive, "too few to pass, at least 1000 independent pairs needed"),
    ],
)
def test_low_traffic_extends_and_is_never_a_guess(n: int, phase: Phase, words: str) -> None:
    for judge in (judge_shadow, judge_canary):
        verdict = judge(trial(n=n), POLICY)
        assert verdict.phase is phase
        assert words in verdict.reason


@pytest.mark.parametrize("name", ["champion", "candidate"])
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda errors: np.where(np.arange(len(errors)) < 7, np.nan, errors), "7 of 4000 errors of the {} are not"),
        (lambda errors: np.where(np.arange(len(errors)) < 1, np.inf, errors), "1 of 4000 errors of the {} are not"),
        (lambda errors: -errors, "4000 of 4000 errors of the {} are not finite numbers >= 0"),
        (lambda errors: np.full(len(errors), 0.25), "all 4000 errors of the {} are 0.25"),
    ],
)
def test_missing_senseless_and_constant_errors_are_answered_before_any_statistic(name: str, spoil, words: str) -> None:
    facts = trial()
    spoiled = replace(facts, **{f"{name}_error": spoil(getattr(facts, f"{name}_error"))})
    for judge in (judge_shadow, judge_canary, judge_watch_period):
        verdict = judge(spoiled, POLICY)
        assert verdict.phase is Phase.no_data
        assert "cannot judge" in verdict.reason and words.format(name) in verdict.reason


@pytest.mark.parametrize(
    ("change", "phase", "words"),
    [
        (None, Phase.inconclusive, "frechet_change: not measured yet, margin 2.00%"),
        (FrechetChange(0.01, -0.01, 0.03, 500), Phase.inconclusive, "the interval holds the limit"),
        (FrechetChange(0.05, 0.03, 0.07, 500), Phase.failed, "lower bound 0.03 > limit 0.02"),
        (FrechetChange(float("nan"), 0, 0, 500), Phase.no_data, "frechet_change: cannot judge"),
    ],
)
def test_the_frechet_distance_has_to_be_measured_and_within_its_margin(change, phase: Phase, words: str) -> None:
    verdict = judge_canary(replace(trial(), frechet=change), POLICY)
    assert verdict.phase is phase
    assert words in verdict.reason


def test_the_shadow_does_not_wait_for_the_frechet_distance_but_heeds_it() -> None:
    assert judge_shadow(replace(trial(), frechet=None), POLICY).passed
    assert judge_shadow(replace(trial(), frechet=FrechetChange(0.05, 0.03, 0.07, 500)), POLICY).failed


def test_a_canary_lasts_at_least_its_time_and_is_taken_back_as_inconclusive_after_its_longest() -> None:
    early = judge_canary(trial(elapsed_s=DAY_S - 1), POLICY)
    assert early.phase is Phase.inconclusive
    assert "canary 86399 s, at least 86400 s needed; so far passed" in early.reason
    late = judge_canary(trial(1.02, elapsed_s=7 * DAY_S), POLICY)
    assert late.phase is Phase.failed
    assert "canary 604800 s, at most 604800 s: taken back as inconclusive" in late.reason
    assert judge_canary(trial(elapsed_s=7 * DAY_S), POLICY).passed
    assert judge_shadow(trial(n=0, elapsed_s=7 * DAY_S), POLICY).failed


def watched(factor: float, **more: float) -> Trial:
    """Two versions in a watch period: the promoted one is `factor` times as bad as the previous one."""
    facts = trial(factor, **more)  # type: ignore[arg-type]
    return replace(facts, champion_error=facts.candidate_error, candidate_error=facts.champion_error)


def test_a_promoted_version_that_is_worse_than_the_previous_one_is_rolled_back_at_any_time() -> None:
    verdict = judge_watch_period(watched(1.05, elapsed_s=10.0), POLICY)
    assert verdict.phase is Phase.failed
    assert "promoted 1.044 against previous 0.9933" in verdict.reason
    assert judge_watch_period(watched(1 / 1.05, elapsed_s=DAY_S), POLICY).passed


def test_an_equal_promoted_version_is_watched_until_the_period_is_over() -> None:
    early = judge_watch_period(watched(1.0, elapsed_s=DAY_S / 2), POLICY)
    assert early.phase is Phase.inconclusive and "watched 43200 s of 86400 s" in early.reason
    over = judge_watch_period(watched(1.0), POLICY)
    assert over.passed and "period over, not shown to be worse" in over.reason


def test_a_watch_with_too_few_pairs_is_extended_and_ends_at_its_longest() -> None:
    few = judge_watch_period(watched(1.0, n=100), POLICY)
    assert few.phase is Phase.inconclusive
    assert judge_watch_period(watched(1.0, n=0), POLICY).phase is Phase.no_data
    longest = judge_watch_period(watched(1.0, n=0, elapsed_s=7 * DAY_S), POLICY)
    assert longest.passed and "0 pairs" in longest.reason


def test_pairs_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected pairs of errors \(N,\), came \(4000,\) and \(3,\)"):
        replace(trial(), candidate_error=np.ones(3))
