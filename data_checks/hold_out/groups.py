"""A hold-out in groups of look-alikes: no picture is on both sides, and every label has its share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from data_checks.least_images import LARGEST_GROUP_PART, LEAST_PART
from data_checks.near_duplicates.fingerprint import Fingerprints
from data_checks.near_duplicates.groups import Groups


@dataclass(frozen=True, slots=True, eq=False)
class ChosenGroups:
    """rows (H,) int64, rising; `of_cut_groups`: those whose group was larger than one may be; `told`: in words."""

    rows: NDArray[np.int64]
    of_cut_groups: NDArray[np.int64]
    told: str


def choose_groups(
    prints: Fingerprints,
    captured_us: NDArray[np.int64],
    digests: Sequence[str],
    labels: Sequence[str],
    *,
    wanted: int,
    salt: str,
) -> ChosenGroups:
    """Take whole groups in the order of their salted hash until `wanted` images are held out, or nearly.

    Where images have labels, each label gives its share of them (an image without one counts as a label of its own
    kind), unless its groups are too large for that. A group above the cap is cut by time, neighbours staying together.
    """
    seeker = _Seeker(prints, captured_us, digests, max(2, int(LARGEST_GROUP_PART * wanted)), salt)
    kinds = list(labels) if any(labels) else [""] * len(digests)
    held = seeker.hold_out(kinds, wanted)
    if stratified := len(set(kinds)) > 1:
        stratified = len(held) >= LEAST_PART * wanted
        held = held if stratified else seeker.hold_out([""] * len(digests), wanted)
    groups = len(set(seeker.names[held].tolist()))
    cut = held[np.isin(seeker.names[held], sorted(seeker.cut))]
    told = f"in {groups:,} groups of look-alikes"
    if stratified:
        told += f", with its share of each of {len(set(kinds))} labels"
    if len(cut):
        pieces = len(set(seeker.names[cut].tolist()))
        told += f" ({pieces} of more than {seeker.largest} images cut by time, so that like ones are on both sides)"
    return ChosenGroups(held, cut, told)


class _Seeker:
    """Groups of the images that come first in a salted order, found as far as they are needed."""

    def __init__(
        self,
        prints: Fingerprints,
        captured_us: NDArray[np.int64],
        digests: Sequence[str],
        largest: int,
        salt: str,
    ) -> None:
        self.largest = largest
        self.cut: set[int] = set()
        self.names = np.arange(len(digests))
        self._groups, self._captured, self._digests = Groups(prints), captured_us, digests
        places = [sha256(f"{len(salt)}:{salt}{digest}".encode()).digest() for digest in digests]
        self._order = np.array(sorted(range(len(places)), key=places.__getitem__), dtype=np.int64)

    def hold_out(self, labels: Sequence[str], wanted: int) -> NDArray[np.int64]:
        """Rows, rising, in whole groups; a group that is more than its label still lacks is passed over."""
        lacking, held = _quotas(labels, wanted), list[int]()
        for start in range(0, len(self._order), max(1, wanted)):
            seeds = self._order[start : start + wanted]
            seeds = seeds[[lacking[labels[row]] > 0 for row in seeds]]
            for unit in self._units(seeds):
                kind = labels[unit[0]]
                if len(unit) <= lacking[kind]:
                    held.extend(unit)
                    lacking[kind] -= len(unit)
            if lacking.total() <= 0:
                break
        return np.array(sorted(held), dtype=np.int64)

    def _units(self, seeds: NDArray[np.int64]) -> list[list[int]]:
        """What is held out together, in the order of the seeds; the seed first.

        A unit belongs to one of its images alone, or large groups would be met, and held out, more often than small
        ones.
        """
        self.names = self._groups.of(seeds)
        members: dict[int, list[int]] = {}
        for row in np.flatnonzero(np.isin(self.names, np.unique(self.names[seeds]))).tolist():
            members.setdefault(int(self.names[row]), []).append(row)
        units = []
        for seed in seeds.tolist():
            group = members[int(self.names[seed])]
            if len(group) > self.largest:
                self.cut.add(int(self.names[seed]))
                group = self._piece(group, seed)
            if seed == min(group, key=self._digests.__getitem__):
                units.append([seed, *(row for row in group if row != seed)])
        return units

    def _piece(self, group: list[int], seed: int) -> list[int]:
        """The part of a too large group that holds the seed: neighbours in time, and in order where times are equal."""
        ordered = sorted(group, key=lambda row: (self._captured[row], row))
        begin = ordered.index(seed) // self.largest * self.largest
        return ordered[begin : begin + self.largest]


def _quotas(labels: Sequence[str], wanted: int) -> Counter[str]:
    """Images to hold out of each label: its share, rounded so that they sum to `wanted` (largest remainders)."""
    counts = Counter(labels)
    exact = {label: wanted * count / len(labels) for label, count in counts.items()}
    quotas = Counter({label: int(share) for label, share in exact.items()})
    by_remainder = sorted(exact, key=lambda label: (int(exact[label]) - exact[label], label))
    quotas.update(by_remainder[: wanted - quotas.total()])
    return quotas
