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
from vae_core.families.units import UsedUnits

Tier = Literal["full", "incremental", "emergency"]
Metric = Literal[
    "recon_error", "fd_efflite0", "fd_efflite0_reconstructions", "kid_efflite0", "kid_efflite0_reconstructions"
]
KERNEL = frozenset({"kid_efflite0", "kid_efflite0_reconstructions"})
"""Of sets too small for a Fréchet distance: a change counts where it is shown, not where it may be."""

SAMPLES = frozenset({"fd_efflite0", "kid_efflite0"})
"""Of samples, which follow the mix of the newest data."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one version without comparing it: the input of the absolute bars.

    `frechet_over_floor`: Fréchet distance of its samples over that of real images against
    real images; None where n is too small, or where it can give no samples.
    """

    explained_variance: float
    units: UsedUnits
    frechet_over_floor: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """Relative change of one measurement against the champion, paired on the same images: (candidate / champion) - 1.

    `low` and `high` bound it at 95 %; `metric` and `benchmark` name what was measured and where: `fd_efflite0` of
    samples, `fd_efflite0_reconstructions` of the images' own reconstructions. A Fréchet distance of too few images is
    mostly bias: `kid_efflite0` and `kid_efflite0_reconstructions`, bounded at 99 %, stand in its place.
    """

    metric: Metric
    benchmark: Literal["old", "new"]
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class ClusterChange:
    """Candidate's mean error over the champion's in one cluster of the champion's reference, on its `n` images.

    `low` bounds the ratio from below, at 95 % for all clusters together.
    """

    cluster: int
    ratio: float
    low: float
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
        _units_evidence(standing.units, None, policy),
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
    changes: Sequence[Change],
    *,
    tier: Tier,
    units: UsedUnits,
    champion_units: UsedUnits,
    policy: GatePolicy,
    clusters: Sequence[ClusterChange] = (),
) -> Verdict:
    """Against the champion: nothing worse by its margin, one better (unless the tier is full), no code or kind lost.

    Units and codes are not compared: beside a champion of another kind the bar is that of a first version.

    Samples follow the mix of the newest data, because the prior is fitted to it: where there is a `benchmark_new`,
    those on `benchmark_old`, which lacks the new kind, are shown and not judged.
    """
    judged = [each for each in changes if _is_judged(each, changes)]
    if not judged:
        return Verdict(
            phase=Phase.no_data,
            reason="no benchmark was measured for both champion and candidate: expected at least 1, came 0",
            evidence=(),
        )
    evidence = [_change_evidence(each, policy if each in judged else None) for each in changes]
    evidence.append(_units_evidence(units, champion_units, policy))
    evidence += _cluster_evidence(clusters, policy)
    failed = [each for each in evidence if not each.within_limit]
    if failed:
        return Verdict(phase=Phase.failed, reason=_sentences(failed), evidence=tuple(evidence))
    better = [each for each in judged if each.high < 0]
    if not better and tier != "full":
        best = min(judged, key=lambda each: each.high)
        return Verdict(
            phase=Phase.failed,
            reason=f"nothing improves: {_change_sentence(best)}, expected an upper bound below 0",
            evidence=tuple(evidence),
        )
    praised = "; ".join([*map(_change_sentence, better or judged), *map(_blindness, filter(_is_kernel, judged))])
    return Verdict(phase=Phase.passed, reason=praised, evidence=tuple(evidence))


def _is_judged(change: Change, changes: Sequence[Change]) -> bool:
    samples_of_another_mix = change.metric in SAMPLES and change.benchmark == "old"
    return not (samples_of_another_mix and any(each.benchmark == "new" for each in changes))


def _is_kernel(change: Change) -> bool:
    return change.metric in KERNEL


def _blindness(change: Change) -> str:
    """How much worse the candidate might be and pass: half the width of the interval."""
    unseen = (change.high - change.low) / 2
    return f"{change.metric} on benchmark_{change.benchmark}: less than {unseen:+.0%} is not seen with n={change.n}"


def _change_evidence(change: Change, policy: GatePolicy | None) -> Evidence:
    """The upper bound beside its margin, of a kernel distance the lower one; without a policy it is shown only.

    A few hundred images cannot bound a change by the margin from above: there an equal model would seldom pass.
    """
    end = "low" if change.metric in KERNEL else "high"
    return Evidence(
        name=f"{change.metric}_{change.benchmark}_change_{end}",
        value=change.low if change.metric in KERNEL else change.high,
        limit=None if policy is None else _margin(change, policy),
        unit="share",
        direction="lower",
    )


def _units_evidence(units: UsedUnits, champion: UsedUnits | None, policy: GatePolicy) -> Evidence:
    """Beside the champion's own number, or beside the absolute bar where there is none to compare with.

    Codes count as shares of their codebooks: a smaller one that is used well has lost nothing.
    """
    if champion is not None and champion.name == units.name:
        limit = policy.min_active_share * champion.used
        if units.count_as_share:
            limit *= units.of / champion.of
    elif units.count_as_share:
        limit = policy.first_min_code_share * units.of
    else:
        limit = policy.first_min_active_units
    return Evidence(
        name=units.name,
        value=units.used,
        limit=limit,
        unit=units.unit,
        direction="higher",
    )


def _cluster_evidence(clusters: Sequence[ClusterChange], policy: GatePolicy) -> list[Evidence]:
    """Every cluster that is lost; where none is, the one that comes nearest to it."""
    measured = sorted(
        (each for each in clusters if each.n >= policy.lost_cluster_min_images), key=lambda each: each.low, reverse=True
    )
    lost = [each for each in measured if each.low > policy.lost_cluster_ratio]
    return [
        Evidence(
            name=f"cluster_{each.cluster}_error_ratio_low",
            value=each.low,
            limit=policy.lost_cluster_ratio,
            unit="ratio",
            direction="lower",
            n=each.n,
        )
        for each in (lost or measured[:1])
    ]


def _margin(change: Change, policy: GatePolicy) -> float:
    return {
        "recon_error": policy.recon_error_margin,
        "fd_efflite0": policy.frechet_margin,
        "fd_efflite0_reconstructions": policy.reconstruction_frechet_margin,
        "kid_efflite0": policy.kernel_margin,
        "kid_efflite0_reconstructions": policy.kernel_margin,
    }[change.metric]


def _sentences(evidence: Sequence[Evidence]) -> str:
    return "; ".join(each.describe() for each in evidence)


def _change_sentence(change: Change) -> str:
    return (
        f"{change.metric} on benchmark_{change.benchmark} {change.value:+.2%} "
        f"[{change.low:+.2%}, {change.high:+.2%}] (n={change.n})"
    )
