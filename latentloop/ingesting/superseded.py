"""Files that were packed again, because they changed or another label is said of them, count where they are now.

A segment's line in the ledger speaks of all images that it ever held; what is told of a folder is of the files in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from deploy.record.intake import IngestCounts
from deploy.stores.catalogue import Catalogue
from latentloop.sources.packed_files import PackedFiles


def leave_out_superseded(
    catalogue: Catalogue, note: PackedFiles, present: Mapping[str, int], judged: Mapping[str, IngestCounts]
) -> dict[str, IngestCounts]:
    """What was judged of each segment, without the images whose files another segment holds by now.

    `present`: how many of each segment's images are there now.
    """
    partial = {segment for segment, counts in judged.items() if present[segment] < counts.received}
    if not partial:
        return dict(judged)
    accepted, converted = Counter[str](), Counter[str]()
    taken_in: set[tuple[str, int]] = set()
    rows = catalogue.read(["segment", "row", "name", "conversions"], segments=partial)
    for each in rows.to_pylist():
        taken_in.add((each["segment"], each["row"]))
        if _is_elsewhere(note, each["segment"], each["name"]):
            (converted if each["conversions"] else accepted)[each["segment"]] += 1
    refused: dict[str, Counter[str]] = {segment: Counter() for segment in partial}
    for each in catalogue.decisions(["name"]).to_pylist():
        segment = each["segment"]
        if segment in partial and (segment, each["row"]) not in taken_in and _is_elsewhere(note, segment, each["name"]):
            refused[segment][each["reason"]] += 1
    left = {each: _without(judged[each], accepted[each], converted[each], refused[each]) for each in partial}
    return {**judged, **left}


def _is_elsewhere(note: PackedFiles, segment: str, name: str) -> bool:
    """A name that had to be escaped is no path: such a file, hardly ever met, counts where it was."""
    now = None if "\\" in name else note.find(name)
    return now is not None and now.segment != segment


def _without(counts: IngestCounts, accepted: int, converted: int, refused: Counter[str]) -> IngestCounts:
    return counts.model_copy(
        update={
            "received": counts.received - accepted - converted - refused.total(),
            "accepted": counts.accepted - accepted,
            "converted": counts.converted - converted,
            "quarantined": counts.quarantined - refused.total(),
            "reasons": {why: left for why, n in counts.reasons.items() if (left := n - refused[why])},
        }
    )
