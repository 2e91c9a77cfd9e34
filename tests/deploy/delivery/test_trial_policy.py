"""The times of a trial: compressed alone, and in order."""

from __future__ import annotations

import pytest

from deploy.delivery.trial_policy import DeliveryPolicy
from tests.deploy.delivery.paired_trial import POLICY


def test_compressed_clocks_change_times_alone() -> None:
    policy = POLICY.compressed(1 / 7_200)
    assert (policy.canary_min_s, policy.canary_max_s, policy.watch_s) == pytest.approx((12, 84, 12))
    assert policy.model_copy(update={name: getattr(POLICY, name) for name in type(policy).model_fields
                                     if name.endswith("_s")}) == POLICY  # fmt: skip
    with pytest.raises(ValueError, match="came 0"):
        POLICY.compressed(0)


def test_times_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="canary 86400 s and 5 s"):
        DeliveryPolicy(canary_max_s=5.0)
