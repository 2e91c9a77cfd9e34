"""The error of each class or cluster, the worst first: a mean over all images hides a kind that has gone bad."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from vae_core.errors import DataError
from vae_core.evaluation.mean_estimate import MeanEstimate, estimate_mean

SMALLEST_GROUP = 30
"""Images below which a group is only listed: errors are skewed, and Student's interval needs some tens of them."""


@dataclass(frozen=True, slots=True)
class GroupError:
    """One group: n images, their mean error (lower is better), its interval where n is large enough to be judged.

    ratio: the mean error over that of all images; above 1 is worse than the whole.
    """

    group: str
    n: int
    mean: float
    error: MeanEstimate | None
    ratio: float


@dataclass(frozen=True, slots=True)
class GroupErrors:
    """Judged groups, the largest mean error first, and those that are too small to be judged, by name.

    The intervals of the judged groups hold together at `level` (Bonferroni), since the worst is chosen among them all.
    """

    overall: MeanEstimate
    judged: tuple[GroupError, ...]
    listed: tuple[GroupError, ...]
    level: float


def measure_groups(
    errors: np.ndarray,
    groups: np.ndarray | Sequence[str] | Sequence[int],
    *,
    smallest: int = SMALLEST_GROUP,
    level: float = 0.95,
) -> GroupErrors:
    """Average errors (N,) over the groups that N labels name.

    DataError when the lengths differ, `smallest` is below 2 or fewer than two images are given; DivergenceError when an
    error is NaN or infinite.
    """
    labels = np.asarray(groups)
    _require_rows(errors, labels, smallest)
    overall = estimate_mean(errors, level)
    names, group_of = np.unique(labels, return_inverse=True)
    # one sort instead of a search per group
    order = np.argsort(group_of, kind="stable")
    rows_of = np.split(order, np.cumsum(np.bincount(group_of))[:-1])
    several = max(1, sum(len(rows) >= smallest for rows in rows_of))
    each_level = 1 - (1 - level) / several
    found = []
    for name, rows in zip(names, rows_of, strict=True):
        mean = float(errors[rows].mean(dtype=np.float64))
        found.append(
            GroupError(
                group=str(name),
                n=len(rows),
                mean=mean,
                error=estimate_mean(errors[rows], each_level) if len(rows) >= smallest else None,
                ratio=mean / overall.mean if overall.mean else math.nan,
            )
        )
    return GroupErrors(
        overall=overall,
        judged=tuple(sorted((group for group in found if group.error), key=lambda group: -group.mean)),
        listed=tuple(group for group in found if not group.error),
        level=level,
    )


def wilson_share(hits: int, n: int, level: float) -> MeanEstimate:
    """The share of n images that are hits, on [0, 1], with Wilson's interval (1927)."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, shrink = hits / n, 1 + z**2 / n
    middle = (share + z**2 / (2 * n)) / shrink
    half = z / shrink * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return MeanEstimate(share, max(0.0, middle - half), min(1.0, middle + half), n)


def _require_rows(errors: np.ndarray, labels: np.ndarray, smallest: int) -> None:
    if errors.ndim != 1 or labels.shape != errors.shape:
        raise DataError(
            f"group errors: expected one error and one group an image, came {errors.shape} and {labels.shape}; "
            "take both from the same images in one order"
        )
    if smallest < 2:
        raise DataError(f"group errors: expected a smallest group of at least 2, came {smallest}; 30 is usual")
