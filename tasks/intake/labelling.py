"""Labels that come after their images: a known image without one gets it, and none is ever changed.

The commit to quarantine decides, as it does of every row: what it calls labelled is put into the catalogue behind it,
and once more where a kill came between the two.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from tasks.intake.judging import Judged

if TYPE_CHECKING:
    from deploy.stores.catalogue import Catalogue
    from deploy.stores.sql.digests import DigestIndex

KNOWN = frozenset({"duplicate", "leakage"})
Place = tuple[str, int]
"""Segment and row of an image in the catalogue."""


def compare_labels(rows: Sequence[Judged], catalogue: Catalogue, index: DigestIndex) -> None:
    """Say of known images that came with a label what becomes of it; the first of several labels is the one."""
    from deploy.stores.catalogue_rows import LABEL_DIFFERS, LABELLED

    places = _places([each for each in rows if each.refusal in KNOWN and each.label], index)
    if not places:
        return
    labels = _labels_at(set(places.values()), catalogue)
    for each in rows:
        place = places.get(each.owner)
        there = labels.get(place) if place is not None else None
        if place is None or there is None or there == each.label:
            continue
        if there:
            each.refusal = LABEL_DIFFERS
            each.detail = f"image {each.digest} has the label {there!r} in the catalogue, and came with {each.label!r}"
        else:
            labels[place] = each.label
            each.refusal, each.detail = LABELLED, f"image {each.digest} is in the catalogue, and has this label now"


def put_labels(rows: Sequence[Judged], catalogue: Catalogue, index: DigestIndex) -> None:
    """Put the labels into the catalogue that were decided on; again, nothing changes."""
    from deploy.stores.catalogue_rows import LABELLED

    chosen = [each for each in rows if each.refusal == LABELLED]
    places = _places(chosen, index)
    if places:
        catalogue.add_labels({places[each.owner]: each.label for each in chosen if each.owner in places})


def _places(rows: Sequence[Judged], index: DigestIndex) -> dict[str, Place]:
    """Where the images of these rows are in the catalogue, by the rows' owners."""
    if not rows:
        return {}
    found = index.owners([each.digest or "" for each in rows])
    held = {each.owner: found[each.digest or ""].rpartition(":") for each in rows if (each.digest or "") in found}
    return {owner: (segment, int(row)) for owner, (segment, _, row) in held.items()}


def _labels_at(places: Collection[Place], catalogue: Catalogue) -> dict[Place, str]:
    table = catalogue.read(["segment", "row", "label"], segments={segment for segment, _ in places})
    columns = (table[name].to_pylist() for name in ("segment", "row", "label"))
    return {(segment, row): label for segment, row, label in zip(*columns, strict=True) if (segment, row) in places}
