"""Which images are copies of which: exact search among fingerprints, block by block."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from data_checks.near_duplicates.fingerprint import Fingerprints

LARGEST_DISTANCE = 0.002
"""1 - cosine of two copies' fingerprints."""

LARGEST_GAIN = 1.2
"""By which one copy's contrast may exceed the other's: 5 % of brightness, and what a change of size takes."""

LARGEST_SHIFT = 0.06
"""Of the mean on [0, 1], either way: 5 % more of a white image is 0.05."""

ROWS, COLUMNS = 1024, 8192
"""Of a block of the search: 32 MB of similarities."""


def find_copies(known: Fingerprints, asked: Fingerprints, distance: float = LARGEST_DISTANCE) -> NDArray[np.int64]:
    """For each image asked (M,), the index of the nearest known one that it is a copy of; -1 where it is of none."""
    found = np.full(len(asked), -1, dtype=np.int64)
    nearest = np.full(len(asked), -np.inf, dtype=np.float32)
    for mine, theirs, closeness in _pairs(asked, known, distance):
        order = np.lexsort((theirs, -closeness, mine))
        best = order[np.flatnonzero(np.diff(mine[order], prepend=-1))]
        best = best[closeness[best] > nearest[mine[best]]]
        found[mine[best]], nearest[mine[best]] = theirs[best], closeness[best]
    return found


def which_are_copies(
    some: Fingerprints, others: Fingerprints, distance: float = LARGEST_DISTANCE
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Each of `some` that has copies among `others`, in any order and perhaps in parts: its index, and theirs."""
    for mine, theirs, _ in _pairs(some, others, distance):
        begins = np.flatnonzero(np.diff(mine, prepend=-1))
        if len(begins):
            yield from zip(mine[begins].tolist(), np.split(theirs, begins[1:]), strict=True)


def nearest_distances(prints: Fingerprints, rows: NDArray[np.int64], farthest: float) -> NDArray[np.float32]:
    """Distances (R,) of these images from the nearest other one that may be a copy of it; 2 where none is so near."""
    nearest = np.full(len(rows), -1, dtype=np.float32)
    for mine, theirs, closeness in _pairs(prints.take(rows), prints, farthest):
        other = rows[mine] != theirs
        np.maximum.at(nearest, mine[other], closeness[other])
    return 1 - nearest


def _pairs(
    some: Fingerprints, others: Fingerprints, distance: float
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
    """Pairs that may be copies, by rising index of the first in a block: both indices, and their cosine."""
    for top in range(0, len(some), ROWS):
        block = some.take(slice(top, top + ROWS))
        direction = block.direction.astype(np.float32)
        for left in range(0, len(others), COLUMNS):
            beside = others.take(slice(left, left + COLUMNS))
            cosine = direction @ beside.direction.astype(np.float32).T
            mine, theirs = np.nonzero(cosine >= 1 - distance)
            gain = block.contrast[mine] / np.maximum(beside.contrast[theirs], 1e-6)
            shift = np.abs(block.brightness[mine] - beside.brightness[theirs])
            alike = (gain <= LARGEST_GAIN) & (gain >= 1 / LARGEST_GAIN) & (shift <= LARGEST_SHIFT)
            mine, theirs = mine[alike], theirs[alike]
            yield top + mine, left + theirs, cosine[mine, theirs]
