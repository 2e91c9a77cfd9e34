"""Why a trial was lost: read from the verdicts that the judges really give."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from data_checks.verdict import Phase, Verdict
from deploy.delivery.causes import Cause, find_cause
from deploy.delivery.trial import FrechetChange, Trial, judge_canary, judge_shadow
from deploy.delivery.trial_policy import DAY_S, DeliveryPolicy

POLICY = DeliveryPolicy()
N = 3_000


def trial(ratio: float = 0.9, n: int = N, **changes: Any) -> Trial:
    """The candidate's error is `ratio` times the champion's on the same images, with noise of 5 %."""
    random = np.random.default_rng(3)
    champion = random.lognormal(np.log(0.01), 0.5, n)
    facts = Trial(
        champion_error=champion,
        candidate_error=ratio * champion * random.lognormal(0, 0.05, n),
        failures=0,
        canary_answered=400,
        champion_latency_ms=np.full(400, 8.0),
        canary_latency_ms=np.full(400, 8.0),
        tail_threshold=0.1,
        elapsed_s=2 * DAY_S,
        frechet=FrechetChange(value=-0.1, low=-0.11, high=-0.09, n=1_000),
        canary_tried=400,
    )
    return replace(facts, **changes)


@pytest.mark.parametrize(
    ("facts", "cause"),
    [
        pytest.param(trial(1.3), Cause.quality, id="its errors are larger"),
        pytest.param(trial(1.3, n=600), Cause.quality, id="seen before there is an interval with two ends"),
        pytest.param(
            trial(frechet=FrechetChange(value=0.2, low=0.15, high=0.25, n=1_000)), Cause.quality, id="Frechet distance"
        ),
        pytest.param(trial(failures=600), Cause.technical, id="it failed on images"),
        pytest.param(trial(canary_failures=100), Cause.technical, id="it failed on the images it was to answer"),
        pytest.param(trial(canary_latency_ms=np.full(400, 900.0)), Cause.technical, id="it was too slow"),
        pytest.param(trial(1.3, failures=600), Cause.quality, id="worse and failing is worse"),
        pytest.param(trial(n=300, elapsed_s=8 * DAY_S), Cause.undecided, id="its time was over before it was judged"),
    ],
)
def test_the_cause_of_a_lost_trial_is_what_was_shown(facts: Trial, cause: Cause) -> None:
    verdict = judge_canary(facts, POLICY)

    assert verdict.failed, verdict.reason
    assert find_cause(verdict) is cause


def test_what_only_the_newest_pairs_show_is_quality_too() -> None:
    facts = trial(0.9, n=4_000)
    turned = np.concatenate([facts.candidate_error[:2_500], 1.4 * facts.candidate_error[2_500:]])

    verdict = judge_shadow(replace(facts, candidate_error=turned, frechet=None), POLICY)

    assert verdict.failed and "on the newest" in verdict.reason
    assert find_cause(verdict) is Cause.quality


def test_a_verdict_without_numbers_is_of_unknown_cause() -> None:
    assert find_cause(Verdict(phase=Phase.failed, reason="it was lost")) is Cause.unknown
    assert Cause.unknown.needs_override
