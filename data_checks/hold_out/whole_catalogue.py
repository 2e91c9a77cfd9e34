"""The hold-out of a whole catalogue, whatever its images are: by source, by day of capture, or by look-alikes.

What is kept apart is what resembles: images of one source, of one day, or of one picture. By source where whole sources
give a fair hold-out; else by days where times of capture are real; else by groups of near-duplicates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data_checks.errors import SplitImpossible
from data_checks.hold_out.groups import choose_groups
from data_checks.hold_out.split import split_by_source
from data_checks.least_images import (
    FEWEST_DAYS,
    FEWEST_HELD_OUT,
    FEWEST_SOURCES,
    LARGEST_DAY_SHARE,
    LEAST_PART,
    fewest_images,
    held_out,
)
from data_checks.near_duplicates.fingerprint import Fingerprints

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much is held out: `share` of the images, and at most `images` of them; `salt` decides which."""

    images: int
    share: float
    salt: str

    def of(self, total: int) -> int:
        """Images to hold out of so many; SplitImpossible where they are too few to train on and to measure with."""
        if total < (fewest := fewest_images(self.share, self.images)):
            raise SplitImpossible(
                f"{total} images are in the catalogue: expected at least {fewest}, so that enough are left to train on "
                f"when evaluation.holdout_share = {self.share:g} of them are held out; ingest more"
            )
        return held_out(total, self.share, self.images)


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """What is known of N images. captured_us in microseconds; labels are empty where there are none.

    `fingerprints` is asked only where look-alikes decide.
    """

    digests: Sequence[str]
    sources: Sequence[str]
    captured_us: NDArray[np.int64]
    labels: Sequence[str]
    fingerprints: Callable[[], Fingerprints]


@dataclass(frozen=True, slots=True, eq=False)
class HoldOut:
    """rows (H,) int64, rising; `sources`: those held out whole; `told`: how, how many and why, for a person.

    `of_cut_groups` (G,) int64: those of the rows whose look-alikes are on both sides, their group being too large.
    """

    rows: NDArray[np.int64]
    how: Literal["sources", "days", "groups"]
    told: str
    sources: tuple[str, ...] = ()
    of_cut_groups: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


def choose_hold_out(images: Images, wanted: Wanted) -> HoldOut:
    """Choose the hold-out of a catalogue, the same on every machine. SplitImpossible for one that is too small."""
    total = len(images.digests)
    aim = wanted.of(total)
    try:
        sources = _whole(images.sources, aim, wanted, FEWEST_SOURCES, ("source", "sources"))
        rows = np.flatnonzero(np.isin(np.asarray(images.sources), sorted(sources)))
        told = f"{_count(len(rows), total)} in {len(sources)} whole sources of {len(set(images.sources))}"
        return HoldOut(rows, "sources", told, tuple(sorted(sources)))
    except SplitImpossible as error:
        why = str(error)
    days = [str(day) for day in images.captured_us // DAY_US]
    try:
        _require_history(days)
        held = _whole(days, aim, wanted, FEWEST_DAYS, ("day of capture", "days of capture"))
        rows = np.flatnonzero(np.isin(np.asarray(days), sorted(held)))
        told = f"{_count(len(rows), total)} of {len(held)} whole days of capture among {len(set(days))}: {why}"
        return HoldOut(rows, "days", told)
    except SplitImpossible as error:
        why = f"{why}, {error}"
    chosen = choose_groups(
        images.fingerprints(), images.captured_us, images.digests, images.labels, wanted=aim, salt=wanted.salt
    )
    return HoldOut(
        chosen.rows, "groups", f"{_count(len(chosen.rows), total)} {chosen.told}: {why}", (), chosen.of_cut_groups
    )


def _whole(names: Sequence[str], aim: int, wanted: Wanted, fewest: int, nouns: tuple[str, str]) -> frozenset[str]:
    """Whole sources, or days, that are about the wanted hold-out together; SplitImpossible says why there are none."""
    counts = Counter(names)
    if len(counts) < fewest:
        raise SplitImpossible(f"of {len(counts)} {nouns[len(counts) > 1]} none can be held out whole")
    least = max(FEWEST_HELD_OUT, int(LEAST_PART * aim))
    try:
        split = split_by_source(counts, holdout_min=aim, holdout_share=wanted.share, salt=wanted.salt, least=least)
    except SplitImpossible as error:
        sizes = f"{min(counts.values()):,} to {max(counts.values()):,} images"
        raise SplitImpossible(f"no choice of {len(counts)} {nouns[1]} with {sizes} is a fair share") from error
    return split.holdout_sources


def _require_history(days: Sequence[str]) -> None:
    """SplitImpossible where the times of capture are those of a copy."""
    largest = max(Counter(days).values())
    if largest > LARGEST_DAY_SHARE * len(days):
        raise SplitImpossible(f"{largest / len(days):.0%} of the times of capture are of one day, as a copy's are")


def _count(held: int, total: int) -> str:
    return f"{held:,} of {total:,} images ({held / total:.0%})"
