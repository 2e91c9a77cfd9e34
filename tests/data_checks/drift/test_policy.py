"""The numbers of the drift alarms: one budget of false alarms for all rules and checks."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from data_checks.drift.policy import DriftPolicy, rules_for
from vae_core.families.registry import FAMILIES


def test_all_checks_of_ninety_days_together_raise_fewer_false_retrains_than_one() -> None:
    policy = DriftPolicy()
    checks = 90 * (policy.scheduled_checks_a_day + policy.screenings_a_day)
    assert policy.family_level * checks == pytest.approx(0.8)
    assert policy.rule_level(["logvar", "kl"]) * 8 == pytest.approx(policy.family_level)
    assert policy.rule_level([]) * 6 == pytest.approx(policy.family_level), "five judges apply, and the refusals"


def test_the_screening_may_suspect_once_a_day() -> None:
    policy = DriftPolicy()
    assert policy.screening_level * policy.screenings_a_day == pytest.approx(1.0)
    assert policy.screening_level > policy.family_level


def test_more_checks_a_day_make_each_of_them_stricter() -> None:
    assert DriftPolicy(screenings_a_day=20_000).family_level < DriftPolicy().family_level


def test_compressing_the_clock_touches_times_only() -> None:
    policy = DriftPolicy()
    small = policy.compressed(0.001)
    times = {
        "screening_every_s": 0.3,
        "recent_promotion_s": 86.4,
        "cooldown_s": 21.6,
        "suspicion_pause_s": 0.9,
        "images_within_s": 604.8,
    }
    assert {name: getattr(small, name) for name in times} == pytest.approx(times)
    assert small.model_dump(exclude=set(times)) == policy.model_dump(exclude=set(times))
    assert small.family_level == policy.family_level


def test_unknown_words_are_refused() -> None:
    with pytest.raises(ValidationError, match="extra"):
        DriftPolicy(min_image=3)  # type: ignore[call-arg]


def test_both_kinds_have_as_many_rules_so_that_each_has_the_same_level() -> None:
    assert len(rules_for(each.name for each in FAMILIES["vq_vae"].columns)) == len(
        rules_for(each.name for each in FAMILIES["conv_vae"].columns)
    )
