"""The whole tree by its names alone: how many files, of which endings, in which folders, and an even choice of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from latentloop.sources.found import Found, Source
from latentloop.sources.names import ending_of, may_be_matched
from latentloop.sources.tables import is_side_car
from latentloop.sources.tally import Left, Named, Tally

HELD_AT_MOST = 16_384
"""Names that are held at once, of however many there are."""
FOLDERS_AT_MOST = 50_000
"""Folders that are told apart: more are no kinds."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What names say. `folders`: images by the folder that they lie in, relative to the top, which is empty.

    `endings`: of the images; `tables`: what lies beside them and says what they show. `chosen`: files spread evenly
    over the tree, in an order of which every beginning is spread evenly too.
    """

    place: str
    name: str
    images: int
    image_bytes: int
    endings: Mapping[str, int]
    ignored: Mapping[str, int]
    tables: tuple[str, ...]
    folders: Mapping[str, int]
    left_out: Mapping[Left, Named]
    chosen: tuple[Found, ...]


def survey(source: Source, most: int, held: int = HELD_AT_MOST) -> Survey:
    """Go through the names once, and choose at most so many files; the same ones each time."""
    tally, ignored, folders, endings = Tally(), Counter[str](), Counter[str](), Counter[str]()
    tables = list[str]()
    kept, stride, images, image_bytes = list[Found](), 1, 0, 0
    for found in source.look(tally):
        if is_side_car(found.path):
            tables.append(found.path)
            continue
        if not may_be_matched(found.path):
            ignored[ending_of(found.path)] += 1
            continue
        endings[ending_of(found.path)] += 1
        folder = found.path.rpartition("/")[0]
        if folder in folders or len(folders) < FOLDERS_AT_MOST:
            folders[folder] += 1
        if images % stride == 0:
            kept.append(found)
        images, image_bytes = images + 1, image_bytes + found.size_bytes
        if len(kept) > held:
            kept, stride = kept[::2], 2 * stride
    chosen = tuple(scatter(_evenly(kept, most)))
    return Survey(
        source.place,
        source.name,
        images,
        image_bytes,
        endings,
        ignored,
        tuple(tables),
        folders,
        dict(tally.left_out),
        chosen,
    )


def _evenly(found: list[Found], most: int) -> list[Found]:
    if len(found) <= most:
        return found
    return [found[number * len(found) // most] for number in range(most)]


def scatter(items: Iterable[Found]) -> list[Found]:
    """The same in another order: the first half is every other one, the first quarter every fourth (van der Corput)."""
    listed = list(items)
    bits = max(1, (len(listed) - 1).bit_length())
    turned = (int(f"{number:0{bits}b}"[::-1], 2) for number in range(2**bits))
    return [listed[place] for place in turned if place < len(listed)]
