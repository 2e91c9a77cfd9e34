"""Which times are waiting that a policy asks for: one list, so that nobody compresses a technical limit by accident."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from data_checks.drift.policy import DriftPolicy
from data_checks.waiting_time import waiting_times
from deploy.controller.config import ControllerConfig
from deploy.delivery.trial_policy import DeliveryPolicy
from deploy.settings import Settings


@pytest.mark.parametrize(
    ("policy", "waiting", "technical"),
    [
        (DeliveryPolicy, {"canary_min_s", "canary_max_s", "shadow_max_s", "watch_s", "watch_max_s"}, set()),
        (
            DriftPolicy,
            {"screening_every_s", "recent_promotion_s", "cooldown_s", "suspicion_pause_s", "images_within_s"},
            set(),
        ),
        (ControllerConfig, {"reconcile_s", "measure_retry_s"}, {"load_timeout_s", "dead_run_retry_s", "lease_s"}),
    ],
)
def test_every_time_of_a_policy_is_waiting_or_a_technical_limit(
    policy: type[BaseModel], waiting: set[str], technical: set[str]
) -> None:
    assert waiting_times(policy) == waiting
    assert {name for name in policy.model_fields if name.endswith("_s")} == waiting | technical


@pytest.mark.parametrize("policy", [DeliveryPolicy(), DriftPolicy(), ControllerConfig()])
@pytest.mark.parametrize("factor", [0.002, 0.05, 1.0])
def test_compressing_multiplies_the_waiting_and_touches_nothing_else(
    policy: DeliveryPolicy | DriftPolicy | ControllerConfig, factor: float
) -> None:
    small, waiting = policy.compressed(factor), waiting_times(type(policy))
    assert {name: getattr(small, name) for name in waiting} == pytest.approx(
        {name: factor * getattr(policy, name) for name in waiting}
    )
    assert small.model_dump(exclude=set(waiting)) == policy.model_dump(exclude=set(waiting))


@pytest.mark.parametrize("config", ["preprocessing", "input_policy", "training", "evaluation", "gate", "serving"])
def test_no_other_part_of_the_settings_is_compressed(config: str) -> None:
    assert waiting_times(type(getattr(Settings(), config))) == frozenset()
