"""Groups of images that are copies of one another, directly or by way of a third."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data_checks.near_duplicates.fingerprint import Fingerprints
from data_checks.near_duplicates.limit import narrow_limits
from data_checks.near_duplicates.look_alikes import find_pairs


class Groups:
    """The groups of some images, found as they are asked for: of a hold-out's images, not of a whole catalogue.

    `narrowed`: how alike copies are in the catalogue that they are part of; None where they are all of it.
    """

    def __init__(self, prints: Fingerprints, narrowed: float | None = None) -> None:
        self._prints, self._narrowed = prints, narrow_limits(prints) if narrowed is None else narrowed
        self._name = np.arange(len(prints))
        self._known = np.zeros(len(prints), dtype=bool)

    def of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The whole groups of these images: a number (N,) for each image, equal where two are of one group.

        Time grows with the images in those groups times N; images of other groups may have any number of their own.
        """
        waiting = rows[~self._known[rows]]
        while len(waiting):
            self._known[waiting] = True
            reached = [waiting[:0]]
            for mine, copies, _ in find_pairs(self._prints.take(waiting), self._prints, self._narrowed):
                other = waiting[mine] != copies
                self._join(waiting[mine[other]], copies[other])
                reached.append(copies[other])
            near = np.unique(np.concatenate(reached))
            waiting = near[~self._known[near]]
        return self._name

    def _join(self, some: NDArray[np.int64], others: NDArray[np.int64]) -> None:
        """Give each pair of images one name, and with it all that had either."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        if not len(some):
            return
        names, place = np.unique(self._name[np.concatenate([some, others])], return_inverse=True)
        ends = place.reshape(2, -1)
        links = coo_array((np.ones(ends.shape[1], dtype=bool), (ends[0], ends[1])), shape=(len(names), len(names)))
        _, component = connected_components(links, directed=False)
        first = np.full(component.max() + 1, len(self._name))
        np.minimum.at(first, component, names)
        known = np.arange(len(self._name))
        known[names] = first[component]
        self._name = known[self._name]
