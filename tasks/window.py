"""The newest images before a training: which are new, which are held out; chosen once, before anything is cut."""

from __future__ import annotations

import tempfile
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.context import objects, settings
from tasks.errors import NoChampion, NotEnoughData
from tasks.images import WINDOW_STEP
from tasks.mixing import require_share
from tasks.new_kind import look_back, score_rows, to_sample
from tasks.steps import finish_step, finished_step
from tasks.traffic import ends, free_rows, newest, traffic_among
from tasks.values import NewKindFound, Tier, WindowSelection

if TYPE_CHECKING:
    import pyarrow as pa

    from data_checks.new_kind import NewKind
    from deploy.release import ServedVersion
    from vae_core.artifact import Artifact

MIN_NEW_IMAGES = 500  # distinct ones to train on: fewer are learnt by heart
LEAST_HOLDOUT_SHARE = 0.15  # of the new kind; with less, the emergency waits for more traffic
MIN_HOLDOUT_IMAGES = 50  # of which an interval still says something; with less traffic there is no benchmark_new
LARGEST_HOLDOUT_SHARE = 0.5  # where traffic is short; beyond it more is measured than learnt
EARLY_STOPPING_SHARE = 0.1  # of the new kind that is not held out
MIN_EARLY_STOPPING = 30  # images; the mean of fewer says nothing, then the budget alone ends the training
SEED = 0


def select_window(
    key: str, tier: Tier, champion: ServedVersion, old_sources: tuple[str, ...], held_back: tuple[str, ...]
) -> WindowSelection:
    """Choose window, hold-out and new kind of this trigger; `held_back`: digests of sets that were cut before.

    Nothing outside is changed, so whoever is killed after this cuts the same sets when it starts again.
    NotEnoughData when the emergency tier finds too few images of a new kind.
    """
    if (kept := finished_step(objects(), key, WINDOW_STEP, WindowSelection)) is not None:
        return kept
    version = settings().open_catalogue().version()
    with tempfile.TemporaryDirectory() as temporary:
        artifact = _fetch(champion, Path(temporary))
    if tier != "full":
        _require_same_images(artifact, tier)
    free = free_rows(version, old_sources, held_back)
    traffic = newest(traffic_among(free, version, artifact))
    if tier == "emergency":
        chosen = _select_new_kind(traffic, version, champion, artifact)
    else:
        window = newest(free) if tier == "incremental" else traffic
        chosen = _select_newest(window, traffic, version, champion)
    return finish_step(objects(), key, WINDOW_STEP, chosen)


def _select_new_kind(traffic: pa.Table, version: int, champion: ServedVersion, artifact: Artifact) -> WindowSelection:
    """Window, hold-out and early stopping around the images of a new kind."""
    sample, reference = score_rows(traffic, version, artifact), artifact.reference
    if reference is None:
        raise NoChampion(f"version {champion.version} has no reference to find a new kind against: evaluate it again")
    refused: NotEnoughData | None = None
    for size, found in look_back(sample, to_sample(reference), _wanted()):
        try:
            return _choose(traffic.slice(len(traffic) - size), found, version, champion)
        except NotEnoughData as error:  # a longer stretch has more of all
            refused = refused or error
    assert refused is not None, "there is one stretch at least"
    raise refused


def _choose(window: pa.Table, found: NewKind | None, version: int, champion: ServedVersion) -> WindowSelection:
    """The selection of one stretch; NotEnoughData, with both numbers, where something would be short."""
    size, needed = len(window), ceil(MIN_NEW_IMAGES / (1 - LEAST_HOLDOUT_SHARE))
    if found is None or len(found.indices) < needed:
        raise NotEnoughData(
            f"{0 if found is None else len(found.indices)} images of a new kind among the newest {size:,} captured "
            f"from traffic: expected at least {needed}, so that {MIN_NEW_IMAGES} can be trained on and "
            f"{LEAST_HOLDOUT_SHARE:.0%} held out; capture more traffic first"
        )
    is_new = np.zeros(size, dtype=bool)
    is_new[found.indices] = True
    digests, (began, ended) = np.array(window["digest"].to_pylist()), ends(window)
    holdout, sources = _hold_out_for_reference(window, is_new, version)
    trained = np.setdiff1d(np.flatnonzero(is_new), holdout)
    watched = _watched(trained)
    what = NewKindFound(
        n=len(found.indices),
        share=found.share,
        share_low=found.share_low,
        purity=found.purity,
        error_ratio=found.error_ratio,
        cells=found.cells,
    )
    require_share(len(trained) - len(watched), size - len(holdout) - len(watched), what)
    return WindowSelection(
        catalogue_version=version,
        champion=champion,
        n=size,
        began=began,
        ended=ended,
        holdout=tuple(digests[holdout].tolist()),
        holdout_sources=sources,
        new_kind=tuple(digests[is_new].tolist()),
        early_stopping=tuple(digests[watched].tolist()),
        segments=tuple(sorted(set(window["segment"].to_pylist()))),
        found=what,
    )


