"""The promotion gate: may this candidate be offered for approval?

Pure: measurements and a policy in, a `Verdict` out. Every trained candidate is registered whatever the gate says; the
verdict becomes its tag `benchmark`. Lower is better for reconstruction error and Fréchet distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from data_checks.verdict import Evidence, Phase, Verdict
from deploy.delivery.policy import GatePolicy

Tier = Literal["full", "incremental", "emergency"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one version without comparing it: the input of the absolute bars.

    `frechet_over_floor`: Fréchet distance of its samples over that of real images against
    real images; None where n is too small.
    """

    explained_variance: float
    active_units: int
    frechet_over_floor: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """Relative change of one measurement against the champion, paired on the same images: (candidate / champion) - 1.

    `low` and `high` bound it at 95 %; `metric` and `benchmark` name what was measured and where.
    """

    metric: Literal["recon_error", "fd_efflite0"]
    benchmark: Literal["old", "new"]
    value: float
    low: float
    high: float
    n: int


def judge_first_version(standing: Standing, policy: GatePolicy) -> Verdict:
    """Absolute bars, because there is no champion to compare with; the reason says so."""
    evidence = [
        Evidence(
            name="explained_variance",
            value=standing.explained_variance,
            limit=policy.first_min_explained_variance,
            unit="share",
            direction="higher",
        ),
        Evidence(
            name="active_units",
            value=standing.active_units,
            limit=policy.first_min_active_units,
            unit="units",
            direction="higher",
        ),
    ]
    if standing.frechet_over_floor is not None:
        evidence.append(
            Evidence(
                name="frechet_over_floor",
                value=standing.frechet_over_floor,
                limit=policy.first_max_frechet_over_floor,
                unit="ratio",
                direction="lower",
            )
        )
    failed = [each for each in evidence if not each.within_limit]
    if failed:
        return Verdict(phase=Phase.failed, reason="first version: " + _sentences(failed), evidence=tuple(evidence))
    return Verdict(
        phase=Phase.passed,
        reason="first version, judged on absolute bars: " + _sentences(evidence),
        evidence=tuple(evidence),
    )


def judge_candidate(
    changes: Sequence[Change], *, tier: Tier, active_units: int, champion_active_units: int, policy: GatePolicy
) -> Verdict:
    """Against the champion: no measurement worse by its margin, one better (unless the tier is full), codes alive."""
    if not changes:
        return Verdict(
            phase=Phase.no_data,
            reason="no benchmark was measured for both champion and candidate: expected at least 1, came 0",
            evidence=(),
        )
    evidence = [
        Evidence(
            name=f"{each.metric}_{each.benchmark}_change_high",
            value=each.high,
            limit=_margin(each, policy),
            unit="share",
            direction="lower",
        )
        for each in changes
    ]
    evidence.append(
        Evidence(
            name="active_units",
            value=active_units,
            limit=policy.min_active_share * champion_active_units,
            unit="units",
            direction="higher",
        )
    )
    failed = [each for each in evidence if not each.within_limit]
    if failed:
        return Verdict(phase=Phase.failed, reason=_sentences(failed), evidence=tuple(evidence))
    better = [each for each in changes if each.high < 0]
    if not better and tier != "full":
        best = min(changes, key=lambda each: each.high)
        return Verdict(
            phase=Phase.failed,
            reason=f"nothing improves: {_change_sentence(best)}, expected an upper bound below 0",
            evidence=tuple(evidence),
        )
    praised = "; ".join(map(_change_sentence, better or changes))
    return Verdict(phase=Phase.passed, reason=praised, evidence=tuple(evidence))


def _margin(change: Change, policy: GatePolicy) -> float:
    return policy.recon_error_margin if change.metric == "recon_error" else policy.frechet_margin


def _sentences(evidence: Sequence[Evidence]) -> str:
    return "; ".join(each.describe() for each in evidence)


def _change_sentence(change: Change) -> str:
    return (
        f"{change.metric} on benchmark_{change.benchmark} {change.value:+.2%} "
        f"[{change.low:+.2%}, {change.high:+.2%}] (n={change.n})"
    )
