"""Captured images through input validation: what it made of each, without the file that it came in."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from deploy.wiring import World
from vae_core.images.preprocessing import pixel_digest

if TYPE_CHECKING:
    import numpy as np

    from data_checks.input_validation import ValidatedImage
    from deploy.stores.objects.captures import CapturedImage

Group = tuple[str, str]
"""The way an image came and its source: what a hold reaches."""


@dataclass(slots=True)
class Judged:
    """An image on its way through ingestion; `refusal` is set by whoever refuses it first.

    `pixels` (its bytes), `shape` (C, H, W), `digest` and the statistics are None where it made no pixels.
    `head`: the first bytes of such a file. `original`: sha256 of the file.
    """

    segment: str
    row: int
    source: str
    captured_at: datetime
    name: str
    label: str
    original: str
    conversions: str
    pixels: bytes | None
    shape: tuple[int, ...] | None
    digest: str | None
    mean: float | None
    variance: float | None
    entropy_bits: float | None
    head: bytes
    refusal: str | None
    detail: str

    @property
    def owner(self) -> str:
        """Names the row in the digest index, the same at every try."""
        return f"{self.segment}:{self.row}"

    @property
    def group(self) -> Group:
        """What a hold for this image's sake reaches."""
        return (way_of(self.segment), self.source)

    @property
    def size(self) -> int:
        """Bytes that it holds in memory, about."""
        return len(self.pixels or b"") + len(self.head) + 1_500


@dataclass(frozen=True, slots=True)
class JudgedSegment:
    """The judged rows of a segment, in their order; `others`: the groups of the rows that were not asked for."""

    segment: str
    rows: list[Judged]
    others: list[Group]


@lru_cache(maxsize=16)  # every row asks for its segment's
def way_of(segment: str) -> str:
    """How a segment came: from folders or buckets (`files`), or through one replica (`requests/NAME`)."""
    from deploy.stores.objects.captures import PREFIX

    parts = segment.removeprefix(PREFIX).split("/")
    return "/".join(parts[:-1]) if parts[0] == "requests" else parts[0]


def judge_segment(world: World, segment: str, only: Collection[int] | None = None) -> JudgedSegment:
    """Judge the rows of a segment, all or `only` these; ObjectMissing or StoreCorrupt. Some files are held at once."""
    from data_checks.input_validation import judge_images
    from deploy.stores.objects.captures import CaptureStore

    preprocessing, policy, reference = (
        world.settings.preprocessing,
        world.settings.input_policy,
        _reference_histogram(world),
    )
    found = JudgedSegment(segment, [], [])
    begin = 0
    for images in CaptureStore(world.objects).stream(segment):
        numbered = list(enumerate(images, begin))
        begin += len(images)
        if only is not None:
            found.others.extend((way_of(segment), image.source) for number, image in numbered if number not in only)
            numbered = [(number, image) for number, image in numbered if number in only]
        results = judge_images((image.data for _, image in numbered), preprocessing, policy, reference)
        found.rows.extend(_judged(segment, *each, result) for each, result in zip(numbered, results, strict=True))
    return found


def judge_in_batches(
    world: World, segments: Sequence[str], at_most: int, only: dict[str, Collection[int]] | None = None
) -> Iterator[tuple[list[JudgedSegment], dict[str, str]]]:
    """Judge segments in their order, as many at once as hold `at_most` bytes, and one at least.

    Beside them, what is wrong with segments that cannot be read: one broken file must not stop the others.
    """
    from deploy.stores.errors import StoreCorrupt

    batch: list[JudgedSegment] = []
    unreadable: dict[str, str] = {}
    size = 0
    for segment in segments:
        try:
            judged = judge_segment(world, segment, only[segment] if only is not None else None)
        except StoreCorrupt as error:  # it stays pending and on record
            unreadable[segment] = str(error)
            continue
        batch.append(judged)
        size += sum(each.size for each in judged.rows)
        if size >= at_most:
            yield batch, unreadable
            batch, unreadable, size = [], {}, 0
    if batch or unreadable:
        yield batch, unreadable


def _judged(segment: str, row: int, image: CapturedImage, result: ValidatedImage) -> Judged:
    pixels, statistics = result.pixels, result.statistics
    return Judged(
        segment=segment,
        row=row,
        source=image.source,
        captured_at=image.captured_at,
        name=image.name,
        label=image.label,
        original=hashlib.sha256(image.data).hexdigest(),
        conversions=", ".join(result.conversions),
        pixels=None if pixels is None else pixels.tobytes(),
        shape=None if pixels is None else pixels.shape,
        digest=None if pixels is None else pixel_digest(pixels),
        mean=None if statistics is None else statistics.mean,
        variance=None if statistics is None else statistics.variance,
        entropy_bits=None if statistics is None else statistics.entropy_bits,
        head=_head_of(image) if pixels is None else b"",
        refusal=None if result.refusal is None else result.refusal.value,
        detail=result.detail,
    )


def _head_of(image: CapturedImage) -> bytes:
    from deploy.stores.catalogue_rows import QUARANTINED_IMAGE_BYTES

    return image.data[:QUARANTINED_IMAGE_BYTES]


def _reference_histogram(world: World) -> np.ndarray | None:
    """The champion's: what judges requests must not know more than what admits training data."""
    from deploy.stores.objects.artifacts import fetch_reference

    champion = world.releases.read().champion
    if champion is None:
        return None
    reference = fetch_reference(world.objects, champion.artifact, champion.digest)
    return reference.histogram_of_positives(world.settings.input_policy.inversion_margin)
