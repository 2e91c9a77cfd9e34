"""Which images are copies of which: exact search among fingerprints, block by block.

The numbers below were chosen on Fashion-MNIST (28 px) and openclipart (64 px, colour); `benchmarks/leakage.py` measures
what they find and what they take for a copy that is none.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from data_checks.near_duplicates.fingerprint import Fingerprints, Looks

LARGEST_DISTANCE = 0.002
"""1 - cosine of two copies' shapes: half the size costs a 28 px image 0.0017 at most in 99 of 100."""

CODING_NOISE = 7e-5
"""Variance on [0, 1] that JPEG at quality 75 moves a shape by, which weighs more where there is little contrast."""

DISTANCE_CAP = 0.01
"""However little contrast there is."""

DETAIL_LOSS = 0.06
"""1 - cosine of the details of a 28 px image and its copy of half the size; it falls with the square of the size."""

DETAIL_FLOOR = 0.01
"""Details below this part of the sd are noise, and tell nothing apart."""

LARGEST_GAIN = 1.2
"""By which one copy's contrast may exceed the other's: 5 % of brightness, and what a change of size takes."""

LARGEST_SHIFT = 0.06
"""Of the mean on [0, 1], either way: 5 % more of a white image is 0.05."""

BLOCK = 1024, 8192
"""Images of either side that are compared at once: 32 MB of similarities."""

Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]
"""Indices of both images, and 1 - distance."""


def find_copies(
    known: Fingerprints, asked: Fingerprints, narrowed: float = 1.0, block: tuple[int, int] = BLOCK
) -> NDArray[np.int64]:
    """For each image asked (M,), the index of the nearest known one that it is a copy of; -1 where it is of none.

    `narrowed`: see `data_checks.near_duplicates.limit`. `block`: images asked and known that are compared at once.
    """
    found = np.full(len(asked), -1, dtype=np.int64)
    nearest = np.full(len(asked), -np.inf, dtype=np.float32)
    for mine, theirs, closeness in find_pairs(asked, known, narrowed, block):
        order = np.lexsort((theirs, -closeness, mine))
        best = order[np.flatnonzero(np.diff(mine[order], prepend=-1))]
        best = best[closeness[best] > nearest[mine[best]]]
        found[mine[best]], nearest[mine[best]] = theirs[best], closeness[best]
    return found


def find_pairs(
    some: Fingerprints, others: Fingerprints, narrowed: float = 1.0, block: tuple[int, int] = BLOCK
) -> Iterator[Pairs]:
    """Pairs that are copies, a block at a time and by rising index of the first in it; a pair may come twice."""
    rows, columns = block
    smallest = min(some.side, others.side)
    detail = 1 - DETAIL_LOSS * (28 / smallest) ** 2 * narrowed
    for mine, theirs in ((some.plain, others.plain), (some.plain, others.bright), (some.bright, others.plain)):
        for top in range(0, len(mine), rows):
            asked = mine.take(slice(top, top + rows))
            for left in range(0, len(theirs), columns):
                beside = theirs.take(slice(left, left + columns))
                first, second, closeness = _compare(asked, beside, narrowed, detail)
                yield top + first, left + second, closeness


def _compare(some: Looks, others: Looks, narrowed: float, detail: float) -> Pairs:
    """The cheap question first, of all pairs; the others of what is left."""
    cosine = some.shape.astype(np.float32) @ others.shape.astype(np.float32).T
    mine, theirs = np.nonzero(cosine >= 1 - DISTANCE_CAP * narrowed)
    closeness = cosine[mine, theirs]
    contrast, other = some.contrast[mine], others.contrast[theirs]
    limit = np.clip(CODING_NOISE / np.maximum(contrast * other, 1e-6), LARGEST_DISTANCE, DISTANCE_CAP) * narrowed
    alike = closeness >= 1 - limit
    alike &= (contrast <= LARGEST_GAIN * other) & (other <= LARGEST_GAIN * contrast)
    alike &= np.abs(some.brightness[mine] - others.brightness[theirs]) <= LARGEST_SHIFT
    mine, theirs, closeness = mine[alike], theirs[alike], closeness[alike]
    same = _detail_cosine(some.detail[mine], others.detail[theirs]) >= detail
    return mine[same], theirs[same], closeness[same]


def _detail_cosine(some: NDArray[np.float16], others: NDArray[np.float16]) -> NDArray[np.float32]:
    """Cosines (P,) of details (P, E), near 1 where neither has any."""
    a, b, noise = some.astype(np.float32), others.astype(np.float32), DETAIL_FLOOR**2
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosines: NDArray[np.float32] = ((a * b).sum(axis=1) + noise) / (lengths + noise)
    return cosines
