"""Which part of a batch must be held: the shares that were refused, judged for each source by itself."""

import math
import re
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from data_checks.policy import InputPolicy
from data_checks.refusal import Refusal
from data_checks.statistics.rates import judge_rate_below
from data_checks.verdict import Phase, Verdict, combine
from vae_core.documents import digest_document
from vae_core.images.preprocessing import Preprocessing

Group = TypeVar("Group", bound=Hashable)

HELD = "batch_held"
"""The reason under which the others of a group wait in quarantine."""

SHARE_SETTING = "input_policy.max_refused_share"
"""By its full name: `drift.max_refused_share` is another one, for traffic."""

_SURELY = re.compile(r"surely at least ([0-9.e+-]+) %")
_LOWER_BOUND = re.compile(r"lower bound ([0-9.e+-]+) > limit")  # in what earlier releases wrote


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


def describe_hold(verdict: Verdict) -> str:
    """Why a failed verdict holds a group: each reason with its share, and the setting that is below it."""
    told = [
        f"{round(each.value * each.n):,} of {each.n:,} were refused for {each.name.removeprefix('refused_')} "
        f"({each.value * 100:.3g} %, surely at least {each.low * 100:.4g} %)"
        for each in verdict.evidence
        if each.n and each.low is not None and each.limit is not None and each.low > each.limit
    ]
    limit = next(each.limit for each in verdict.evidence if each.limit is not None)
    return f"{' and '.join(told)}, `{SHARE_SETTING} = {limit:g}` allows {limit * 100:g} %"


def find_least_share(holds: Iterable[str]) -> float | None:
    """The least round `input_policy.max_refused_share` under which none of these holds would be; None: there is none.

    >>> find_least_share(["… (30 %, surely at least 18.11 %), …", "…"])
    0.19
    """
    shares = [float(found[1]) / 100 for each in holds for found in _SURELY.finditer(each)]
    shares += [float(found[1]) for each in holds for found in _LOWER_BOUND.finditer(each)]
    least = (math.floor(max(shares, default=1.0) * 100 + 1e-9) + 1) / 100  # above it, not at it: shares are rounded
    return least if least < 1 else None
