"""How alike two images must be to be copies: more than usual where all images of a catalogue look alike."""

from __future__ import annotations

import numpy as np

from data_checks.near_duplicates.fingerprint import Fingerprints
from data_checks.near_duplicates.look_alikes import find_pairs

SAMPLE = 1_000
"""Images whose look-alikes are counted."""

MOST_SHARE = 0.5
"""Of the images. Where more have a look-alike (parts on a belt, one pose), likeness is no sign of a copy."""

NARROWER = 4.0
"""Each step by which the limits become narrower until it is one again."""

NARROWEST = NARROWER**-4
"""A copy of the very pixels is found at any."""

SEED = 0


def narrow_limits(prints: Fingerprints) -> float:
    """The factor on the limits of a copy, for a catalogue of these images; 1 as a rule."""
    rows = np.sort(np.random.default_rng(SEED).permutation(len(prints))[:SAMPLE])
    narrowed = 1.0
    while narrowed > NARROWEST and len(rows) > 1:
        alike = np.zeros(len(rows), dtype=bool)
        for mine, theirs, _ in find_pairs(prints.take(rows), prints, narrowed):
            alike[mine[rows[mine] != theirs]] = True
        if alike.mean() <= MOST_SHARE:
            break
        narrowed /= NARROWER
    return narrowed
