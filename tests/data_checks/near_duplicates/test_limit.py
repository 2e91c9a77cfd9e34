"""How alike copies are where all images of a catalogue look alike."""

from __future__ import annotations

import numpy as np

from data_checks.near_duplicates.fingerprint import take_fingerprints
from data_checks.near_duplicates.limit import narrow_limits
from data_checks.near_duplicates.look_alikes import find_copies
from tests.data_checks.near_duplicates.copies import pictures, re_encoded


def test_where_most_images_look_alike_only_the_closest_are_copies() -> None:
    """A belt: one part in one pose, each with a little of its own."""
    part, own = pictures(1)[0].astype(int), np.random.default_rng(3).normal(0, 4, (300, 1, 7, 7))
    belt = np.clip(part + own.repeat(4, axis=2).repeat(4, axis=3), 0, 255).astype(np.uint8)
    belt[299] = re_encoded(belt[0], 95)
    prints = take_fingerprints(belt)
    narrowed = narrow_limits(prints)
    found = find_copies(prints.take(slice(0, 100)), prints.take(slice(100, 300)), narrowed)
    assert narrowed < 1
    assert found[-1] == 0 and (found[:-1] >= 0).mean() <= 0.05
    assert narrow_limits(take_fingerprints(pictures(300))) == 1
