"""Each question about a candidate alone: its newest errors, its tail, its failures, its latency."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data_checks.verdict import Phase
from deploy.delivery.trial import judge_canary, judge_shadow
from tests.deploy.delivery.paired_trial import POLICY, trial, values


def test_a_worse_tail_fails_although_the_mean_is_better() -> None:
    facts = trial()
    worst = np.arange(4_000) % 20 == 0  # 5 % of the images, the others a fifth better
    candidate = np.where(worst, 2.6, np.minimum(0.8 * facts.champion_error, 2.3))
    verdict = judge_canary(replace(facts, candidate_error=candidate), POLICY)
    assert verdict.phase is Phase.failed
    assert "candidate 5.00% against champion" in verdict.reason and "above 2.4" in verdict.reason
    assert values(verdict)["recon_error_change"] < 0


@pytest.mark.parametrize("threshold", [None, float("nan")])
def test_without_a_reference_of_the_champion_the_tail_cannot_be_judged_and_nothing_passes(threshold) -> None:
    verdict = judge_canary(replace(trial(), tail_threshold=threshold), POLICY)
    assert verdict.phase is Phase.no_data
    assert "recon_error_tail: cannot judge" in verdict.reason


@pytest.mark.parametrize(
    ("failures", "n", "phase"),
    [(0, 4_000, Phase.passed), (40, 4_000, Phase.inconclusive), (400, 4_000, Phase.failed), (12, 0, Phase.failed)],
)
def test_the_share_of_images_that_the_candidate_failed_on(failures: int, n: int, phase: Phase) -> None:
    verdict = judge_shadow(replace(trial(n=n), failures=failures), POLICY)
    assert verdict.phase is phase
    if phase is not Phase.passed:
        assert f"candidate failed on {failures} of {n + failures} images" in verdict.reason
        assert "limit 0.01" in verdict.reason


@pytest.mark.parametrize(
    ("failures", "tried", "phase"),
    [(0, 1, Phase.passed), (2, 200, Phase.passed), (5, 200, Phase.inconclusive), (200, 200, Phase.failed)],
)
def test_a_canary_that_fails_on_what_it_answers_is_taken_back_however_much_it_scores_beside_the_champion(
    failures: int, tried: int, phase: Phase
) -> None:
    facts = replace(trial(n=40_000), failures=failures, canary_tried=tried, canary_failures=failures)
    verdict = judge_canary(facts, POLICY)
    assert verdict.phase is phase
    assert values(verdict)["failure_share"] < 0.01, "among all pairs it is lost"
    assert values(verdict)["canary_failure_share"] == failures / tried
    if phase is Phase.failed:
        assert f"canary failed on {failures} of the {tried} images it was to answer" in verdict.reason


SLOW, QUICK = np.full(300, 250.0), np.full(5_700, 20.0)


@pytest.mark.parametrize(
    ("canary", "champion", "phase", "words"),
    [
        (QUICK[:0], QUICK, Phase.no_data, "0 latencies of 300 canary answers, at least 200 needed"),
        (QUICK[:199], QUICK, Phase.inconclusive, "199 latencies of 300 canary answers, at least 200 needed"),
        (SLOW, QUICK, Phase.failed, "latency_p99 250 > limit 100 ms (n=300): 100.00% of its answers are slower"),
        (SLOW, QUICK[:0], Phase.failed, "champion 0 ms (n=0)"),
        (SLOW, np.full(500, 300.0), Phase.inconclusive, "the champion is slow too, p99 300 ms (n=500)"),
        (np.append(QUICK[:296], SLOW[:4]), QUICK, Phase.inconclusive, "1.33% of its answers are slower"),
    ],
)
def test_latency_of_the_canary(canary, champion, phase: Phase, words: str) -> None:
    verdict = judge_canary(replace(trial(), canary_latency_ms=canary, champion_latency_ms=champion), POLICY)
    assert verdict.phase is phase
    assert words in verdict.reason


@pytest.mark.parametrize("judge", [judge_shadow, judge_canary])
def test_a_candidate_that_turns_bad_is_taken_back_on_the_newest_pairs(judge) -> None:
    good, bad = trial(0.98), trial(1.5, 2_500, seed=1)
    turned = replace(
        good,
        champion_error=np.concatenate([good.champion_error, bad.champion_error]),
        candidate_error=np.concatenate([good.candidate_error, bad.candidate_error]),
    )
    verdict = judge(turned, POLICY)
    assert verdict.phase is Phase.failed
    assert "on the newest 1500 pairs candidate" in verdict.reason
    assert "> limit 0.02; on all: candidate" in verdict.reason
