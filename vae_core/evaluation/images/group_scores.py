"""Error and coverage of each group that a caller names, the worst first, as a result keeps them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from vae_core.evaluation.benchmark_scores import GroupScore, MeanScore
from vae_core.evaluation.distances.density_coverage import SampleCoverage
from vae_core.evaluation.images.group_errors import GroupError, measure_groups, wilson_share


def score_groups(
    recon_error: np.ndarray,
    groups: np.ndarray | Sequence[str] | Sequence[int],
    samples: SampleCoverage | None,
    level: float = 0.95,
) -> tuple[GroupScore, ...]:
    """Average the errors (N,) of each group: judged ones first, the worst first, then those with too few images.

    `samples` are covered shares by the numbers of `number_groups`, None where nothing was sampled.
    """
    names = [str(name) for name in np.unique(np.asarray(groups))]
    found = measure_groups(recon_error, groups, level=level)
    each_level = 1 - (1 - level) / max(1, len(names))
    covered = {
        names[each.label]: MeanScore.of(wilson_share(round(each.coverage * each.n), each.n, each_level))
        for each in (samples.groups if samples else ())
    }
    return tuple(_score(group, covered.get(group.group)) for group in (*found.judged, *found.listed))


def number_groups(groups: np.ndarray | Sequence[str] | Sequence[int]) -> np.ndarray:
    """The group of each of N images as a whole number (N,), in the order of the names."""
    numbers: np.ndarray = np.unique(np.asarray(groups), return_inverse=True)[1]
    return numbers


def _score(group: GroupError, coverage: MeanScore | None) -> GroupScore:
    return GroupScore(
        group=group.group,
        n=group.n,
        recon_error=group.mean,
        low=group.error.low if group.error else None,
        high=group.error.high if group.error else None,
        ratio=None if math.isnan(group.ratio) else group.ratio,
        coverage=coverage,
    )
