"""Which training images are of the new kind, and how often each is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deploy.wiring import World
from tasks.dataset import holdout
from tasks.dataset.images import selection_of
from tasks.errors import NotEnoughData
from tasks.values import NewKindFound, RetrainPlan

if TYPE_CHECKING:
    import pyarrow as pa

    from vae_core.training.data.mixing import Mixture

LARGEST_DRAWN_SHARE = 0.5  # of what is drawn: the old kinds need their replay, however impure the find


def mark_new_kind(world: World, rows: pa.Table, plan: RetrainPlan) -> np.ndarray:
    """Which training rows (N,) bool the plan found to be of the new kind."""
    import pyarrow as pa
    import pyarrow.compute as pc

    chosen = selection_of(world, plan)
    found = chosen.new_kind if chosen is not None else ()
    marked: np.ndarray = pc.is_in(rows["digest"], value_set=pa.array(found, pa.string())).to_numpy()
    return marked


def most_replayed(distinct: int, window: int, found: NewKindFound) -> int:
    """Images beside the window, at most, so that the new kind has its share at the allowed oversampling.

    `distinct`: images of the new kind that are trained on; `window`: all of the window that are.
    """
    from vae_core.training.data.mixing import MAX_OVERSAMPLING

    return max(0, int(MAX_OVERSAMPLING * distinct / _drawn_share(found)) - window)


def require_share(distinct: int, images: int, found: NewKindFound) -> None:
    """NotEnoughData where so many other images are trained on that the new kind cannot have its share."""
    from vae_core.training.data.mixing import MAX_OVERSAMPLING

    share = _drawn_share(found)
    if MAX_OVERSAMPLING * distinct < share * images:
        raise NotEnoughData(
            f"{distinct} images of the new kind among {images:,} to train on, each drawn {MAX_OVERSAMPLING:.0f} times "
            f"at most, are {MAX_OVERSAMPLING * distinct / images:.1%} of what is drawn: expected at least {share:.1%}; "
            "capture more of the new kind first, or run the full tier"
        )


def mix(is_new: np.ndarray, plan: RetrainPlan) -> Mixture | None:
    """Sampling weights with enough of the new kind; None for a plan that found none: all images weigh the same.

    NotEnoughData when there are too few images of it, or too many others beside them.
    """
    if plan.found is None:
        return None
    from vae_core.training.data.mixing import mixing_weights

    distinct = int(is_new.sum())
    if distinct < holdout.MIN_NEW_IMAGES:
        raise NotEnoughData(
            f"{distinct} images of the new kind are left to train on: expected at least {holdout.MIN_NEW_IMAGES}; "
            "start a new retraining once more were captured"
        )
    require_share(distinct, len(is_new), plan.found)
    return mixing_weights(is_new, min_new_share=_drawn_share(plan.found), min_distinct=holdout.MIN_NEW_IMAGES)


def _drawn_share(found: NewKindFound) -> float:
    """What was found is known in part (1 - purity): so much more of it is drawn that the new kind has its share."""
    from vae_core.training.data.mixing import MIN_NEW_SHARE

    return min(LARGEST_DRAWN_SHARE, MIN_NEW_SHARE / max(found.purity, MIN_NEW_SHARE))


def natural_weights(is_new: np.ndarray, plan: RetrainPlan) -> np.ndarray:
    """Weights (N,) that give the new kind the share that it has in the traffic; all 1 for a plan that found none.

    Where the window as a whole takes its place, the traffic is like it: what is replayed beside it stands for the share
    of it that has not moved, one of many such images. Where all has moved, it weighs 0.
    """
    weights = np.ones(len(is_new))
    if plan.found is not None and 0 < is_new.sum() < len(is_new):
        share = plan.found.share
        if plan.found.is_whole_window:
            still = 1 - plan.found.purity
            replayed, known_in_window = int((~is_new).sum()), still * int(is_new.sum())
            share = 1 - still * replayed / (replayed + known_in_window)
        weights[is_new] = share / is_new.sum()
        weights[~is_new] = (1 - share) / (~is_new).sum()
    return weights