def _hold_out_for_reference(window: pa.Table, is_new: np.ndarray, version: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """So many images that the version's reference, which they become, can be judged against; NotEnoughData else.

    The wanted share first, then as much as leaves enough of the new kind to train on.
    """
    from data_checks.errors import SplitImpossible

    least = settings().drift.min_reference
    shares = _holdout_share(int(is_new.sum())), _largest_share(int(is_new.sum()))
    for share in dict.fromkeys(shares):
        try:
            return _hold_out(window, is_new, share, version, least)
        except SplitImpossible as error:
            problem = error
    raise NotEnoughData(
        f"no hold-out of at least {least} images, which the version's reference needs, among the newest "
        f"{len(window):,} captured from traffic with {int(is_new.sum())} of the new kind, of which "
        f"{MIN_NEW_IMAGES} are trained on: {problem}"
    )


def _select_newest(window: pa.Table, traffic: pa.Table, version: int, champion: ServedVersion) -> WindowSelection:
    """The newest images, and of the traffic among them a hold-out where there is enough of it."""
    from data_checks.errors import SplitImpossible

    share = settings().evaluation.window_holdout_share
    holdout: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    if len(traffic) * share >= MIN_HOLDOUT_IMAGES:
        try:
            rows, sources = _hold_out(traffic, np.zeros(len(traffic), dtype=bool), share, version)
            holdout = tuple(traffic["digest"].take(rows).to_pylist())
        except SplitImpossible as error:  # these tiers can do without it, an emergency cannot
            print(f"no benchmark_new: {error}")
    began, ended = ends(window)
    return WindowSelection(
        catalogue_version=version,
        champion=champion,
        n=len(window),
        began=began,
        ended=ended,
        holdout=holdout,
        holdout_sources=sources,
    )


def _wanted() -> int:
    """Images of the new kind with which nobody goes short: training, hold-out and early stopping."""
    share = settings().evaluation.window_holdout_share
    return ceil(MIN_NEW_IMAGES / (1 - share) / (1 - EARLY_STOPPING_SHARE))


def _holdout_share(found: int) -> float:
    """The wanted share; where images are short, less, so that enough are left to train on and to stop by."""
    spared = 1 - (MIN_NEW_IMAGES + MIN_EARLY_STOPPING) / found
    return min(settings().evaluation.window_holdout_share, max(LEAST_HOLDOUT_SHARE, spared))


def _largest_share(found: int) -> float:
    """As much as leaves enough to train on and to stop by, never less than the share that is wanted first."""
    spared = 1 - (MIN_NEW_IMAGES + MIN_EARLY_STOPPING) / found
    return max(_holdout_share(found), min(LARGEST_HOLDOUT_SHARE, spared))


def _hold_out(
    rows: pa.Table, is_new: np.ndarray, share: float, version: int, least: int = 1
) -> tuple[np.ndarray, tuple[str, ...]]:
    from data_checks.split import split_window

    split = split_window(
        rows["source"].to_pylist(),
        rows["captured_at"].cast("int64").to_numpy(),
        is_new,
        share=share,
        # another window holds out other sources: none is kept from training for ever
        salt=f"{settings().product}:{version}",
        least=least,
    )
    return split.holdout, tuple(sorted(split.sources))


def _watched(trained: np.ndarray) -> np.ndarray:
    """Some of the new kind, never so many that too few remain to train on."""
    count = min(round(EARLY_STOPPING_SHARE * len(trained)), len(trained) - MIN_NEW_IMAGES)
    if count < MIN_EARLY_STOPPING:
        return trained[:0]
    return np.sort(np.random.default_rng(SEED).permutation(trained)[:count])


def _fetch(champion: ServedVersion, folder: Path) -> Artifact:
    from deploy.stores.artifacts import fetch_artifact

    return fetch_artifact(objects(), champion.artifact, champion.digest, folder / "champion")


def _require_same_images(artifact: Artifact, tier: Tier) -> None:
    if artifact.preprocessing != settings().preprocessing:
        raise NoChampion(
            f"{tier}: the champion sees images of {artifact.preprocessing.shape}, this installation makes them "
            f"{settings().preprocessing.shape} (C, H, W) or by another resize: run the full tier first"
        )
