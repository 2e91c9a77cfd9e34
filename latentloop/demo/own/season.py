"""The season of somebody's own pictures: the kinds that were named, or a cluster that lies apart from the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from data_checks.kinds.clusters import Clusters, fit_clusters
from latentloop.demo.own.pictures import FEWEST_NEW, MOST_NEW, Pictures
from latentloop.demo.settings import Scale
from latentloop.errors import DemoFailed

CLUSTERS = (4, 5, 6, 8, 12)
MOST_SHARE, MOST_OVER_FEWEST = 0.25, 1.25
"""Of the pictures: more is no season but the catalogue. Of the fewest of a season, where a quarter is less."""
DIRECTIONS = 128
_ROWS_AT_ONCE = 512
SEED = 0

Extract = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Features (N, D) of pixels (N, C, H, W)."""


@dataclass(frozen=True, slots=True, eq=False)
class Season:
    """rows (S,) int64, ascending: the pictures that arrive later; `told`: which they are, for a person.

    alike (A,) int64, ascending: those so much like them that a model which saw them would know the season. The story
    leaves them out.
    """

    rows: NDArray[np.int64]
    told: str
    alike: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


def choose_season(pictures: Pictures, named: Sequence[str], scale: Scale, extract: Extract) -> Season:
    """The named kinds; without any, a cluster of features. DemoFailed where the named are too few to be learnt from."""
    if not named:
        features = extract(pictures.pixels)
        fewest = max(FEWEST_NEW, min(scale.season, int(scale.season_share * len(pictures))))
        rows, alike = pick_cluster(features, measure_detail(pictures.pixels), fewest=fewest, most=MOST_NEW)
        return Season(rows, f"a cluster that lies apart{_commonest(pictures, rows)}", alike)
    rows = np.flatnonzero(np.isin(np.array(pictures.kinds), list(named)))
    if len(rows) < FEWEST_NEW:
        raise DemoFailed(
            f"--season {','.join(named)}: {len(rows):,} different pictures can be used: expected at least "
            f"{FEWEST_NEW}, of which an emergency retraining trains on 500; name further kinds, or leave --season out"
        )
    return Season(rows[:MOST_NEW], f"kinds {', '.join(named)}", rows[MOST_NEW:])


def pick_cluster(
    features: NDArray[np.float32], detail: NDArray[np.float64], *, fewest: int, most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows (S,) of a cluster that lies apart from the rest, and of what is like it; `fewest` <= S <= `most`.

    features (N, D), detail (N,): see `measure_detail`. Clusterings of several sizes are tried, and of all clusters
    with enough pictures and at most a quarter of all the one farthest from the rest is taken, if there is one that has
    as much detail as the rest: empty skies lie far from everything, and a model that never saw one draws it better
    than what it knows. Where no cluster has enough, the farthest one is filled up with the pictures that are nearest
    to belonging to it; of one that is too large those are taken that belong to it most. Like it is what is left of
    it, and what has its nearest neighbour in it.
    """
    points = _project(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12))
    found = [
        _Found(clusters, cluster, inside, _apartness(points, inside), detail[inside].mean() >= detail[~inside].mean())
        for k in CLUSTERS
        for clusters in [fit_clusters(points, k=k, seed=SEED)]
        for of in [clusters.assign(points)]
        for cluster in np.unique(of)
        for inside in [of == cluster]
    ]
    widest = max(MOST_SHARE * len(points), MOST_OVER_FEWEST * fewest)
    fitting = [each for each in found if fewest <= each.inside.sum() <= widest]
    chosen = max([each for each in fitting if each.detailed] or fitting or found, key=lambda each: each.apartness)
    distances = np.stack([np.linalg.norm(points - centre, axis=1) for centre in chosen.clusters.centres], axis=1)
    belonging = distances[:, chosen.cluster] - np.delete(distances, chosen.cluster, axis=1).min(axis=1)
    wanted = int(np.clip(chosen.inside.sum(), fewest, most))
    rows: NDArray[np.int64] = np.sort(np.argsort(belonging, kind="stable")[:wanted])
    alike = chosen.inside | np.isin(_nearest(points), rows)
    alike[rows] = False
    return rows, np.flatnonzero(alike)


def measure_detail(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean squared difference of neighbouring pixels of each image of (N, C, H, W), of full scale squared: (N,)."""
    detail = np.empty(len(pixels))
    for first in range(0, len(pixels), _ROWS_AT_ONCE):
        part = pixels[first : first + _ROWS_AT_ONCE].astype(np.float32) / 255
        across, down = np.diff(part, axis=3), np.diff(part, axis=2)
        detail[first : first + _ROWS_AT_ONCE] = (across**2).mean(axis=(1, 2, 3)) + (down**2).mean(axis=(1, 2, 3))
    return detail


def _nearest(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """The row of each point's nearest other point, (N,)."""
    squares = (points**2).sum(axis=1)
    nearest = np.empty(len(points), np.int64)
    for first in range(0, len(points), _ROWS_AT_ONCE):
        part = points[first : first + _ROWS_AT_ONCE]
        distances = squares - 2 * part @ points.T  # the point's own square changes no order
        distances[np.arange(len(part)), np.arange(first, first + len(part))] = np.inf
        nearest[first : first + len(part)] = distances.argmin(axis=1)
    return nearest


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    clusters: Clusters
    cluster: int
    inside: NDArray[np.bool_]
    apartness: float
    detailed: bool


def _project(points: NDArray[np.float32]) -> NDArray[np.float64]:
    """Onto a few random directions, which keep distances (Johnson, Lindenstrauss 1984) and cost a tenth."""
    directions = np.random.default_rng(SEED).normal(size=(points.shape[1], DIRECTIONS)) / DIRECTIONS**0.5
    projected: NDArray[np.float64] = points @ directions
    return projected


def _apartness(points: NDArray[np.float64], inside: NDArray[np.bool_]) -> float:
    """Distance of the mean inside from the mean outside, over the spread outside."""
    outside = points[~inside]
    middle = outside.mean(axis=0)
    spread = float(np.sqrt(((outside - middle) ** 2).sum(axis=1).mean()))
    return float(np.linalg.norm(points[inside].mean(axis=0) - middle)) / max(spread, 1e-12)


def _commonest(pictures: Pictures, rows: NDArray[np.int64]) -> str:
    """From which sub-folders it is, where there are any."""
    kinds = Counter(pictures.kinds[row] for row in rows)
    named = [f"{count:,} of {kind}" for kind, count in kinds.most_common(3) if kind]
    return f", {', '.join(named)}" if named else ""
