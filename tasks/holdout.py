"""How many of the newest images are trained on, watched and held out: each use needs enough of the new kind."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from data_checks.least_images import (
    EARLY_STOPPING_SHARE,
    LARGEST_HOLDOUT_SHARE,
    LEAST_HOLDOUT_SHARE,
    MIN_EARLY_STOPPING,
)
from data_checks.least_images import (
    MIN_NEW_IMAGES as MIN_NEW_IMAGES,  # of this file's callers too
)
from tasks.context import settings
from tasks.errors import NotEnoughData

if TYPE_CHECKING:
    import pyarrow as pa

SEED = 0


def wanted_images() -> int:
    """Images of the new kind with which nobody goes short: training, hold-out and early stopping."""
    share = settings().evaluation.window_holdout_share
    return ceil(MIN_NEW_IMAGES / (1 - share) / (1 - EARLY_STOPPING_SHARE))


def wanted_window() -> int:
    """Images of a window that is new as a whole, with which the version's reference does not go short either."""
    return max(wanted_images(), ceil(settings().drift.min_reference / settings().evaluation.window_holdout_share))


def least_images() -> int:
    """Images of the new kind without which no emergency begins."""
    return ceil(MIN_NEW_IMAGES / (1 - LEAST_HOLDOUT_SHARE))


def too_few(found: int, size: int, also: str = "") -> NotEnoughData:
    """What to say of a stretch of so many images in which so few are of a new kind."""
    return NotEnoughData(
        f"{found} images of a new kind among the newest {size:,} captured from traffic: expected at least "
        f"{least_images()}, so that {MIN_NEW_IMAGES} can be trained on and {LEAST_HOLDOUT_SHARE:.0%} held out; "
        f"{also}capture more traffic first, or run `latentloop retrain --tier full`"
    )


def hold_out_for_reference(window: pa.Table, is_new: np.ndarray, version: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """So many images that the version's reference, which they become, can be judged against; NotEnoughData else.

    The wanted share first, then as much as leaves enough of the new kind to train on.
    """
    from data_checks.errors import SplitImpossible

    least = settings().drift.min_reference
    shares = _holdout_share(int(is_new.sum())), _largest_share(int(is_new.sum()))
    for share in dict.fromkeys(shares):
        try:
            return hold_out(window, is_new, share, version, least)
        except SplitImpossible as error:
            problem = error
    raise NotEnoughData(
        f"no hold-out of at least {least} images, which the version's reference needs, among the newest "
        f"{len(window):,} captured from traffic with {int(is_new.sum())} of the new kind, of which "
        f"{MIN_NEW_IMAGES} are trained on: {problem}"
    )


def hold_out(
    rows: pa.Table, is_new: np.ndarray, share: float, version: int, least: int = 1
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Rows (H,) to hold out, by source or by time, and the sources that were held out whole; or SplitImpossible."""
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


def watch_some(trained: np.ndarray) -> np.ndarray:
    """Some of the new kind for early stopping, never so many that too few remain to train on."""
    count = min(round(EARLY_STOPPING_SHARE * len(trained)), len(trained) - MIN_NEW_IMAGES)
    if count < MIN_EARLY_STOPPING:
        return trained[:0]
    return np.sort(np.random.default_rng(SEED).permutation(trained)[:count])


def _holdout_share(found: int) -> float:
    """The wanted share; where images are short, less, so that enough are left to train on and to stop by."""
    spared = 1 - (MIN_NEW_IMAGES + MIN_EARLY_STOPPING) / found
    return min(settings().evaluation.window_holdout_share, max(LEAST_HOLDOUT_SHARE, spared))


def _largest_share(found: int) -> float:
    """As much as leaves enough to train on and to stop by, never less than the share that is wanted first."""
    spared = 1 - (MIN_NEW_IMAGES + MIN_EARLY_STOPPING) / found
    return max(_holdout_share(found), min(LARGEST_HOLDOUT_SHARE, spared))
