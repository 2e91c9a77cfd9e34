"""How alike two images must be to be copies: less than usual where all images of a catalogue look alike."""

from __future__ import annotations

import numpy as np

from data_checks.near_duplicates.fingerprint import Fingerprints
from data_checks.near_duplicates.look_alikes import LARGEST_DISTANCE, nearest_distances

SAMPLE = 1_000
"""Images whose nearest neighbour is looked for."""

MOST_SHARE = 0.5
"""Of the images. Where more have a look-alike (parts on a belt, one pose), likeness is no sign of a copy."""

NARROW_SHARE = 0.01
"""Of such a catalogue's images, whose nearest neighbour is then still taken for a copy."""

SEED = 0


def copy_distance(prints: Fingerprints) -> float:
    """Largest distance of two copies among these images, at most `LARGEST_DISTANCE`."""
    if len(prints) < 2:
        return LARGEST_DISTANCE
    rows = np.random.default_rng(SEED).permutation(len(prints))[:SAMPLE]
    nearest = nearest_distances(prints, np.sort(rows), LARGEST_DISTANCE)
    if (nearest <= LARGEST_DISTANCE).mean() <= MOST_SHARE:
        return LARGEST_DISTANCE
    return float(np.quantile(nearest, NARROW_SHARE))
