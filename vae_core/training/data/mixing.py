"""How often each image is drawn when a new kind has come: the new kind often enough, the old ones replayed.

Weights have mean 1: an image of weight 3 is drawn three times in an epoch. Raising a weight shows no new image, only
the same one again, so there is a ceiling to it, and a number of distinct images below which nothing is trained.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.errors import DataError

MIN_NEW_SHARE = 0.2
"""Of what is drawn, at least: the emergency tier's share of the new kind."""

MAX_OVERSAMPLING = 10.0
"""Draws of one image in an epoch, at most."""

MIN_DISTINCT = 500
"""Images of the new kind below which the tier does not train."""


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Sampling weights (N,) float64 of mean 1, and what they come to, for the plan and the card.

    new_images: distinct ones. natural_share, new_share: of the new kind among the images, and among what is drawn;
    new_share lies below what was asked for where the ceiling on oversampling forbids more. oversampling: draws of a
    new image in an epoch; replay_weight: draws of any other.
    """

    weights: np.ndarray
    new_images: int
    natural_share: float
    new_share: float
    oversampling: float
    replay_weight: float


def mixing_weights(
    is_new: np.ndarray,
    *,
    min_new_share: float = MIN_NEW_SHARE,
    max_oversampling: float = MAX_OVERSAMPLING,
    min_distinct: int = MIN_DISTINCT,
) -> Mixture:
    """Weigh images so that those of is_new (N,) bool make up at least min_new_share of what is drawn.

    No image is drawn more than max_oversampling times an epoch; where the new kind's own share is larger already,
    every image weighs 1. All others weigh the same, so they replay the mix that they came in. The images must be
    distinct. DataError when fewer than min_distinct are new, or an argument is out of its bounds.
    """
    _require_bounds(is_new, min_new_share, max_oversampling)
    count, new = len(is_new), int(is_new.sum())
    if new < max(1, min_distinct):
        raise DataError(
            f"mixing: expected at least {max(1, min_distinct)} distinct images of the new kind, came {new} "
            f"among {count}; wait until more are captured"
        )
    natural = new / count
    share = max(natural, min(min_new_share, max_oversampling * natural))
    oversampling = share / natural
    replay = (1 - share) / (1 - natural) if new < count else 0.0
    return Mixture(
        weights=np.where(is_new, oversampling, replay).astype(np.float64),
        new_images=new,
        natural_share=natural,
        new_share=share,
        oversampling=oversampling,
        replay_weight=replay,
    )


def _require_bounds(is_new: np.ndarray, min_new_share: float, max_oversampling: float) -> None:
    if is_new.dtype != np.bool_ or is_new.ndim != 1:
        raise DataError(f"mixing: expected is_new as bool (N,), came {is_new.dtype} {is_new.shape}; mark every image")
    if not 0 <= min_new_share < 1:
        raise DataError(f"mixing: expected min_new_share in [0, 1), came {min_new_share}; leave room for the replay")
    if not 1 <= max_oversampling < float("inf"):
        raise DataError(f"mixing: expected max_oversampling of at least 1 and finite, came {max_oversampling}")
