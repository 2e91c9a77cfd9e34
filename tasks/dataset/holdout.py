"""How many of the newest images are trained on, watched and held out: each use needs enough of the new kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from data_checks.least_images import (
    EARLY_STOPPING_SHARE,
    LARGEST_GROUP_PART,
    LARGEST_HOLDOUT_SHARE,
    LEAST_HOLDOUT_SHARE,
    MIN_EARLY_STOPPING,
    least_new_images,
)
from data_checks.least_images import (
    MIN_NEW_IMAGES as MIN_NEW_IMAGES,  # of this file's callers too
)
from deploy.wiring import World
from tasks.errors import NotEnoughData

if TYPE_CHECKING:
    import pyarrow as pa

SEED = 0


def wanted_images(world: World) -> int:
    """Images of the new kind with which nobody goes short: training, hold-out and early stopping."""
    share = world.settings.evaluation.window_holdout_share
    return ceil(MIN_NEW_IMAGES / (1 - share) / (1 - EARLY_STOPPING_SHARE))


def wanted_window(world: World) -> int:
    """Images of a window that is new as a whole, with which the version's reference does not go short either."""
    return max(
        wanted_images(world), ceil(world.settings.drift.min_reference / world.settings.evaluation.window_holdout_share)
    )


def least_images() -> int:
    """Images of the new kind without which no emergency begins."""
    return least_new_images(MIN_NEW_IMAGES)


def too_few(found: int, size: int, also: str = "") -> NotEnoughData:
    """What to say of a stretch of so many images in which so few are of a new kind."""
    there = f"{found} images of a new kind among the newest {size:,} captured from traffic"
    if found == size:
        there = f"{found} images captured from traffic that the catalogue did not have before"
    return NotEnoughData(
        f"{there}: expected at least {least_images()}, so that {MIN_NEW_IMAGES} can be trained on and "
        f"{LEAST_HOLDOUT_SHARE:.0%} held out; {also}capture more traffic first, or run `latentloop retrain --tier full`"
    )


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Rows (H,) of a window that are held out, rising; `sources`: those that were held out whole, if any.

    of_cut_groups (G,): those of the rows whose copies are on both sides, because there are too many of them.
    """

    rows: np.ndarray
    sources: tuple[str, ...] = ()
    of_cut_groups: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))


Learn = Callable[[HeldOut], np.ndarray]
"""Rows (T,) of the new kind that can be trained on beside a hold-out: no image of it, and no copy of one."""


def hold_out_for_reference(
    world: World, window: pa.Table, is_new: np.ndarray, groups: np.ndarray, version: int, learn: Learn
) -> HeldOut:
    """So many images that the version's reference, which they become, can be judged against; NotEnoughData else.

    The wanted share first, then as much as leaves enough of the new kind to train on; then as little as may be, where
    copies of held-out images leave too few. `groups`: see `hold_out`.
    """
    from data_checks.errors import SplitImpossible

    found, least = int(is_new.sum()), world.settings.drift.min_reference
    problem = ""
    for share in dict.fromkeys((_holdout_share(world, found), _largest_share(world, found), LEAST_HOLDOUT_SHARE)):
        try:
            held = hold_out(world, window, is_new, share, version, least, groups)
        except SplitImpossible as error:
            problem = problem or str(error)
            continue
        if (learnt := len(learn(held))) >= MIN_NEW_IMAGES:
            return held
        copies = found - int(is_new[held.rows].sum()) - learnt
        problem = (
            f"with {share:.0%} held out {learnt} are left to train on, for {copies} others are copies of images that "
            "are held out: capture more of them"
        )
    raise NotEnoughData(
        f"no hold-out of at least {least} images, which the version's reference needs, among the newest "
        f"{len(window):,} captured from traffic with {found} of the new kind, of which "
        f"{MIN_NEW_IMAGES} are trained on: {problem}"
    )


def hold_out(
    world: World,
    rows: pa.Table,
    is_new: np.ndarray,
    share: float,
    version: int,
    least: int = 1,
    groups: np.ndarray | None = None,
) -> HeldOut:
    """Choose what of a window is held out, by source or by time; or SplitImpossible.

    `groups` (N,): equal where images are copies of one another; time does not part them then, unless they are too many.
    """
    from data_checks.hold_out.split import split_window

    captured_us = rows["captured_at"].cast("int64").to_numpy()
    large = np.zeros(len(rows), dtype=bool) if groups is None else _are_too_many(groups, share)
    split = split_window(
        rows["source"].to_pylist(),
        captured_us if groups is None else gather_moments(captured_us, groups, ~large),
        is_new,
        share=share,
        # another window holds out other sources: none is kept from training for ever
        salt=f"{world.settings.product}:{version}",
        least=least,
    )
    return HeldOut(split.holdout, tuple(sorted(split.sources)), split.holdout[large[split.holdout]])


def gather_moments(captured_us: np.ndarray, groups: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Capture times (N,) by which no group of copies is cut: that of one of them, by lot, for each image of a group.

    By lot, so that what comes in many copies is held out as often as what comes once. Images (N,) bool that are not
    `kept` together have times of their own.
    """
    lot = np.random.default_rng(SEED).permutation(len(groups))
    _, drawn, place = np.unique(groups[lot], return_index=True, return_inverse=True)
    moments = captured_us.copy()
    together = kept[lot]
    moments[lot[together]] = captured_us[lot[drawn[place[together]]]]
    return moments


def _are_too_many(groups: np.ndarray, share: float) -> np.ndarray:
    """Which images (N,) bool are of a group that would be too large a part of a hold-out of this share."""
    _, place, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    found: np.ndarray = (sizes > max(2, LARGEST_GROUP_PART * share * len(groups)))[place]
    return found


def watch_some(trained: np.ndarray) -> np.ndarray:
    """Some of the new kind for early stopping, never so many that too few remain to train on."""
    count = min(round(EARLY_STOPPING_SHARE * len(trained)), len(trained) - MIN_NEW_IMAGES)
    if count < MIN_EARLY_STOPPING:
        return trained[:0]
    return np.sort(np.random.default_rng(SEED).permutation(trained)[:count])


def _holdout_share(world: World, found: int) -> float:
    """The wanted share; where images are short, less, so that enough are left to train on and to stop by."""
    spared = 1 - (MIN_NEW_IMAGES + MIN_EARLY_STOPPING) / found
    return min(world.settings.evaluation.window_holdout_share, max(LEAST_HOLDOUT_SHARE, spared))


def _largest_share(world: World, found: int) -> float:
    """As much as leaves enough to train on and to stop by, never less than the share that is wanted first."""
    spared = 1 - (MIN_NEW_IMAGES + MIN_EARLY_STOPPING) / found
    return max(_holdout_share(world, found), min(LARGEST_HOLDOUT_SHARE, spared))
