"""Catalogues of which only what a test is about is said, and what is held out of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data_checks.hold_out.whole_catalogue import DAY_US, HoldOut, Images, Wanted, choose_hold_out
from data_checks.near_duplicates.fingerprint import Fingerprints, Looks, take_fingerprints
from tests.data_checks.near_duplicates.copies import pictures

DEFAULT = Wanted(images=5_000, share=0.2, salt="product")


def hold_out(
    count: int,
    *,
    wanted: Wanted = DEFAULT,
    sources: Sequence[str] = (),
    days: Sequence[int] = (),
    labels: Sequence[str] = (),
    prints: Fingerprints | None = None,
) -> HoldOut:
    """Of so many images from one folder that was copied in a minute, unless something else is said."""
    images = Images(
        digests=[f"{row:05d}" for row in range(count)],
        sources=sources or ["folder"] * count,
        captured_us=np.array(days or [0] * count, dtype=np.int64) * DAY_US + np.arange(count),
        labels=labels,
        fingerprints=lambda: take_fingerprints(pictures(count, size=12)) if prints is None else prints,
    )
    return choose_hold_out(images, wanted)


def random_prints(count: int, groups: Sequence[Sequence[int]] = ()) -> Fingerprints:
    """Images that do not resemble one another, but for those of a group, which are equal."""
    shape = np.random.default_rng(0).normal(size=(count, 24)).astype(np.float32)
    shape /= np.linalg.norm(shape, axis=1, keepdims=True)
    for group in groups:
        shape[list(group)] = shape[group[0]]
    level, none = np.full(count, 0.3, np.float32), np.zeros((count, 0), np.float16)
    looks = Looks(shape.astype(np.float16), level, level, none)
    return Fingerprints(looks, looks, 28)
