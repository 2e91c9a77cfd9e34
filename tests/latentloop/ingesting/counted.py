"""Counts of a folder as ingest makes them: what was found, and what was judged of its segments."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from deploy.record.intake import IngestCounts
from latentloop.ingesting.folder_counts import FolderCounts, sum_counts
from latentloop.sources.packing import Packed
from latentloop.sources.tally import Tally

JUDGED_AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def tally(**more: int) -> Tally:
    found = Tally()
    for ending, number in more.items():
        for each in range(number):
            found.ignore(f"{each}.{ending}")
    return found


def judged(received: int, converted: int = 0, held: str = "", **reasons: int) -> IngestCounts:
    refused = sum(reasons.values())
    return IngestCounts(
        segments=1, received=received, accepted=received - converted - refused, converted=converted,
        quarantined=refused, reasons=reasons, held=held,
    )  # fmt: skip


def counts(
    *of: IngestCounts, found: Tally | None = None, images: int | None = None, known: bool = False
) -> FolderCounts:
    number = sum(each.received for each in of) if images is None else images
    return sum_counts(Packed(found or Tally(), Counter(segment=number)), of, known, JUDGED_AT)
