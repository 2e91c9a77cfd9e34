"""How few images each use can do with: every such number of the product, with its reason, in one place."""

from __future__ import annotations

from itertools import count
from math import ceil

FEWEST_TRAINING = 200
"""Images that a model may be trained on: an epoch of fewer is one or two batches, and they are learnt by heart."""

FEWEST_HELD_OUT = 50
"""Of which an interval of a mean still says something: it is a quarter of the spread wide."""

LEAST_PART = 0.5
"""Of the wanted hold-out, that whole sources or days must give: less is no fair hold-out, then look-alikes decide."""

FEWEST_SOURCES = 4
"""Of fewer sources, a quarter cannot be held out whole."""

FEWEST_DAYS = 7
"""Of capture. A copy, a download or an unpacking leaves times of one day or two; a week is a history."""

LARGEST_DAY_SHARE = 0.5
"""Of the images. Where one day has more, most times are those of a copy, and the others are its leftovers."""

LARGEST_GROUP_PART = 0.25
"""Of the wanted hold-out, that one group of look-alikes may be: a larger one would be most of what is measured."""

MIN_NEW_IMAGES = 500
"""Distinct images of a new kind to train on: fewer are learnt by heart."""

LEAST_HOLDOUT_SHARE = 0.15
"""Of the new kind; with less, the emergency waits for more traffic."""

LARGEST_HOLDOUT_SHARE = 0.5
"""Where traffic is short; beyond it more is measured than learnt."""

EARLY_STOPPING_SHARE = 0.1
"""Of the new kind that is not held out."""

MIN_EARLY_STOPPING = 30
"""Images; the mean of fewer says nothing, then the budget alone ends the training."""


def least_new_images(trained_on: int = MIN_NEW_IMAGES) -> int:
    """Images of a new kind without which no emergency begins: so many to train on, and the least hold-out of them.

    >>> least_new_images()
    589
    """
    return ceil(trained_on / (1 - LEAST_HOLDOUT_SHARE))


def held_out(total: int, share: float, at_most: int) -> int:
    """Images that are held out of so many."""
    return min(at_most, int(total * share))


def fewest_images(share: float, at_most: int) -> int:
    """Images of a catalogue from which a model can be trained and measured.

    >>> fewest_images(0.2, 5_000)
    250
    """
    enough = (
        total
        for total in count(FEWEST_TRAINING)
        if held_out(total, share, at_most) >= FEWEST_HELD_OUT
        and total - held_out(total, share, at_most) >= FEWEST_TRAINING
    )
    return next(enough)
