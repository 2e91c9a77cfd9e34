"""Which images are held out for a benchmark: the same ones on every machine.

A source (a camera, a shop, an upload folder) is not split: its images resemble one another, so a hold-out
that shares a source with the training set flatters the model. Where traffic comes from too few sources for that,
time is split instead: what came last is held out, whole moments, because images of one request resemble one another.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from data_checks.errors import SplitImpossible
from data_checks.least_images import FEWEST_SOURCES, LEAST_PART

LARGEST_STRETCH = 2.0
"""How many times the wanted share of all rows a hold-out may take, where the new kind is rare among its rows."""


@dataclass(frozen=True, slots=True)
class Split:
    """Every source on one side; counts in images."""

    holdout_sources: frozenset[str]
    training_sources: frozenset[str]
    holdout_images: int
    training_images: int


def split_by_source(
    sources: Mapping[str, int], *, holdout_min: int, holdout_share: float, salt: str, least: int | None = None
) -> Split:
    """Hold out whole sources with at least `holdout_min` images together and at most `holdout_share` of all.

    `least`: fewer images, with which it is content where uneven sources do not give more.

    `sources` maps each source to its number of images. Sources are taken in the order of their salted hash
    until there are enough; one that would carry the hold-out above the share is passed over. So while none is
    passed over, an added source never moves another one from training into the hold-out.
    SplitImpossible when the sources are too few, too small or too large; ValueError for senseless arguments.
    """
    _require_sense(sources, holdout_min, holdout_share)
    total = sum(sources.values())
    most = int(total * holdout_share)
    held: list[str] = []
    images = 0
    for source in sorted(sources, key=lambda name: _place(name, salt)):
        if images >= holdout_min:
            break
        if sources[source] > 0 and images + sources[source] <= most:
            held.append(source)
            images += sources[source]
    if images < (holdout_min if least is None else least):
        raise SplitImpossible(
            f"split by source: expected a hold-out of {holdout_min} to {most} images ({holdout_share:.1%} of "
            f"{total}) in whole sources, came {images} from {len(sources)} sources of "
            f"{min(sources.values(), default=0)} to {max(sources.values(), default=0)} images: "
            "add images or smaller sources, or lower the minimum"
        )
    return Split(frozenset(held), frozenset(sources) - frozenset(held), images, total - images)


@dataclass(frozen=True, slots=True, eq=False)
class WindowSplit:
    """holdout (H,) int64, rising rows of the window; `sources`: those held out whole, empty where time was split."""

    holdout: NDArray[np.int64]
    sources: frozenset[str]


def split_window(
    sources: Sequence[str],
    captured_us: NDArray[np.int64],
    new_kind: NDArray[np.bool_],
    *,
    share: float,
    salt: str,
    least: int = 1,
) -> WindowSplit:
    """Hold out about `share` of a window's images, in their natural mix, at most `share` of its new kind.

    sources, captured_us (microseconds) and new_kind (all False where none is sought) describe one image a row. From
    four sources on, whole sources are taken in the order of their salted hash; else, or where the sources are so
    uneven that no choice is fair or holds `least` images, the newest images. SplitImpossible where both fail (a window
    of one moment, a new kind of fewer than `1 / share` images, fewer than `least`); ValueError for senseless arguments.
    """
    if not 0 < share < 1:
        raise ValueError(f"split window: share is between 0 and 1, came {share}")
    if not len(sources) == len(captured_us) == len(new_kind):
        raise ValueError(
            f"split window: expected columns of one length, came {len(sources)}, {len(captured_us)}, {len(new_kind)}"
        )
    if not len(sources):
        raise SplitImpossible("split window: expected images to hold some out of, came 0: capture traffic first")
    chosen = _whole_sources(sources, new_kind, share, salt)
    rows = np.flatnonzero(np.isin(np.asarray(sources), sorted(chosen)))
    if chosen and len(rows) >= least:
        return WindowSplit(rows.astype(np.int64), frozenset(chosen))
    rows = _newest(captured_us, new_kind, share)
    if len(rows) < least:
        raise SplitImpossible(
            f"split window: expected a hold-out of at least {least} images, came {len(rows)}, the newest {share:.0%} "
            f"of {len(sources)} images in whole moments: capture more images"
        )
    return WindowSplit(rows, frozenset())


def _whole_sources(sources: Sequence[str], new_kind: NDArray[np.bool_], share: float, salt: str) -> set[str]:
    """The sources to hold out; none where there are too few, or no choice is fair."""
    images = Counter(sources)
    if len(images) < FEWEST_SOURCES:
        return set()
    new = Counter(source for source, is_new in zip(sources, new_kind, strict=True) if is_new)
    # judged is what is scarce: the new kind where there is one, else images
    scarce = new if new.total() else images
    wanted, most_images = share * scarce.total(), LARGEST_STRETCH * share * images.total()
    held: set[str] = set()
    held_scarce = held_images = 0
    for source in sorted(images, key=lambda name: _place(name, salt)):
        if held_scarce + scarce[source] <= wanted and held_images + images[source] <= most_images:
            held.add(source)
            held_scarce, held_images = held_scarce + scarce[source], held_images + images[source]
    return held if held_scarce >= LEAST_PART * wanted else set()


def _newest(captured_us: NDArray[np.int64], new_kind: NDArray[np.bool_], share: float) -> NDArray[np.int64]:
    """The newest whole moments that hold at most the share of what is scarce, and some of it."""
    order = np.argsort(-captured_us, kind="stable")
    scarce = new_kind if new_kind.any() else np.ones(len(new_kind), dtype=bool)
    held = np.cumsum(scarce[order])
    images = np.arange(1, len(order) + 1)
    ends_a_moment = np.append(np.diff(captured_us[order]) != 0, True)
    fits = ends_a_moment & (held <= share * held[-1]) & (images <= LARGEST_STRETCH * share * len(order))
    fits &= held >= 1
    if not fits.any():
        raise SplitImpossible(
            f"split window: expected the newest {share:.0%} of {int(scarce.sum())} images in whole moments, "
            f"came {len(order)} images of {len(np.unique(captured_us))} moments from {captured_us.min()} to "
            f"{captured_us.max()} us: capture more images over a longer time"
        )
    return np.sort(order[: np.flatnonzero(fits)[-1] + 1]).astype(np.int64)


def _place(source: str, salt: str) -> bytes:
    """Place a source in the order, whatever other sources there are."""
    return sha256(f"{len(salt)}:{salt}{source}".encode()).digest()


def _require_sense(sources: Mapping[str, int], holdout_min: int, holdout_share: float) -> None:
    if holdout_min < 1:
        raise ValueError(f"split by source: holdout_min is at least 1 image, came {holdout_min}")
    if not 0 < holdout_share < 1:
        raise ValueError(f"split by source: holdout_share is between 0 and 1, came {holdout_share}")
    negative = [source for source, count in sources.items() if count < 0]
    if negative:
        raise ValueError(f"split by source: counts are at least 0, came a negative one for {negative[:3]}")
