"""Groups of images that are copies of one another, directly or by way of a third."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data_checks.near_duplicates.fingerprint import Fingerprints
from data_checks.near_duplicates.limit import copy_distance
from data_checks.near_duplicates.look_alikes import which_are_copies


class Groups:
    """The groups of some images, found as they are asked for: of a hold-out's images, not of a whole catalogue."""

    def __init__(self, prints: Fingerprints) -> None:
        self._prints, self._distance = prints, copy_distance(prints)
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
            for row, copies in which_are_copies(self._prints.take(waiting), self._prints, self._distance):
                if len(copies) > 1:
                    self._join(np.append(copies, waiting[row]))
                    reached.append(copies)
            near = np.unique(np.concatenate(reached))
            waiting = near[~self._known[near]]
        return self._name

    def _join(self, rows: NDArray[np.int64]) -> None:
        names = np.unique(self._name[rows])
        if len(names) > 1:
            self._name[np.isin(self._name, names)] = names[0]
