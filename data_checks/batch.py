"""Which part of a batch must be held: the shares that the gate refused, judged for each source by itself."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from data_checks.policy import InputPolicy
from data_checks.refusal import Refusal
from data_checks.statistics.rates import judge_rate_below
from data_checks.verdict import Phase, Verdict, combine
from vae_core.documents import digest_document
from vae_core.preprocessing import Preprocessing

Group = TypeVar("Group", bound=Hashable)


class _Decider(BaseModel):
    """All that an image's fate depends on beside its bytes."""

    model_config = ConfigDict(frozen=True)

    policy: InputPolicy
    preprocessing: Preprocessing


def decision_digest(policy: InputPolicy, preprocessing: Preprocessing) -> str:
    """Name what decides about an image: equal exactly when policy and preprocessing are."""
    return digest_document(_Decider(policy=policy, preprocessing=preprocessing))


def judge_groups(
    received: Mapping[Group, int], refused: Mapping[Group, Mapping[Refusal, int]], policy: InputPolicy
) -> dict[Group, Verdict]:
    """Judge the refused shares of each group (a source, and the way it came) by itself; `failed`: hold that group.

    A fault of one source says nothing of another: their images are not held for it.
    """
    return {group: judge_refused_shares(refused.get(group, {}), count, policy) for group, count in received.items()}


def judge_refused_shares(refused: Mapping[Refusal, int], received: int, policy: InputPolicy) -> Verdict:
    """Judge the share refused for each reason against the policy; `failed` means: hold the whole batch.

    `refused` counts images by reason, of `received` in all. Each reason is tested on its own, because a fault
    has one reason: 1 % black frames are a broken camera, even where everything together is usual.
    """
    if received == 0:
        return Verdict(
            phase=Phase.no_data,
            reason=f"0 images received, limit {policy.max_refused_share:.4g} per reason not judged",
        )
    counts = {f"refused_{reason}": count for reason, count in sorted(refused.items()) if count > 0}
    return combine(
        [
            judge_rate_below(
                name,
                count,
                received,
                limit=policy.max_refused_share,
                confidence=policy.refused_share_confidence,
                minimum_n=policy.refused_share_min_images,
            )
            for name, count in (counts or {"refused": 0}).items()
        ]
    )
