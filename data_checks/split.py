"""Which sources are held out for the benchmark: whole sources, chosen by a hash, the same on every machine.

A source (a camera, a shop, an upload folder) is never split: its images resemble one another, so a hold-out
that shares a source with the training set flatters the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from data_checks.errors import SplitImpossible


@dataclass(frozen=True, slots=True)
class Split:
    """Every source on one side; counts in images."""

    holdout_sources: frozenset[str]
    training_sources: frozenset[str]
    holdout_images: int
    training_images: int

    def holds_out(self, source: str) -> bool:
        """Whether the source is in the hold-out. KeyError for a source that was not split."""
        if source not in self.holdout_sources and source not in self.training_sources:
            raise KeyError(f"source {source!r} was not part of this split")
        return source in self.holdout_sources


def split_by_source(sources: Mapping[str, int], *, holdout_min: int, holdout_share: float, salt: str) -> Split:
    """Hold out whole sources with at least `holdout_min` images together and at most `holdout_share` of all.

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
    if images < holdout_min:
        raise SplitImpossible(
            f"split by source: expected a hold-out of {holdout_min} to {most} images ({holdout_share:.1%} of "
            f"{total}) in whole sources, came {images} from {len(sources)} sources of "
            f"{min(sources.values(), default=0)} to {max(sources.values(), default=0)} images: "
            "add images or smaller sources, or lower the minimum"
        )
    return Split(frozenset(held), frozenset(sources) - frozenset(held), images, total - images)


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
